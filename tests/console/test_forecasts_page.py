from __future__ import annotations

from datetime import date, timedelta

from benchmarks._stage import MORNING, Stage
from storage.warehouse import open_warehouse
from tests.console.conftest import Person, words


def test_how_good_the_forecasts_are_is_said_in_words_figures_and_a_picture(director: Person, running: Stage) -> None:
    health = {
        "center_id": "c01", "reviewed_at": MORNING, "days": 20, "loss": 0.2, "error": 0.7, "baseline": "bookings",
        "baseline_loss": 0.4, "coverage": 0.85, "bias": 0.1, "drift": 0.0, "fallen_back": False,
        "fallen_back_since": None, "sentence": "",
    }  # fmt: skip
    rooms = [
        health | {"room_id": "c01-r01", "horizon": "15min"},
        health | {"room_id": "c01-r02", "horizon": "15min", "loss": 0.5, "fallen_back": True, "drift": 0.8},
        health | {"room_id": "c01-r03", "horizon": "15min", "coverage": 0.55},
    ]
    scores = [
        {"center_id": "c01", "room_id": "c01-r01", "horizon": "15min", "day": date(2026, 3, 2) + timedelta(days=n),
         "model": model, "n": 40, "loss": 0.2, "coverage": 0.8, "error": error, "bias": 0.0}
        for n in range(5) for model, error in (("ours", 0.5), ("baseline:last", 1.5), ("baseline:bookings", 0.9))
    ]  # fmt: skip
    with open_warehouse(running.settings.data_dir) as warehouse:
        warehouse.put("forecast_health", rooms)
        warehouse.put("forecast_scores", scores)
        warehouse.publish(MORNING)
    html = director.read("/reports/forecasts")
    said = words(html)
    assert "off by 0.7 children; 75% of the outcomes were in its range" in said
    assert "It beats the best plain rule in 2 of 3 rooms" in said
    assert "a plain rule stands in (as booked), because the model did worse" in said
    assert "the range is too narrow, 55% instead of 80 %" in said
    assert "of late 0.8 more children come than forecast" in said
    assert "50 % better" in said
    assert "25 % worse" in said
    assert "forecast 0.5 at the end; best plain rule 0.9 at the end" in html
    assert "days ahead" not in said.lower()

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from domain.errors import NotFound
from forecasting import Forecast, History, Model
from forecasting.calibration import BINS, Calibration, transforms
from forecasting.fallbacks import with_fallbacks
from forecasting.monitoring import Health, daily_scores, learned, review
from tests.forecasting.conftest import local

ROOMS = ("r1", "r2")


def answers(ours_error: float, days: int = 10) -> tuple[pd.DataFrame, pd.Series]:
    """Forecasts of the model, off by an error in room r1, and of a rule that is always off by two."""
    rows, truth = [], []
    for day in range(days):
        for room in ROOMS:
            for model, error in (("child-hazard", ours_error if room == "r1" else 0.0), ("baseline:last", 2.0)):
                target = datetime(2026, 3, 2, 15, tzinfo=UTC) + timedelta(days=day)
                middle = 10 + error + (day % 2) * 0.1
                rows.append(
                    {"center_id": "c", "room_id": room, "origin": target - timedelta(minutes=15), "target_time": target,
                     "horizon": "15min", "q10": middle - 1, "q50": middle, "q90": middle + 1, "mean": middle,
                     "model": model}
                )  # fmt: skip
                truth.append(10.0)
    return pd.DataFrame(rows), pd.Series(truth)


def reviewed(ours_error: float, days: int = 10, fallen_back: Collection[tuple[str, str]] = ()) -> list[Health]:
    return review(daily_scores(*answers(ours_error, days), UTC), fallen_back)


def certain(count: int, model: str) -> Forecast:
    pmf = np.zeros((2, 1, count + 1))
    pmf[..., count] = 1
    return Forecast(
        "c", datetime(2026, 3, 2, tzinfo=UTC), ROOMS, (datetime(2026, 3, 2, 0, 15, tzinfo=UTC),), pmf, model
    )


def test_a_model_worse_than_its_baseline_is_replaced_in_that_room_alone_and_says_so() -> None:
    health = reviewed(5.0)
    assert {(one.room_id, one.fallen_back) for one in health} == {("r1", True), ("r2", False)}
    mixed = with_fallbacks(certain(3, "child-hazard"), {"last": certain(7, "baseline:last")}, health)
    at = mixed.times[0]
    assert (mixed.mean("r1", at), mixed.mean("r2", at)) == (7, 3)
    assert list(mixed.table()["model"]) == ["baseline:last", "child-hazard"]
    assert "plain rule 'last' stands in" in mixed.notes[0]
    with pytest.raises(NotFound, match="falls back on 'last'"):
        with_fallbacks(certain(3, "child-hazard"), {}, health)


def test_it_comes_back_once_it_is_no_longer_worse_and_does_not_flicker() -> None:
    nearly = reviewed(2.05, fallen_back={("r1", "15min")})
    better = reviewed(0.5, fallen_back={("r1", "15min")})
    assert nearly[0].fallen_back
    assert not better[0].fallen_back


def test_a_few_days_decide_nothing() -> None:
    assert not reviewed(5.0, days=3)[0].fallen_back
    assert reviewed(0.0, days=3, fallen_back={("r1", "15min")})[0].fallen_back


def test_coverage_bias_and_drift_are_told() -> None:
    one = reviewed(3.0)[0]
    assert one.coverage == 0
    assert one.bias == pytest.approx(-3.05)
    assert one.drift == pytest.approx(0, abs=0.05)
    assert one.baseline == "last"
    assert one.error == pytest.approx(3.05)


def test_calibration_learns_to_widen_what_was_too_narrow_and_forgets() -> None:
    new = Calibration.new((15.0,))
    extreme = np.tile([0.01, 0.99], 2000)
    taught = new.seen(extreme, np.full(4000, 15.0), np.full(4000, 600.0))
    levels = taught.levels(np.array([15.0]), np.array([600.0]))[0]
    assert levels[1] > 0.3
    assert (np.diff(levels) >= 0).all()
    assert levels[[0, -1]] == pytest.approx([0, 1])
    even = taught
    for _ in range(12):
        even = even.seen((np.arange(4000) + 0.5) / 4000, np.full(4000, 15.0), np.full(4000, 600.0))
    assert even.levels(np.array([15.0]), np.array([600.0]))[0][1] < 0.12
    untouched = taught.levels(np.array([15.0]), np.array([1000.0]))[0]
    assert untouched == pytest.approx(np.linspace(0, 1, BINS + 1))


def test_transforms_of_a_right_forecast_are_uniform() -> None:
    draw = np.random.default_rng(2)
    pmf = np.tile([0.2, 0.5, 0.3], (4000, 1))
    pit = transforms(pmf, draw.choice(3, 4000, p=[0.2, 0.5, 0.3]), draw)
    assert np.histogram(pit, bins=10, range=(0, 1))[0] == pytest.approx(np.full(10, 400), abs=90)


def test_a_finished_day_teaches_the_calibration_and_twice_gives_the_same(
    small_model: Model, small_history: History
) -> None:
    day = local(1, 12)
    once, again = (learned(small_model, small_history, "c01", day) for _ in range(2))
    assert once.short_calibration is not None
    assert small_model.short_calibration is not None
    assert again.short_calibration is not None
    assert once.short_calibration.counts.sum() > small_model.short_calibration.counts.sum()
    assert np.array_equal(once.short_calibration.counts, again.short_calibration.counts)


def test_the_card_tells_data_features_scores_and_code(small_model: Model) -> None:
    card = small_model.card
    assert card["data"]["first_day"] == "2025-03-03"
    assert card["data"]["last_day"] == "2025-05-16"
    assert card["data"]["rooms"] == 3
    assert 0 < card["scores"]["15min pinball"] < card["scores"]["week pinball"]
    assert card["code"]["forecasting"]
    assert "own_rate" in card["features"]["show_up"]

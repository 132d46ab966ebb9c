"""Forecasts against what happened: kept, scored when the day is over, and a plain rule where the model is worse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import SecretStr
from rich.console import Console
from typer.testing import CliRunner

from cli import app, output
from flows.forecast import make_forecasts
from flows.review import health_of
from flows.rows import center_of
from flows.steps import STEPS, Run, open_run, run_forecast, run_publish
from flows.train import load_model
from storage.reader import open_reader
from storage.settings import Settings, load_settings
from storage.warehouse import open_warehouse
from tests.platform_double import TOKEN, PlatformDouble, small_world

TRAINED = datetime(2026, 2, 18, 12, tzinfo=UTC)  # Wednesday, 06:00 in Chicago
FEW = ("15min", "30min")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Three weeks of a center, the model trained on the first of them."""
    server = PlatformDouble(small_world(date(2026, 2, 2), days=25), page_size=1000)
    made = load_settings(
        data_dir=tmp_path, platform_url=server.url, platform_token=SecretStr(TOKEN), clock=f"{server.url}/control/clock"
    )
    for name in ("ingest", "build"):
        STEPS[name](open_run(made))
    STEPS["train"](Run(made, TRAINED))
    yield made
    server.close()


def forecast_at(settings: Settings, now: datetime) -> Any:
    """The short horizons, as of that instant."""
    return run_forecast(Run(settings, now), FEW)


def frame(settings: Settings, name: str) -> pd.DataFrame:
    with open_reader(settings.data_dir) as reader:
        return reader.frame(name)


def test_the_odds_of_a_gap_are_kept_of_the_newest_origin(settings: Settings) -> None:
    for hour in (14, 17):
        forecast_at(settings, TRAINED.replace(hour=hour))
    odds = frame(settings, "gap_odds")
    newest = frame(settings, "forecasts").query("kind in ('15min', '30min')")
    same = ["kind", "room_id", "target_time", "origin"]
    assert sorted(odds[same].itertuples(index=False)) == sorted(newest[same].itertuples(index=False))
    assert odds["p_short"].between(0, 0.2).all()
    assert odds["p_short"].max() > 0


def test_a_center_without_rules_is_forecast_without_odds(settings: Settings) -> None:
    with open_warehouse(settings.data_dir) as warehouse:
        warehouse.run("UPDATE centers SET state = 'XX'")
    for days in (0, 2):  # the second run learns of the day gone by
        assert forecast_at(settings, TRAINED.replace(hour=14) + timedelta(days=days))["rows"]
    assert len(frame(settings, "gap_odds")) == 0


def test_a_day_that_is_over_is_scored_against_what_was_counted(settings: Settings) -> None:
    for hour in (14, 17, 22):
        forecast_at(settings, TRAINED.replace(hour=hour))
    kept = frame(settings, "forecast_answers")
    assert len(kept) == 3 * 2 * 3 * 6  # origins, horizons, rooms; the model and five plain rules
    assert len(frame(settings, "forecast_health")) == 0

    forecast_at(settings, TRAINED + timedelta(days=1, hours=2))
    assert set(frame(settings, "forecast_answers")["origin"].dt.day) == {19}
    scores = frame(settings, "forecast_scores")
    assert set(scores["day"]) == {date(2026, 2, 18)}
    assert (scores["n"] == 3).all()
    ours = scores[scores["model"] == "ours"].set_index(["room_id", "horizon"])
    asked = kept[(kept["room_id"] == "c1-r1") & (kept["kind"] == "30min") & (kept["model"] == "child-hazard")]
    counted = frame(settings, "headcounts").query("room_id == 'c1-r1' and band == 'all'").set_index("slot")
    errors = [abs(row.q50 - counted.loc[row.target_time, "children_at_start"]) for row in asked.itertuples()]
    assert ours.loc[("c1-r1", "30min"), "error"] == pytest.approx(sum(errors) / 3)
    health = frame(settings, "forecast_health")
    assert set(health["horizon"]) == set(FEW)
    assert set(health["days"]) == {1}
    assert not health["fallen_back"].any()


def test_a_run_that_is_repeated_scores_a_day_once(settings: Settings) -> None:
    forecast_at(settings, TRAINED.replace(hour=14))
    later = TRAINED + timedelta(days=1, hours=2)
    forecast_at(settings, later)
    before = frame(settings, "forecast_scores")
    forecast_at(settings, later)
    pd.testing.assert_frame_equal(frame(settings, "forecast_scores"), before)
    forecast_at(settings, later + timedelta(days=1))
    assert (frame(settings, "forecast_scores")["n"] <= 2).all()


def test_of_a_weeks_forecast_a_few_answers_are_kept_once_a_day(settings: Settings) -> None:
    for hour in (14, 15):
        run_forecast(Run(settings, TRAINED.replace(hour=hour)), ("week",))
    kept = frame(settings, "forecast_answers")
    assert set(kept["origin"].dt.hour) == {14}
    assert set(kept["target_time"].dt.tz_convert("America/Chicago").dt.day) == {19, 25}
    assert set(kept.groupby(["room_id", "target_time"]).size()) == {6}


def drifted(settings: Settings, error: float, first: date, days: int) -> None:
    """Scores as a model leaves them whose error in room c1-r1 is so large, beside a rule that is off by one."""
    rows = [
        {"center_id": "c1", "room_id": "c1-r1", "horizon": "15min", "day": first + timedelta(days=n), "model": model,
         "n": 11, "loss": loss + 0.01 * (n % 3), "coverage": 0.5, "error": loss, "bias": loss}
        for n in range(days) for model, loss in (("ours", error), ("baseline:mean4", 1.0))
    ]  # fmt: skip
    with open_warehouse(settings.data_dir) as warehouse:
        warehouse.put("forecast_scores", rows)


def test_a_room_whose_model_is_worse_falls_back_says_so_and_comes_back(settings: Settings) -> None:
    drifted(settings, 3.0, date(2026, 2, 5), 12)
    ten = TRAINED + timedelta(days=1, hours=4)
    told = forecast_at(settings, ten)
    (sentence,) = told["stand_ins"]
    assert sentence.startswith("center c1, c1-r1, 15min ahead: pinball loss 3.01 (best plain rule: 1.01)")
    assert "the plain rule 'mean4' stands in until the model is better again" in sentence
    made = frame(settings, "forecasts").set_index(["kind", "room_id"])["model"]
    assert made["15min", "c1-r1"] == "baseline:mean4"
    assert set(made.drop(("15min", "c1-r1"))) == {"child-hazard"}
    kept = frame(settings, "forecast_answers").query("room_id == 'c1-r1' and kind == '15min'")
    assert "child-hazard" in set(kept["model"])  # it is watched on
    since = frame(settings, "forecast_health").query("fallen_back")["fallen_back_since"].tolist()
    assert since == [ten]

    drifted(settings, 0.5, date(2026, 2, 5), 12)
    assert forecast_at(settings, ten + timedelta(days=1))["stand_ins"] == ()
    assert set(frame(settings, "forecasts")["model"]) == {"child-hazard"}


def test_days_gone_by_teach_the_calibration_once_and_the_artifact_says_so(settings: Settings) -> None:
    before = load_model(settings.data_dir)
    afternoon = TRAINED + timedelta(days=2, hours=8)  # Friday: Thursday is over since noon
    forecast_at(settings, afternoon)
    after = load_model(settings.data_dir)
    assert after.card["taught"] == {"c1": "2026-02-19"}
    assert before.short_calibration is not None
    assert after.short_calibration is not None
    assert after.short_calibration.counts.sum() > before.short_calibration.counts.sum()
    version = (settings.data_dir / "models" / "current").read_text()
    forecast_at(settings, afternoon + timedelta(minutes=15))
    assert (settings.data_dir / "models" / "current").read_text() == version


def test_the_command_shows_the_health(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(settings.data_dir))
    run_publish(Run(settings, TRAINED))
    assert CliRunner().invoke(app, ["forecast", "health", "--json"]).stdout == "[]\n"
    drifted(settings, 3.0, date(2026, 2, 5), 12)
    with open_warehouse(settings.data_dir) as warehouse:
        make_forecasts(warehouse, settings.data_dir, TRAINED, {}, horizons=FEW)
        center = center_of(warehouse.rows("SELECT * FROM centers")[0])
        assert [one.fallen_back for one in health_of(warehouse, center.center_id)] == [True]
    run_publish(Run(settings, TRAINED))
    shown = CliRunner().invoke(app, ["forecast", "health", "--center", "c1", "--json"])
    assert shown.exit_code == 0
    assert '"fallen_back": true' in shown.stdout
    monkeypatch.setattr(output, "console", Console(width=200))
    assert "mean4" in CliRunner().invoke(app, ["forecast", "health"]).stdout

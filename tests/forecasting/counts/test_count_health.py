"""Health of count-only rooms, from rows of forecasts and what came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.counts import health, served
from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS

DAYS = 14


def rows(model: str, room: str, spread: float, off: float) -> pd.DataFrame:
    """Hourly forecasts of a room that holds 20 give or take 2; `off`: how far the forecasts' middle is wrong."""
    rng = np.random.default_rng(7)
    times = pd.date_range("2024-05-01", periods=DAYS * 24, freq="h")
    quantiles = 20.0 + off + spread * np.array([-1.64, -1.28, -0.67, 0, 0.67, 1.28, 1.64])
    assert len(quantiles) == len(LEVELS)
    return pd.DataFrame(
        {"site": "home", "room": room, "origin": times - pd.Timedelta(hours=1), "target_time": times, "horizon": "1h"}
        | dict(zip(QUANTILE_COLUMNS, quantiles, strict=True))
        | {"mean": 20.0 + off, "model": model, "actual": rng.normal(20, 2, len(times)), "is_open": True}
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    parts = [rows("ratiocast", "good", 2, 0), rows("last", "good", 3, 2), rows("mean4", "good", 4, 3)]
    parts += [rows("ratiocast", "bad", 2, 5), rows("last", "bad", 3, 2), rows("mean4", "bad", 2, 0)]
    return pd.concat(parts, ignore_index=True)


def test_error_coverage_and_bias_are_told_per_room(table: pd.DataFrame) -> None:
    found = {one.room_id: one for one in health(table)}
    assert found["good"].days == DAYS
    assert found["good"].coverage == pytest.approx(0.8, abs=0.05)
    assert found["good"].bias == pytest.approx(0.0, abs=0.3)
    assert found["bad"].bias == pytest.approx(-5.0, abs=0.3)
    assert found["bad"].error > found["good"].error + 2


def test_only_the_room_whose_model_is_worse_falls_back_to_its_best_baseline(table: pd.DataFrame) -> None:
    found = health(table)
    assert {one.room_id: one.fallen_back for one in found} == {"good": False, "bad": True}
    shown = served(table, found).groupby("room")["model"].unique()
    assert shown["good"].tolist() == ["ratiocast"]
    assert shown["bad"].tolist() == ["mean4"]


def test_a_room_comes_back_when_its_model_is_no_longer_worse(table: pd.DataFrame) -> None:
    found = health(table, fallen_back={("good", "1h"), ("bad", "1h")})
    assert {one.room_id: one.fallen_back for one in found} == {"good": False, "bad": True}


def test_few_days_change_nothing(table: pd.DataFrame) -> None:
    young = table[table["target_time"] < "2024-05-04"]
    assert not any(one.fallen_back for one in health(young))

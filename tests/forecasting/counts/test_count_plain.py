"""Forecasts of files too young to learn from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.counts import CountModel, backtest, scored, summary
from forecasting.counts.baselines import LEVELS
from forecasting.counts.features import Examples, Features, examples
from forecasting.counts.grid import CountGrid, Floats, grids, horizon
from forecasting.counts.model import Design
from forecasting.counts.plain import plain_forecast

WEEK = horizon("7d", 1440)


def daily(days: int = 42, rooms: int = 30, seed: int = 5) -> pd.DataFrame:
    """Rooms of different size; on some days fewer come to all of them."""
    rng = np.random.default_rng(seed)
    times = pd.date_range("2024-01-01", periods=days, freq="D")
    expected = rng.lognormal(0, 0.05, (days, 1)) * rng.uniform(30, 200, rooms)
    counts = rng.poisson(expected).astype(float)
    parts = [
        pd.DataFrame({"site": "town", "room": f"room {r:02d}", "ts": times, "count": counts[:, r]})
        for r in range(rooms)
    ]
    return pd.concat(parts, ignore_index=True)


def asked(grid: CountGrid, first: int, end: int) -> Design:
    return Design.of(Features(grid), WEEK, examples(grid, WEEK, first, end))


def forecasts(frame: pd.DataFrame, target: int) -> tuple[Floats, CountGrid]:
    grid = grids(frame)[0]
    return plain_forecast(asked(grid, 0, target), asked(grid, target, target + 1))[0], grid


def test_weeks_too_few_for_trees_still_beat_every_baseline() -> None:
    table = summary(scored(backtest(daily(35), ["7d"], "7d"))).set_index("model")
    assert table.loc["ratiocast", "pinball"] < 0.97 * table.loc[["snaive", "mean4", "med4"], "pinball"].min()


def test_quantiles_never_cross_and_widen_with_the_errors_all_rooms_share() -> None:
    calm, wild = daily(), daily()
    wild["count"] *= np.where(wild["ts"].dt.day_of_year // 7 % 2 == 0, 1.0, 1.4)
    widths = []
    for frame in (calm, wild):
        quantiles, _ = forecasts(frame, 36)
        assert (np.diff(quantiles, axis=-1) >= 0).all()
        assert (quantiles >= 0).all()
        widths.append((quantiles[:, LEVELS.index(0.9)] - quantiles[:, LEVELS.index(0.1)]).mean())
    assert widths[1] > 1.3 * widths[0]


def test_counts_after_the_origin_change_nothing() -> None:
    frame = daily()
    origin = frame["ts"].min() + pd.Timedelta(days=29)  # the last day known for a target on day 36
    planted = frame.assign(count=frame["count"].where(frame["ts"] <= origin, 777.0))
    np.testing.assert_array_equal(forecasts(frame, 36)[0], forecasts(planted, 36)[0])


def test_without_any_known_error_the_interval_is_wide_around_the_last_count() -> None:
    grid = grids(daily(8, rooms=1))[0]
    pairs = Examples(np.array([7]), np.array([14]))
    none = Design.of(Features(grid), WEEK, Examples(np.zeros(0, np.int64), np.zeros(0, np.int64)))
    low, _, _, middle, _, _, high = plain_forecast(none, Design.of(Features(grid), WEEK, pairs))[0, 0]
    assert middle == grid.counts[7, 0]
    assert high - low > 4 * np.sqrt(middle)


def test_a_young_model_answers_with_the_plain_forecast() -> None:
    frame = daily(20)
    origin = frame["ts"].max()
    answers = CountModel.train(frame, origin, ["7d"]).forecast(frame, origin, [origin + pd.Timedelta(days=7)])
    last = frame[frame["ts"] == origin].set_index("room")["count"]
    assert (answers["model"] == "fallback").all()
    assert np.abs(answers.set_index("room")["q50"] / last - 1).median() < 0.1

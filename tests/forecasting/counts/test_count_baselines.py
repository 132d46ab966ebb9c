"""The harness measures as the published table of peers does; its own rows must come out again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.counts.baselines import LEVELS, baselines, open_slots
from forecasting.counts.blend import fit_blend
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import grids, horizon, read_counts
from forecasting.counts.scores import pinball

# file, days, horizon, forecaster -> mean absolute error, pinball loss (mean over 0.1, 0.5, 0.9)
TABLE = {
    ("pool_pl", 28, "15min"): {"last": (8.430, 2.683), "delta": (6.209, 2.138), "mean4": (12.363, 4.251)},
    ("pool_pl", 28, "7d"): {"snaive": (16.996, 6.182), "mean4": (12.363, 4.251)},
    ("campus_gym_us", 28, "30min"): {"last": (5.844, 1.781), "delta": (5.747, 1.839), "snaive": (6.314, 2.101)},
    ("kindergarten_vilnius_daily", 14, "1d"): {"last": (7.778, None), "delta": (8.866, 3.155)},
}  # fmt: skip


@pytest.mark.parametrize(("file", "days", "span"), TABLE, ids=[f"{file}-{span}" for file, _, span in TABLE])
def test_baselines_score_as_in_the_table_of_peers(shared_datasets: Path, file: str, days: int, span: str) -> None:
    grid = grids(read_counts(shared_datasets / f"{file}.parquet"))[0]
    start = len(grid.times) - days * grid.day
    wish = horizon(span, grid.minutes)
    found = baselines(grid, Features(grid), wish, start, len(grid.times))
    target = examples(grid, wish, start, len(grid.times)).target
    actual = grid.counts[target]
    middle = LEVELS.index(0.5)
    scored = (open_slots(grid, start)[target] > 0) & ~np.isnan(actual)
    for quantiles in found.values():
        scored &= ~np.isnan(quantiles[..., middle])
    for name, (error, loss) in TABLE[file, days, span].items():
        own, happened = found[name][scored], actual[scored]
        assert np.abs(happened - own[:, middle]).mean() == pytest.approx(error, abs=0.005)
        losses = [pinball(happened, own[:, LEVELS.index(level)], level).mean() for level in (0.1, 0.5, 0.9)]
        if loss is not None:
            assert np.mean(losses) == pytest.approx(loss, abs=0.005)


def test_a_baseline_of_a_week_ahead_has_no_last_count(counts_world: pd.DataFrame) -> None:
    grid = grids(counts_world)[0]
    found = baselines(grid, Features(grid), horizon("7d", grid.minutes), 1000, 1100)
    assert set(found) == {"snaive", "mean4", "med4"}


def test_a_blend_finds_the_week_that_repeats() -> None:
    rng = np.random.default_rng(5)
    names = ("ordinary_week_1", "ordinary_week_2", "week_mean_4", "week_median_4", "week_mean_8", "week_median_8")
    names += ("week_ewma", "week_smooth", "ordinary_day_1", "day_mean_7")
    values = {name: rng.uniform(0, 50, (900, 1)) for name in names}
    values |= {f"level_{span}": np.ones((900, 1)) for span in ("1d", "7d", "28d")}
    actual = values["ordinary_week_2"] + rng.laplace(0, 0.5, (900, 1))
    blend = fit_blend(values, actual, np.ones((900, 1), dtype=bool), np.zeros(900))
    assert blend.weights[0].argmax() == 1
    assert (blend.weights >= 0).all()
    assert np.abs(blend.forecast(values) - actual).mean() < 1.5

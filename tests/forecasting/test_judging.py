"""Whole numbers judged fairly: intervals near their promise, transforms that counts do not blur."""

import numpy as np
import pytest

from forecasting.forecast import quantiles
from forecasting.judging import judged, transform_share, whole_interval


def pmfs(rows: int, seed: int) -> np.ndarray:
    """Small counts: from nearly certain to spread over ten numbers."""
    draw = np.random.default_rng(seed)
    middle, width = draw.integers(0, 15, (rows, 1)), draw.uniform(0.2, 3, (rows, 1))
    weight = np.exp(-0.5 * ((np.arange(20) - middle) / width) ** 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def test_of_right_forecasts_the_whole_number_interval_is_nearer_to_its_promise_than_the_quantiles() -> None:
    pmf = pmfs(4000, 1)
    draw = np.random.default_rng(2)
    actual = (pmf.cumsum(axis=1) < draw.random((4000, 1))).sum(axis=1).astype(float)
    rows = judged(pmf, actual)
    low, high = quantiles(pmf, (0.1, 0.9)).T
    by_quantiles = ((low <= actual) & (actual <= high)).mean()
    whole = ((rows["low80"] <= actual) & (actual <= rows["high80"])).mean()
    assert by_quantiles > 0.88
    assert abs(whole - 0.8) < abs(by_quantiles - 0.8) / 2
    assert whole == pytest.approx(rows["mass80"].mean(), abs=0.02)
    assert transform_share(rows["below"].to_numpy(), rows["upto"].to_numpy(), 0.1, 0.9).mean() == pytest.approx(
        0.8, abs=0.02
    )


def test_forecasts_that_are_too_sure_are_found_out_though_their_quantiles_cover() -> None:
    pmf = pmfs(4000, 3)
    wide = 0.5 * pmf + 0.25 * np.roll(pmf, 1, axis=1) + 0.25 * np.roll(pmf, -1, axis=1)
    draw = np.random.default_rng(4)
    actual = (wide.cumsum(axis=1) < draw.random((4000, 1))).sum(axis=1).astype(float)
    rows = judged(pmf, actual)
    assert transform_share(rows["below"].to_numpy(), rows["upto"].to_numpy(), 0.1, 0.9).mean() < 0.72


def test_every_interval_of_a_small_case_is_tried() -> None:
    pmf = np.array([[0.15, 0.7, 0.15], [1.0, 0.0, 0.0], [0.5, 0.3, 0.2]])
    low, high = whole_interval(pmf, 0.8)
    masses = [row[a : b + 1].sum() for row, a, b in zip(pmf, low, high, strict=True)]
    assert masses == pytest.approx([0.85, 1.0, 0.8])
    assert (low[2], high[2]) == (0, 1)


def test_an_outcome_beyond_the_last_count_lies_above_all() -> None:
    rows = judged(np.array([[0.5, 0.5]]), np.array([7.0]))
    assert (rows["below"][0], rows["upto"][0]) == (1.0, 1.0)
    assert transform_share(np.array([1.0]), np.array([1.0]), 0.1, 0.9).tolist() == [0.0]

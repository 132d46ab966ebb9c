"""Analog weeks: quantiles against an independent count, and which weeks are heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.counts.analogs import MOVES, Analogs, analog_features, weighted_quantiles
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import CountGrid, grids, horizon

WEEK = horizon("7d", 60)


@pytest.fixture(scope="module")
def grid(counts_world: pd.DataFrame) -> CountGrid:
    return grids(counts_world)[0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    values=st.lists(st.integers(0, 200), min_size=1, max_size=9),
    times=st.lists(st.integers(1, 4), min_size=9, max_size=9),
)
def test_whole_weights_are_as_good_as_repeated_values(values: list[int], times: list[int]) -> None:
    say = np.array(times[: len(values)], dtype=float)
    found = weighted_quantiles(np.array(values, dtype=float), say, (0.1, 0.5, 0.9))
    repeated = np.repeat(values, times[: len(values)])
    np.testing.assert_array_equal(found, np.quantile(repeated, (0.1, 0.5, 0.9), method="inverted_cdf"))


def test_unknown_values_have_no_say_and_nothing_known_is_no_answer() -> None:
    values = np.array([[5.0, np.nan], [np.nan, np.nan], [7.0, np.nan]])
    found = weighted_quantiles(values, np.array([[1.0, 1.0], [9.0, 1.0], [2.0, 1.0]]), (0.5,))[0]
    assert found[0] == 7.0
    assert np.isnan(found[1])


def test_a_week_of_another_level_is_hardly_heard() -> None:
    counts = np.array([0.0, 20.0, 22.0, 0.0])[:, None, None]
    ratio = np.array([40.0, 1.0, 1.0, 40.0])[:, None, None]
    features = analog_features(counts, ratio, np.arange(4.0), np.ones(4))
    for move in MOVES:
        low, middle, high = Analogs(move).forecast(features)[0, 0]
        assert 20.0 <= low <= middle <= high <= 22.0


def test_counts_are_moved_towards_the_present_level() -> None:
    features = analog_features(np.full((3, 1, 1), 16.0), np.full((3, 1, 1), 2.25), np.arange(3.0), np.ones(3))
    middles = [float(Analogs(move).forecast(features)[0, 0, 1]) for move in (0.0, 0.5)]
    assert middles == pytest.approx([16.0, 24.0])


def test_analogs_know_nothing_after_the_origin(grid: CountGrid) -> None:
    pairs = examples(grid, WEEK, 6 * grid.week, 6 * grid.week + grid.day)
    before = Features(grid.known_at(int(pairs.origin[0]))).matrix(pairs, short=False)
    planted = replace(grid, counts=grid.counts.copy())
    planted.counts[pairs.origin[0] + 1 :] = 777.0
    after = Features(planted).matrix(pairs, short=False)
    names = [name for name in before if name.startswith("analog_")]
    assert len(names) == 3 * len(MOVES)
    for name in names:
        np.testing.assert_array_equal(before[name], after[name])


def test_a_day_off_has_no_analog_and_its_own_count_is_none(grid: CountGrid) -> None:
    pairs = examples(grid, WEEK, 6 * grid.week, 6 * grid.week + grid.day)
    off = np.zeros(len(grid.times))
    off[6 * grid.week : 6 * grid.week + grid.day] = 1.0
    assert np.isnan(Features(replace(grid, calendar={"holiday": off})).matrix(pairs, short=False)["analog_0_0.5"]).all()
    wild = grid.counts.copy()
    wild[5 * grid.week : 5 * grid.week + grid.day] = 500.0
    marked = np.zeros(len(grid.times))
    marked[5 * grid.week : 5 * grid.week + grid.day] = 1.0
    told = Features(replace(grid, counts=wild, calendar={"holiday": marked})).matrix(pairs, short=False)
    assert np.nanmax(told["analog_0_0.9"]) < 100

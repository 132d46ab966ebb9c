"""Counts are whole numbers: quantiles and P(count >= k) from one distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from forecasting.counts import CountDistribution
from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS

rows = st.lists(st.lists(st.floats(0, 200), min_size=7, max_size=7).map(sorted), min_size=1, max_size=8)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(rows)
def test_whole_number_quantiles_never_cross_and_agree_with_the_odds(quantiles: list[list[float]]) -> None:
    found = CountDistribution(np.array(quantiles))
    levels = (0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99)
    whole = np.stack([found.quantile(level) for level in levels])
    assert (np.diff(whole, axis=0) >= 0).all()
    for level, count in zip(levels, whole, strict=True):
        assert (1 - found.at_least(count + 1) >= level - 1e-6).all()
        above_none = count > 0
        assert (1 - found.at_least(count) <= level + 1e-6)[above_none].all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows)
def test_the_odds_fall_from_one_as_the_count_grows(quantiles: list[list[float]]) -> None:
    found = CountDistribution(np.array(quantiles))
    odds = np.stack([found.at_least(k) for k in range(0, 400, 3)])
    assert (odds[0] == 1).all()
    assert (np.diff(odds, axis=0) <= 1e-12).all()
    assert (odds >= 0).all()
    assert (odds[-1] < 0.05).all()


def test_the_odds_are_those_of_the_counts_the_quantiles_came_from() -> None:
    sample = np.random.default_rng(1).poisson(30, 200_000)
    found = CountDistribution(np.quantile(sample + 0.0, LEVELS)[None])
    for k in (22, 27, 30, 34, 39):
        assert found.at_least(k)[0] == pytest.approx((sample >= k).mean(), abs=0.03)


def test_a_room_that_is_surely_empty_has_no_one_in_it() -> None:
    found = CountDistribution(np.zeros((1, len(LEVELS))))
    assert found.quantile(0.9)[0] == 0
    assert found.at_least(1)[0] < 0.001


def test_one_count_per_row_may_be_asked() -> None:
    found = CountDistribution(np.array([[1.0, 2, 3, 4, 5, 6, 7]] * 2))
    assert found.at_least([0, 100]).round(3).tolist() == [1.0, 0.0]


def test_tables_with_crossing_or_missing_quantiles_and_odd_levels_are_refused() -> None:
    table = pd.DataFrame([[1.0, 2, 3, 4, 5, 6, 7]], columns=list(QUANTILE_COLUMNS))
    assert CountDistribution.of(table).quantile(0.5).tolist() == [4]
    with pytest.raises(BadInput, match="cross"):
        CountDistribution.of(table.assign(q05=9.0))
    with pytest.raises(BadInput, match="no value"):
        CountDistribution.of(table.assign(q25=np.nan))
    with pytest.raises(BadInput, match="between 0 and 1"):
        CountDistribution.of(table).quantile(1.0)

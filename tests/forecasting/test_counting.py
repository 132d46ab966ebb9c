from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.counting import count_pmf, nodes, recalibrated, spread_nodes, stacked, summed
from forecasting.forecast import quantiles

CHANCES = st.lists(st.floats(0, 1), min_size=0, max_size=6)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(CHANCES)
def test_the_sum_of_independent_children_is_exact(chances: list[float]) -> None:
    pmf = count_pmf(np.array(chances).reshape(-1, 1, 1), np.zeros(len(chances), dtype=int), 1, np.ones(1))[0, 0]
    expected = np.zeros(len(chances) + 1)
    for here in product((0, 1), repeat=len(chances)):
        expected[sum(here)] += np.prod([p if h else 1 - p for p, h in zip(chances, here, strict=True)])
    assert pmf == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(CHANCES, CHANCES)
def test_two_rooms_do_not_mix_and_sums_add_up(left: list[float], right: list[float]) -> None:
    chance = np.array(left + right).reshape(-1, 1, 1)
    room = np.array([0] * len(left) + [1] * len(right), dtype=int)
    both = count_pmf(chance, room, 2, np.ones(1))
    whole = count_pmf(chance, np.zeros(len(room), dtype=int), 1, np.ones(1))[:, 0]
    size = len(room) + 1
    assert summed(both[:1, 0], both[1:, 0])[0, :size] == pytest.approx(whole[0, :size], abs=1e-12)
    assert both.sum(axis=-1) == pytest.approx(np.ones((2, 1)))


def test_a_shared_shock_widens_the_sum() -> None:
    room = np.zeros(10, dtype=int)
    alone = count_pmf(np.full((10, 1, 2), 0.5), room, 1, np.array([0.5, 0.5]))[0, 0]
    shared = count_pmf(np.tile([[[0.2, 0.8]]], (10, 1, 1)), room, 1, np.array([0.5, 0.5]))[0, 0]
    k = np.arange(11)
    assert alone @ k == pytest.approx(shared @ k)
    assert shared @ k**2 > alone @ k**2 + 5


def test_nodes_have_the_moments_asked_for() -> None:
    at, weight = nodes(3.0, 2.0)
    assert weight @ at == pytest.approx(3.0)
    assert weight @ (at - 3) ** 2 == pytest.approx(4.0)
    even = spread_nodes(12, 3)
    assert even.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert even.std(axis=0) == pytest.approx(np.ones(3))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=12), st.lists(st.floats(0.01, 1), min_size=20, max_size=20))
def test_quantiles_never_cross_whatever_the_calibration(masses: list[float], counts: list[float]) -> None:
    pmf = np.array(masses)[None, None] / sum(masses)
    levels = np.concatenate([[0], np.cumsum(counts) / sum(counts)])
    mended = recalibrated(pmf, levels)
    assert mended.sum() == pytest.approx(1)
    assert (mended >= -1e-12).all()
    assert (np.diff(quantiles(mended, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95))[0, 0]) >= 0).all()


def test_an_even_map_changes_nothing() -> None:
    pmf = np.array([[[0.1, 0.4, 0.5]]])
    assert recalibrated(pmf, np.linspace(0, 1, 21)) == pytest.approx(pmf)


def test_forecasts_of_unequal_size_are_joined_along_time() -> None:
    joined = stacked([np.ones((2, 1, 1)), np.full((2, 3, 4), 0.25)])
    assert joined.shape == (2, 4, 4)
    assert joined.sum(axis=-1) == pytest.approx(np.ones((2, 4)))

"""From drawn children to required adults: the law is asked draw by draw, and a few draws stand for all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

import rulebook
from domain.places import Center, NapWindow, Room
from flows.demand import (
    DRAWS,
    SCENARIOS,
    Demand,
    Law,
    demand_of,
    lacking_chance,
    quantile,
    scenario_numbers,
    scenarios_of,
    short_chance,
)
from forecasting import Forecast
from forecasting.frames import BANDS
from optimizer.problem import Adult

CENTER = Center("c1", "Center", "TX", "America/Chicago", time(6, 30), time(18))
INFANTS = Room("r0", "c1", "Infants", 0, 18, 12)
TODDLERS = Room("r1", "c1", "Toddlers", 18, 36, 22, nap=NapWindow(time(12, 30), time(14, 30)))
TEN = datetime(2026, 3, 2, 16, tzinfo=UTC)  # 10:00 in Chicago


def bands(**counts: int) -> np.ndarray:
    """A row of children by band; names such as b12_17 stand for '12-17'."""
    names = {f"b{name.replace('-', '_').replace('+', '')}": number for number, name in enumerate(BANDS)}
    row = np.zeros(len(BANDS), dtype=np.int64)
    for name, count in counts.items():
        row[names[name]] = count
    return row


@pytest.mark.parametrize("state", ["TX", "CA", "ID"])
def test_every_answer_is_the_rulebooks_own(state: str) -> None:
    center = Center("c1", "Center", state, "America/Chicago", time(6, 30), time(18))
    law = Law(center)
    rng = np.random.default_rng(3)
    draws = rng.integers(0, 5, (40, len(BANDS)))
    book = rulebook.load(state, date(2026, 3, 2))
    ages: list[int | None] = [0, 12, 18, 24, 30, 36, 48, 60, None]
    for row, answer in zip(draws, law.required(draws, TEN, TODDLERS), strict=True):
        here = [age for age, count in zip(ages, row, strict=True) for _ in range(count)]
        assert answer == book.required(here, time(10), "normal", center.opens, center.closes)


def test_an_empty_room_requires_nobody() -> None:
    assert Law(CENTER).required(np.stack([bands()]), TEN, INFANTS).tolist() == [0]


def test_children_of_unknown_age_count_as_the_youngest() -> None:
    unknown, infants, older = bands(bunknown=9), bands(b0_11=9), bands(b48_59=9)
    answers = Law(CENTER).required(np.stack([unknown, infants, older]), TEN, INFANTS)
    assert answers[0] >= answers[1] > answers[2]


def test_joined_rooms_nap_only_if_all_of_them_do() -> None:
    nap = datetime(2026, 3, 2, 19, tzinfo=UTC)  # 13:00 in Chicago
    row = np.stack([bands(b18_23=18)])
    law = Law(CENTER)
    both = law.required(row, nap, INFANTS, TODDLERS)
    assert both == law.required(row, TEN, TODDLERS)


def forecast_of(draws: np.ndarray, times: tuple[datetime, ...]) -> Forecast:
    pmf = np.full((draws.shape[1], draws.shape[2], 2), 0.5)
    return Forecast("c1", TEN, ("r0", "r1"), times, pmf, "test", BANDS, sampler=lambda n, _: draws[:n])


def test_scenarios_are_whole_draws_whose_weights_sum_to_one() -> None:
    rng = np.random.default_rng(1)
    times = tuple(TEN + timedelta(minutes=15 * n) for n in range(6))
    children = np.zeros((DRAWS, 2, 6, len(BANDS)), dtype=np.int64)
    children[..., 0] = rng.integers(0, 3, (DRAWS, 1, 1)) + rng.integers(0, 8, (DRAWS, 2, 6))
    demand = demand_of(forecast_of(children, times), Law(CENTER), [INFANTS, TODDLERS], seed=1)
    assert len(demand.chosen) == SCENARIOS == len(set(demand.chosen))
    assert sum(demand.weights) == pytest.approx(1.0)
    first = scenario_numbers(demand, demand.chosen[0])
    assert first == {"r0": tuple(demand.draws[demand.chosen[0], 0]), "r1": tuple(demand.draws[demand.chosen[0], 1])}
    totals = [int(demand.draws[draw].sum()) for draw in demand.chosen]
    assert totals == sorted(totals)  # from a light week to a heavy one
    assert abs(np.average(totals, weights=demand.weights) - demand.draws.sum(axis=(1, 2)).mean()) < 3


def test_each_course_comes_again_with_one_of_each_rooms_own_called_out() -> None:
    draws = np.random.default_rng(1).integers(1, 4, (SCENARIOS, 2, 2))
    draws[:, 1] = 0  # the second room is empty
    times, children = (TEN, TEN + timedelta(minutes=15)), np.zeros((SCENARIOS, 2, 2, len(BANDS)), dtype=np.int64)
    weights = (1 / SCENARIOS,) * SCENARIOS
    demand = Demand(("r0", "r1"), times, draws, children, tuple(range(SCENARIOS)), weights)
    scenarios = scenarios_of(demand, 0.1)
    assert len(scenarios) == 2 * SCENARIOS
    assert sum(one.weight for one in scenarios) == pytest.approx(1)
    assert sum(one.weight for one in scenarios if "call-outs" in one.name) == pytest.approx(0.1)
    for drawn, lacking in zip(scenarios[:SCENARIOS], scenarios[SCENARIOS:], strict=True):
        assert lacking.required["r0"] == tuple(n + 1 for n in drawn.required["r0"])
        assert lacking.required["r1"] == drawn.required["r1"] == (0, 0)  # nobody is missed where nobody is needed
    assert [one.name for one in scenarios_of(demand, 0.0)] == [one.name for one in scenarios[:SCENARIOS]]


def test_a_room_lacks_one_of_its_own_the_likelier_the_more_it_has() -> None:
    staff = [Adult(staff_id=f"s{n}", home_room_id=f"r{n % 2}") for n in range(4)]
    floats = [Adult(staff_id="f", is_float=True, home_room_id="r0")]
    assert lacking_chance([*staff, *floats], 2, 0.1) == pytest.approx(1 - 0.9**2)
    assert lacking_chance(floats, 2, 0.1) == 0


def test_the_chance_of_a_gap_counts_those_who_call_out() -> None:
    draws = np.array([[[1, 2]], [[2, 0]]])
    planned = np.array([[2, 1]])
    assert short_chance(draws, planned).tolist() == [[0.0, 0.5]]
    two_out, one_out = 0.1**2, 2 * 0.1 * 0.9
    assert short_chance(draws, planned, 0.1)[0, 0] == pytest.approx(0.5 * two_out + 0.5 * (one_out + two_out))
    assert short_chance(draws, planned, 0.1)[0, 1] == pytest.approx(0.5)  # one is too few already; none are needed else


def test_the_chance_of_a_gap_is_counted_over_the_draws() -> None:
    draws = np.array([[[1, 2]], [[2, 2]], [[3, 2]], [[4, 2]]])
    assert short_chance(draws, np.array([[2, 2]])).tolist() == [[0.5, 0.0]]
    assert quantile(draws, 0.5).tolist() == [[2, 2]]
    assert quantile(draws, 0.9).tolist() == [[4, 2]]

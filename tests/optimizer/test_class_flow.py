"""Movers by classes: what head counts promise and flows take back; breaks that a plan can follow."""

from __future__ import annotations

from functools import partial

from problems import floater, problem, teacher

from optimizer import Problem
from optimizer.day_model import DayModel
from optimizer.day_solver import Pooled, pool_day
from optimizer.planner import begin, plan, remaining


def pooled(case: Problem) -> Pooled:
    roster, ground, demand = next(remaining(begin(case)))
    found = pool_day(partial(DayModel, case, ground, roster, demand, pooled=True), 10.0, 0)
    assert found is not None
    return found


def test_flows_raise_the_bound_of_head_counts_by_what_the_least_stay_costs() -> None:
    turns = problem({"a": [1, 0, 1, 0], "b": [0, 1, 0, 1]}, [floater("f", 0, 4)])
    assert pooled(turns).bounds.goals["shortage"] == 1000  # the last stay may be short: work ends
    assert plan(turns, 10.0).goal("shortage").value == 1
    still = turns.model_copy(update={"house": turns.house.model_copy(update={"min_stay_slots": 1})})
    assert pooled(still).bounds.goals["shortage"] == 0


def test_flows_count_the_changes_of_room_that_the_least_shortage_needs() -> None:
    case = problem({"a": [1, 1, 0, 0], "b": [0, 0, 1, 1]}, [floater("f", 0, 4)])
    assert pooled(case).points == case.house.move_points
    assert pooled(problem({"a": [1] * 4, "b": [0] * 4}, [floater("f", 0, 4)])).points == 0


def test_a_flow_keeps_the_breaks_and_hours_of_its_members() -> None:
    rest = [{"break_id": "rest", "start": 1, "end": 3, "slots": 1}]
    case = problem({"a": [1] * 4}, [floater("f", 0, 4, breaks=rest), floater("g", 2, 4)])
    found = pooled(case)
    assert found.bounds.goals["shortage"] == 0
    assert found.breaks["f", "rest"] == 2
    alone = problem({"a": [2, 2, 1, 1]}, [floater("f", 0, 4), teacher("t", "a", 1, 3)])
    assert pooled(alone).bounds.goals["shortage"] == 1000

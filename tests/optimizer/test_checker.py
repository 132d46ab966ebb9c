"""The checker refuses a plan for each rule it breaks, and says which."""

from __future__ import annotations

from typing import Any

import pytest
from problems import floater, problem, teacher

from optimizer import Plan, Problem, check, greedy
from optimizer.problem import Assignment


def case() -> Problem:
    rest = {"break_id": "rest", "start": 2, "end": 6, "slots": 1}
    return problem(
        {"a": [2] * 8, "b": [1] * 8},
        [teacher("t", "a", 0, 8, breaks=[rest]), floater("f", 0, 8, rooms=["a", "b"]), floater("g", 0, 6, rooms=["b"])],
        rooms=[{"room_id": "a"}, {"room_id": "b", "wing": "far"}],
        house={"other_wing_seconds": 600},
    )


def changed(plan: Plan, staff_id: str, *places: tuple[int, int, str, str | None]) -> Plan:
    items = [item for item in plan.assignments if item.staff_id != staff_id]
    for start, end, state, name in places:
        room = name if state == "room" else None
        pause = name if state == "break" else None
        items.append(Assignment(staff_id=staff_id, start=start, end=end, state=state, room_id=room, break_id=pause))  # type: ignore[arg-type]
    return plan.model_copy(update={"assignments": tuple(items)})


@pytest.mark.parametrize(
    ("staff_id", "places", "words"),
    [
        ("f", [(0, 5, "room", "a"), (4, 8, "room", "b")], "two places"),
        ("f", [(0, 7, "room", "a")], "at work but not placed"),
        ("g", [(0, 7, "room", "b")], "placed but not at work"),
        ("g", [(0, 6, "room", "a")], "may not be in a"),
        ("f", [(0, 1, "room", "a"), (1, 8, "idle", None)], "leaves before 2 slots"),
        ("f", [(0, 4, "room", "a"), (4, 8, "room", "b")], "which takes 1 slots"),
        ("t", [(0, 8, "room", "a")], "missed and not reported"),
        ("t", [(0, 1, "room", "a"), (1, 2, "break", "rest"), (2, 8, "room", "a")], "begins before its window"),
        ("t", [(0, 6, "room", "a"), (6, 7, "break", "rest"), (7, 8, "room", "a")], "late and not reported"),
        ("t", [(0, 2, "room", "a"), (2, 4, "break", "rest"), (4, 8, "room", "a")], "takes 2 slots"),
        ("t", [(0, 3, "room", "b"), (3, 4, "break", "rest"), (4, 8, "room", "a")], "never leaves a"),
        ("t", [(0, 3, "idle", None), (3, 4, "break", "rest"), (4, 8, "room", "a")], "could be in a"),
    ],
)
def test_it_refuses_a_plan_that_breaks_a_rule(staff_id: str, places: list[Any], words: str) -> None:
    assert any(words in fault for fault in check(case(), changed(greedy(case()), staff_id, *places)))


def test_it_accepts_the_plan_it_was_made_from() -> None:
    assert check(case(), greedy(case())) == []


def test_it_refuses_a_plan_of_another_problem() -> None:
    other = problem({"a": [1]}, [])
    assert check(other, greedy(case())) == ["the plan answers another problem: its hash differs"]


def test_it_refuses_goals_bounds_and_shortages_that_are_not_so() -> None:
    plan = greedy(case())
    better = tuple(goal.model_copy(update={"value": goal.value + 1, "bound": goal.value + 3}) for goal in plan.goals)
    faults = check(case(), plan.model_copy(update={"goals": better, "shortages": ()}))
    assert sum("the plan says" in fault for fault in faults) >= 6
    assert any("bound of shortage is above" in fault for fault in faults)


def test_it_refuses_a_fact_that_was_changed() -> None:
    fact = [{"staff_id": "f", "start": 0, "end": 2, "state": "room", "room_id": "a"}]
    frozen = Problem.model_validate(case().model_dump() | {"current": fact, "frozen_until": 2})
    plan = changed(greedy(frozen), "f", (0, 8, "idle", None))
    assert any("is a fact" in fault for fault in check(frozen, plan))

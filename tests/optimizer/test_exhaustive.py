"""On tiny problems every plan there is has been tried: the planner's is the best on each goal in turn."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import floater, problem, teacher

from optimizer import Plan, Problem, check
from optimizer.measure import Measure
from optimizer.plan import GOALS, Goal, Issue, Shortage
from optimizer.planner import plan
from optimizer.problem import Assignment

COMPARED = GOALS[:5]


def every_plan(case: Problem) -> list[tuple[float, ...]]:
    """Goal values of all plans the checker accepts; breaks are one slot long, nothing else is taken for granted."""
    found = []
    choices = []
    for adult in case.staff:
        shift = adult.shifts[0]
        allowed = [room.room_id for room in case.rooms if adult.counts_in(room.room_id)]
        rooms = [("room", room, None) for room in allowed]
        breaks = [("break", None, pause.break_id) for pause in adult.breaks]
        options = [*rooms, ("idle", None, None), *breaks]
        choices.append(
            [(adult.staff_id, shift.start, places) for places in product(options, repeat=shift.end - shift.start)]
        )
    for combination in product(*choices):
        items = [
            Assignment(staff_id=who, start=start + i, end=start + i + 1, state=state, room_id=room, break_id=name)
            for who, start, places in combination
            for i, (state, room, name) in enumerate(places)
        ]  # fmt: skip
        candidate = _document(case, items)
        if candidate is not None:
            found.append(candidate)
    return found


def _document(case: Problem, items: list[Assignment]) -> tuple[float, ...] | None:
    draft = Plan(
        center_id="c", label="x", problem_hash=case.input_hash, status="feasible", method="all", seconds=0, goals=(),
        assignments=tuple(items), issues=tuple(_missed(a.staff_id) for a in case.staff),
    )  # fmt: skip
    measure = Measure(case, draft)
    values = measure.goals()
    goals = tuple(Goal(name=name, value=values[name]) for name in GOALS)
    short = tuple(
        Shortage(room_id=room, slot=t, expected=expected, chance=1, worst=1)
        for (room, t), expected in measure.expected_shortages.items()
    )
    full = draft.model_copy(update={"goals": goals, "shortages": short})
    return tuple(values[name] for name in COMPARED) if not check(case, full) else None


def _missed(who: str) -> Issue:
    return Issue(kind="missed_break", staff_id=who, slot=0, text="")


numbers = st.lists(st.integers(0, 2), min_size=5, max_size=5)


@given(numbers, numbers, st.booleans(), st.sampled_from(["", "far"]))
@settings(max_examples=6)
def test_one_float_and_two_rooms_are_planned_best_on_every_goal(
    a: list[int], b: list[int], pause: bool, wing: str
) -> None:
    breaks = [{"break_id": "rest", "start": 1, "end": 4, "slots": 1}] if pause else []
    case = problem(
        {"a": a, "b": b},
        [floater("f", 0, 5, breaks=breaks, familiar={"a": 0.5})],
        rooms=[{"room_id": "a", "severity": 2}, {"room_id": "b", "wing": wing}],
        scenarios=[{"weight": 0.25, "required": {"a": b, "b": b}}, {"weight": 0.75, "required": {"a": a, "b": b}}],
        house={"other_wing_seconds": 600},
    )
    answer = plan(case, 10.0)
    best = min(every_plan(case))
    assert [answer.goal(name).value for name in COMPARED] == pytest.approx(best)
    assert answer.status == "optimal"


few = st.lists(st.integers(0, 2), min_size=4, max_size=4)


@given(few, few)
@settings(max_examples=3)
def test_a_teacher_with_a_break_and_a_float_are_planned_best_on_every_goal(a: list[int], b: list[int]) -> None:
    rest = [{"break_id": "rest", "start": 0, "end": 4, "slots": 1}]
    case = problem({"a": a, "b": b}, [teacher("t", "a", 1, 4, breaks=rest), floater("f", 0, 4)])
    answer = plan(case, 10.0)
    assert [answer.goal(name).value for name in COMPARED] == pytest.approx(min(every_plan(case)))
    assert answer.status == "optimal"

"""Live reassignment, the call-out drill, what-if, what things are worth."""

from __future__ import annotations

from datetime import date

import pytest
from problems import floater, problem, teacher

from domain.errors import BadInput, NotFound
from domain.time import zone
from optimizer import Disruption, Problem, callout, check, edits, greedy, reassign, value
from optimizer.callout import with_call
from optimizer.explain import deny, repairs, why_not
from optimizer.planner import begin, plan, remaining
from optimizer.problem import Adult, Assignment, Break, Shift


def center() -> Problem:
    """Room a stands on Ana alone; Gil is free, Ben's room can spare him, Ivo may be called."""
    return problem(
        {"a": [1] * 8, "b": [1] * 8},
        [
            teacher("ana", "a", 0, 8),
            teacher("ben", "b", 0, 8, movable=True, rooms=["a", "b"]),
            teacher("cho", "b", 0, 8),
            floater("gil", 0, 8),
            {"staff_id": "ivo", "on_call": True, "available": [{"start": 0, "end": 8}], "max_hours_day": 2},
        ],
        combinations=[{"rooms": ["a", "b"], "start": 0, "end": 8, "required": {"0": [2] * 8}}],
    )


def test_alternatives_differ_in_kind_and_the_free_adult_comes_first() -> None:
    case = center()
    found = reassign(case, greedy(case), Disruption(kind="call_out", slot=2, staff_id="ana"))
    assert [item.kind for item in found] == ["free_adult", "move", "substitute"]
    assert found[0].staff_id == "gil"
    assert found[0].effects[0].missing_before == 90
    assert found[0].effects[0].missing_after == 0


def test_nobody_is_taken_from_a_room_that_cannot_spare_one() -> None:
    case = center()
    alone = edits.call_out(case, "cho", 0, 8)
    found = reassign(alone, greedy(alone), Disruption(kind="no_show", slot=2, staff_id="ana"))
    assert "move" not in [item.kind for item in found]


def test_a_closing_room_frees_its_adults_and_asks_for_nobody() -> None:
    case = edits.call_out(center(), "gil", 0, 8)
    assert reassign(case, greedy(case), Disruption(kind="room_closes", slot=0, room_id="b")) == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "call_out", "slot": 1}, "'staff_id'"),
        ({"kind": "call_out", "slot": 1, "staff_id": "nobody"}, "'staff_id'"),
        ({"kind": "violation", "slot": 1, "room_id": "zzz"}, "'room_id'"),
        ({"kind": "violation", "slot": 99}, "'slot'"),
    ],
)
def test_a_wrong_disruption_names_the_field(fields: dict[str, object], words: str) -> None:
    case = center()
    with pytest.raises(BadInput, match=words):
        reassign(case, greedy(case), Disruption.model_validate(fields))


def test_a_call_out_is_covered_with_as_few_changed_days_as_needed() -> None:
    case = center()
    before = plan(case, 5)
    drill = callout(case, before, "ana", date(2026, 3, 2), seconds=5)
    assert drill.still_short == ()
    assert len(drill.moved) == 1
    assert check(drill.problem, drill.plan) == []
    assert "covered in every scenario" in drill.sentence


def test_when_the_day_cannot_be_covered_the_drill_says_whom_to_call_and_calling_helps_as_promised() -> None:
    case = edits.call_out(edits.call_out(edits.call_out(center(), "gil", 0, 8), "ben", 0, 8), "cho", 0, 8)
    drill = callout(case, plan(case, 5), "ana", date(2026, 3, 2), seconds=5)
    assert drill.calls[0].staff_id == "ivo"
    short = drill.plan.goal("shortage").value
    after = plan(with_call(drill.problem, drill.calls[0]), 5).goal("shortage").value
    assert short - after >= drill.calls[0].missing_minutes_prevented / 15 - 1e-6
    assert "call ivo" in drill.sentence


def test_a_drill_for_nobody_or_no_day_is_not_found() -> None:
    with pytest.raises(NotFound, match="nobody"):
        callout(center(), None, "zoe", date(2026, 3, 2))
    with pytest.raises(NotFound, match="2026-04-01"):
        callout(center(), None, "ana", date(2026, 4, 1))


def test_each_edit_changes_the_answer_as_it_says() -> None:
    case = problem({"a": [1] * 4, "b": [1] * 4}, [teacher("t", "a", 0, 4), floater("f", 0, 4)])
    assert plan(case, 5).goal("shortage").value == 0
    assert plan(edits.forbid(case, "f", "b", 0, 4), 5).goal("shortage").value == 4
    assert plan(edits.lock(case, "f", "a", 0, 2), 5).goal("shortage").value == 2
    assert plan(edits.call_out(case, "t", 2, 4), 5).goal("shortage").value == 2
    assert plan(edits.close_room(case, "a", 0, 4), 5).goal("shortage").value == 0
    more = edits.add_adult(edits.call_out(case, "t", 0, 4), Adult(staff_id="g", shifts=(Shift(start=0, end=4),)))
    assert plan(more, 5).goal("shortage").value == 0
    two = problem({"a": [1, 0, 1, 1]}, [teacher("t", "a", 0, 4)])
    early = edits.change_break(two, "t", Break(break_id="rest", start=0, end=1, slots=1))
    assert plan(early, 5).goal("shortage").value == 1
    free = edits.change_break(early, "t", Break(break_id="rest", start=0, end=2, slots=1))
    assert plan(free, 5).goal("shortage").value == 0


def test_the_rest_of_the_day_keeps_what_happened_and_changes_little() -> None:
    case = problem({"a": [1] * 6, "b": [0] * 6}, [floater("f", 0, 6), floater("g", 0, 6)])
    first = plan(case, 5)
    who = next(item.staff_id for item in first.assignments if item.room_id == "a")
    later = edits.call_out(edits.from_now(case, first, 3), who, 3, 6)
    second = plan(later, 5)
    assert check(later, second) == []
    assert second.goal("shortage").value == 0
    assert {i.staff_id for i in second.assignments if i.room_id == "a" and i.start >= 3} == {"f", "g"} - {who}


def test_a_plan_in_force_tells_where_its_breaks_are_as_far_as_they_can_stay() -> None:
    breaks = [{"break_id": name, "start": 0, "end": 6, "slots": 2} for name in ("early", "late")]
    case = problem({"a": [1] * 6}, [teacher("t", "a", 0, 6, breaks=breaks)])
    places = (("break", "early", 0, 2), ("room", None, 2, 4), ("break", "late", 4, 6))
    current = [
        Assignment(staff_id="t", start=a, end=b, state=state, room_id="a" if state == "room" else None, break_id=name)  # type: ignore[arg-type]
        for state, name, a, b in places
    ]
    assert in_force(case) is None
    planned = Problem.model_validate(case.model_dump() | {"current": current})
    assert in_force(planned) == {("t", "early"): 0, ("t", "late"): 4}
    assert in_force(edits.call_out(planned, "t", 5, 6)) == {("t", "early"): 0}


def in_force(case: Problem) -> dict[tuple[str, str], int] | None:
    roster, ground, _ = next(remaining(begin(case)))
    return ground.breaks_in_force(roster)


def test_denying_a_move_costs_what_planning_without_it_costs() -> None:
    case = problem({"a": [1] * 4, "b": [1] * 4}, [teacher("t", "a", 0, 4), floater("f", 0, 4)])
    answer = plan(case, 5)
    move = next(item for item in answer.assignments if item.room_id == "b")
    cost = deny(case, answer, move)
    assert cost.differences["shortage"] == 4
    assert "on average 60 adult-minutes more would be missing" in cost.words


def test_why_not_another_adult_is_answered_by_planning_it_so() -> None:
    case = problem(
        {"a": [1] * 4},
        [floater("known", 0, 4, familiar={"a": 1}), floater("new", 0, 4), floater("cook", 0, 4, rooms=[])],
    )
    answer = plan(case, 5)
    assert why_not(case, answer, "new", "a", 0, 4).differences["disruption"] > 0
    assert "is not qualified" in why_not(case, answer, "cook", "a", 0, 4).words
    assert why_not(case, answer, "known", "a", 1, 3).words == "known is in a then already."


def test_one_more_float_is_worth_at_least_what_is_said() -> None:
    case = problem({"a": [1, 1, 1, 1], "b": [1, 1, 1, 1]}, [floater("f", 0, 4)])
    answer = plan(case, 5)
    assert value.value_of_one_more_float(case, answer) == {"2026-03-02": 4.0}
    more = edits.add_adult(case, Adult(staff_id="g", is_float=True, shifts=(Shift(start=0, end=4),)))
    assert plan(more, 5).goal("shortage").value == answer.goal("shortage").value - 4


def test_planning_with_scenarios_is_never_worse_than_on_the_mean_or_the_quantile() -> None:
    case = problem(
        {"a": [1] * 4, "b": [1] * 4},
        [floater("f", 0, 4)],
        scenarios=[
            {"weight": 0.6, "required": {"a": [1] * 4, "b": [0] * 4}},
            {"weight": 0.4, "required": {"a": [0] * 4, "b": [3] * 4}},
        ],
    )
    found = {item.method: item.expected_shortage for item in value.value_of_scenarios(case, 5)}
    assert found["scenarios"] <= min(found["mean"], found["q90"])


def test_the_value_of_scenarios_is_what_hand_reckoning_gives_also_on_scenarios_no_plan_has_seen() -> None:
    """One float: in a it saves 0.6 adults a slot, in b 0.4 x 1.2. The mean (1, 1) and the 90 % quantile (1, 2) of
    demand send it to b, where it seems to save 1.2."""
    rooms = [{"room_id": "a"}, {"room_id": "b", "severity": 1.2}]
    staff = [floater("f", 0, 4)]
    likely = {"weight": 0.6, "required": {"a": [1] * 4, "b": [0] * 4}}
    seldom = {"weight": 0.4, "required": {"a": [0] * 4, "b": [2] * 4}}
    nothing = {"a": [0] * 4, "b": [0] * 4}
    case = problem(nothing, staff, rooms=rooms, scenarios=[likely, seldom])
    found = {item.method: item.expected_shortage for item in value.value_of_scenarios(case, 3)}
    assert found == pytest.approx({"scenarios": 3.84, "mean": 4.32, "q90": 4.32})
    fresh = problem(nothing, staff, rooms=rooms, scenarios=[likely | {"weight": 1.0}])
    found = {item.method: item.expected_shortage for item in value.value_of_scenarios(case, 3, fresh)}
    assert found == pytest.approx({"scenarios": 0.0, "mean": 4.0, "q90": 4.0})


def test_an_adult_may_leave_only_where_the_chance_of_a_shortage_stays_below_the_threshold() -> None:
    case = problem(
        {"a": [1] * 4},
        [teacher("t", "a", 0, 4), teacher("u", "a", 0, 4)],
        scenarios=[
            {"weight": 0.9, "required": {"a": [1, 1, 1, 1]}},
            {"weight": 0.1, "required": {"a": [2, 2, 1, 1]}},
        ],
    )
    answer = greedy(case)
    assert {(leave.start, leave.end) for leave in value.may_leave(case, answer, 0.05)} == {(2, 4)}
    assert {(leave.start, leave.end) for leave in value.may_leave(case, answer, 0.1)} == {(0, 4)}
    gone = edits.call_out(case, "t", 2, 4)
    assert plan(gone, 5).goal("shortage").value == plan(case, 5).goal("shortage").value


def test_the_cheapest_repair_comes_first_and_helps_as_promised() -> None:
    case = problem(
        {"a": [0, 0, 1, 1, 1, 1], "b": [0] * 6},
        [
            {"staff_id": "dear", "on_call": True, "available": [{"start": 0, "end": 6}], "hourly_cost": 50},
            {"staff_id": "cheap", "on_call": True, "available": [{"start": 0, "end": 6}], "hourly_cost": 10},
            {"staff_id": "other", "on_call": True, "rooms": ["b"], "hourly_cost": 1},
        ],
    )
    answer = plan(case, 5)
    found = repairs(case, answer, "a", 2)
    begins = f"{case.slots[2].astimezone(zone(case.timezone)):%H:%M}"
    assert found[0].words.startswith(f"cheap from {begins} to ")
    assert [repair.words.split(" from ")[0] for repair in found] == ["cheap", "an adult qualified for a", "dear"]
    assert found[0].prevented == 4
    hour = case.adult("cheap").model_copy(update={"shifts": (Shift(start=2, end=6),), "on_call": False})
    assert plan(edits.add_adult(case, hour), 5).goal("shortage").value == answer.goal("shortage").value - 4


def test_rooms_combine_at_the_edge_when_that_saves_an_adult() -> None:
    joint = {"rooms": ["a", "b"], "start": 0, "end": 4, "required": {"0": [1] * 4}}
    case = problem({"a": [1] * 4, "b": [1] * 4}, [floater("f", 0, 4)], combinations=[joint])
    answer = plan(case, 5)
    assert answer.goal("shortage").value == 0
    assert [(item.start, item.end) for item in answer.combined] == [(0, 4)]


def test_a_shift_moves_only_as_far_as_availability_hours_and_rest_allow() -> None:
    shift = {"start": 4, "end": 6, "may_start_earlier": 4, "may_end_later": 4}
    adult = {"staff_id": "t", "home_room_id": "a", "shifts": [shift], "available": [{"start": 2, "end": 12}]}
    case = problem({"a": [1] * 12}, [adult | {"max_hours_day": 1.5}])
    (change,) = plan(case, 5).shift_changes
    assert change.becomes.end - change.becomes.start == 6
    assert change.becomes.start >= 2
    assert change.cost == 20.0

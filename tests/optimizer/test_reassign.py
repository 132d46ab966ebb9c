"""Live reassignment: every way out stands before the checker, takes from nobody, and prevents what it says."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from problems import floater, problem, problems, teacher

from optimizer import Disruption, Problem, check, greedy, reassign
from optimizer.reassign import ways_out
from optimizer.standing import standing


@given(problems())
@settings(max_examples=100)
def test_whatever_is_in_force_can_be_told_as_a_plan_that_the_checker_accepts(case: Problem) -> None:
    assert check(case, standing(case)) == []


@given(problems(), st.data())
@settings(max_examples=150)
def test_each_way_out_is_an_accepted_plan_of_the_rest_of_the_day_and_makes_no_room_shorter(
    case: Problem, data: st.DataObject
) -> None:
    assume(case.staff and case.rooms)
    disruption = Disruption(
        kind=data.draw(st.sampled_from(["call_out", "no_show", "violation", "predicted_gap", "room_closes"])),
        slot=data.draw(st.integers(0, len(case.slots) - 1)),
        staff_id=data.draw(st.sampled_from([adult.staff_id for adult in case.staff])),
        room_id=data.draw(st.sampled_from([room.room_id for room in case.rooms])),
    )
    plan = standing(case) if data.draw(st.booleans()) else greedy(case)
    found = ways_out(case, plan, disruption)
    assert len({alternative.kind for alternative, _, _ in found}) == len(found) <= 3
    for alternative, rest, after in found:
        assert check(rest, after) == []
        assert alternative.minutes_prevented > 0
        joined = alternative.kind == "combine"
        assert joined or all(e.missing_after <= e.missing_before + 1e-6 for e in alternative.effects)
        assert alternative.people_moved <= 2
        if disruption.kind in ("call_out", "no_show"):
            assert disruption.staff_id not in {item.staff_id for item in alternative.changes}


def ways(case: Problem, **disruption: Any) -> dict[str, Any]:
    told = Disruption.model_validate({"kind": "predicted_gap", "slot": 0} | disruption)
    return {item.kind: item for item in reassign(case, standing(case), told)}


def test_two_adults_move_on_by_one_when_the_free_one_is_not_qualified() -> None:
    case = problem(
        {"infants": [1] * 8, "twos": [1] * 8},
        [teacher("ana", "twos", 0, 8, movable=True, rooms=["infants", "twos"]), floater("gil", 0, 8, rooms=["twos"])],
        current=[
            {"staff_id": "ana", "start": 0, "end": 8, "state": "room", "room_id": "twos"},
            {"staff_id": "gil", "start": 0, "end": 8, "state": "idle"},
        ],
    )
    found = ways(case)
    assert list(found) == ["chain"]
    assert {(item.staff_id, item.room_id) for item in found["chain"].changes} == {("ana", "infants"), ("gil", "twos")}
    assert found["chain"].people_moved == 2
    assert found["chain"].minutes_prevented == 120


def test_a_break_moves_to_where_nobody_misses_it() -> None:
    pause = {"break_id": "rest", "start": 0, "end": 8, "slots": 2}
    case = problem(
        {"a": [1, 1, 1, 1, 0, 0, 0, 0]},
        [teacher("ana", "a", 0, 8, breaks=[pause])],
        current=[
            {"staff_id": "ana", "start": 0, "end": 2, "state": "room", "room_id": "a"},
            {"staff_id": "ana", "start": 2, "end": 4, "state": "break", "break_id": "rest"},
            {"staff_id": "ana", "start": 4, "end": 8, "state": "room", "room_id": "a"},
        ],
    )
    moved = ways(case)["move_break"]
    assert moved.changes[-1].state == "break"
    assert moved.changes[-1].start >= 4
    assert moved.effects[0].missing_before == 30
    assert moved.effects[0].missing_after == 0


def test_help_lasts_as_long_as_the_gap_however_late_it_ends() -> None:
    case = problem({"a": [1] * 20}, [floater("gil", 0, 20)], current=[])
    found = ways(case)["free_adult"]
    assert (found.start, found.end) == (0, 20)
    assert found.effects[0].missing_before == 120
    assert found.minutes_prevented == 300


def test_a_walk_to_another_wing_is_taken_off() -> None:
    case = problem(
        {"a": [0] * 8, "b": [1] * 8},
        [teacher("ana", "a", 0, 8, movable=True, rooms=["a", "b"]), teacher("ben", "a", 0, 8)],
        rooms=[{"room_id": "a", "wing": "west"}, {"room_id": "b", "wing": "east"}],
        walks=[{"from_wing": "west", "to_wing": "east", "seconds": 600}],
        current=[
            {"staff_id": who, "start": 0, "end": 8, "state": "room", "room_id": "a"} for who in ("ana", "ben")
        ],
        frozen_until=2,
    )  # fmt: skip
    found = ways(case, slot=2)["move"]
    assert found.start == 3
    assert found.walk_seconds == 600


def test_who_goes_home_may_stay_longer_within_hours_and_availability() -> None:
    shift = {"start": 0, "end": 4, "may_end_later": 3}
    adult = teacher("ana", "a", 0, 4) | {"shifts": [shift], "max_hours_day": 1.5, "hourly_cost": 20}
    case = problem({"a": [1] * 8}, [adult])
    assert ways(case, slot=2) == {}  # seven slots would be more than an hour and a half
    longer = problem({"a": [1] * 8}, [adult | {"max_hours_day": 2}])
    found = ways(longer, slot=2)["stay_longer"]
    assert (found.start, found.end, found.cost) == (4, 7, 15.0)


def test_a_substitute_is_not_here_sooner_than_in_half_an_hour() -> None:
    ivo = {"staff_id": "ivo", "on_call": True, "available": [{"start": 0, "end": 8}]}
    found = ways(problem({"a": [1] * 8}, [ivo]), slot=1)["substitute"]
    assert (found.start, found.end) == (3, 8)

"""Each constraint alone: with it the plan keeps the rule; without it the same question gets a plan that breaks it."""

from __future__ import annotations

from collections.abc import Callable

from problems import floater, problem, teacher

from optimizer import Problem, check, constraints, greedy
from optimizer.constraints import CONSTRAINTS
from optimizer.day_model import DayModel
from optimizer.day_solver import build, minimize, total
from optimizer.demand import Demand
from optimizer.flow import useful_masks
from optimizer.goals import cost, disruption, haste, obligations, shortage
from optimizer.measure import Measure
from optimizer.planner import begin, plan, remaining
from optimizer.roster import Pause, Stretch

Constraint = Callable[[DayModel], None]


def shortage_of(case: Problem, without: Constraint | None = None, goal: Callable[..., list] = shortage) -> float:  # type: ignore[type-arg]
    """The least value of a goal (obligations strictly before it), with all constraints or all but one."""
    roster, ground, _ = next(remaining(begin(case)))
    m = DayModel(case, ground, roster, Demand(ground, roster))
    build(m, [c for c in CONSTRAINTS if c != without])
    terms = [*((var, 1e6) for var, _ in obligations(m)), *goal(m)]
    return round(total(minimize(m, terms, 10.0, 0, 0.5).values, terms))


def test_a_path_is_in_one_place_at_a_time() -> None:
    case = problem({"a": [1] * 4, "b": [1] * 4}, [floater("f", 0, 4)])
    assert shortage_of(case) == 4000


def test_one_place_at_a_time_for_breaks_of_who_never_moves() -> None:
    rests = [{"break_id": name, "start": 0, "end": 2, "slots": 1} for name in ("x", "y")]
    case = problem({"a": [1, 0]}, [teacher("t", "a", 0, 2, breaks=rests)])
    assert shortage_of(case) == 1000
    assert shortage_of(case, without=constraints.one_place_at_a_time) == 0


def test_a_path_keeps_the_least_stay() -> None:
    demand = {"a": [1, 1, 0, 0], "b": [0, 0, 1, 1]}
    for least, short in ((2, 0), (4, 2000)):
        case = problem(demand, [floater("f", 0, 4)], house={"min_stay_slots": least})
        assert shortage_of(case) == short


def test_walking_takes_time() -> None:
    rooms = [{"room_id": "a"}, {"room_id": "b", "wing": "far"}]
    case = problem(
        {"a": [1, 1, 0, 0], "b": [0, 0, 1, 1]}, [floater("f", 0, 4)], rooms=rooms, house={"other_wing_seconds": 600}
    )
    assert shortage_of(case) == 1000
    assert shortage_of(case, without=constraints.walking_takes_time) == 0


def test_each_break_once() -> None:
    rest = [{"break_id": "rest", "start": 0, "end": 4, "slots": 2}]
    case = problem({"a": [1] * 4}, [teacher("t", "a", 0, 4, breaks=rest)])
    assert shortage_of(case) == 2000
    assert shortage_of(case, without=constraints.each_break_once) == 0


def test_back_from_a_break_into_the_same_room_is_no_change() -> None:
    rest = [{"break_id": "rest", "start": 2, "end": 3, "slots": 1}]
    case = problem({"a": [1, 1, 0, 0, 0], "b": [0, 0, 0, 1, 1]}, [floater("f", 0, 5, breaks=rest)])

    def points(m: DayModel) -> list[tuple[object, float]]:
        return [*((var, 100.0 * price) for var, price in shortage(m)), *disruption(m)]

    assert shortage_of(case, goal=points) == 10 + 10 + 10  # one change of room, two strange rooms
    home = problem({"a": [1, 1, 0, 1, 1]}, [floater("f", 0, 5, breaks=rest)])
    assert shortage_of(home, goal=points) == 10


def test_masks_that_lead_to_a_missed_break_are_left_out_unless_all_are_missed() -> None:
    two = [Pause("f", name, 1, (1, 2), 2) for name in ("x", "y")]
    work = Stretch(0, 4, 0, 0, 4, 4, 4)
    assert useful_masks(two, [work], prune=True) == {0: {0}, 1: {0}, 2: {1, 2}, 3: {3}, 4: {3}}
    assert useful_masks(two, [work], prune=False)[4] == {0, 1, 2, 3}
    assert useful_masks([Pause("f", "x", 3, (2,), 2)], [work], prune=True)[4] == {0}


def test_one_change_per_window() -> None:
    case = problem({"a": [1, 1, 0, 0, 1, 1], "b": [0, 0, 1, 1, 0, 0]}, [floater("f", 0, 6)])

    def hurry(m: DayModel) -> list[tuple[object, float]]:
        return [*((var, 100.0 * price) for var, price in shortage(m)), *haste(m)]

    assert shortage_of(case, goal=hurry) == 2  # the windows from slot 1 and 2 hold both changes
    assert shortage_of(case, without=constraints.one_change_per_window, goal=hurry) == 0


def test_cover_or_shortage() -> None:
    case = problem({"a": [2, 1]}, [])
    assert shortage_of(case) == 3000
    assert shortage_of(case, without=constraints.cover_or_shortage) == 0


def test_shifts_begin_and_end_once_and_hours_of_work() -> None:
    shift = {"start": 2, "end": 4, "may_start_earlier": 2, "may_end_later": 2}
    adult = teacher("t", "a", 2, 4) | {"shifts": [shift], "max_hours_day": 0.75, "hourly_cost": 40}
    case = problem({"a": [1] * 6}, [adult])
    assert shortage_of(case) == 3000  # three of six slots within the hours
    assert shortage_of(case, without=constraints.hours_of_work) == 0

    def price(m: DayModel) -> list[tuple[object, float]]:
        return [*((var, 1e4 * value) for var, value in shortage(m)), *cost(m)]

    assert shortage_of(case, goal=price) == 3000 * 1e4 + 1000  # one extra slot at 40 an hour


def test_joint_cover_and_combining_rules() -> None:
    joint = {"rooms": ["a", "b"], "start": 0, "end": 4, "required": {"0": [1, 1, 2, 2]}, "min_slots": 4}
    case = problem({"a": [1] * 4, "b": [1] * 4}, [floater("f", 0, 4)], combinations=[joint])
    assert shortage_of(case) == 2000
    assert shortage_of(case, without=constraints.joint_cover) == 0
    assert shortage_of(case, without=constraints.combining_rules) == 2000
    longer = problem({"a": [1] * 4, "b": [1, 1, 0, 0]}, [floater("f", 0, 4)], combinations=[joint])
    assert shortage_of(longer) == 2000
    assert shortage_of(longer, without=constraints.combining_rules) == 0


def test_locks() -> None:
    lock = [{"staff_id": "f", "room_id": "b", "start": 0, "end": 4}]
    case = problem({"a": [1] * 4, "b": [0] * 4}, [floater("f", 0, 4)], locks=lock)
    assert shortage_of(case) == 4000
    assert shortage_of(case, without=constraints.locks) == 0


def unmet_by_greedy(case: Problem) -> list[tuple[int, int]]:
    answer = greedy(case)
    assert check(case, answer) == []
    return Measure(case, answer).unmet_locks


def test_greedy_keeps_the_director_s_word_though_another_room_misses_more() -> None:
    lock = [{"staff_id": "f", "room_id": "b", "start": 2, "end": 6}]
    case = problem({"a": [1] * 8, "b": [0] * 8}, [floater("f", 0, 8)], locks=lock)
    assert unmet_by_greedy(case) == []
    nowhere = [{"staff_id": "f", "room_id": None, "start": 2, "end": 6}]
    assert unmet_by_greedy(problem({"a": [1] * 8}, [floater("f", 0, 8)], locks=nowhere)) == []


def test_work_that_goes_on_into_the_next_day_does_not_end_before_it() -> None:
    shifts = [{"start": 0, "end": 4, "may_end_earlier": 3}, {"start": 4, "end": 6}]
    days = [{"start": 0, "end": 4, "day": "2026-03-02"}, {"start": 4, "end": 6, "day": "2026-03-03"}]
    closed = [{"room_id": "a", "closed": [{"start": 1, "end": 6}]}]
    case = problem({"a": [1] * 6}, [floater("f", 0, 6, shifts=shifts, rest_hours=11)], days=days, rooms=closed)
    answer = plan(case, 20)
    assert check(case, answer) == []
    assert answer.shift_changes == ()


def test_who_is_not_movable_leaves_home_only_for_where_the_director_says() -> None:
    lock = [{"staff_id": "t", "room_id": "b", "start": 2, "end": 4}]
    case = problem({"a": [0] * 8, "b": [1] * 8}, [teacher("t", "a", 0, 8, rooms=["a", "b"])], locks=lock)
    for answer in (greedy(case), plan(case, 20)):
        assert check(case, answer) == []
        assert [(item.start, item.end) for item in answer.assignments if item.room_id == "b"] == [(2, 4)]
    free = case.model_copy(update={"staff": (case.staff[0].model_copy(update={"movable": True}),)})
    roams = plan(free, 20).model_copy(update={"problem_hash": case.input_hash})
    assert [reason for reason in check(case, roams) if "is not movable" in reason]


def test_greedy_puts_no_break_where_the_director_wants_the_adult() -> None:
    rest = [{"break_id": "x", "start": 0, "end": 8, "slots": 2}]
    word = {"room_id": "a", "start": 0, "end": 6}
    for adult in (teacher("t", "a", 0, 8, breaks=rest), floater("t", 0, 8, breaks=rest)):
        case = problem({"a": [1] * 2 + [0] * 4 + [1] * 2}, [adult], locks=[{"staff_id": "t", **word}])
        assert unmet_by_greedy(case) == []


def test_every_constraint_has_a_test_of_its_own() -> None:
    here = [name for name in globals() if name.startswith("test_")]
    untested = [c.__name__ for c in CONSTRAINTS if not any(c.__name__ in name for name in here)]
    assert untested == []


def test_greedy_takes_a_break_once_when_the_day_is_worked_in_two_pieces() -> None:
    rest = [{"break_id": "rest", "start": 0, "end": 4, "slots": 1}]
    case = problem({"a": [0] * 4}, [floater("f", 0, 4, breaks=rest, absences=[{"start": 1, "end": 2}])])
    assert check(case, greedy(case)) == []

"""A day improved window by window: from any plan of the day to a better one, nothing else touched."""

from __future__ import annotations

from itertools import islice
from math import inf

from problems import floater, problem, teacher

from optimizer import Problem, check
from optimizer.day_model import DayModel
from optimizer.day_search import together
from optimizer.day_solver import build, total
from optimizer.day_values import as_values, read_day
from optimizer.day_windows import Windows
from optimizer.goals import haste, shortage
from optimizer.greedy import greedy_day
from optimizer.planner import begin, plan, remaining
from optimizer.problem import Lock
from optimizer.roster import Place


def turns(slots: int = 24) -> Problem:
    """Two teachers whose breaks one float can stand in for, if they do not take them at the same time."""
    rest = [{"break_id": "rest", "start": 8, "end": 16, "slots": 2}]
    staff = [teacher(who, who, 0, slots, breaks=rest) for who in ("a", "b")]
    return problem({"a": [1] * slots, "b": [1] * slots}, [*staff, floater("f", 0, slots)])


def model(case: Problem) -> tuple[DayModel, Windows]:
    """The windows of a plan in which both teachers are on their break at once and the float is nowhere."""
    roster, ground, demand = next(remaining(begin(case)))
    m = build(DayModel(case, ground, roster, demand))
    day = greedy_day(ground, roster, demand, rounds=0)
    day.places["f"] = dict.fromkeys(roster.slots, Place("idle"))
    for pause in roster.pauses:
        taken = {8: Place("break", None, pause.break_id), 9: Place("break", None, pause.break_id)}
        day.places[pause.staff_id] = {t: Place("room", pause.staff_id) for t in roster.slots} | taken
    return m, Windows(m, as_values(m, day), together(m), 30.0, 0)


def test_breaks_and_the_float_who_stands_in_change_together() -> None:
    m, windows = model(turns())
    *_, best = windows.run()
    assert round(total(best, shortage(m))) == 0
    assert round(total(best, haste(m))) == 0


def test_each_plan_is_better_than_the_one_before() -> None:
    m, windows = model(turns())
    values = [total(found, windows.terms) for found in windows.run(inf)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    reached = windows.known
    assert not list(Windows(m, reached, windows.terms, 30.0, 0).run(values[-1]))


def test_a_search_that_is_left_early_leaves_the_model_as_it_was() -> None:
    m, windows = model(turns())
    before = (list(m.mip.low), list(m.mip.high))
    found = windows.run()
    next(islice(found, 1))
    found.close()  # type: ignore[attr-defined]
    assert (m.mip.low, m.mip.high) == before


def test_a_mover_whose_path_the_model_does_not_have_is_free_all_day() -> None:
    case = turns().model_copy(update={"locks": (Lock(staff_id="f", room_id="b", start=2, end=4),)})
    roster, ground, demand = next(remaining(begin(case)))
    m = build(DayModel(case, ground, roster, demand))
    day = greedy_day(ground, roster, demand)
    known = {var: value for var, value in as_values(m, day).items() if var not in m.present_in.get(("b", 2), [])}
    arcs = {arc.var for steps in m.paths["f"].steps.values() for arc in steps}
    windows = Windows(m, {var: value for var, value in known.items() if var not in arcs}, together(m), 30.0, 0)
    assert not any(windows.chooses[var] for var in arcs)
    *_, best = windows.run()
    assert read_day(m, day, best).places["f"][2].room_id == "b"


def test_a_week_of_such_days_is_planned_without_a_gap() -> None:
    answer = plan(turns(), 10.0)
    assert not check(turns(), answer)
    assert answer.goal("shortage").value == 0
    assert answer.status == "optimal"

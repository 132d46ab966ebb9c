"""One day of a planned week solved anew: the other days stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from optimizer import Assignment, Goal, Plan, Problem, check
from optimizer.edits import only_day
from optimizer.measure import Measure
from optimizer.plan import GOALS
from optimizer.problem import Day, Span

T = TypeVar("T", bound=Span)


def day_problem(problem: Problem, before: Plan, index: int) -> Problem:
    """The day as a problem of its own: changes to the plan before are priced, its hours on other days are worked."""
    day = problem.days[index]
    today = only_day(problem.model_copy(update={"current": plain(before.assignments)}), index)
    elsewhere = Counter[str]()
    for each in before.assignments:
        if not day.start <= each.start < day.end:
            elsewhere[each.staff_id] += each.end - each.start
    hours = {adult.staff_id: adult.hours_before for adult in problem.staff}
    staff = tuple(
        adult.model_copy(
            update={"hours_before": hours[adult.staff_id] + elsewhere[adult.staff_id] * problem.slot_hours}
        )
        for adult in today.staff
    )
    return Problem.model_validate(today.model_dump() | {"staff": [adult.model_dump() for adult in staff]})


def plain(assignments: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """A plan's assignments as a problem's plan in force."""
    return tuple(each.model_copy(update={"reason": ""}) for each in assignments)


def with_day(problem: Problem, before: Plan, index: int, solved: Plan) -> Plan | None:
    """The week's plan of `problem` with one day as solved; None where the days do not fit together (hours, rest).

    What is proven of a single day proves nothing of the week, so that only what nothing can beat keeps a bound.
    """
    day = problem.days[index]

    def merged(name: str, later: Iterable[T]) -> tuple[T, ...]:
        others: tuple[T, ...] = getattr(before, name)
        kept = [each for each in others if not day.start <= each.start < day.end]
        return tuple(sorted([*kept, *(_moved(each, day.start) for each in later)], key=lambda each: each.start))

    other_changes = [each for each in before.shift_changes if not day.start <= each.was.start < day.end]
    changes = [
        each.model_copy(update={"was": _moved(each.was, day.start), "becomes": _moved(each.becomes, day.start)})
        for each in solved.shift_changes
    ]
    draft = before.model_copy(
        update={
            "problem_hash": problem.input_hash,
            "status": "feasible",
            "method": solved.method,
            "seconds": solved.seconds,
            "assignments": merged("assignments", solved.assignments),
            "combined": merged("combined", solved.combined),
            "shift_changes": (*other_changes, *changes),
            **_told(before, solved, day),
        }
    )
    values = Measure(problem, draft).goals()
    goals = tuple(
        Goal(name=name, value=round(values[name], 6), bound=None if values[name] > 1e-9 else 0.0) for name in GOALS
    )
    plan = draft.model_copy(update={"goals": goals})
    return None if check(problem, plan) else plan


def _told(before: Plan, solved: Plan, day: Day) -> dict[str, tuple[object, ...]]:
    """Shortages and issues: the day's new ones, the other days' as they were."""
    return {
        name: (
            *(each for each in getattr(before, name) if not day.start <= each.slot < day.end),
            *(each.model_copy(update={"slot": each.slot + day.start}) for each in getattr(solved, name)),
        )
        for name in ("shortages", "issues")
    }


def _moved(span: T, by: int) -> T:
    return span.model_copy(update={"start": span.start + by, "end": span.end + by})

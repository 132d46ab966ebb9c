"""The call-out drill: somebody is out today; the cover plan of the day, and whom to call first if it does not reach."""

from __future__ import annotations

from datetime import date, timedelta

from domain.errors import NotFound
from optimizer.edits import add_adult, call_out, only_day, only_day_of
from optimizer.plan import Plan, Shortage
from optimizer.planner import plan
from optimizer.problem import Adult, Name, Part, Problem, Shift, Span
from optimizer.value import prevented_by

SECONDS = 4.0


class Call(Part):
    """A substitute: what calling this adult in prevents, and what it costs."""

    staff_id: Name
    start: int
    end: int
    missing_minutes_prevented: float
    cost: float
    words: str


class CalloutPlan(Part):
    """The day's problem without the adult, its plan, what is still missing, whom to call (first first)."""

    problem: Problem
    plan: Plan
    moved: tuple[Name, ...]
    still_short: tuple[Shortage, ...]
    calls: tuple[Call, ...]
    sentence: str


def callout(
    problem: Problem, current: Plan | None, staff_id: str, day: date, from_slot: int = 0, seconds: float = SECONDS
) -> CalloutPlan:
    """Cover for one adult on one day, from the day's slot `from_slot` on; changes to the current plan are priced.

    Raises NotFound when the adult or the day is not in the problem.
    """
    index = next((i for i, item in enumerate(problem.days) if item.day == day), None)
    if index is None:
        raise NotFound(f"{day} is not a day of this problem ({problem.days[0].day} to {problem.days[-1].day})")
    today = only_day(problem, index)
    if current is not None:
        kept = only_day_of(current, problem, index)
        today = Problem.model_validate(today.model_dump() | {"current": kept, "frozen_until": from_slot})
    today = call_out(today, staff_id, from_slot, len(today.slots))
    if current is None and from_slot:
        today = Problem.model_validate(today.model_dump() | {"frozen_until": 0})
    cover = plan(today, seconds)
    calls = tuple(sorted(_calls(today, cover), key=lambda c: (-c.missing_minutes_prevented, c.cost, c.staff_id)))
    moved = tuple(sorted(_moved(today, cover) - {staff_id}))
    return CalloutPlan(
        problem=today,
        plan=cover,
        moved=moved,
        still_short=cover.shortages,
        calls=calls,
        sentence=_sentence(today, cover, staff_id, moved, calls),
    )


def with_call(problem: Problem, call: Call) -> Problem:
    """The day's problem with the substitute called in."""
    adult = next(adult for adult in problem.staff if adult.staff_id == call.staff_id)
    return add_adult(problem, _called(adult, call.start, call.end))


def _called(adult: Adult, start: int, end: int) -> Adult:
    return adult.model_copy(update={"shifts": (Shift(start=start, end=end),), "on_call": False, "movable": True})


def _calls(problem: Problem, cover: Plan) -> list[Call]:
    """Each substitute over as long a span as availability, hours and rest allow, where most is missing."""
    found = []
    for adult in problem.staff:
        if not adult.on_call or not cover.shortages:
            continue
        for span in adult.available:
            start, end = _most_missing(problem, cover, adult, span)
            if end <= start:
                continue
            saved = prevented_by(problem, cover, _called(adult, start, end))
            cost = round((end - start) * problem.slot_hours * adult.hourly_cost, 2)
            if saved > 0:
                name = adult.name or adult.staff_id
                minutes = saved * problem.slot_minutes
                words = f"call {name}: {minutes:.0f} expected adult-minutes fewer are missing, for {cost:.2f}"
                found.append(
                    Call(
                        staff_id=adult.staff_id,
                        start=start,
                        end=end,
                        missing_minutes_prevented=round(saved * problem.slot_minutes, 1),
                        cost=cost,
                        words=words,
                    )
                )
    return found


def _most_missing(problem: Problem, cover: Plan, adult: Adult, span: Span) -> tuple[int, int]:
    """The legal part of the span in which the rooms the adult counts in lack most; empty where there is none."""
    rested = adult.last_end and adult.last_end + timedelta(hours=adult.rest_hours)
    first = max(span.start, problem.frozen_until)
    while rested and first < span.end and problem.slots[first] < rested:
        first += 1
    hours = min(adult.max_hours_day, adult.max_hours_week - adult.hours_before)
    length = min(span.end - first, int((hours + 1e-9) / problem.slot_hours))
    severity = {room.room_id: room.severity for room in problem.rooms}
    missing = [0.0] * len(problem.slots)
    for short in cover.shortages:
        if adult.counts_in(short.room_id):
            missing[short.slot] += short.expected * severity[short.room_id]
    start = max(range(first, span.end - length + 1), key=lambda t: (round(sum(missing[t : t + length]), 9), -t))
    return start, start + length


def _moved(problem: Problem, cover: Plan) -> set[str]:
    """Adults whose day differs from the plan in force."""
    was = {(i.staff_id, t): (i.state, i.room_id) for i in problem.current for t in range(i.start, i.end)}
    now = {(i.staff_id, t): (i.state, i.room_id) for i in cover.assignments for t in range(i.start, i.end)}
    return {who for who, t in now if was and was.get((who, t)) != now[who, t]}


def _sentence(problem: Problem, cover: Plan, staff_id: str, moved: tuple[str, ...], calls: tuple[Call, ...]) -> str:
    adult = next(adult for adult in problem.staff if adult.staff_id == staff_id)
    name = adult.name or staff_id
    missing = sum(short.expected for short in cover.shortages) * problem.slot_minutes
    changed = "one other has a changed day" if len(moved) == 1 else f"{len(moved)} others have a changed day"
    if not cover.shortages:
        return f"Without {name} the day is covered in every scenario; {changed}."
    text = f"Without {name} {missing:.0f} adult-minutes are expected to be missing; "
    text += f"{changed}."
    return f"{text} First {calls[0].words}." if calls else f"{text} No substitute is available who would help."

"""What-if: each edit gives a new problem to solve and compare. Problems are values, nothing is changed in place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from domain.errors import NotFound
from optimizer.plan import Plan
from optimizer.problem import Adult, Assignment, Break, Day, Lock, Problem, Room, Scenario, Shift, Span
from optimizer.work import legal_work

Item = TypeVar("Item", bound=Span)


def lock(problem: Problem, staff_id: str, room_id: str | None, start: int, end: int) -> Problem:
    """The director's word: this adult is in this room (None: in none) in these slots."""
    word = Lock(staff_id=staff_id, room_id=room_id, start=start, end=end)
    return _changed(problem, locks=(*problem.locks, word))


def forbid(problem: Problem, staff_id: str, room_id: str | None, start: int, end: int) -> Problem:
    """This adult is not in this room (None: in no room) in these slots."""
    word = Lock(staff_id=staff_id, room_id=room_id, start=start, end=end)
    return _changed(problem, forbids=(*problem.forbids, word))


def add_adult(problem: Problem, adult: Adult) -> Problem:
    """One more adult; one with the same id is replaced (a substitute called in is an adult with a shift)."""
    others = tuple(known for known in problem.staff if known.staff_id != adult.staff_id)
    return _changed(problem, staff=(*others, adult))


def call_out(problem: Problem, staff_id: str, start: int, end: int) -> Problem:
    """The adult is not there in these slots after all."""
    adult = problem.adult(staff_id)
    gone = (*adult.absences, Span(start=start, end=end))
    return add_adult(problem, adult.model_copy(update={"absences": gone}))


def change_break(problem: Problem, staff_id: str, pause: Break) -> Problem:
    """Another window or length for a break of the adult (or one break more)."""
    adult = problem.adult(staff_id)
    breaks = (*(known for known in adult.breaks if known.break_id != pause.break_id), pause)
    return add_adult(problem, adult.model_copy(update={"breaks": breaks}))


def close_room(problem: Problem, room_id: str, start: int, end: int) -> Problem:
    """The room requires nobody and takes nobody in these slots; its own adults may help elsewhere."""
    if room_id not in {room.room_id for room in problem.rooms}:
        raise NotFound(f"there is no room '{room_id}' in this problem")
    span = Span(start=start, end=end)

    def shut(room: Room) -> Room:
        return room.model_copy(update={"closed": (*room.closed, span)}) if room.room_id == room_id else room

    def empty(scenario: Scenario) -> Scenario:
        numbers = scenario.required[room_id]
        zeros = numbers[:start] + (0,) * (min(end, len(numbers)) - start) + numbers[end:]
        return scenario.model_copy(update={"required": {**scenario.required, room_id: zeros}})

    staff = tuple(
        adult.model_copy(update={"movable": True}) if adult.home_room_id == room_id else adult
        for adult in problem.staff
    )
    rooms, scenarios = tuple(map(shut, problem.rooms)), tuple(map(empty, problem.scenarios))
    return _changed(problem, rooms=rooms, scenarios=scenarios, staff=staff)


def from_now(problem: Problem, plan: Plan, slot: int) -> Problem:
    """The rest of the horizon: slots before are facts as planned, later changes to the plan are priced."""
    current = tuple(item.model_copy(update={"reason": ""}) for item in plan.assignments)
    return _changed(problem, current=current, frozen_until=slot)


def only_day(problem: Problem, index: int) -> Problem:
    """One day of the problem as a problem of its own; slots are counted from its first.

    The hours of the other days count as used, and the rest before and after them is kept.
    """
    if len(problem.days) == 1:
        return problem
    day = problem.days[index]
    first, end = day.start, day.end

    def cut(items: tuple[Item, ...]) -> tuple[Item, ...]:
        inside = [item for item in items if item.start < end and item.end > first]
        return tuple(
            item.model_copy(update={"start": max(item.start, first) - first, "end": min(item.end, end) - first})
            for item in inside
        )

    at_work = legal_work(problem).at_work
    staff = tuple(
        adult.model_copy(
            update={
                "shifts": cut(tuple(_inside(problem, adult, at_work[adult.staff_id], day, s) for s in adult.shifts)),
                "available": cut(adult.available),
                "absences": cut(adult.absences),
                "breaks": tuple(p for p in cut(adult.breaks) if p.end - p.start >= p.slots),
                "hours_before": adult.hours_before + _hours_beside(problem, at_work[adult.staff_id], day),
                "last_end": _last_end(problem, adult, at_work[adult.staff_id], first),
            }
        )
        for adult in problem.staff
    )
    scenarios = tuple(
        s.model_copy(update={"required": {room: numbers[first:end] for room, numbers in s.required.items()}})
        for s in problem.scenarios
    )
    combinations = tuple(
        item for item in problem.combinations if item.start >= first and item.end <= end
    )  # windows lie within a day
    return _changed(
        problem,
        label=f"{problem.label}-{index}" if len(problem.days) > 1 else problem.label,
        slots=problem.slots[first:end],
        days=(day.model_copy(update={"start": 0, "end": end - first}),),
        rooms=tuple(room.model_copy(update={"closed": cut(room.closed)}) for room in problem.rooms),
        scenarios=scenarios,
        staff=staff,
        combinations=cut(combinations),
        locks=cut(problem.locks),
        forbids=cut(problem.forbids),
        current=cut(problem.current),
        frozen_until=min(max(problem.frozen_until - first, 0), end - first),
    )


def only_day_of(plan: Plan, problem: Problem, index: int) -> tuple[Assignment, ...]:
    """The plan's assignments of one day, slots counted from its first."""
    day = problem.days[index]
    return tuple(
        item.model_copy(
            update={"start": max(item.start, day.start) - day.start, "end": min(item.end, day.end) - day.start}
        )
        for item in plan.assignments
        if item.start < day.end and item.end > day.start
    )


def compare(before: Plan, after: Plan) -> dict[str, float]:
    """By goal: how much more (worse) the second plan has."""
    return {goal.name: round(after.goal(goal.name).value - goal.value, 6) for goal in before.goals}


def _hours_beside(problem: Problem, worked: list[bool], day: Day) -> float:
    return (sum(worked[: day.start]) + sum(worked[day.end :])) * problem.slot_hours


def _last_end(problem: Problem, adult: Adult, worked: list[bool], first: int) -> datetime | None:
    """End of the last work before the slot; None where work goes on into it."""
    last = next((t for t in reversed(range(first)) if worked[t]), None)
    if last is None:
        return adult.last_end
    if last == first - 1 and problem.joined(first):
        return None
    return problem.slots[last] + timedelta(minutes=problem.slot_minutes)


def _inside(problem: Problem, adult: Adult, worked: list[bool], day: Day, shift: Shift) -> Shift:
    """The shift with the moves that other days leave it: none where it crosses midnight, and the rest after it."""
    if shift.start < day.start or day.end < shift.end:
        return Shift(start=shift.start, end=shift.end)
    following = next((t for t in range(day.end, len(worked)) if worked[t]), None)
    if following is None:
        return shift
    if following == shift.end and problem.joined(following):
        return shift.model_copy(update={"may_end_earlier": 0})
    latest = problem.slots[following] - timedelta(hours=adult.rest_hours, minutes=problem.slot_minutes)
    rested = sum(problem.slots[t] <= latest for t in range(shift.end, day.end))
    return shift.model_copy(update={"may_end_later": min(shift.may_end_later, rested)})


def _changed(problem: Problem, **fields: Any) -> Problem:
    """A copy with other fields, validated again."""
    plain = {name: getattr(problem, name) for name in Problem.model_fields}
    return Problem.model_validate(plain | fields)

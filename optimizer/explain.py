"""Explanations by contrast: plan it the other way and tell the difference. Every figure is that of a checked plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from domain.time import zone
from optimizer.edits import compare, forbid, lock, only_day, only_day_of
from optimizer.measure import Measure
from optimizer.plan import Plan
from optimizer.planner import plan
from optimizer.problem import Adult, Assignment, Break, Part, Problem, Shift
from optimizer.value import prevented_by

SECONDS = 3.0
Solve = Callable[[Problem, float], Plan]  # `plan` here, or the one in a process of its own


class Contrast(Part):
    """The other way: by goal how much worse (or better) the day becomes, and that in words."""

    words: str
    differences: dict[str, float]


class Repair(Part):
    """A way to close a gap: expected person-slots x severity prevented, and the money."""

    words: str
    prevented: float
    cost: float


def deny(problem: Problem, current: Plan, item: Assignment, seconds: float = SECONDS, solver: Solve = plan) -> Contrast:
    """What it costs to deny this assignment: the day is planned again without it."""
    day, base, first = _day_of(problem, current, item.start, seconds, solver)
    without = forbid(day, item.staff_id, item.room_id, item.start - first, item.end - first)
    start = f"Without {_name(problem, item.staff_id)} in {_room(problem, item.room_id)}"
    return _contrast(day, base, solver(without, seconds), start)


def why_not(
    problem: Problem, current: Plan, staff_id: str, room_id: str, start: int, end: int, seconds: float = SECONDS,
    solver: Solve = plan,
) -> Contrast:  # fmt: skip
    """Why this adult is not in this room: not allowed, or what it would cost."""
    adult = problem.adult(staff_id)
    name, room = _name(problem, staff_id), _room(problem, room_id)
    measure = Measure(problem, current)
    if not adult.counts_in(room_id):
        return Contrast(words=f"{name} is not qualified for {room}.", differences={})
    at_work = [t for t in range(start, end) if t in measure.at[staff_id]]
    if len(at_work) < end - start:
        return Contrast(words=f"{name} is not at work all that time, or has no hours left.", differences={})
    if not all(measure.may_be(adult, room_id, t) for t in range(start, end)):
        return Contrast(words=f"{room} is closed or forbidden to {name} in that time.", differences={})
    if any(
        (i.staff_id, i.room_id) == (staff_id, room_id) and i.start <= start and end <= i.end
        for i in current.assignments
    ):
        return Contrast(words=f"{name} is in {room} then already.", differences={})
    day, base, first = _day_of(problem, current, start, seconds, solver)
    other = solver(lock(day, staff_id, room_id, start - first, end - first), seconds)
    return _contrast(day, base, other, f"With {name} in {room}")


def repairs(problem: Problem, current: Plan, room_id: str, slot: int) -> tuple[Repair, ...]:
    """Ways to close the gap of a room around a slot, cheapest per person-slot first.

    One hour of a qualified adult who is not at work then, a substitute on call, or an outside adult for that hour. What
    a repair prevents is counted with everybody else in place: planning again can only gain more.
    """
    day = next(day for day in problem.days if day.start <= slot < day.end)
    hour = max(1, 60 // problem.slot_minutes)
    start = max(day.start, problem.frozen_until, min(slot, day.end - hour))
    end = min(start + hour, day.end)
    measure = Measure(problem, current)
    found = []
    for adult in problem.staff:
        absent = all(t not in measure.at[adult.staff_id] for t in range(start, end))
        open_to = not adult.available or any(s.start <= start and end <= s.end for s in adult.available)
        gone = any(s.start < end and start < s.end for s in adult.absences)
        if absent and open_to and not gone and adult.counts_in(room_id):
            found.append(_repair(problem, current, adult, start, end))
    name = f"an adult qualified for {_room(problem, room_id)}"
    outside = Adult(staff_id="outside-adult", name=name, rooms=(room_id,), is_float=True)
    found.append(_repair(problem, current, outside, start, end))
    useful = [repair for repair in found if repair.prevented > 1e-9]
    return tuple(sorted(useful, key=lambda repair: (repair.cost / repair.prevented, repair.words)))


def _repair(problem: Problem, current: Plan, adult: Adult, start: int, end: int) -> Repair:
    no_breaks: tuple[Break, ...] = ()
    hour = adult.model_copy(
        update={"shifts": (Shift(start=start, end=end),), "movable": True, "breaks": no_breaks, "absences": ()}
    )
    prevented = prevented_by(problem, current, hour)
    cost = (end - start) * problem.slot_hours * adult.hourly_cost
    name = adult.name or adult.staff_id
    words = f"{name} from {_clock(problem, start)} to {_clock(problem, end)}"
    return Repair(words=words, prevented=round(prevented, 6), cost=round(cost, 2))


def _day_of(problem: Problem, current: Plan, slot: int, seconds: float, solver: Solve) -> tuple[Problem, Plan, int]:
    """The day of the slot as a problem, its plan made in the same time as the other way, its first slot."""
    index = next(i for i, day in enumerate(problem.days) if day.start <= slot < day.end)
    day = only_day(problem, index)
    if day.frozen_until:
        kept = only_day_of(current, problem, index)
        day = Problem.model_validate({name: getattr(day, name) for name in Problem.model_fields} | {"current": kept})
    return day, solver(day, seconds), problem.days[index].start


def _contrast(problem: Problem, base: Plan, other: Plan, start: str) -> Contrast:
    differences = compare(base, other)
    short, cost, points = (differences[name] for name in ("shortage", "cost", "disruption"))
    missing = (_missing(other) - _missing(base)) * problem.slot_minutes
    parts = []
    if differences["obligations"]:
        parts.append(f"{differences['obligations']:+g} breaks or wishes would not be kept")
    if abs(missing) > 1e-9 or abs(short) > 1e-9:
        parts.append(f"on average {abs(missing):.0f} adult-minutes {_more(missing)} would be missing")
    if abs(cost) > 1e-9:
        parts.append(f"{cost:+.2f} would be paid for extra hours")
    if abs(points) > 1e-9:
        parts.append(f"{_more(points)} moves and changes for the adults ({points:+g} points)")
    return Contrast(
        words=f"{start}: {', '.join(parts) if parts else 'nothing would be lost'}.", differences=differences
    )


def _more(difference: float) -> str:
    return "more" if difference > 0 else "fewer"


def _missing(made: Plan) -> float:
    return sum(short.expected for short in made.shortages)


def _room(problem: Problem, room_id: str | None) -> str:
    return next((room.name or room.room_id for room in problem.rooms if room.room_id == room_id), "no room")


def _clock(problem: Problem, slot: int) -> str:
    """The local time at which a slot begins, or the one before it ends."""
    at = problem.slots[slot - 1] + timedelta(minutes=problem.slot_minutes)
    if slot < len(problem.slots) and (slot == 0 or problem.joined(slot)):
        at = problem.slots[slot]
    return f"{at.astimezone(zone(problem.timezone)):%H:%M}"


def _name(problem: Problem, staff_id: str) -> str:
    return problem.adult(staff_id).name or staff_id

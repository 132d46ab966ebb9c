"""Do the parts of a problem fit together? Each fault is a sentence that names the field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimizer.problem import Adult, Problem, Span


def require_consistency(problem: Problem) -> None:
    """Raise ValueError with the first fault."""
    for check in (_days, _names, _scenarios, _adults, _combinations, _words):
        for fault in check(problem):
            raise ValueError(fault)


def _days(problem: Problem) -> Iterator[str]:
    expected = 0
    for index, day in enumerate(problem.days):
        if day.start != expected:
            yield f"days[{index}].start must be {expected}: the days partition the slots in order"
        if index and day.day <= problem.days[index - 1].day:
            yield f"days[{index}].day must be after {problem.days[index - 1].day}: the days are in order"
        expected = day.end
    if expected != len(problem.slots):
        yield f"days: the last day must end at {len(problem.slots)}, the number of slots"
    length = timedelta(minutes=problem.slot_minutes)
    for index, (earlier, later) in enumerate(pairwise(problem.slots), 1):
        if later - earlier < length:
            yield f"slots[{index}] begins before the slot before it is over: each takes {problem.slot_minutes} minutes"
    if problem.frozen_until > len(problem.slots):
        yield f"frozen_until must be at most {len(problem.slots)}, the number of slots"


def _names(problem: Problem) -> Iterator[str]:
    yield from _doubles("rooms", "room_id", (room.room_id for room in problem.rooms))
    yield from _doubles("staff", "staff_id", (adult.staff_id for adult in problem.staff))
    for index, room in enumerate(problem.rooms):
        yield from _spans(problem, f"rooms[{index}].closed", room.closed)


def _scenarios(problem: Problem) -> Iterator[str]:
    rooms = {room.room_id for room in problem.rooms}
    total = sum(scenario.weight for scenario in problem.scenarios)
    if abs(total - 1) > 1e-6:
        yield f"scenarios: the weights sum to {total:g}, they must sum to 1"
    for index, scenario in enumerate(problem.scenarios):
        unknown, missing = sorted(set(scenario.required) - rooms), sorted(rooms - set(scenario.required))
        if unknown or missing:
            yield f"scenarios[{index}].required must name each room once: unknown {unknown}, missing {missing}"
        for room_id, numbers in scenario.required.items():
            if len(numbers) != len(problem.slots):
                yield f"scenarios[{index}].required.{room_id} has {len(numbers)} numbers for {len(problem.slots)} slots"


def _adults(problem: Problem) -> Iterator[str]:
    rooms = {room.room_id for room in problem.rooms}
    for index, adult in enumerate(problem.staff):
        at = f"staff[{index}] ({adult.staff_id})"
        named = {*(adult.rooms or ()), *adult.familiar, *([adult.home_room_id] if adult.home_room_id else [])}
        if unknown := sorted(named - rooms):
            yield f"{at}: unknown rooms {unknown}"
        yield from _doubles(f"{at}.breaks", "break_id", (pause.break_id for pause in adult.breaks))
        for name in ("shifts", "available", "absences", "breaks"):
            yield from _spans(problem, f"{at}.{name}", getattr(adult, name))
        yield from _shifts(adult, at)


def _shifts(adult: Adult, at: str) -> Iterator[str]:
    ordered = sorted(adult.shifts, key=lambda shift: shift.start)
    for earlier, later in pairwise(ordered):
        if later.start < earlier.end:
            yield f"{at}.shifts: the shifts from slot {earlier.start} and {later.start} overlap"


def _combinations(problem: Problem) -> Iterator[str]:
    rooms = {room.room_id for room in problem.rooms}
    keys = {str(index) for index in range(len(problem.scenarios))}
    for index, combination in enumerate(problem.combinations):
        at = f"combinations[{index}]"
        yield from _spans(problem, at, [combination])
        if len(set(combination.rooms)) < len(combination.rooms) or set(combination.rooms) - rooms:
            yield f"{at}.rooms must be different known rooms"
        if set(combination.required) != keys:
            yield f"{at}.required must have the keys {sorted(keys)}, one per scenario"
        for key, numbers in combination.required.items():
            if len(numbers) != combination.end - combination.start:
                yield f"{at}.required.{key} has {len(numbers)} numbers for {combination.end - combination.start} slots"


def _words(problem: Problem) -> Iterator[str]:
    rooms = {room.room_id for room in problem.rooms}
    staff = {adult.staff_id for adult in problem.staff}
    for name in ("locks", "forbids", "current"):
        for index, item in enumerate(getattr(problem, name)):
            at = f"{name}[{index}]"
            yield from _spans(problem, at, [item])
            if item.staff_id not in staff:
                yield f"{at}.staff_id '{item.staff_id}' is not among the staff"
            if item.room_id is not None and item.room_id not in rooms:
                yield f"{at}.room_id '{item.room_id}' is not among the rooms"
    for index, item in enumerate(problem.current):
        if (item.state == "room") != (item.room_id is not None):
            yield f"current[{index}].room_id belongs to the state 'room' and to it alone"
    yield from _one_place_at_a_time(problem)


def _one_place_at_a_time(problem: Problem) -> Iterator[str]:
    until: dict[str, int] = {}
    for item in sorted(problem.current, key=lambda item: (item.staff_id, item.start)):
        if item.start < until.get(item.staff_id, 0):
            yield f"current: {item.staff_id} is in two places in slot {item.start}"
        until[item.staff_id] = item.end


def _spans(problem: Problem, at: str, spans: Iterable[Span]) -> Iterator[str]:
    for index, span in enumerate(spans):
        if span.end > len(problem.slots):
            yield f"{at}[{index}].end is {span.end}, there are {len(problem.slots)} slots"


def _doubles(at: str, field: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{at}: the {field} '{name}' occurs twice"
        seen.add(name)

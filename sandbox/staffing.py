"""Who works in a simulated center and on which shifts: the director's weekly roster, call-outs and late starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from sandbox.knobs import Knobs
from sandbox.laws import Rng

LUNCH_SLOTS = tuple(range(11 * 60 + 30, 14 * 60 + 30, 30))
ROSTER_LEAD_DAYS = 11  # a week's roster is published on the Thursday before last, 16:00
ROSTER_MINUTE = 16 * 60
_SHIFT = 9 * 60


@dataclass(frozen=True, slots=True)
class Worker:
    """A member of staff by index. kind: core | float | substitute | office."""

    role: str
    kind: str
    room: int | None
    age_years: float
    hourly_cost: float


@dataclass(frozen=True, slots=True)
class Part:
    """[start, end) minutes of a planned shift. kind: room | float | break | admin."""

    start: int
    end: int
    kind: str
    room: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedShift:
    """One state of one shift; `recorded` is in minutes of its day (negative on earlier days)."""

    worker: int
    start: int
    end: int
    parts: tuple[Part, ...]
    recorded: float
    version: int = 1
    status: str = "scheduled"


@dataclass(slots=True)
class Duty:
    """What a member of staff sets out to do on a day: the last plan, and when they truly come and go."""

    worker: int
    arrives: float
    leaves: float
    parts: tuple[Part, ...]
    walks_out: bool = False  # leaves early whatever the room needs

    @property
    def break_at(self) -> int | None:
        return next((part.start for part in self.parts if part.kind == "break"), None)


@dataclass(slots=True)
class Roster:
    """A day's shifts in all their states, by time of recording, and what will be done."""

    versions: list[PlannedShift] = field(default_factory=list)
    duties: list[Duty] = field(default_factory=list)


def hire(rng: Rng, knobs: Knobs) -> list[Worker]:
    workers = []
    for room in range(len(knobs.layout.rooms)):
        workers.append(Worker("Lead Teacher", "core", room, rng.uniform(26, 58), 21.5))
        second = "Teacher" if rng.random() < 0.6 else "Assistant"
        workers.append(Worker(second, "core", room, rng.uniform(19.5, 50), 17.5 if second == "Teacher" else 15.0))
    for index in range(knobs.layout.floats):
        role = "Teacher" if index % 2 == 0 else "Assistant"
        workers.append(Worker(role, "float", None, rng.uniform(19, 50), 16.5))
    workers += [Worker("Substitute", "substitute", None, rng.uniform(20, 60), 18.0)] * knobs.layout.substitutes
    workers += [Worker(role, "office", None, rng.uniform(28, 60), 27.0) for role in knobs.layout.office]
    return workers


def roster(rng: Rng, knobs: Knobs, workers: list[Worker], day: date, *, outbreaks: int, snow: float | None) -> Roster:
    """The shifts of an open day, as published and as changed by call-outs, and the duties that follow."""
    recorded = -1440.0 * (ROSTER_LEAD_DAYS + day.weekday()) + ROSTER_MINUTE
    planned = [replace(shift, recorded=recorded) for shift in published(knobs, workers, day)]
    result = Roster(list(planned))
    if snow is not None:
        result.versions += [
            replace(shift, version=2, status="cancelled", recorded=snow + 1 + index / 10)
            for index, shift in enumerate(planned)
        ]
        return result
    rate = knobs.callout_rate * (knobs.callout_monday_friday if day.isoweekday() in (1, 5) else 1)
    rate *= knobs.callout_outbreak if outbreaks else 1
    current = {shift.worker: shift for shift in planned}
    out, walking = set(), set()
    for shift in planned:
        if rng.random() >= rate:
            continue
        kind, u = rng.random(), rng.random()
        if kind < 0.9:
            told = 4.5 * 60 + 120 * u if kind < 0.7 else 6.5 * 60 + max(5.0, shift.start - 6.5 * 60) * u
            current[shift.worker] = replace(shift, version=2, status="called_out", recorded=told)
            out.add(shift.worker)
        else:
            end = int(shift.start + 120 + u * (shift.end - shift.start - 180))
            current[shift.worker] = _cut(shift, end)
            walking.add(shift.worker)
        result.versions.append(current[shift.worker])
    _cover(rng, knobs, workers, current, out, result)
    result.versions.sort(key=lambda shift: (shift.recorded, shift.worker, shift.version))
    for worker, shift in sorted(current.items()):
        if worker not in out:
            late = float(rng.lognormal(0, 0.6) * knobs.late_median) if rng.random() < knobs.late_rate else 0.0
            arrives = shift.start + late - (rng.uniform(0, 6) if not late else 0)
            leaves = shift.end + rng.uniform(0, 5)
            result.duties.append(Duty(worker, arrives, leaves, shift.parts, worker in walking))
    return result


def _cut(shift: PlannedShift, end: int) -> PlannedShift:
    """The shift ended early, known ten minutes before."""
    parts = tuple(replace(part, end=min(part.end, end)) for part in shift.parts if part.start < end)
    return replace(shift, end=end, parts=parts, version=2, recorded=end - 10.0)


def _cover(
    rng: Rng, knobs: Knobs, workers: list[Worker], current: dict[int, PlannedShift], out: set[int], result: Roster
) -> None:
    """The director's answer to call-outs: a float takes the room for the day, a substitute may be found."""
    taken: set[int] = set()
    substitutes = [i for i, worker in enumerate(workers) if worker.kind == "substitute"]
    for worker in sorted(out, key=lambda w: (current[w].recorded, w)):
        lost, room = current[worker], workers[worker].room
        told = max(lost.recorded + rng.uniform(20, 60), 6 * 60.0)
        if substitutes and rng.random() < knobs.substitute_found:
            start = int(max(lost.start, told + 75) // 15 * 15 + 15)
            if start < lost.end - 180:
                substitute = substitutes.pop(0)
                parts = tuple(replace(p, start=max(p.start, start)) for p in lost.parts if p.end > start)
                current[substitute] = PlannedShift(substitute, start, lost.end, parts, told)
                result.versions.append(current[substitute])
        if room is None:
            continue
        for candidate in sorted(current, key=lambda w: (abs(current[w].start - lost.start), w)):
            if workers[candidate].kind == "float" and candidate not in out | taken:
                taken.add(candidate)
                shift = current[candidate]
                current[candidate] = replace(
                    shift, parts=_all_day(shift, room), version=shift.version + 1, recorded=told
                )
                result.versions.append(current[candidate])
                break


def _all_day(shift: PlannedShift, room: int) -> tuple[Part, ...]:
    rest = next((part for part in shift.parts if part.kind == "break"), None)
    if rest is None:
        return (Part(shift.start, shift.end, "room", room),)
    return (Part(shift.start, rest.start, "room", room), rest, Part(rest.end, shift.end, "room", room))


def published(knobs: Knobs, workers: list[Worker], day: date) -> list[PlannedShift]:
    """The roster as the director publishes it; opening and closing take turns by week."""
    week = day.isocalendar().week
    opening, closing = knobs.open_minute, knobs.close_minute
    hosts = {group[0] for group in knobs.layout.groups}
    shifts = []
    core = [index for index, worker in enumerate(workers) if worker.kind == "core"]
    for place, index in enumerate(core):
        room = workers[index].room
        early, host = (place + week) % 2 == 0, room in hosts
        start = (opening if host else opening + 30) if early else ((closing if host else closing - 15) - _SHIFT)
        lunch = LUNCH_SLOTS[place * 5 % len(LUNCH_SLOTS)]
        shifts.append(_shift(index, start, start + _SHIFT, lunch, knobs.break_minutes, "room", room))
    floats = [index for index, worker in enumerate(workers) if worker.kind == "float"]
    starts = (opening, closing - _SHIFT, opening + 60)
    for place, index in enumerate(floats):
        start = starts[(place + week) % len(starts)]
        lunch = 11 * 60 if place % 2 == 0 else 14 * 60 + 30
        covers = _covers(shifts, len(core), place, knobs, start)
        shifts.append(_float_shift(index, start, lunch, knobs, covers))
    offices = {"Director": 8 * 60, "Assistant Director": 7 * 60, "Cook": 7 * 60 + 30, "Admin": 8 * 60 + 30}
    for index, worker in enumerate(workers):
        if worker.kind == "office":
            start = offices[worker.role]
            shifts.append(_shift(index, start, start + _SHIFT, 13 * 60, knobs.break_minutes, "admin", None))
    return shifts


def _shift(worker: int, start: int, end: int, lunch: int, minutes: int, kind: str, room: int | None) -> PlannedShift:
    parts = (
        Part(start, lunch, kind, room),
        Part(lunch, lunch + minutes, "break"),
        Part(lunch + minutes, end, kind, room),
    )
    return PlannedShift(worker, start, end, parts, 0.0)


def _covers(shifts: list[PlannedShift], core: int, place: int, knobs: Knobs, start: int) -> list[tuple[int, int, int]]:
    """(start, end, room) in which this float stands in: shoulder hours in the youngest rooms, and lunches."""
    covers = []
    rooms = sorted(range(len(knobs.layout.rooms)), key=lambda r: (knobs.layout.rooms[r].age_min_months, r))
    shoulder = rooms[place % len(rooms)]
    if start < 8 * 60:
        covers.append((knobs.open_minute + 60, 8 * 60 + 55, shoulder))
    else:
        covers.append((15 * 60 + 30, knobs.close_minute - 15, shoulder))
    for slot in LUNCH_SLOTS:
        resting = [s for s in shifts[:core] if s.parts[1].start == slot]
        if place < len(resting) and (room := resting[place].parts[0].room) is not None:
            covers.append((slot, slot + knobs.break_minutes, room))
    return covers


def _float_shift(worker: int, start: int, lunch: int, knobs: Knobs, covers: list[tuple[int, int, int]]) -> PlannedShift:
    end, parts, at = start + _SHIFT, [], start
    fixed = [Part(a, b, "room", room) for a, b, room in covers] + [Part(lunch, lunch + knobs.break_minutes, "break")]
    for part in sorted(fixed, key=lambda p: p.start):
        if part.start < at or part.end > end:
            continue
        if part.start > at:
            parts.append(Part(at, part.start, "float"))
        parts.append(part)
        at = part.end
    if at < end:
        parts.append(Part(at, end, "float"))
    return PlannedShift(worker, start, end, tuple(parts), 0.0)

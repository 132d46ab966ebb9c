"""The rest of a day as a coverage problem: the children expected, the adults there are, the plan in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from api.in_force import in_force
from domain.people import Availability, Shift
from domain.places import Room
from domain.time import SLOT, Interval, slots
from evaluator import CenterFacts
from evaluator.expectations import Ages, Expectation
from flows.room_map import walks_between, wings_of
from flows.staffing import Grid, StaffFacts, adults_of
from optimizer import Plan, Problem
from optimizer import problem as coverage
from rulebook import Rulebook

_SCENARIOS = 5
_INFANT_MONTHS = 12
_INFANT_SEVERITY = 2.0
_JOINED_EARLY = timedelta(minutes=60)  # of opening: rooms may be one
_JOINED_LATE = timedelta(minutes=90)  # before closing
_CROWDS_KEPT = 4_000  # per activity and part of the day: about a megabyte


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What one day is posed from. `shifts` and `free` cover the day; of `plans` in force over them the later holds."""

    facts: CenterFacts
    book: Rulebook
    shifts: Sequence[Shift]
    free: Sequence[Availability]
    expectation: Expectation
    plans: Sequence[tuple[Problem, Plan]] = ()
    draws: int = 120  # of the children expected; a few stand for all


def pose_day(known: DayFacts, day: date, now: datetime, absent: Mapping[str, Interval], label: str) -> Problem | None:
    """The problem of the slots of that day that lie ahead; None when the center is closed for the rest of it.

    `absent`: who is out, and when.
    """
    facts = known.facts
    opening = facts.opening(day)
    ahead = slots_ahead(facts, day, now)
    rooms = sorted(facts.rooms.values(), key=lambda room: (room.age_min_months, room.room_id))
    if opening is None or not ahead or not rooms:
        return None
    grid, wings = Grid(ahead), wings_of(rooms)
    staff = _adults(known, rooms, ahead, day, now, absent)
    demand = _Demand(known, rooms, ahead)
    return Problem(
        center_id=facts.center.center_id,
        label=label,
        timezone=facts.center.timezone,
        slots=ahead,
        days=(coverage.Day(day=day, start=0, end=len(ahead)),),
        rooms=tuple(
            coverage.Room(
                room_id=room.room_id,
                name=room.name,
                wing=wings[room.room_id],
                severity=_INFANT_SEVERITY if room.age_min_months < _INFANT_MONTHS else 1.0,
            )
            for room in rooms
        ),
        scenarios=demand.scenarios(),
        combinations=demand.combinations(opening),
        walks=walks_between(rooms, wings),
        staff=staff,
        current=in_force(grid, known.shifts, known.plans, staff),
        seed=1,
    )  # fmt: skip


def slots_ahead(facts: CenterFacts, day: date, now: datetime) -> tuple[datetime, ...]:
    opening = facts.opening(day)
    return tuple(at for at in slots(opening) if at >= now) if opening else ()


def _adults(
    known: DayFacts, rooms: Sequence[Room], ahead: Sequence[datetime], day: date, now: datetime,
    absent: Mapping[str, Interval],
) -> tuple[coverage.Adult, ...]:  # fmt: skip
    """Everybody who counts somewhere; breaks that are over are not taken again."""
    facts = known.facts
    shifts = [
        replace(each, segments=tuple(part for part in each.segments if part.kind != "break" or part.end > now))
        for each in known.shifts
    ]
    free: dict[str, list[Interval]] = {}
    for row in known.free:
        free.setdefault(row.staff_id, []).append(Interval(row.start, row.end))
    staff = StaffFacts(list(facts.staff.values()), shifts, free, ())
    monday = day - timedelta(days=day.weekday())
    found = adults_of(facts.center, rooms, staff, Grid(tuple(ahead)), monday, now, known.book)
    return tuple(
        adult.model_copy(
            update={
                "name": facts.display(adult.staff_id),
                "absences": _touched(ahead, absent.get(adult.staff_id)),
            }
        )
        for adult in found
    )


def _touched(ahead: Sequence[datetime], absence: Interval | None) -> tuple[coverage.Span, ...]:
    """The slots an absence reaches into."""
    touched = [n for n, at in enumerate(ahead) if absence and at < absence.end and at + SLOT > absence.start]
    return (coverage.Span(start=touched[0], end=touched[-1] + 1),) if touched else ()


class _Demand:
    """What the law asks for in a few whole draws of who comes and goes: of draws ranked by need, the middle one of
    each equal part."""

    def __init__(self, known: DayFacts, rooms: Sequence[Room], ahead: Sequence[datetime]) -> None:
        expectation = known.expectation
        self._law, self._rooms, self._ahead = _Law(known), rooms, ahead
        self._ages = {room.room_id: [expectation.ages(room.room_id, at, known.draws) for at in ahead] for room in rooms}
        self._required = {
            room.room_id: [
                self._law.required(draws, at, room) for draws, at in zip(self._ages[room.room_id], ahead, strict=True)
            ]
            for room in rooms
        }
        draws = range(known.draws)
        need = [sum(row[draw] for rows in self._required.values() for row in rows) for draw in draws]
        ranked = sorted(draws, key=lambda draw: (need[draw], draw))
        part = known.draws // _SCENARIOS
        self._chosen = [ranked[part * number + part // 2] for number in range(_SCENARIOS)]

    def scenarios(self) -> tuple[coverage.Scenario, ...]:
        return tuple(
            coverage.Scenario(
                name=f"draw {draw}",
                weight=1 / _SCENARIOS,
                required={room_id: tuple(row[draw] for row in rows) for room_id, rows in self._required.items()},
            )
            for draw in self._chosen
        )

    def combinations(self, opening: Interval) -> tuple[coverage.Combination, ...]:
        """Pairs the center joins, in the first hour and towards closing, with what the joined room requires."""
        early = [n for n, at in enumerate(self._ahead) if at < opening.start + _JOINED_EARLY]
        late = [n for n, at in enumerate(self._ahead) if at >= opening.end - _JOINED_LATE]
        windows = [(early[0], early[-1] + 1)] if len(early) > 1 else []
        windows += [(late[0], late[-1] + 1)] if len(late) > 1 and late[0] >= len(early) else []
        rooms = {room.room_id: room for room in self._rooms}
        pairs = sorted({tuple(sorted((r.room_id, o))) for r in self._rooms for o in r.combines_with if o in rooms})
        return tuple(
            coverage.Combination(
                start=start, end=end, rooms=pair,
                required={str(n): self._joined(draw, pair, start, end) for n, draw in enumerate(self._chosen)},
            )
            for start, end in windows for pair in pairs
        )  # fmt: skip

    def _joined(self, draw: int, pair: tuple[str, ...], start: int, end: int) -> tuple[int, ...]:
        target = next(room for room in self._rooms if room.room_id == pair[0])
        crowds = (tuple(age for room in pair for age in self._ages[room][n][draw]) for n in range(start, end))
        return tuple(
            self._law.required([crowd], self._ahead[n], target)[0]
            for n, crowd in zip(range(start, end), crowds, strict=True)
        )


class _Law:
    """The rulebook asked once per crowd of ages, activity and part of the day; answers are kept for the next posing."""

    def __init__(self, known: DayFacts) -> None:
        self._known = known
        center = known.facts.center
        self._edges = known.book.boundaries(center.opens, center.closes)
        self._answers = _answers_of(known.book, center.opens, center.closes)

    def required(self, crowds: Sequence[Ages], at: datetime, room: Room) -> list[int]:
        """Adults required for each crowd in this room at this instant; nobody for no children."""
        local = at.astimezone(self._known.facts.tz).time()
        activity = "nap" if room.nap is not None and room.nap.start <= local < room.nap.end else "normal"
        part = sum(edge <= local for edge in self._edges)  # between two instants at which a rule may change by itself
        book, center = self._known.book, self._known.facts.center
        known = self._answers.get((activity, part))
        if known is None or len(known) > _CROWDS_KEPT:
            known = self._answers[activity, part] = {(): 0}
        for ages in {ages for ages in crowds if ages not in known}:
            known[ages] = book.required(ages, local, activity, center.opens, center.closes)
        return [known[ages] for ages in crowds]


@lru_cache(maxsize=16)
def _answers_of(book: Rulebook, opens: time, closes: time) -> dict[tuple[str, int], dict[Ages, int]]:  # noqa: ARG001
    """What the book has answered for centers open at these hours: adults by crowd, by activity and part of the day."""
    return {}

"""The staff side of a week's coverage problem: who is scheduled, free, qualified, familiar, and when breaks may lie."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from domain.people import Role, Shift, StaffMember
from domain.places import Center, Room
from domain.time import SLOT, SLOT_MINUTES, Interval, age_in_months
from optimizer import problem as coverage
from rulebook import AdultHere, ChildHere, Rulebook, Situation

FLEXIBLE_SLOTS = 2  # a shift may be lengthened by so much at either end where the adult is available
BREAK_LEEWAY = timedelta(minutes=60)  # a scheduled break may be moved so far, inside its shift
FAMILIAR_DAYS = 56
DUTY_DAYS = 28
DEFAULT_HOURLY_COST = 20.0
_MOVABLE = frozenset({Role.TEACHER, Role.ASSISTANT, Role.AIDE, Role.SUBSTITUTE})


@dataclass(frozen=True)
class StaffFacts:
    """What is known of a center's staff when the plan is made."""

    staff: Sequence[StaffMember]
    shifts: Sequence[Shift]  # the latest state of each
    free: Mapping[str, Sequence[Interval]]  # availability by staff_id
    worked: Sequence[tuple[str, str | None, Interval]]  # staff_id, room_id, in-room stays of the last weeks


@dataclass(frozen=True)
class Grid:
    """The problem's slots, and which of them an interval covers."""

    slots: tuple[datetime, ...]

    def inside(self, interval: Interval) -> list[coverage.Span]:
        """Runs of slots that lie wholly inside; one run per stretch without a gap in time."""
        first, end = bisect_left(self.slots, interval.start), bisect_right(self.slots, interval.end - SLOT)
        return self._runs(range(first, end))

    def _runs(self, numbers: Iterable[int]) -> list[coverage.Span]:
        runs: list[list[int]] = []
        for number in numbers:
            if runs and runs[-1][-1] == number - 1 and self.slots[number] - self.slots[number - 1] == SLOT:
                runs[-1].append(number)
            else:
                runs.append([number])
        return [coverage.Span(start=run[0], end=run[-1] + 1) for run in runs]


def adults_of(
    center: Center, rooms: Sequence[Room], facts: StaffFacts, grid: Grid, monday: date, now: datetime, book: Rulebook
) -> tuple[coverage.Adult, ...]:
    """Everybody who may count in at least one room and is scheduled or can be called in that week."""
    shifts: dict[str, list[Shift]] = defaultdict(list)
    for shift in facts.shifts:
        shifts[shift.staff_id].append(shift)
    familiar, duty = _familiarity(facts, now), _duty(facts, now)
    adults = []
    for member in sorted(facts.staff, key=lambda person: person.staff_id):
        counts_in = rooms_counted(book, center, rooms, member, monday)
        own = [shift for shift in shifts[member.staff_id] if shift.status == "scheduled"]
        free = facts.free.get(member.staff_id, ())
        on_call = not own and member.role == Role.SUBSTITUTE and bool(free)
        if not counts_in or not (own or on_call):
            continue
        worked = _hours_this_week(facts, member.staff_id, center, monday, grid)
        home = member.home_room_id if member.home_room_id in {room.room_id for room in rooms} else None
        adults.append(
            coverage.Adult(
                staff_id=member.staff_id,
                name=member.staff_id,
                is_float=member.is_float,
                home_room_id=home,
                movable=member.role in _MOVABLE,
                on_call=on_call,
                rooms=None if len(counts_in) == len(rooms) else counts_in,
                shifts=tuple(part for shift in own for part in _shift(shift, free, grid)),
                available=tuple(span for interval in free for span in grid.inside(interval)),
                breaks=tuple(pause for shift in own for pause in _breaks(shift, grid)),
                max_hours_day=max(member.max_hours_day or 24.0, *_scheduled_hours(own, center).values(), 0.0),
                max_hours_week=max(
                    member.max_hours_week or 168.0, worked + sum(_scheduled_hours(own, center).values())
                ),
                hourly_cost=DEFAULT_HOURLY_COST if member.hourly_cost is None else member.hourly_cost,
                familiar={
                    room.room_id: round(share, 2)
                    for room in rooms
                    if (share := 1.0 if room.room_id == home else familiar[member.staff_id, room.room_id]) > 0
                },
                duty_before=round(duty[member.staff_id], 2),
                hours_before=round(worked, 2),
            )
        )
    return tuple(adults)


def rooms_counted(
    book: Rulebook, center: Center, rooms: Sequence[Room], member: StaffMember, day: date
) -> tuple[str, ...]:
    """The rooms in which the center's rules count this adult, with the credentials valid that day."""
    years = None if member.birth_date is None else age_in_months(member.birth_date, day) // 12
    held = frozenset(credential.code for credential in member.credentials if credential.valid_on(day))
    adult = AdultHere("", member.role, years, held)
    return tuple(room.room_id for room in rooms if _counts(book, adult, room.age_min_months, day, center.opens))


@lru_cache(maxsize=2_000)
def _counts(book: Rulebook, adult: AdultHere, age_months: int, day: date, at: time) -> bool:
    """Whether the rules count such an adult alone with one child of that age."""
    return book.check(Situation(day, at, (ChildHere(min(age_months, 215)),), (adult,))).counted > 0


def _shift(shift: Shift, free: Sequence[Interval], grid: Grid) -> list[coverage.Shift]:
    """The slots of a shift; either end may move outwards by as many slots as the adult is available there."""
    spans = grid.inside(shift.interval)
    result = []
    for number, span in enumerate(spans):
        before = _free_slots(free, grid, span.start, -1) if number == 0 else 0
        after = _free_slots(free, grid, span.end - 1, +1) if number == len(spans) - 1 else 0
        result.append(coverage.Shift(start=span.start, end=span.end, may_start_earlier=before, may_end_later=after))
    return result


def _free_slots(free: Sequence[Interval], grid: Grid, slot: int, step: int) -> int:
    found = 0
    while found < FLEXIBLE_SLOTS:
        following = slot + step * (found + 1)
        if not 0 <= following < len(grid.slots):
            break
        at = grid.slots[following]
        joined = at - grid.slots[slot] == SLOT * step * (found + 1)
        if not joined or not any(part.start <= at and at + SLOT <= part.end for part in free):
            break
        found += 1
    return found


def _breaks(shift: Shift, grid: Grid) -> list[coverage.Break]:
    """The shift's breaks, each to be placed within its window; breaks outside the planned slots are left out."""
    result = []
    for number, part in enumerate(segment for segment in shift.segments if segment.kind == "break"):
        slots = -(-int((part.end - part.start).total_seconds()) // (SLOT_MINUTES * 60))
        window = Interval(max(shift.start, part.start - BREAK_LEEWAY), min(shift.end, part.end + BREAK_LEEWAY))
        spans = [span for span in grid.inside(window) if span.end - span.start >= slots]
        if slots and spans:
            break_id = f"{shift.shift_id}-{number + 1}"[-64:]
            result.append(coverage.Break(break_id=break_id, start=spans[0].start, end=spans[0].end, slots=slots))
    return result


def _familiarity(facts: StaffFacts, now: datetime) -> dict[tuple[str, str], float]:
    """Hours in a room over the last eight weeks, relative to 40 of them, at most 1."""
    hours: dict[tuple[str, str], float] = defaultdict(float)
    for staff_id, room_id, interval in facts.worked:
        if room_id is not None and interval.start >= now - timedelta(days=FAMILIAR_DAYS):
            hours[staff_id, room_id] += interval.seconds / 3600
    return defaultdict(float, {key: min(1.0, value / 40) for key, value in hours.items()})


def _duty(facts: StaffFacts, now: datetime) -> dict[str, float]:
    """Hours of the last four weeks spent in a room that is not one's own."""
    home = {member.staff_id: member.home_room_id for member in facts.staff}
    hours: dict[str, float] = defaultdict(float)
    for staff_id, room_id, interval in facts.worked:
        if room_id is not None and room_id != home.get(staff_id) and interval.start >= now - timedelta(days=DUTY_DAYS):
            hours[staff_id] += interval.seconds / 3600
    return hours


def _scheduled_hours(shifts: Sequence[Shift], center: Center) -> dict[date, float]:
    """Hours on shift by local day. What the center has scheduled stands even beyond somebody's limit (which may not
    count unpaid breaks); the limit then only forbids more.
    """
    hours: dict[date, float] = defaultdict(float)
    for shift in shifts:
        hours[center.local(shift.start).date()] += shift.interval.seconds / 3600
    return hours


def _hours_this_week(facts: StaffFacts, staff_id: str, center: Center, monday: date, grid: Grid) -> float:
    """Hours worked from Monday to the first slot planned."""
    first = grid.slots[0]
    return sum(
        part.seconds / 3600
        for who, _, interval in facts.worked
        if who == staff_id
        and center.local(interval.start).date() >= monday
        and (part := interval.intersection(Interval(min(interval.start, first), first)))
    )

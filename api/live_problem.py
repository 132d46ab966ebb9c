"""The rest of today as it stands, as a coverage problem: who is where now, who is due, the children looked ahead to.

What the live state tells is read at once (`seen_now`, on the loop that changes it); the rest may be done beside it.
The quarter of an hour before the present one stands as a fact: everybody where they are now. So the plan knows which
room somebody would be moved out of, and how much of a break is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from api.agreed import Agreed
from api.center import LiveCenter
from api.day_problem import DayFacts, pose_day
from domain.people import Availability, Segment, Shift
from domain.time import SLOT, Interval, floor_slot
from evaluator import BookedExpectation, CenterFacts, Expectation, ForecastExpectation
from evaluator.groups import targets
from evaluator.tracks import StaffPlace
from optimizer import Plan, Problem
from optimizer import problem as coverage
from optimizer.standing import Spot, runs_of, spots_of, standing
from rulebook import Rulebook

_DRAWS = 40
_MODEL_REACHES = timedelta(minutes=60)  # further ahead bookings say more than the end of a short forecast
_LATE = timedelta(minutes=30)  # who is due and not here is expected no sooner
_NO_SHOW = timedelta(minutes=60)  # who is later than this is not expected any more
_UNPLANNED_BREAK = timedelta(minutes=15)
_RUNNING = "running"
_NOTHING = Agreed()


@dataclass(frozen=True, slots=True)
class LiveDay:
    """`plan`: what happens if nothing is done. `slot`: the present one."""

    problem: Problem
    plan: Plan
    slot: int


@dataclass(frozen=True, slots=True)
class SeenNow:
    """What a day is posed from, taken from the live state at one instant: later changes do not touch it."""

    facts: CenterFacts
    book: Rulebook
    now: datetime
    day: date
    here: Mapping[str, StaffPlace]  # by staff_id
    merged: Mapping[str, str]  # room -> the room its children count in
    shifts: Sequence[Shift]
    free: Sequence[Availability]
    plans: Sequence[tuple[Problem, Plan]]
    away: Mapping[str, Interval]  # by staff_id
    expected: Expectation
    needed: Mapping[str, int]  # by room: adults required now


def pose_now(
    center: LiveCenter, now: datetime, free: Sequence[Availability] = (), agreed: Agreed = _NOTHING
) -> LiveDay | None:
    """The day as seen now, posed; None as in `seen_now` and `pose`."""
    seen = seen_now(center, now, free, agreed)
    return None if seen is None else pose(seen)


def seen_now(
    center: LiveCenter, now: datetime, free: Sequence[Availability] = (), agreed: Agreed = _NOTHING
) -> SeenNow | None:
    """None outside the opening hours. `free`: who may be asked to come or to stay; `agreed`: the plans people accepted
    for today, which stand over the shifts.
    """
    facts, service = center.facts, center.facts.service(now)
    if service is None or now not in service or center.assessment is None:
        return None
    day, here = facts.day_of(service.start), _here(center, now)
    merged = targets(center.state, facts, now) | _closing(facts, day)
    shifts = [*_breaks_to_come(center, now, here), *_without_a_shift(facts, now, service, here)]
    away = _away(center, now, service, here) | _called_out(agreed, now, here)
    needed = {room_id: room.verdict.required for room_id, room in center.assessment.rooms.items()}
    return SeenNow(
        facts, center.book(now), now, day, here, merged, shifts, free, agreed.plans, away,
        _Expected(center, now, merged), needed,
    )  # fmt: skip


def pose(seen: SeenNow) -> LiveDay | None:
    """None where no room is known or no slot of the day is left. Tens of milliseconds; reads no live state."""
    known = DayFacts(seen.facts, seen.book, seen.shifts, seen.free, seen.expected, seen.plans, _DRAWS)
    slot = floor_slot(seen.now)
    posed = pose_day(known, seen.day, slot - SLOT, seen.away, f"{seen.day.isoformat()}-live")
    if posed is None or slot not in posed.slots:
        return None
    problem = _as_it_stands(seen, posed)
    return LiveDay(problem, standing(problem), problem.slots.index(slot))


def _here(center: LiveCenter, now: datetime) -> dict[str, StaffPlace]:
    start = center.facts.day_start(now)
    clocked = {staff_id for ids in center.state.staffed.values() for staff_id in ids}
    places = {staff_id: center.state.adult(staff_id) for staff_id in sorted(clocked)}
    return {staff_id: place for staff_id, place in places.items() if place is not None and place.since >= start}


def _closing(facts: CenterFacts, day: date) -> dict[str, str]:
    """Rooms that close today -> the room their children go to; one without such a room stays open."""
    closed = {row.room_id for row in facts.closures if row.day == day and row.room_id in facts.rooms}
    found = {}
    for room_id in sorted(filter(None, closed)):
        open_to = [
            other for other in facts.rooms[room_id].combines_with if other in facts.rooms and other not in closed
        ]
        if open_to:
            found[room_id] = open_to[0]
    return found


def _breaks_to_come(center: LiveCenter, now: datetime, here: Mapping[str, StaffPlace]) -> Iterator[Shift]:
    """The shifts without the breaks that were begun today; which one it was nobody says, so the first count first."""
    start = center.facts.day_start(now)
    begun = Counter(
        event.staff_id
        for event in center.state.events()
        if event.event_type == "break_start" and event.happened_at >= start and not event.voided
    )
    for staff_id, shifts in center.facts.shifts_by_staff.items():
        left = begun[staff_id]
        for shift in shifts:
            if shift.end <= start or shift.start > now + timedelta(days=1):
                continue
            parts: list[Segment] = []
            for part in shift.segments:
                if part.kind == "break" and left and staff_id in here:
                    left -= 1
                else:
                    parts.append(part)
            yield replace(shift, segments=tuple(parts))


def _without_a_shift(
    facts: CenterFacts, now: datetime, service: Interval, here: Mapping[str, StaffPlace]
) -> Iterator[Shift]:
    """Who is here outside the hours of any shift is taken to stay, until a shift of theirs begins."""
    for staff_id, place in here.items():
        if facts.shift_at(staff_id, now) is not None or staff_id not in facts.staff:
            continue
        later = [each.start for each in facts.shifts_by_staff.get(staff_id, ()) if each.start > now]
        start, end = floor_slot(now) - SLOT, min([service.end, *later])
        parts = (Segment(start, end, "room" if place.room_id else "float", place.room_id),)
        yield Shift(f"here-{staff_id}"[:40], facts.center.center_id, staff_id, start, end, parts, "")


def _away(center: LiveCenter, now: datetime, service: Interval, here: Mapping[str, StaffPlace]) -> dict[str, Interval]:
    """Who is scheduled now and not here: late for a while, gone home, or not coming."""
    facts, found = center.facts, {}
    for staff_id in facts.shifts_by_staff:
        shift = facts.shift_at(staff_id, now)
        if staff_id in here or shift is None or not shift.start <= now < shift.end:
            continue
        left = center.state.worked(staff_id, facts.day_start(now))
        gone = left or now - shift.start > _NO_SHOW
        found[staff_id] = Interval(floor_slot(now) - SLOT, service.end if gone else now + _LATE)
    return found


def _called_out(agreed: Agreed, now: datetime, here: Mapping[str, StaffPlace]) -> dict[str, Interval]:
    """Whose absence was approved, while it lasts and they have not come; who was to come later may be late."""
    found = {}
    for staff_id, span in agreed.away.items():
        if span.start > now or (staff_id not in here and now < span.end):
            found[staff_id] = span
        elif staff_id not in here and now - span.end <= _NO_SHOW:
            found[staff_id] = Interval(span.start, now + _LATE)
    return found


class _Expected:
    """The forecast as far as it reaches, then bookings; rooms that are one count under one name."""

    model = "forecast, then bookings"

    def __init__(self, center: LiveCenter, now: datetime, merged: Mapping[str, str]) -> None:
        self._booked = BookedExpectation(center.state, center.facts, now)
        self._booked.read(center.facts.rooms)
        modelled = isinstance(center.expectation, ForecastExpectation)
        self._near: Expectation = center.expectation if modelled and center.expectation else self._booked
        self._until, self._merged = now + _MODEL_REACHES, merged

    def ages(self, room_id: str, at: datetime, n: int) -> Sequence[tuple[int | None, ...]]:
        source = self._near if at <= self._until else self._booked
        if self._merged.get(room_id, room_id) != room_id:
            return [()] * n
        if at > self._until + _MODEL_REACHES:  # further off half hours will do
            at -= timedelta(minutes=at.minute % 30)
        members = [room_id, *(other for other, target in self._merged.items() if target == room_id != other)]
        if len(members) == 1:
            return source.ages(room_id, at, n)
        draws = [source.ages(member, at, n) for member in members]
        return [tuple(age for part in parts for age in part) for parts in zip(*draws, strict=True)]

    def drivers(self, room_id: str, at: datetime) -> list[str]:
        return self._near.drivers(room_id, at)


def _as_it_stands(seen: SeenNow, posed: Problem) -> Problem:
    here, merged, needed = seen.here, seen.merged, seen.needed
    first = posed.slots.index(floor_slot(seen.now))  # 1, or 0 in the first quarter of an hour of the day
    size, before = len(posed.slots), spots_of(posed.current)
    staff = tuple(_adult(seen, adult, first, size) for adult in posed.staff)
    rooms = {room.room_id for room in posed.rooms}
    current = [
        item
        for adult in staff
        for item in _current(adult, here.get(adult.staff_id), before.get(adult.staff_id, {}), rooms, merged, first)
    ]
    scenarios = [
        scenario.model_copy(
            update={
                "required": {
                    room_id: (*numbers[:first], needed.get(room_id, 0), *numbers[first + 1 :])
                    for room_id, numbers in scenario.required.items()
                }
            }
        )
        for scenario in posed.scenarios
    ]
    apart = [item for item in posed.combinations if not set(item.rooms) & {*merged, *merged.values()}]
    changed = {
        "staff": staff, "current": current, "frozen_until": first, "scenarios": scenarios, "combinations": apart,
    }  # fmt: skip
    return Problem.model_validate({name: getattr(posed, name) for name in Problem.model_fields} | changed)


def _adult(seen: SeenNow, adult: coverage.Adult, first: int, slots: int) -> coverage.Adult:
    """With the break that runs, and the hours of the day that are left."""
    place, now = seen.here.get(adult.staff_id), seen.now
    if place is None:
        return adult
    breaks = adult.breaks
    if place.state == "on_break" and first:
        shift = seen.facts.shift_at(adult.staff_id, now)
        planned = [part for part in shift.segments if part.kind == "break"] if shift else []
        near = min(planned, key=lambda part: abs(part.start - place.state_since), default=None)
        ends = place.state_since + (near.end - near.start if near else _UNPLANNED_BREAK)
        left = min(max(1, -int((floor_slot(now) - ends).total_seconds() // SLOT.total_seconds())), slots - 1)
        breaks = (*breaks, coverage.Break(break_id=_RUNNING, start=0, end=left + 1, slots=left + 1))
    worked = max(0.0, (floor_slot(now) - SLOT * first - place.since).total_seconds() / 3600)
    scheduled = sum(shift.end - shift.start for shift in adult.shifts) * SLOT.total_seconds() / 3600
    hours = max(adult.max_hours_day - worked, scheduled)
    fits = tuple(
        pause for pause in breaks if pause.break_id != _RUNNING or pause.end <= _last(adult, left_at=pause.end)
    )
    return adult.model_copy(update={"breaks": fits, "max_hours_day": hours})


def _last(adult: coverage.Adult, left_at: int) -> int:
    return max((shift.end for shift in adult.shifts), default=left_at)


def _current(
    adult: coverage.Adult, place: StaffPlace | None, mine: Mapping[int, Spot], rooms: AbstractSet[str],
    merged: Mapping[str, str], first: int,
) -> Iterator[coverage.Assignment]:  # fmt: skip
    """The plan in force from where the adult is: one sent elsewhere stays there until the plan next moves them."""
    spots = {t: _named(adult, mine, t, merged) for t in mine if t >= first}
    if place is not None:
        now = Spot("idle")
        if place.state == "on_break":
            now = Spot("break", None, _RUNNING)
        elif place.room_id in rooms:
            now = Spot("room", merged.get(place.room_id or "", place.room_id))
        if first:
            spots[0] = now
        planned, t = mine.get(first), first
        while now.state != "break" and planned is not None and planned.state != "break" and mine.get(t) == planned:
            spots[t] = now
            t += 1
    yield from runs_of(adult.staff_id, spots, {first})


def _named(adult: coverage.Adult, mine: Mapping[int, Spot], t: int, merged: Mapping[str, str]) -> Spot:
    """The spot with the break it is a part of, and with the room it counts under."""
    spot = mine[t]
    if spot.state != "break":
        return spot._replace(room_id=merged.get(spot.room_id or "", spot.room_id))
    fits = (pause.break_id for pause in adult.breaks if pause.break_id != _RUNNING and pause.start <= t < pause.end)
    return spot._replace(break_id=next(fits, None))

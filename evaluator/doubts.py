"""The ways in which a count goes wrong, one rule each, with its reason in words.

A rule is a generator over one room at one instant. It yields a `Doubt` for what is doubtful now, and an instant at
which it would begin or cease to doubt if nothing else happens, so that nobody has to poll.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.time import local_instant
from evaluator.facts import SHIFT_REMEMBERED, CenterFacts
from evaluator.groups import Group, difference, headcounts, holds_until, most_doubtful
from evaluator.state import CenterState

PAST_CLOSING = timedelta(0)
OVERDUE_PICK_UP = timedelta(minutes=45)
PAST_SHIFT_END = timedelta(minutes=60)
VISIT = timedelta(hours=2)
ARRIVAL_OVERDUE = timedelta(minutes=45)
SILENCE = timedelta(hours=2)
MANY = 3  # children due that make silence strange
RECENT = timedelta(hours=2)
FUTURE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a count may be wrong.

    `child_ids` may not be there although recorded; `missing_staff_ids` may be there although not recorded;
    `doubted_staff_ids` may not be there although recorded. `more_children`: so many may be there unrecorded.
    """

    rule: str
    sentence: str
    since: datetime
    child_ids: tuple[str, ...] = ()
    missing_staff_ids: tuple[str, ...] = ()
    doubted_staff_ids: tuple[str, ...] = ()
    more_children: int = 0


@dataclass(frozen=True)
class Look:
    """What a rule sees."""

    state: CenterState
    facts: CenterFacts
    group: Group
    now: datetime
    expected: Mapping[str, float] | None = None  # children per room that a forecast expects by now

    @property
    def day(self) -> date:
        return self.facts.day_of(self.now)


Finding = Doubt | datetime
Rule = Callable[[Look], Iterator[Finding]]


def stay_past_closing(look: Look) -> Iterator[Finding]:
    service = look.facts.service(look.now)
    if service is None or not look.group.places:
        return
    since = service.end + PAST_CLOSING
    if look.now < since:
        yield since
    else:
        count = len(look.group.places)
        yield Doubt(
            "stay_past_closing", f"{count} recorded here after closing", since, tuple(sorted(look.group.places))
        )


def not_booked(look: Look) -> Iterator[Finding]:
    """In without a booking, or although marked absent; says nothing where the center keeps no bookings for the day."""
    if not look.facts.booked_days or look.day not in look.facts.booked_days:
        return
    for child_id, place in look.group.places.items():
        rows = look.facts.bookings_of(child_id, look.day)
        if not any(row.status == "booked" for row in rows):
            why = "marked absent" if any(row.status == "absent" for row in rows) else "not booked today"
            yield Doubt("not_booked", f"a child who is {why} is recorded here", place.since, (child_id,))


def pick_up_overdue(look: Look) -> Iterator[Finding]:
    """Booked to have left long ago: collected, but not checked out?"""
    for child_id in look.group.places:
        outs = [row.expected_out for row in look.facts.bookings_of(child_id, look.day) if row.expected_out]
        if not outs:
            continue
        since = local_instant(look.day, max(outs), look.facts.tz) + OVERDUE_PICK_UP
        if look.now < since:
            yield since
        else:
            yield Doubt("pick_up_overdue", "a child is recorded well past the booked pick-up", since, (child_id,))


def other_room(look: Look) -> Iterator[Finding]:
    """Checked in to a room that is neither the child's own nor the booked one: a slip of the finger?"""
    for child_id, place in look.group.places.items():
        if place.moved == place.since and not _own_rooms(look, child_id) & set(look.group.members):
            if _own_rooms(look, child_id):
                yield Doubt("other_room", "a child of another room was checked in here", place.since, (child_id,))
        elif place.moved > place.since and place.room_id not in _own_rooms(look, child_id):
            if look.now < place.moved + VISIT:
                yield place.moved + VISIT
            else:
                sentence = "a child who came on a visit has not been moved back for two hours"
                yield Doubt("long_visit", sentence, place.moved + VISIT, (child_id,))


def own_children_elsewhere(look: Look) -> Iterator[Finding]:
    """The other side of `other_room`: children of this room were checked in to another."""
    strays = []
    for child_id in look.facts.children_by_home(look.group.members):
        place = look.state.child(child_id)
        if place is None or place.room_id in look.group.members or place.room_id in _own_rooms(look, child_id):
            continue
        if place.moved == place.since >= look.facts.day_start(look.now):
            strays.append(place.since)
    if strays:
        sentence = f"{len(strays)} of this room's children were checked in to another room"
        yield Doubt("own_children_elsewhere", sentence, max(strays), more_children=len(strays))


def contradictory_events(look: Look) -> Iterator[Finding]:
    """Moved or checked in in a way the earlier events do not allow."""
    for child_id, place in look.group.places.items():
        if place.doubt:
            yield Doubt("contradictory_events", f"a child {place.doubt}", place.moved, (child_id,))


def adult_in_two_rooms(look: Look) -> Iterator[Finding]:
    for staff_id, place in look.group.staff_places.items():
        if place.doubt:
            sentence = f"{look.facts.display(staff_id)}: {place.doubt}"
            yield Doubt("adult_in_two_rooms", sentence, place.state_since, doubted_staff_ids=(staff_id,))
    for staff_ids in look.state.staffed.values():
        for staff_id in staff_ids:
            other = look.state.adult(staff_id)
            if (
                other
                and other.doubt
                and other.from_room_id in look.group.members
                and other.room_id not in look.group.members
            ):
                sentence = f"{look.facts.display(staff_id)}: {other.doubt}, one of them this room"
                yield Doubt("adult_in_two_rooms", sentence, other.since, missing_staff_ids=(staff_id,))


def planned_here_logged_elsewhere(look: Look) -> Iterator[Finding]:
    """Clocked in and planned for this room now, but logged elsewhere: moved without being logged?"""
    start = look.facts.day_start(look.now)
    for member in look.group.members:
        for segment, staff_id in look.facts.planned_by_room.get(member, ()):
            if look.now < segment.start:
                yield segment.start
                break  # by start: the rest lies ahead too
            if look.now >= segment.end:
                continue
            place = look.state.adult(staff_id)
            if place is None or place.since < start or place.state != "in_room" or place.room_id in look.group.members:
                continue
            where = "in no room" if place.room_id is None else f"in {look.facts.room_name(place.room_id)}"
            sentence = f"{look.facts.display(staff_id)} is planned here now and logged {where}"
            yield Doubt(
                "planned_here_logged_elsewhere", sentence, max(segment.start, place.state_since),
                missing_staff_ids=(staff_id,),
            )  # fmt: skip
            yield segment.end


def adult_past_shift_end(look: Look) -> Iterator[Finding]:
    for staff_id in look.group.staff_places:
        shift = look.facts.shift_at(staff_id, look.now)
        if shift is None:
            continue
        since = shift.end + PAST_SHIFT_END
        if look.now < since:
            yield since
        else:
            sentence = f"{look.facts.display(staff_id)} is still clocked in an hour after the shift's end"
            yield Doubt("adult_past_shift_end", sentence, since, doubted_staff_ids=(staff_id,))
            yield shift.end + SHIFT_REMEMBERED


def silent_room(look: Look) -> Iterator[Finding]:
    """No event for hours while children are due: has anybody been checked in at all?"""
    service, start = look.facts.service(look.now), look.facts.day_start(look.now)
    if service is None or look.now >= service.end:
        return
    due = sorted(
        at + ARRIVAL_OVERDUE
        for member in look.group.members
        for child_id, at in look.facts.due_arrivals(member, look.day)
        if look.state.child(child_id) is None and not look.state.was_in(child_id, start)
    )
    expected = sum((look.expected or {}).get(member, 0.0) for member in look.group.members)
    missing = max(sum(at <= look.now for at in due), round(expected) - len(look.group.places))
    heard = max((at for member in look.group.members if (at := look.state.last_event_in.get(member))), default=start)
    since = max(heard, service.start) + SILENCE
    if missing < MANY:
        if len(due) >= MANY:
            yield max(since, due[MANY - 1])
    elif look.now < since:
        yield since
    else:
        hours = round((look.now - since + SILENCE).total_seconds() / 3600)
        sentence = f"no event for {hours} hours while {missing} more are due"
        yield Doubt("silent_room", sentence, since, more_children=missing)
        yield service.end


def more_out_than_in(look: Look) -> Iterator[Finding]:
    """Check-outs of children whom nobody had checked in: others may be in unrecorded too."""
    strays = [
        event.happened_at
        for event in look.state.stray_check_outs()
        if event.room_id in look.group.members and look.now - RECENT <= event.happened_at <= look.now
    ]
    if len(strays) >= 2:
        sentence = f"{len(strays)} children were checked out who had never been checked in"
        yield Doubt("more_out_than_in", sentence, max(strays), more_children=1)
        yield sorted(strays)[-2] + RECENT


def earlier_headcount_disagreed(look: Look) -> Iterator[Finding]:
    """A headcount that found fewer holds for two hours; the events never explained it."""
    start = look.facts.day_start(look.now)
    for count, rooms in headcounts(look.state, look.group.members, look.now, start):
        since = holds_until(look.facts, count)
        if look.now < since:
            yield since
            continue
        recorded = {child_id: place for child_id, place in look.group.places.items() if place.room_id in rooms}
        fewer = -difference(look.state, recorded, count, rooms, start)
        if fewer > 0:
            sentence = f"an earlier headcount found {fewer} fewer, which no event has explained"
            suspects = most_doubtful(look.facts, recorded, count, look.now)[:fewer]
            yield Doubt("earlier_headcount_disagreed", sentence, since, tuple(sorted(suspects)))


def room_never_moved_out(look: Look) -> Iterator[Finding]:
    """Children without an adult whose own adults have all moved on: did they go along unlogged?"""
    if not look.group.places or look.group.adults:
        return
    went: dict[str, datetime] = {}
    for staff_ids in look.state.staffed.values():
        for staff_id in staff_ids:
            place = look.state.adult(staff_id)
            if (
                place
                and place.room_id
                and place.from_room_id in look.group.members
                and place.room_id not in look.group.members
            ):
                went[place.room_id] = max(place.state_since, went.get(place.room_id, place.state_since))
    newest = max(place.moved for place in look.group.places.values())
    for room_id, at in sorted(went.items()):
        if newest <= at:
            sentence = f"its last adult moved to {look.facts.room_name(room_id)} and the children were not moved along"
            yield Doubt("room_never_moved_out", sentence, at, tuple(sorted(look.group.places)))


def fuller_than_the_room(look: Look) -> Iterator[Finding]:
    """More children than the room is licensed to hold, strangers to it among them."""
    capacity = sum(look.facts.rooms[member].capacity for member in look.group.members if member in look.facts.rooms)
    strangers = [c for c in look.group.places if not _own_rooms(look, c) & set(look.group.members)]
    if capacity and strangers and len(look.group.places) > capacity:
        since = max(look.group.places[child_id].moved for child_id in strangers)
        sentence = f"{len(look.group.places)} recorded in a room for {capacity}"
        yield Doubt("fuller_than_the_room", sentence, since, tuple(sorted(strangers)))


def from_the_future(look: Look) -> Iterator[Finding]:
    """An event that has not happened yet: a clock somewhere is wrong."""
    for child_id, place in look.group.places.items():
        if place.moved > look.now + FUTURE:
            yield Doubt("from_the_future", "an event lies in the future; a clock is wrong", place.moved, (child_id,))
            yield place.moved - FUTURE


RULES: tuple[Rule, ...] = (
    stay_past_closing, not_booked, pick_up_overdue, other_room, own_children_elsewhere, contradictory_events,
    adult_in_two_rooms, planned_here_logged_elsewhere, adult_past_shift_end, silent_room, more_out_than_in,
    earlier_headcount_disagreed,
    room_never_moved_out, fuller_than_the_room, from_the_future,
)  # fmt: skip


def _own_rooms(look: Look, child_id: str) -> set[str]:
    """The child's home room and where it is booked today; empty for a child nobody knows."""
    child = look.facts.children.get(child_id)
    rooms = {row.room_id for row in look.facts.bookings_of(child_id, look.day)}
    return rooms | {child.room_id} if child else rooms

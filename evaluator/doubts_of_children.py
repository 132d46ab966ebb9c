"""The ways in which a count of children goes wrong, one rule each, with its reason in words and its odds.

The odds are what such a record was worth in simulated centers with usual faults. They weigh doubts against each
other and need to be right to a factor of two, not more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from evaluator.doubts import Doubt, Finding, Look, Rule
from evaluator.headcounts import VISIT, found_by, headcounts, holds_until, strays

LATE_PICK_UP = timedelta(minutes=30)  # after closing; who is recorded later has most likely been collected
OVERDUE_PICK_UP = timedelta(minutes=45)
LONG_OVERDUE = timedelta(minutes=75)
ARRIVAL_OVERDUE = timedelta(minutes=45)
SILENCE = timedelta(hours=2)
MANY = 3  # children due that make silence strange
RECENT = timedelta(hours=2)
FUTURE = timedelta(minutes=2)


def stay_past_closing(look: Look) -> Iterator[Finding]:
    service, group = look.facts.service(look.now), look.group
    if service is None or not group.children:
        return
    if look.now < service.end:
        yield service.end
        return
    late = service.end + LATE_PICK_UP
    if look.now < late:
        yield late
    since, odds = (late, 0.95) if look.now >= late else (service.end, 0.9)
    sentence = f"{len(group.children)} recorded here after closing"
    everybody = tuple(sorted(group.places))
    yield Doubt("stay_past_closing", sentence, since, odds, everybody, unnamed_children=group.unidentified)


def not_booked(look: Look) -> Iterator[Finding]:
    """In without a booking, or although marked absent; says nothing where the center keeps no bookings for the day."""
    if not look.facts.booked_days or look.day not in look.facts.booked_days:
        return
    booked = look.facts.booked_children(look.day)
    for child_id, place in look.group.places.items():
        if child_id not in booked:
            rows = look.facts.bookings_of(child_id, look.day)
            why = "marked absent" if any(row.status == "absent" for row in rows) else "not booked today"
            yield Doubt("not_booked", f"a child who is {why} is recorded here", place.since, 0.3, (child_id,))


def pick_up_overdue(look: Look) -> Iterator[Finding]:
    """Booked to have left long ago: collected, but not checked out?"""
    for child_id, place in look.group.places.items():
        due = look.facts.session(child_id, place.since).ends
        if due is None:
            continue
        if look.now < due + LONG_OVERDUE:
            yield due + (OVERDUE_PICK_UP if look.now < due + OVERDUE_PICK_UP else LONG_OVERDUE)
        if look.now >= due + OVERDUE_PICK_UP:
            waits, odds = (LONG_OVERDUE, 0.3) if look.now >= due + LONG_OVERDUE else (OVERDUE_PICK_UP, 0.2)
            sentence = "a child is recorded well past the booked pick-up"
            yield Doubt("pick_up_overdue", sentence, due + waits, odds, (child_id,))


def other_room(look: Look) -> Iterator[Finding]:
    """Checked in to a room that is neither the child's own nor the booked one: a slip of the finger?"""
    for child_id, place in look.group.places.items():
        own = look.own_rooms(child_id)
        if place.moved == place.since and not own & set(look.group.members):
            if own:
                sentence = "a child of another room was checked in here"
                yield Doubt("other_room", sentence, place.since, 0.9, (child_id,))
        elif place.moved > place.since and place.room_id not in own:
            if look.now < place.moved + VISIT:
                yield place.moved + VISIT
            else:
                sentence = "a child who came on a visit has not been moved back for two hours"
                yield Doubt("long_visit", sentence, place.moved + VISIT, 0.6, (child_id,))


def own_children_elsewhere(look: Look) -> Iterator[Finding]:
    """The other side of `other_room`: children of this room were checked in to another."""
    start, group = look.facts.day_start(look.now), look.group
    elsewhere = {
        child_id: place
        for child_id in look.facts.children_by_home(group.members)
        if child_id not in group.places and (place := look.state.child(child_id)) and place.since >= start
    }
    astray = strays(look.facts, elsewhere, group.members, look.now)
    if astray:
        sentence = f"{len(astray)} of this room's children were checked in to another room"
        since = max(elsewhere[child_id].since for child_id in astray)
        yield Doubt("own_children_elsewhere", sentence, since, 0.9, more_children=len(astray))


def contradictory_events(look: Look) -> Iterator[Finding]:
    """Moved or checked in in a way the earlier events do not allow."""
    for child_id, place in look.group.places.items():
        if place.doubt:
            yield Doubt("contradictory_events", f"a child {place.doubt}", place.moved, 0.05, (child_id,))


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
        yield Doubt("silent_room", sentence, since, 0.4, more_children=missing)
        yield service.end


def more_out_than_in(look: Look) -> Iterator[Finding]:
    """Check-outs of children whom nobody had checked in: others may be in unrecorded too."""
    out = [
        event.happened_at
        for event in look.state.stray_check_outs()
        if event.room_id in look.group.members and look.now - RECENT <= event.happened_at <= look.now
    ]
    if len(out) >= 2:
        sentence = f"{len(out)} children were checked out who had never been checked in"
        yield Doubt("more_out_than_in", sentence, max(out), 0.2, more_children=1)
        yield sorted(out)[-2] + RECENT


def earlier_headcount_disagreed(look: Look) -> Iterator[Finding]:
    """A headcount that found fewer holds for two hours; the events never explained it."""
    start = look.facts.day_start(look.now)
    for count, rooms in headcounts(look.state, look.group.members, look.now, start):
        since = holds_until(look.facts, count)
        if look.now < since:
            yield since
            continue
        disputed = found_by(look.state, look.facts, count, rooms, look.now).disputed
        suspects = [c for c in disputed if c in look.group.places and look.group.places[c].moved <= count.happened_at]
        if suspects:
            sentence = f"an earlier headcount found {len(suspects)} fewer, which no event has explained"
            yield Doubt("earlier_headcount_disagreed", sentence, since, 0.6, tuple(sorted(suspects)))


def fuller_than_the_room(look: Look) -> Iterator[Finding]:
    """More children than the room is licensed to hold, strangers to it among them."""
    capacity = sum(look.facts.rooms[member].capacity for member in look.group.members if member in look.facts.rooms)
    strangers = [c for c in look.group.places if not look.own_rooms(c) & set(look.group.members)]
    if capacity and strangers and len(look.group.places) > capacity:
        since = max(look.group.places[child_id].moved for child_id in strangers)
        sentence = f"{len(look.group.places)} recorded in a room for {capacity}"
        yield Doubt("fuller_than_the_room", sentence, since, 0.7, tuple(sorted(strangers)))


def from_the_future(look: Look) -> Iterator[Finding]:
    """An event that has not happened yet: a clock somewhere is wrong."""
    for child_id, place in look.group.places.items():
        if place.moved > look.now + FUTURE:
            sentence = "an event lies in the future; a clock is wrong"
            yield Doubt("from_the_future", sentence, place.moved, 0.9, (child_id,))
            yield place.moved - FUTURE


RULES_ON_CHILDREN: tuple[Rule, ...] = (
    stay_past_closing, not_booked, pick_up_overdue, other_room, own_children_elsewhere, contradictory_events,
    silent_room, more_out_than_in, earlier_headcount_disagreed, fuller_than_the_room, from_the_future,
)  # fmt: skip

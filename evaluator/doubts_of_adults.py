"""The ways in which a count of adults goes wrong, one rule each; rules and odds as in `doubts_of_children`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.people import Segment
from evaluator.doubts import Doubt, Finding, Look, Rule
from evaluator.facts import SHIFT_REMEMBERED
from evaluator.headcounts import STEPPED_OUT, headcounts
from evaluator.tracks import StaffPlace

PAST_SHIFT_END = timedelta(minutes=20)
LONG_PAST_SHIFT_END = timedelta(minutes=60)
SENT = timedelta(minutes=10)  # before a planned move; who is told to be in another room since then is there on purpose
BACK = timedelta(minutes=10)  # after which who was sent away has more likely come back unlogged


def adult_in_two_rooms(look: Look) -> Iterator[Finding]:
    for staff_id, place in look.group.staff_places.items():
        if place.doubt:
            sentence = f"{look.facts.display(staff_id)}: {place.doubt}"
            yield Doubt("adult_in_two_rooms", sentence, place.state_since, 0.3, doubted_staff_ids=(staff_id,))
    for staff_ids in look.state.staffed.values():
        for staff_id in staff_ids:
            other = look.state.adult(staff_id)
            if other and other.doubt and _came_from(other, look.group.members):
                sentence = f"{look.facts.display(staff_id)}: {other.doubt}, one of them this room"
                yield Doubt("adult_in_two_rooms", sentence, other.since, 0.1, missing_staff_ids=(staff_id,))


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
            since = max(segment.start, place.state_since)
            odds = _has_come(look, staff_id, place, segment, look.now - since)
            yield Doubt("planned_here_logged_elsewhere", sentence, since, odds, missing_staff_ids=(staff_id,))
            yield since + BACK
            yield segment.end


def logged_here_planned_elsewhere(look: Look) -> Iterator[Finding]:
    """The other side: planned for another room now."""
    for staff_id, place in look.group.staff_places.items():
        part = look.facts.segment_at(staff_id, look.now)
        if part is None or part.kind != "room" or part.room_id in look.group.members or place.state != "in_room":
            continue
        sentence = f"{look.facts.display(staff_id)} is planned for {look.facts.room_name(part.room_id or '')} now"
        odds, since = _has_gone(look, staff_id, place, part), max(part.start, place.state_since)
        yield Doubt("logged_here_planned_elsewhere", sentence, since, odds, doubted_staff_ids=(staff_id,))


def adult_past_shift_end(look: Look) -> Iterator[Finding]:
    for staff_id in look.group.staff_places:
        shift = look.facts.shift_at(staff_id, look.now)
        if shift is None:
            continue
        late, surely = shift.end + PAST_SHIFT_END, shift.end + LONG_PAST_SHIFT_END
        if look.now < surely:
            yield late if look.now < late else surely
        if look.now >= late:
            since, odds = (surely, 0.7) if look.now >= surely else (late, 0.4)
            minutes = int((since - shift.end).total_seconds()) // 60
            sentence = f"{look.facts.display(staff_id)} is still clocked in {minutes} minutes after the shift's end"
            yield Doubt("adult_past_shift_end", sentence, since, odds, doubted_staff_ids=(staff_id,))
            yield shift.end + SHIFT_REMEMBERED


def not_seen_at_the_headcount(look: Look) -> Iterator[Finding]:
    """Recorded here, not seen by the person who counted, and taken to be back since: unless they had gone for good."""
    for count, _ in headcounts(look.state, look.group.members, look.now, look.facts.day_start(look.now)):
        since = count.happened_at + STEPPED_OUT
        if count.staff_ids is None:
            continue
        if look.now < since:
            yield since
            continue
        for staff_id, place in look.group.staff_places.items():
            if staff_id not in count.staff_ids and place.state == "in_room" and place.state_since <= count.happened_at:
                sentence = f"{look.facts.display(staff_id)} was not seen here at the last headcount"
                yield Doubt("not_seen_at_the_headcount", sentence, since, 0.3, doubted_staff_ids=(staff_id,))


def room_never_moved_out(look: Look) -> Iterator[Finding]:
    """Children without an adult whose own adults have all moved on: did they go along unlogged?"""
    if not look.group.places or look.group.adults:
        return
    went: dict[str, datetime] = {}
    for staff_ids in look.state.staffed.values():
        for staff_id in staff_ids:
            place = look.state.adult(staff_id)
            if place and place.room_id and _came_from(place, look.group.members):
                went[place.room_id] = max(place.state_since, went.get(place.room_id, place.state_since))
    newest = max(place.moved for place in look.group.places.values())
    for room_id, at in sorted(went.items()):
        if newest <= at:
            sentence = f"its last adult moved to {look.facts.room_name(room_id)} and the children were not moved along"
            children = tuple(sorted(look.group.places))
            yield Doubt("room_never_moved_out", sentence, at, 0.7, children, together=True)


def _has_come(look: Look, staff_id: str, place: StaffPlace, part: Segment, lasting: timedelta) -> float:
    """The odds that an adult is in the room of the plan although logged elsewhere while that has lasted.

    A room's own staff who are logged nowhere are in their room; of floats logged nowhere one in two is. A room that is
    not left alone by the record is less likely to have somebody more.
    """
    if _at_home(look, staff_id, part):
        return 0.9 if place.room_id is None else 0.6 if look.group.in_room else 0.8
    return 0.1 if _sent_since(place, part) and lasting < BACK else 0.55


def _has_gone(look: Look, staff_id: str, place: StaffPlace, part: Segment) -> float:
    """The odds that an adult has left the room they are logged in for the one of the plan."""
    if _at_home(look, staff_id, part):
        return 0.8
    return 0.1 if _sent_since(place, part) else 0.5


def _at_home(look: Look, staff_id: str, part: Segment) -> bool:
    member = look.facts.staff.get(staff_id)
    return member is not None and member.home_room_id == part.room_id


def _sent_since(place: StaffPlace, part: Segment) -> bool:
    """Told to be in another room at about the time the plan begins, or later."""
    return bool(place.room_id and place.moved and place.moved >= part.start - SENT)


def _came_from(place: StaffPlace, members: tuple[str, ...]) -> bool:
    return place.from_room_id in members and place.room_id not in members


RULES_ON_ADULTS: tuple[Rule, ...] = (
    adult_in_two_rooms, planned_here_logged_elsewhere, logged_here_planned_elsewhere, adult_past_shift_end,
    not_seen_at_the_headcount, room_never_moved_out,
)  # fmt: skip

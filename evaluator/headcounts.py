"""What a person's headcount says beyond the events: who is here unrecorded, who is recorded and gone, for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from evaluator.facts import CenterFacts
from evaluator.observations import Observation
from evaluator.state import CenterState
from evaluator.tracks import ChildPlace

HOLDS = timedelta(hours=2)  # what a headcount found against the events; then the events are believed again, doubtfully
VISIT = timedelta(hours=2)  # in another room; who is not moved back by then has most likely gone back unlogged
STEPPED_OUT = timedelta(minutes=15)  # how long a rest or a step-out that nobody logs lasts at most
Counts = list[tuple[Observation, tuple[str, ...]]]
Places = Mapping[str, ChildPlace]


@dataclass(frozen=True, slots=True)
class Found:
    """A headcount's difference from the events of its instant, told by child where that can be done.

    `gone`: recorded here and not here; `come`: here and recorded elsewhere; `unnamed`: so many more are here, known to
    no event. `disputed` were gone, and are believed to be here again because the headcount is old.
    """

    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()
    unnamed: int = 0
    disputed: tuple[str, ...] = ()


def found_by(
    state: CenterState, facts: CenterFacts, headcount: Observation, rooms: tuple[str, ...], now: datetime
) -> Found:
    """Check-ins to a strange room explain a difference first, even an even one, and as long as they stand.

    The rest is explained by nothing that is known and holds for a while only; what events tell later settles it.
    """
    at, start = headcount.happened_at, facts.day_start(headcount.happened_at)
    then = {child_id: place for child_id, place in state.present_at(at).items() if place.since >= start}
    here = {child_id: place for child_id, place in then.items() if place.room_id in rooms}
    strange = sorted(c for c, place in here.items() if _stranger(facts, c, place, rooms, at))
    astray = strays(facts, then, rooms, at)
    more = headcount.children - len(here)
    come = max(0, min(len(astray), len(strange) + more))
    gone = max(0, min(len(strange), come - more))
    rest = more - come + gone
    suspects = most_doubtful(state, facts, here, rooms, at) if rest < 0 else []
    unknown = [c for c in suspects if c not in strange[:gone]][: max(0, -rest)]
    if now >= holds_until(facts, headcount):
        return Found(tuple(strange[:gone]), tuple(astray[:come]), disputed=tuple(unknown))
    unnamed = max(0, rest - len(_left_unrecorded(state, rooms, at, {*here, *astray}))) if rest > 0 else 0
    return Found((*strange[:gone], *unknown), tuple(astray[:come]), unnamed)


def holds_until(facts: CenterFacts, headcount: Observation) -> datetime:
    """Until when its difference from the events is believed; one near closing holds for the night."""
    ends = headcount.happened_at + HOLDS
    service = facts.service(headcount.happened_at)
    if service is None or ends < service.end:
        return ends
    return facts.day_start(headcount.happened_at) + timedelta(days=1)


def headcounts(state: CenterState, members: tuple[str, ...], now: datetime, start: datetime) -> Counts:
    """Today's headcounts that hold for the group, each with the rooms it was of, the newest first.

    Of rooms combined since then each one's own holds; a headcount of rooms that were split since says nothing of one.
    """
    found = [count for member in members if (count := state.headcount(member, now, start)) is not None]
    covered: set[str] = set()
    result: Counts = []
    for count in sorted(found, key=lambda each: each.happened_at, reverse=True):
        rooms = state.members_at(count.room_id, count.happened_at)
        if set(rooms) <= set(members) and covered.isdisjoint(rooms):
            covered |= set(rooms)
            result.append((count, rooms))
    return result


def strays(facts: CenterFacts, places: Places, rooms: tuple[str, ...], at: datetime) -> list[str]:
    """Children of these rooms who were checked in to another, where they are neither at home nor booked."""
    day, found = facts.day_of(at), []
    for child_id in facts.children_by_home(rooms):
        place = places.get(child_id)
        if place is None or place.room_id in rooms or place.moved != place.since:
            continue
        if place.room_id not in facts.own_rooms(child_id, day):
            found.append(child_id)
    return found


def most_doubtful(
    state: CenterState, facts: CenterFacts, here: Places, rooms: tuple[str, ...], at: datetime
) -> list[str]:
    """The children recorded here who may be the missing ones, likeliest first."""
    day, proven = facts.day_of(at), _left_from_elsewhere(state, here, rooms, at)

    def rank(child_id: str) -> tuple[bool, bool, bool, bool, float, str]:
        place, rows = here[child_id], facts.bookings_of(child_id, day)
        stranger = child_id in facts.children and place.room_id not in facts.own_rooms(child_id, day)
        unbooked = not any(row.status == "booked" for row in rows)
        due = facts.session(child_id, place.since).ends
        overdue = (at - due).total_seconds() if due is not None else 0.0
        return (child_id not in proven, not stranger, not place.doubt, not unbooked, -overdue, child_id)

    return sorted(here, key=rank)


def _stranger(facts: CenterFacts, child_id: str, place: ChildPlace, rooms: tuple[str, ...], at: datetime) -> bool:
    """At home and booked in other rooms, but checked in here, or long not moved back from a visit."""
    own = facts.own_rooms(child_id, facts.day_of(place.since))
    return bool(own) and own.isdisjoint(rooms) and (place.moved == place.since or at >= place.moved + VISIT)


def _left_from_elsewhere(state: CenterState, here: Places, rooms: tuple[str, ...], at: datetime) -> set[str]:
    """Recorded here until they left from a room the events did not have them in: they had not been here."""
    return {
        child_id
        for child_id, left_from, recorded_in in _departures(state, at)
        if child_id in here and left_from not in rooms and recorded_in in rooms
    }


def _left_unrecorded(state: CenterState, rooms: tuple[str, ...], at: datetime, known: set[str]) -> set[str]:
    """Who has left from these rooms and had never been recorded in them: some of the unnamed."""
    return {
        child_id
        for child_id, left_from, recorded_in in _departures(state, at)
        if left_from in rooms and recorded_in not in rooms and child_id not in known
    }


def _departures(state: CenterState, at: datetime) -> Iterator[tuple[str, str, str | None]]:
    """(child, room they left from by the event itself, room they were recorded in before it) since `at`."""
    for event in state.child_events(at):
        left_from = event.from_room_id if event.event_type == "room_transfer" else event.room_id
        if event.event_type in ("room_transfer", "check_out") and left_from is not None and event.child_id is not None:
            before = state.child_before(event)
            yield event.child_id, left_from, before.room_id if before is not None else None

"""Who is together in one room now: combined rooms as one, headcounts applied, leftovers of an earlier day set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evaluator.facts import CenterFacts
from evaluator.observations import Observation
from evaluator.state import CenterState
from evaluator.tracks import ChildPlace, StaffPlace
from rulebook import AdultHere, ChildHere


@dataclass(frozen=True)
class Group:
    """The people of one room, or of several combined ones, at one instant.

    `children` are those counted. `aside` are children the events show here who are not counted, with the reason;
    `unidentified` of `children` were counted by a person and are known to no event.
    """

    room_id: str  # of combined rooms the target
    members: tuple[str, ...]
    at: datetime
    children: tuple[ChildHere, ...]
    places: Mapping[str, ChildPlace]
    adults: tuple[AdultHere, ...]
    staff_places: Mapping[str, StaffPlace]
    aside: Mapping[str, str]
    adults_aside: Mapping[str, str]
    unidentified: int = 0
    unseen_adults: int = 0  # a person counted so many more adults than are clocked in; they cannot count unnamed
    confirmed_at: datetime | None = None  # when every room of the group had been counted by a person today
    since: datetime | None = None  # of the combination

    @property
    def in_room(self) -> tuple[AdultHere, ...]:
        return tuple(adult for adult in self.adults if adult.state == "in_room")


def members_of_groups(state: CenterState, facts: CenterFacts, now: datetime) -> dict[str, tuple[str, ...]]:
    """All groups now: target room -> member rooms. Each room is in exactly one; yesterday's combining is over."""
    target_of = targets(state, facts, now)
    staffed = {room_id for room_id in state.staffed if room_id and state.staffed[room_id]}
    occupied = {room_id for room_id, children in state.rooms.items() if children}
    result: dict[str, list[str]] = {}
    for room_id in sorted(set(facts.rooms) | staffed | occupied | set(target_of)):
        result.setdefault(target_of.get(room_id, room_id), []).append(room_id)
    return {target: tuple(members) for target, members in result.items()}


def targets(state: CenterState, facts: CenterFacts, now: datetime) -> dict[str, str]:
    """Combined rooms only: member -> target."""
    combination = state.combination()
    if combination is None or combination.since < facts.day_start(now):
        return {}
    return dict(combination.members)


def group(state: CenterState, facts: CenterFacts, room_id: str, members: tuple[str, ...], now: datetime) -> Group:
    """The group as counted now."""
    start = facts.day_start(now)
    day = facts.day_of(now)
    places: dict[str, ChildPlace] = {}
    aside: dict[str, str] = {}
    for member in members:
        for child_id in state.rooms.get(member, ()):
            place = state.child(child_id)
            if place is None:
                continue
            if place.since < start:
                aside[child_id] = "never checked out on an earlier day; nobody stayed overnight"
            else:
                places[child_id] = place
    counts = headcounts(state, members, now, start)
    extra = 0
    for headcount, counted_rooms in counts:
        if now >= holds_until(facts, headcount):
            continue
        more = difference(state, places, headcount, counted_rooms, start)
        extra += max(0, more)
        suspects = {child_id: place for child_id, place in places.items() if place.room_id in counted_rooms}
        for child_id in most_doubtful(facts, suspects, headcount, now)[: max(0, -more)]:
            del places[child_id]
            aside[child_id] = f"the headcount found {headcount.children}, so one of those recorded is not there"
    children = [facts.child_here(child_id, day) for child_id in sorted(places)]
    if extra > 0:
        children += [ChildHere(youngest(facts, members))] * extra
    adults, staff_places, adults_aside, unseen = _adults(state, facts, members, counts, now, start)
    combination = state.combination()
    return Group(
        room_id, members, now, tuple(children), places, adults, staff_places, aside, adults_aside, extra, unseen,
        _confirmed(counts, members), combination.since if combination and len(members) > 1 else None,
    )  # fmt: skip


HOLDS = timedelta(hours=2)  # what a headcount found against the events; then the events are believed again, doubtfully
Counts = list[tuple[Observation, tuple[str, ...]]]


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


def _confirmed(counts: Counts, members: tuple[str, ...]) -> datetime | None:
    covered = {room_id for _, rooms in counts for room_id in rooms}
    return min(count.happened_at for count, _ in counts) if counts and covered >= set(members) else None


def difference(
    state: CenterState,
    places: Mapping[str, ChildPlace],
    headcount: Observation,
    members: tuple[str, ...],
    start: datetime,
) -> int:
    """How many more children (or fewer, negative) are here than the events say, since the last headcount.

    What the headcount found beyond the events of its instant holds on, until events explain it: a child who by the
    events was elsewhere and now leaves from here was one of the unidentified; one recorded here who leaves from
    elsewhere was one of those set aside.
    """
    at = headcount.happened_at
    then = {
        child_id
        for child_id, place in state.present_at(at).items()
        if place.room_id in members and place.since >= start
    }
    extra = headcount.children - len(then)
    if extra == 0:
        return 0
    for event in state.child_events(at):
        left_from = event.from_room_id if event.event_type == "room_transfer" else event.room_id
        if event.event_type not in ("room_transfer", "check_out") or left_from is None or event.child_id is None:
            continue
        if extra > 0 and left_from in members and event.child_id not in then:
            before = state.child_before(event)
            extra -= before is None or before.room_id not in members
        elif extra < 0 and left_from not in members and event.child_id in then:
            extra += 1
    return max(extra, -len(places))


def most_doubtful(
    facts: CenterFacts, places: Mapping[str, ChildPlace], headcount: Observation, now: datetime
) -> list[str]:
    """The children who may be the missing ones, likeliest first; who came after the headcount is last."""
    day = facts.day_of(now)

    def rank(child_id: str) -> tuple[bool, bool, bool, bool, float, str]:
        place, rows = places[child_id], facts.bookings_of(child_id, day)
        child = facts.children.get(child_id)
        stranger = child is not None and place.room_id not in {child.room_id, *(row.room_id for row in rows)}
        overdue = max((-minutes_until_out(facts, child_id, now) for _ in rows[:1]), default=0.0)
        unbooked = not any(row.status == "booked" for row in rows)
        return (place.moved > headcount.happened_at, not place.doubt, not stranger, not unbooked, -overdue, child_id)

    return sorted(places, key=rank)


def minutes_until_out(facts: CenterFacts, child_id: str, now: datetime) -> float:
    """Minutes until the child's booked pick-up of today (negative: overdue); 0 if none is booked."""
    local = now.astimezone(facts.tz)
    outs = [row.expected_out for row in facts.bookings_of(child_id, local.date()) if row.expected_out]
    if not outs:
        return 0.0
    last = max(outs)
    return (last.hour - local.hour) * 60.0 + last.minute - local.minute


def youngest(facts: CenterFacts, members: tuple[str, ...]) -> int | None:
    """The age as which an unidentified child counts: the youngest the rooms are for; unknown if that is unknown."""
    ages = [facts.rooms[member].age_min_months for member in members if member in facts.rooms]
    return min(ages) if ages else None


def _adults(
    state: CenterState, facts: CenterFacts, members: tuple[str, ...], counts: Counts, now: datetime, start: datetime,
) -> tuple[tuple[AdultHere, ...], dict[str, StaffPlace], dict[str, str], int]:  # fmt: skip
    day = facts.day_of(now)
    places: dict[str, StaffPlace] = {}
    aside: dict[str, str] = {}
    for member in members:
        for staff_id in state.staffed.get(member, ()):
            place = state.adult(staff_id)
            if place is None:
                continue
            if place.since < start:
                aside[staff_id] = "never clocked out on an earlier day"
            else:
                places[staff_id] = place
    unseen = 0
    for headcount, counted_rooms in counts:
        unseen += _as_seen(state, places, aside, headcount, counted_rooms)
    _drop_seen_elsewhere(state, facts, places, aside, members, counts, now, start)
    adults = []
    for staff_id in sorted(places):
        adult, place = facts.adult_here(staff_id, day), places[staff_id]
        if place.state == "stepped_out":
            adult = replace(
                adult, state="stepped_out", away_seconds=max(0, int((now - place.state_since).total_seconds()))
            )
        elif place.state == "on_break":
            adult = replace(adult, state="on_break")
        adults.append(adult)
    return tuple(adults), places, aside, unseen


def _as_seen(
    state: CenterState,
    places: dict[str, StaffPlace],
    aside: dict[str, str],
    headcount: Observation,
    members: tuple[str, ...],
) -> int:
    """Applies what the headcount saw of the adults, until events of theirs tell more; returns how many are unnamed."""
    at = headcount.happened_at
    untouched = [s for s, place in places.items() if place.state == "in_room" and place.state_since <= at]
    if headcount.staff_ids is not None:
        seen = set(headcount.staff_ids)
        for staff_id in untouched:
            if staff_id not in seen:
                del places[staff_id]
                aside[staff_id] = "not seen in the room at the headcount"
        for staff_id in seen - set(places):
            if state.adult_at(staff_id, at) == state.adult(staff_id):  # no event of theirs since
                places[staff_id] = StaffPlace(
                    members[0], at, "in_room", at, "seen at the headcount, not clocked in here"
                )
                aside.pop(staff_id, None)
        return 0
    if headcount.adults is None:
        return 0
    then = [
        s
        for s in state.adults_known()
        if (p := state.adult_at(s, at)) and p.room_id in members and p.state == "in_room"
    ]
    over = len(then) - headcount.adults
    if over <= 0:
        return -over
    untouched.sort(key=lambda staff_id: (not places[staff_id].doubt, places[staff_id].state_since, staff_id))
    for staff_id in untouched[:over]:
        del places[staff_id]
        aside[staff_id] = f"the headcount found {headcount.adults} adults, so one of the recorded is not there"
    return 0


def _drop_seen_elsewhere(
    state: CenterState, facts: CenterFacts, places: dict[str, StaffPlace], aside: dict[str, str],
    members: tuple[str, ...], counts: Counts, now: datetime, start: datetime,
) -> None:  # fmt: skip
    """An adult whom another room's headcount saw there, later than any event or headcount saw them here, is there."""
    own = {staff_id: count.happened_at for count, _ in reversed(counts) for staff_id in count.staff_ids or ()}
    for other in facts.rooms:
        count = None if other in members else state.headcount(other, now, start)
        if count is None or not set(members).isdisjoint(state.members_at(other, count.happened_at)):
            continue
        for staff_id in count.staff_ids or ():
            place = places.get(staff_id)
            if place and max(place.state_since, own.get(staff_id, start)) < count.happened_at:
                del places[staff_id]
                aside[staff_id] = f"seen in {facts.room_name(other)} at the headcount"

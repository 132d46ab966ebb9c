"""Who is together in one room now: combined rooms as one, headcounts applied, leftovers of an earlier day set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from evaluator.facts import CenterFacts
from evaluator.headcounts import STEPPED_OUT, Counts, found_by, headcounts
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
    counts = headcounts(state, members, now, start)
    places, aside, extra = _places(state, facts, members, counts, now)
    children = _children(facts, members, places, extra, now)
    adults, staff_places, adults_aside, unseen = _adults(state, facts, members, counts, now, start)
    combination = state.combination()
    return Group(
        room_id, members, now, children, places, adults, staff_places, aside, adults_aside, extra, unseen,
        _confirmed(counts, members), combination.since if combination and len(members) > 1 else None,
    )  # fmt: skip


def children_of_group(
    state: CenterState, facts: CenterFacts, members: tuple[str, ...], now: datetime
) -> tuple[ChildHere, ...]:
    """The children of the group alone, as in `group`."""
    counts = headcounts(state, members, now, facts.day_start(now))
    places, _, extra = _places(state, facts, members, counts, now)
    return _children(facts, members, places, extra, now)


def _places(
    state: CenterState, facts: CenterFacts, members: tuple[str, ...], counts: Counts, now: datetime
) -> tuple[dict[str, ChildPlace], dict[str, str], int]:
    """Children counted by name, those set aside, and how many more a person counted."""
    start = facts.day_start(now)
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
    extra = 0
    for headcount, counted_rooms in counts:
        found = found_by(state, facts, headcount, counted_rooms, now)
        extra += found.unnamed
        for child_id in found.gone:
            if child_id in places and places[child_id].moved <= headcount.happened_at:  # nothing told of them since
                del places[child_id]
                aside[child_id] = f"the headcount found {headcount.children}, so one of those recorded is not there"
        for child_id in found.come:
            place = state.child(child_id)
            if place is not None and place.moved <= headcount.happened_at:
                places[child_id] = place
    return places, aside, extra


def _children(
    facts: CenterFacts, members: tuple[str, ...], places: Mapping[str, ChildPlace], extra: int, now: datetime
) -> tuple[ChildHere, ...]:
    day = facts.day_of(now)
    known = [facts.child_here(child_id, day) for child_id in sorted(places)]
    return (*known, *[ChildHere(youngest(facts, members))] * extra)


def _confirmed(counts: Counts, members: tuple[str, ...]) -> datetime | None:
    covered = {room_id for _, rooms in counts for room_id in rooms}
    return min(count.happened_at for count, _ in counts) if counts and covered >= set(members) else None


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
        unseen += _as_seen(state, facts, places, aside, headcount, counted_rooms, now)
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
    state: CenterState, facts: CenterFacts, places: dict[str, StaffPlace], aside: dict[str, str],
    headcount: Observation, rooms: tuple[str, ...], now: datetime,
) -> int:  # fmt: skip
    """Applies what the headcount saw of the adults, until events of theirs tell more; returns how many are unnamed."""
    at = headcount.happened_at
    told_before = {s: place for s, place in places.items() if place.room_id in rooms and place.state_since <= at}
    here = [staff_id for staff_id, place in told_before.items() if place.state == "in_room"]
    if headcount.staff_ids is not None:
        for staff_id in set(here) - set(headcount.staff_ids):
            if not _belongs(facts, staff_id, rooms, now):
                del places[staff_id]
                aside[staff_id] = "not seen in the room at the headcount"
            elif now < at + STEPPED_OUT:
                places[staff_id] = places[staff_id]._replace(state="stepped_out", state_since=at)
        for staff_id in headcount.staff_ids:
            if staff_id in told_before:
                places[staff_id] = places[staff_id]._replace(state="in_room")
            elif staff_id not in places and state.adult_at(staff_id, at) == state.adult(staff_id):  # no event since
                doubt = "seen at the headcount, not clocked in here"
                places[staff_id] = StaffPlace(rooms[0], at, "in_room", at, doubt, moved=at)
                aside.pop(staff_id, None)
        return 0
    if headcount.adults is None:
        return 0
    then = [p for s in state.adults_known() if (p := state.adult_at(s, at)) and p.room_id in rooms]
    over = sum(place.state == "in_room" for place in then) - headcount.adults
    here.sort(key=lambda staff_id: (not places[staff_id].doubt, places[staff_id].state_since, staff_id))
    for staff_id in here[: max(0, over)]:
        del places[staff_id]
        aside[staff_id] = f"the headcount found {headcount.adults} adults, so one of the recorded is not there"
    return max(0, -over)


def _belongs(facts: CenterFacts, staff_id: str, rooms: tuple[str, ...], now: datetime) -> bool:
    """Planned here now, or without a plan: who was not seen has stepped out for a moment, as most of them have.

    Somebody who is planned elsewhere or whose shift is over has left.
    """
    if facts.shift_at(staff_id, now) is None:
        return True
    part = facts.segment_at(staff_id, now)
    return part is not None and part.room_id in rooms


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

"""The day of one child, one adult, one room, folded from its own events alone.

What one entity's events say does not depend on any other entity's, so a late or corrected event costs a re-fold of
that entity's few events, never of the center's day.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from domain.events import Event


class ChildPlace(NamedTuple):
    """A child that is in, by the events. `since`: checked in; `moved`: came to this room."""

    room_id: str
    since: datetime
    moved: datetime
    doubt: str = ""


class StaffPlace(NamedTuple):
    """An adult that is clocked in. room_id None: in the building, in no room's count."""

    room_id: str | None
    since: datetime
    state: str  # in_room | on_break | stepped_out
    state_since: datetime
    doubt: str = ""
    from_room_id: str | None = None  # the room before this one, None if it was the first
    moved: datetime | None = None  # when they were last told to be in this room: clocked in or moved here


class NapState(NamedTuple):
    since: datetime


class Combination(NamedTuple):
    """Rooms counted as one: member room -> target room; the target stands for itself."""

    members: tuple[tuple[str, str], ...]
    since: datetime


Place = TypeVar("Place")
Key = tuple[datetime, int, str]


def key_of(event: Event) -> Key:
    return (event.happened_at, event.sequence, event.event_id)


class Step(Protocol[Place]):
    def __call__(self, place: Place | None, event: Event) -> Place | None: ...


@dataclass(slots=True)
class Track(Generic[Place]):
    """One entity's effective events in their true order and where they leave it."""

    step: Step[Place]
    events: list[Event] = field(default_factory=list)
    base: Place | None = None  # where the entity was when older events were dropped
    place: Place | None = None

    def add(self, event: Event) -> None:
        """O(1) for an event that happened after the others, else a re-fold of this track."""
        if not self.events or key_of(self.events[-1]) < key_of(event):
            self.events.append(event)
            self.place = self.step(self.place, event)
        else:
            insort(self.events, event, key=key_of)
            self.refold()

    def remove(self, event: Event) -> None:
        at = bisect_left(self.events, key_of(event), key=key_of)
        del self.events[at]
        self.refold()

    def change(self, event: Event, *, remove: bool) -> tuple[Place | None, Place | None, bool]:
        """Adds or removes; the place before and after, and whether the event lay before the newest one."""
        before = self.place
        late = bool(self.events) and self.events[-1].happened_at > event.happened_at
        if remove:
            self.remove(event)
        else:
            self.add(event)
        return before, self.place, late

    def refold(self) -> None:
        self.place = self.fold(self.events)

    def fold(self, events: Iterable[Event]) -> Place | None:
        place = self.base
        for event in events:
            place = self.step(place, event)
        return place

    def at(self, instant: datetime) -> Place | None:
        """Where the entity was at a past instant, by what is known today. Events at the instant itself count."""
        if not self.events or self.events[-1].happened_at <= instant:
            return self.place
        return self.fold(event for event in self.events if event.happened_at <= instant)

    def drop_before(self, instant: datetime) -> list[Event]:
        """Forgets older events, keeping where they left the entity; returns the forgotten ones."""
        cut = bisect_left(self.events, instant, key=lambda event: event.happened_at)
        old, self.events = self.events[:cut], self.events[cut:]
        self.base = self.fold(old)
        return old


def step_child(place: ChildPlace | None, event: Event) -> ChildPlace | None:
    kind = event.event_type
    if kind == "check_out":
        return None
    if kind not in ("check_in", "room_transfer") or not event.room_id:
        return place
    now = event.happened_at
    if place is None:
        doubt = "moved between rooms without a check-in" if kind == "room_transfer" else ""
        return ChildPlace(event.room_id, now, now, doubt)
    if kind == "check_in":
        return ChildPlace(event.room_id, now, now, "checked in again without a check-out")
    doubt = ""
    if event.from_room_id and event.from_room_id != place.room_id:
        doubt = "moved from a room the events did not show the child in"
    return ChildPlace(event.room_id, place.since, now, doubt)


def step_staff(place: StaffPlace | None, event: Event) -> StaffPlace | None:
    kind, now = event.event_type, event.happened_at
    if kind == "clock_out":
        return None
    if kind == "clock_in":
        if place is not None and place.room_id != event.room_id:
            return StaffPlace(event.room_id, now, "in_room", now, "clocked in to two rooms", place.room_id, now)
        return StaffPlace(event.room_id, now, "in_room", now, moved=now)
    if place is None:
        # An event of somebody who never clocked in: they were seen at work, so they are here, and it is doubtful.
        state = {"break_start": "on_break", "step_out": "stepped_out"}.get(kind, "in_room")
        return StaffPlace(event.room_id, now, state, now, "at work without a clock-in", moved=now)
    if kind == "room_move":
        return StaffPlace(event.room_id, place.since, "in_room", now, "", place.room_id, now)
    if kind == "break_start":
        return place._replace(state="on_break", state_since=now)
    if kind == "step_out":
        return place._replace(state="stepped_out", state_since=now)
    if kind in ("break_end", "step_in"):
        room_id = event.room_id or place.room_id
        moved = place.moved if room_id == place.room_id else now
        return place._replace(room_id=room_id, state="in_room", state_since=now, moved=moved)
    return place


def step_nap(place: NapState | None, event: Event) -> NapState | None:
    if event.event_type == "nap_start":
        return NapState(event.happened_at)
    return None if event.event_type == "nap_end" else place


def step_combination(place: Combination | None, event: Event) -> Combination | None:
    members = dict(place.members) if place else {}
    if event.event_type == "rooms_combined" and event.room_id:
        members |= dict.fromkeys(event.room_ids, event.room_id)
        members[event.room_id] = event.room_id
    elif event.event_type == "rooms_split":
        named = {*event.room_ids, event.room_id}
        members = {room: target for room, target in members.items() if room not in named and target not in named}
    return Combination(tuple(sorted(members.items())), event.happened_at) if members else None

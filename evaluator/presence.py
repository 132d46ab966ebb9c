"""Who is where, by the effective events of each child, adult and room, with indexes by room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from domain.events import CHILD_EVENTS, STAFF_EVENTS, Event
from evaluator.tracks import (
    ChildPlace,
    Combination,
    NapState,
    StaffPlace,
    Track,
    key_of,
    step_child,
    step_combination,
    step_nap,
    step_staff,
)  # fmt: skip

_NAP = frozenset({"nap_start", "nap_end"})
_COMBINATION = frozenset({"rooms_combined", "rooms_split"})


class Presence:
    """The fold of effective events. `rooms` and `staffed` index who is in now; staffed[None] are idle."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[str]] = {}
        self.staffed: dict[str | None, set[str]] = {}
        self._children: dict[str, Track[ChildPlace]] = {}
        self._staff: dict[str, Track[StaffPlace]] = {}
        self._naps: dict[str, Track[NapState]] = {}
        self._combination: Track[Combination] = Track(step_combination)
        self._strays: dict[str, list[Event]] = {}
        self._present_at: dict[datetime, Mapping[str, ChildPlace]] = {}
        self._combined_at: dict[datetime, Combination | None] = {}
        self._children_since: dict[datetime, int] = {}
        self.crowds: dict[str, object] = {}  # by room, another one whenever a child comes to it or leaves it

    def child(self, child_id: str) -> ChildPlace | None:
        track = self._children.get(child_id)
        return track.place if track else None

    def adult(self, staff_id: str) -> StaffPlace | None:
        track = self._staff.get(staff_id)
        return track.place if track else None

    def nap(self, room_id: str) -> NapState | None:
        track = self._naps.get(room_id)
        return track.place if track else None

    def combination(self) -> Combination | None:
        return self._combination.place

    def members_at(self, room_id: str, instant: datetime) -> tuple[str, ...]:
        """The rooms counted as this one at a past instant, remembered until they change; itself if it was no target."""
        if instant not in self._combined_at:
            self._combined_at[instant] = self._combination.at(instant)
        combination = self._combined_at[instant]
        members = tuple(room for room, target in combination.members if target == room_id) if combination else ()
        return members or (room_id,)

    def present_at(self, instant: datetime) -> Mapping[str, ChildPlace]:
        """The children who were in at a past instant, by what the events say today. Remembered until they change."""
        found = self._present_at.get(instant)
        if found is None:
            at = {child_id: track.at(instant) for child_id, track in self._children.items()}
            found = self._present_at[instant] = {child_id: place for child_id, place in at.items() if place}
        return found

    def child_before(self, event: Event) -> ChildPlace | None:
        """Where the events had the child just before one of its own effective events."""
        track = self._children.get(event.child_id or "")
        return track.fold(each for each in track.events if key_of(each) < key_of(event)) if track else None

    def adult_at(self, staff_id: str, instant: datetime) -> StaffPlace | None:
        track = self._staff.get(staff_id)
        return track.at(instant) if track else None

    def adults_known(self) -> Iterable[str]:
        """Everybody with a staff event that is remembered."""
        return self._staff.keys()

    def children_since(self, start: datetime) -> int:
        """How many children are in who came at `start` or later. Remembered until one comes, moves or leaves."""
        found = self._children_since.get(start)
        if found is None:
            places = (self._children[child_id].place for children in self.rooms.values() for child_id in children)
            found = sum(place is not None and place.since >= start for place in places)
            self._children_since = {start: found}
        return found

    def was_in(self, child_id: str, since: datetime) -> bool:
        """Whether the child had any event since then."""
        track = self._children.get(child_id)
        return bool(track and track.events and track.events[-1].happened_at >= since)

    def worked(self, staff_id: str, since: datetime) -> bool:
        """Whether the adult had any event since then."""
        track = self._staff.get(staff_id)
        return bool(track and track.events and track.events[-1].happened_at >= since)

    def rooms_worked(self, staff_id: str) -> set[str]:
        """Rooms that the adult's remembered events name."""
        track = self._staff.get(staff_id)
        return {event.room_id for event in track.events if event.room_id} if track else set()

    def moves_today(self, staff_id: str, since: datetime) -> int:
        track = self._staff.get(staff_id)
        events = track.events if track else []
        return sum(event.event_type == "room_move" and event.happened_at >= since for event in events)

    def left_at(self, staff_id: str) -> datetime | None:
        """When the adult clocked out, if they are not clocked in now."""
        track = self._staff.get(staff_id)
        return track.events[-1].happened_at if track and track.events and track.place is None else None

    def nap_ended(self, room_id: str) -> datetime | None:
        """When the room's last nap was ended by an event; None while it naps or if it never did."""
        track = self._naps.get(room_id)
        return track.events[-1].happened_at if track and track.events and track.place is None else None

    def stray_check_outs(self) -> Iterable[Event]:
        """Check-outs of children whom the events did not show in."""
        return (event for events in self._strays.values() for event in events)

    def child_events(self, since: datetime) -> Iterable[Event]:
        """Effective events of children after `since`, in no particular order."""
        for track in self._children.values():
            for event in reversed(track.events):
                if event.happened_at <= since:
                    break
                yield event

    def _place(self, event: Event) -> tuple[set[str], bool]:
        """Adds an effective event to its track; the rooms touched, and whether it was not the newest there."""
        kind = event.event_type
        if self._present_at and event.happened_at <= max(self._present_at):
            self._present_at.clear()
        if kind in CHILD_EVENTS and event.child_id:
            child = self._children.get(event.child_id)
            if child is None:
                child = self._children[event.child_id] = Track(step_child)
            return self._child_changes(event.child_id, child, event, remove=False)
        if kind in STAFF_EVENTS and event.staff_id:
            adult = self._staff.get(event.staff_id)
            if adult is None:
                adult = self._staff[event.staff_id] = Track(step_staff)
            return self._staff_changes(event.staff_id, adult, event, remove=False)
        if kind in _NAP and event.room_id:
            naps = self._naps.setdefault(event.room_id, Track(step_nap))
            naps.add(event)
            return {event.room_id}, naps.events[-1] is not event
        if kind in _COMBINATION:
            return self._combination_changes(event, remove=False), self._combination.events[-1] is not event
        return set(), False

    def _unplace(self, event: Event) -> set[str]:
        kind = event.event_type
        if kind in CHILD_EVENTS and event.child_id:
            return self._child_changes(event.child_id, self._children[event.child_id], event, remove=True)[0]
        if kind in STAFF_EVENTS and event.staff_id:
            return self._staff_changes(event.staff_id, self._staff[event.staff_id], event, remove=True)[0]
        if kind in _NAP and event.room_id:
            self._naps[event.room_id].remove(event)
            return {event.room_id}
        if kind in _COMBINATION:
            return self._combination_changes(event, remove=True)
        return set()

    def _child_changes(
        self, child_id: str, track: Track[ChildPlace], event: Event, *, remove: bool
    ) -> tuple[set[str], bool]:
        before, after, late = track.change(event, remove=remove)
        self._children_since = {}
        rooms: set[str] = set()
        if late or remove:
            self._strays[child_id] = [each for each in track.events if self._is_stray(track, each)]
        elif before is None and event.event_type == "check_out":
            self._strays.setdefault(child_id, []).append(event)
        if before is not None:
            rooms.add(before.room_id)
        if after is not None:
            rooms.add(after.room_id)
        if before is not None and (after is None or after.room_id != before.room_id):
            self.rooms[before.room_id].discard(child_id)
        if after is not None and (before is None or after.room_id != before.room_id):
            self.rooms.setdefault(after.room_id, set()).add(child_id)
        self.crowds |= {room_id: object() for room_id in rooms}
        return rooms, late

    def _staff_changes(
        self, staff_id: str, track: Track[StaffPlace], event: Event, *, remove: bool
    ) -> tuple[set[str], bool]:
        before, after, late = track.change(event, remove=remove)
        rooms: set[str] = set()
        if before is not None:
            self.staffed[before.room_id].discard(staff_id)
            if before.room_id:
                rooms.add(before.room_id)
        if after is not None:
            self.staffed.setdefault(after.room_id, set()).add(staff_id)
            if after.room_id:
                rooms.add(after.room_id)
        return rooms, late

    @staticmethod
    def _is_stray(track: Track[ChildPlace], event: Event) -> bool:
        if event.event_type != "check_out":
            return False
        return track.fold(each for each in track.events if key_of(each) < key_of(event)) is None

    def _combination_changes(self, event: Event, *, remove: bool) -> set[str]:
        track = self._combination
        self._combined_at.clear()
        before = dict(track.place.members) if track.place else {}
        if remove:
            track.remove(event)
        else:
            track.add(event)
        after = dict(track.place.members) if track.place else {}
        moved = {room for room in before.keys() | after.keys() if before.get(room) != after.get(room)}
        return moved | {target for room in moved for side in (before, after) if (target := side.get(room))}

    def _tracks(self) -> list[Track[Any]]:
        return [*self._children.values(), *self._staff.values(), *self._naps.values(), self._combination]

"""What is so in one center: the fold of its events, whatever the order, number or lateness of their delivery.

The oracle of this fold is `domain.events.effective`: after any delivery the state equals the one after folding the
effective sequence once, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import BadInput
from domain.events import CHILD_EVENTS, STAFF_EVENTS, Event, effective
from evaluator import codec
from evaluator.log import EventLog
from evaluator.observations import Observation
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
)

_REREAD = {"schedule_changed": "shifts", "booking_changed": "bookings"}
_NAP = frozenset({"nap_start", "nap_end"})
_COMBINATION = frozenset({"rooms_combined", "rooms_split"})


@dataclass(frozen=True, slots=True)
class Applied:
    """What one delivery changed.

    `rooms`: whose counts may differ now. `reread`: 'shifts' and/or 'bookings' must be read from the platform again.
    `late_from`: the past changed from this instant on; incidents since then are to be reviewed (`evaluator.amend`).
    `too_old`: it lies before what this state remembers and changed nothing here; the ledger keeps it.
    """

    changed: bool = False
    rooms: frozenset[str] = frozenset()
    reread: frozenset[str] = frozenset()
    late_from: datetime | None = None
    too_old: bool = False


NOTHING = Applied()


class CenterState:
    """One center's events folded. `apply` is O(1) for in-order events and re-folds one entity's day otherwise."""

    def __init__(self, center_id: str) -> None:
        self.center_id = center_id
        self.rooms: dict[str, set[str]] = {}  # children in, by room
        self.staffed: dict[str | None, set[str]] = {}  # adults clocked in, by room; None: idle
        self.last_event_at: datetime | None = None
        self.last_event_in: dict[str, datetime] = {}  # newest child or staff event that names the room
        self.last_sequence = 0
        self.remembers_from: datetime | None = None
        self._log = EventLog()
        self._children: dict[str, Track[ChildPlace]] = {}
        self._staff: dict[str, Track[StaffPlace]] = {}
        self._naps: dict[str, Track[NapState]] = {}
        self._combination: Track[Combination] = Track(step_combination)
        self._headcounts: dict[str, list[Observation]] = {}
        self._newest_headcount: datetime | None = None
        self._strays: dict[str, list[Event]] = {}
        self._present_at: dict[datetime, Mapping[str, ChildPlace]] = {}

    @classmethod
    def rebuild(cls, center_id: str, events: Iterable[Event], observations: Iterable[Observation] = ()) -> CenterState:
        """The state from scratch, in any order."""
        state = cls(center_id)
        for event in events:
            state.apply(event)
        for observation in observations:
            state.observe(observation)
        return state

    def apply(self, event: Event) -> Applied:
        """Takes one delivery. Doubles change nothing; unknown types are remembered and change nothing."""
        if event.center_id != self.center_id:
            raise BadInput(f"event {event.event_id} belongs to center {event.center_id}, not to {self.center_id}")
        if self.remembers_from is not None and event.happened_at < self.remembers_from:
            return Applied(too_old=True)
        self._heard(event)
        if self._log.knows_better(event):
            return NOTHING
        if self._log.is_tied(event):
            return self._redecide(event)
        self._log.add(event)
        rooms, late = self._place(event)
        reread = _REREAD.get(event.event_type)
        return Applied(
            changed=True,
            rooms=frozenset(rooms),
            reread=frozenset({reread} if reread else ()),
            late_from=event.happened_at if late else None,
        )

    def observe(self, observation: Observation) -> Applied:
        """Takes one headcount; a double changes nothing."""
        if observation.center_id != self.center_id:
            raise BadInput(f"a headcount of center {observation.center_id} was given to {self.center_id}")
        if self.remembers_from is not None and observation.happened_at < self.remembers_from:
            return Applied(too_old=True)
        counts = self._headcounts.setdefault(observation.room_id, [])
        if any(known.observation_id == observation.observation_id for known in counts):
            return NOTHING
        counts.append(observation)
        counts.sort(key=lambda each: (each.happened_at, each.recorded_at, each.observation_id))
        if self._newest_headcount is None or observation.happened_at > self._newest_headcount:
            self._newest_headcount = observation.happened_at
        late = counts[-1] is not observation
        return Applied(
            changed=True, rooms=frozenset({observation.room_id}), late_from=observation.happened_at if late else None
        )

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
        """The rooms that were counted as this one at a past instant; itself alone if it was no target."""
        combination = self._combination.at(instant)
        members = tuple(room for room, target in combination.members if target == room_id) if combination else ()
        return members or (room_id,)

    def headcount(self, room_id: str, now: datetime, since: datetime) -> Observation | None:
        """The last headcount of the room in [since, now]."""
        for observation in reversed(self._headcounts.get(room_id, ())):
            if observation.happened_at <= now:
                return observation if observation.happened_at >= since else None
        return None

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

    def events(self) -> list[Event]:
        """Everything remembered as it was delivered (each event once)."""
        return self._log.all()

    def observations(self) -> list[Observation]:
        return [observation for counts in self._headcounts.values() for observation in counts]

    def as_of(self, instant: datetime, known_at: datetime | None = None) -> CenterState:
        """The state at a past instant: by today's knowledge, or by what had become known by `known_at`."""

        def holds(fact: Event | Observation) -> bool:
            return known_at is None or fact.recorded_at <= known_at

        truth = effective(event for event in self._log.all() if holds(event))
        past = CenterState.rebuild(self.center_id, (event for event in truth if event.happened_at <= instant))
        for observation in self.observations():
            if holds(observation) and observation.happened_at <= instant:
                past.observe(observation)
        return past

    def forget_before(self, instant: datetime) -> None:
        """Drops older events, keeping where they left everybody. Later deliveries from before it are `too_old`."""
        tracks: list[Track[Any]] = [*self._children.values(), *self._staff.values(), *self._naps.values()]
        for track in [*tracks, self._combination]:
            track.drop_before(instant)
        self._log.forget_before(instant)
        self._headcounts = {
            room_id: kept
            for room_id, counts in self._headcounts.items()
            if (kept := [each for each in counts if each.happened_at >= instant])
        }
        self.remembers_from = instant
        self._present_at.clear()

    def picture(self) -> dict[str, Any]:
        """The state as plain JSON, equal for equal states: to compare, to log, to show."""
        return {
            "center_id": self.center_id,
            "children": {c: codec.to_json(t.place._asdict()) for c, t in sorted(self._children.items()) if t.place},
            "staff": {s: codec.to_json(t.place._asdict()) for s, t in sorted(self._staff.items()) if t.place},
            "naps": {r: codec.to_json(t.place._asdict()) for r, t in sorted(self._naps.items()) if t.place},
            "combined": codec.to_json(self._combination.place.members) if self._combination.place else [],
            "headcounts": [codec.to_json(self._headcounts[room][-1]) for room in sorted(self._headcounts)],
        }

    def _redecide(self, event: Event) -> Applied:
        """A correction, something corrected, or a changed double: its family of events is placed anew."""
        before = self._log.effective_with(event, self.remembers_from)
        self._log.add(event)
        after = self._log.effective_with(event, self.remembers_from)
        rooms: set[str] = set()
        gone, new = [each for each in before if each not in after], [each for each in after if each not in before]
        for each in gone:
            rooms |= self._unplace(each)
        for each in new:
            rooms |= self._place(each)[0]
        self._present_at.clear()
        late_from = min((each.happened_at for each in gone + new), default=None)
        reread = frozenset(_REREAD[each.event_type] for each in gone + new if each.event_type in _REREAD)
        return Applied(changed=True, rooms=frozenset(rooms), reread=reread, late_from=late_from)

    def _place(self, event: Event) -> tuple[set[str], bool]:
        """Adds an effective event to its track; the rooms touched, and whether it was not the newest there."""
        kind = event.event_type
        if self._newest_headcount is not None and event.happened_at <= self._newest_headcount:
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
        before = track.place
        late = bool(track.events) and track.events[-1].happened_at > event.happened_at
        if remove:
            track.remove(event)
        else:
            track.add(event)
        after, rooms = track.place, set()
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
        return rooms, late

    def _staff_changes(
        self, staff_id: str, track: Track[StaffPlace], event: Event, *, remove: bool
    ) -> tuple[set[str], bool]:
        before = track.place
        late = bool(track.events) and track.events[-1].happened_at > event.happened_at
        if remove:
            track.remove(event)
        else:
            track.add(event)
        after, rooms = track.place, set()
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
        before = dict(track.place.members) if track.place else {}
        if remove:
            track.remove(event)
        else:
            track.add(event)
        after = dict(track.place.members) if track.place else {}
        moved = {room for room in before.keys() | after.keys() if before.get(room) != after.get(room)}
        return moved | {target for room in moved for side in (before, after) if (target := side.get(room))}

    def _heard(self, event: Event) -> None:
        """Keeps how far the deliveries reach, whatever they are worth."""
        if event.sequence > self.last_sequence:
            self.last_sequence = event.sequence
        at, room_id = event.happened_at, event.room_id
        if self.last_event_at is None or at > self.last_event_at:
            self.last_event_at = at
        if room_id:
            known = self.last_event_in.get(room_id)
            if known is None or at > known:
                self.last_event_in[room_id] = at

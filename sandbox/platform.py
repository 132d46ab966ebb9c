"""The platform's state behind its API: the world as of the double's clock, what clients changed, and what they sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from domain.errors import NotFound
from domain.events import Event, effective
from domain.people import Shift
from domain.time import format_instant, local_date, local_instant, zone
from sandbox.clock import SandboxClock
from sandbox.log import EventLog, Posting
from sandbox.rows import Key, Row, child_row, staff_row
from sandbox.states import States
from sandbox.world import Recorded, World

_AHEAD = timedelta(days=2)  # the world is drawn at least this far beyond the clock
_EXTEND_DAYS = 14


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; `centers` None: all."""

    write: bool = False
    centers: frozenset[str] | None = None


class Platform:
    """What the API answers from. Not thread-safe: one event loop owns it."""

    def __init__(self, world: World, clock: SandboxClock, tokens: dict[str, Token]) -> None:
        self.world, self.clock, self.tokens = world, clock, tokens
        self.centers = {center.center_id: center for center in world.centers}
        self.rooms = {room.room_id: room for room in world.rooms}
        self.log = EventLog(world)
        self.received: list[Row] = []
        self.answers: dict[tuple[int, str, str], tuple[str, int, Row]] = {}  # by token, path and Idempotency-Key
        self._shift_center: dict[str, str] = {}
        self.states: dict[str, States[Any]] = {name: States(key) for name, key in _KEYS.items()}
        self._indexed = dict.fromkeys(_KEYS, 0)
        self.advance()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def advance(self) -> list[Event]:
        """Catch up with the clock; the events newly written to the log."""
        now = self.now
        if self.world.simulations:
            end = local_instant(self.world.end, time(0), zone(self.world.centers[0].timezone))
            if end < now + _AHEAD:
                self.world.extend((now + _AHEAD - end).days + _EXTEND_DAYS)
        for name in _KEYS:
            rows = getattr(self.world, name)
            for row in rows[self._indexed[name] :]:
                self.states[name].add(row.value.center_id, row)
                if name == "shifts":
                    self._shift_center[row.value.shift_id] = row.value.center_id
            self._indexed[name] = len(rows)
        return self.log.release(now)

    def set_clock(self, now: datetime) -> None:
        if now < self.now:
            self.log.rewind(now)
        self.clock.set(now)

    # ---- rows, as of now ----

    def scan(self, name: str, center_id: str, after: Key | None = None) -> Iterator[tuple[Key, Any]]:
        """Rows of a list (`children`, `staff`, `shifts`, `availability`, `bookings`, `closures`) by key."""
        return self.states[name].scan(center_id, self.now, after)

    def events(self, center_id: str) -> list[Event]:
        return self.log.known(center_id, self.now)

    def shift(self, shift_id: str) -> Shift:
        center_id = self._shift_center.get(shift_id)
        found = self.states["shifts"].latest(center_id, (shift_id,), self.now) if center_id else None
        if not isinstance(found, Shift):
            raise NotFound(f"there is no shift '{shift_id}'")
        return found

    def change_shift(self, changed: Shift) -> Shift:
        """Give the shift its next version now; the log tells of it, and the adult follows."""
        now = self.now
        before = self.shift(changed.shift_id)
        shift = replace(changed, version=before.version + "a")  # opaque; never one of the world's
        self.states["shifts"].add(shift.center_id, Recorded(now, shift))
        self.log.add(
            Event(
                "", 0, shift.center_id, "schedule_changed", now, now, staff_id=shift.staff_id, shift_id=shift.shift_id
            )
        )
        kept = {(s.start, s.end, s.kind, s.room_id) for s in before.segments}
        for segment in shift.segments:
            fresh = (segment.start, segment.end, segment.kind, segment.room_id) not in kept
            if fresh and segment.kind in ("room", "float") and segment.end > now:
                posting = Posting(shift.staff_id, segment.start, segment.end, segment.room_id)
                self.log.post(shift.center_id, posting, now)
        return shift

    # ---- who is here, as recorded ----

    def children_in(self, room_id: str) -> list[Row]:
        """Children checked in to the room since midnight and not out again."""
        center_id = self.rooms[room_id].center_id
        here: dict[str, str] = {}
        for event in self._today(center_id):
            if event.child_id is None:
                continue
            if event.event_type == "check_out":
                here.pop(event.child_id, None)
            elif event.event_type in ("check_in", "room_transfer") and event.room_id:
                here[event.child_id] = event.room_id
        known = self.states["children"]
        found = [known.latest(center_id, (c,), self.now) for c, room in sorted(here.items()) if room == room_id]
        return [child_row(child) for child in found if child is not None]

    def staff_in(self, room_id: str) -> list[Row]:
        """Adults clocked in to the room since midnight, those on break included."""
        center_id = self.rooms[room_id].center_id
        here: dict[str, tuple[str | None, bool, datetime]] = {}
        for event in self._today(center_id):
            staff = event.staff_id
            if staff is None:
                continue
            if event.event_type in ("clock_in", "room_move"):
                here[staff] = (event.room_id, False, event.happened_at)
            elif event.event_type == "clock_out":
                here.pop(staff, None)
            elif event.event_type in ("break_start", "break_end") and staff in here:
                room, _, since = here[staff]
                here[staff] = (event.room_id or room, event.event_type == "break_start", since)
        members = {member.staff_id: member for _, member in self.scan("staff", center_id)}
        return [
            staff_row(members[staff]) | {"on_break": on_break, "since": format_instant(since)}
            for staff, (room, on_break, since) in sorted(here.items())
            if room == room_id and staff in members
        ]

    def _today(self, center_id: str) -> list[Event]:
        tz = zone(self.centers[center_id].timezone)
        midnight = local_instant(local_date(self.now, tz), time(0), tz)
        recent = []
        for event in reversed(self.events(center_id)):
            if event.recorded_at < midnight:
                break
            recent.append(event)
        return [event for event in effective(recent) if midnight <= event.happened_at <= self.now]


_KEYS: dict[str, Callable[[Any], Key]] = {
    "children": lambda child: (child.child_id,),
    "staff": lambda member: (member.staff_id,),
    "shifts": lambda shift: (shift.shift_id,),
    "availability": lambda window: (window.start.isoformat(), window.staff_id, window.end.isoformat()),
    "bookings": lambda booking: (booking.day.isoformat(), booking.child_id, booking.room_id),
    "closures": lambda closure: (closure.day.isoformat(), closure.room_id or ""),
}

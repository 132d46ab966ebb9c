"""The platform's event log as it grows with the clock: the world's events, and those made through the API.

An adult whose shift was changed through the API obeys: from then on the log shows them where the new plan puts them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.events import Event
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Posting:
    """Where an approved change puts an adult, [start, end)."""

    staff_id: str
    start: datetime
    end: datetime
    room_id: str | None


class EventLog:
    """Events by center in `sequence`, released as they become recorded."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.by_center: dict[str, list[Event]] = {center.center_id: [] for center in world.centers}
        self._next = 0  # of the world's events
        self._extra: list[Event] = []  # not yet recorded, made here
        self._postings: dict[str, list[Posting]] = defaultdict(list)
        self._place: dict[str, str | None] = {}  # where each adult would be without postings, if clocked in
        self._made = 0

    def release(self, now: datetime) -> list[Event]:
        """Write what has been recorded by now; the new events in order of recording."""
        until = bisect_right(self.world.events, now, key=lambda event: event.recorded_at)
        due = [*self.world.events[self._next : until], *(e for e in self._extra if e.recorded_at <= now)]
        self._next = max(self._next, until)
        self._extra = [event for event in self._extra if event.recorded_at > now]
        due.sort(key=lambda event: (event.recorded_at, event.center_id, event.sequence, event.event_id))
        return [written for event in due if (written := self._write(event)) is not None]

    def rewind(self, now: datetime) -> None:
        """Forget what was recorded after `now`: the clock was set back."""
        for events in self.by_center.values():
            del events[bisect_right(events, now, key=lambda event: event.recorded_at) :]
        self._next = bisect_right(self.world.events, now, key=lambda event: event.recorded_at)
        self._extra.clear()
        self._postings.clear()
        self._place.clear()
        for event in (event for events in self.by_center.values() for event in events):
            self._follow(event)

    def add(self, event: Event) -> None:
        """Record an event of the API's own making when its `recorded_at` comes; it gets its id and sequence here."""
        self._made += 1
        self._extra.append(replace(event, event_id=event.event_id or f"{event.center_id}-x{self._made:06d}"))

    def add_now(self, event: Event) -> None:
        """Record something that happens outside the simulation."""
        self.add(replace(event, event_id="", sequence=0))

    def post(self, center_id: str, posting: Posting, now: datetime) -> None:
        """Have an adult follow an approved change."""
        self._postings[posting.staff_id].append(posting)
        start = max(posting.start, now + timedelta(seconds=90))
        if start < posting.end:
            self._walk(center_id, posting.staff_id, posting.room_id, start)
            self._walk(center_id, posting.staff_id, None, posting.end, back=True)

    def known(self, center_id: str, now: datetime) -> list[Event]:
        events = self.by_center[center_id]
        return events[: bisect_right(events, now, key=lambda event: event.recorded_at)]

    def _walk(self, center_id: str, staff_id: str, room_id: str | None, at: datetime, *, back: bool = False) -> None:
        shift_id = "back" if back else None  # marks a return; taken off again when written
        self.add(Event("", 0, center_id, "room_move", at, at, staff_id=staff_id, room_id=room_id, shift_id=shift_id))

    def _write(self, event: Event) -> Event | None:
        log = self.by_center.get(event.center_id)
        if log is None:
            return None
        own = event.sequence == 0
        staff = event.staff_id
        if staff is not None and event.event_type in ("clock_in", "clock_out", "room_move"):
            if own and event.event_type == "room_move":
                if staff not in self._place:
                    return None  # not here, so not moving
                if event.shift_id == "back":
                    event = replace(event, shift_id=None, room_id=self._place[staff])
            else:
                self._follow(event)
                if event.event_type == "room_move" and self._posted(staff, event.happened_at):
                    return None
        written = replace(event, sequence=len(log) + 1)
        log.append(written)
        return written

    def _follow(self, event: Event) -> None:
        """Keep up with where adults would be."""
        if event.staff_id is None:
            return
        if event.event_type == "clock_out":
            self._place.pop(event.staff_id, None)
        elif event.event_type in ("clock_in", "room_move"):
            self._place[event.staff_id] = event.room_id

    def _posted(self, staff_id: str, at: datetime) -> bool:
        return any(posting.start <= at < posting.end for posting in self._postings.get(staff_id, ()))

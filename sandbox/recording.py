"""From what happened to what the platform recorded: delays, omissions, mistakes and their corrections."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.events import Event
from sandbox.knobs import Knobs
from sandbox.laws import Rng
from sandbox.world import Fault, LocalDay


@dataclass(slots=True)
class Record:
    """The log of one center as it grows; events get their sequence when they become final, in order of recording."""

    center_id: str
    knobs: Knobs
    rooms: list[str]
    pending: list[Event] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    written: int = 0
    sequence: int = 0

    def final(self, until: datetime) -> list[Event]:
        """Events recorded before `until`, in sequence; later ones wait."""
        ready = sorted((e for e in self.pending if e.recorded_at < until), key=lambda e: (e.recorded_at, e.event_id))
        self.pending = [e for e in self.pending if e.recorded_at >= until]
        result = []
        for event in ready:
            self.sequence += 1
            result.append(replace(event, sequence=self.sequence))
        return result

    def plain(self, kind: str, happened: datetime, **fields: object) -> Event:
        """An event known at once."""
        event = self._event(kind, happened, happened, fields)
        self.pending.append(event)
        return event

    def logged(self, rng: Rng, kind: str, happened: datetime, **fields: object) -> Event:
        """An event known after the usual delay."""
        event = self._event(kind, happened, happened + self._delay(rng), fields)
        self.pending.append(event)
        return event

    def missed(self, rng: Rng, rate: float, day: LocalDay, kind: str, happened: datetime, **fields: object) -> bool:
        """Log the event unless it is forgotten (at `rate`); whether it was."""
        if rng.random() >= self.knobs.fault(rate):
            self.logged(rng, kind, happened, **fields)
            return False
        self.forgotten(rng, day, kind, happened, **fields)
        return True

    def forgotten(self, rng: Rng, day: LocalDay, kind: str, happened: datetime, **fields: object) -> None:
        """Nobody entered it; now and then it is entered the next morning."""
        corrected = bool(rng.random() < self.knobs.corrected_next_day)
        self._fault(f"missed_{kind}", happened, fields, corrected=corrected)
        if corrected:
            self.pending.append(self._event(kind, happened, _next_morning(rng, day), fields))

    def placed(
        self, rng: Rng, rate: float, day: LocalDay, kind: str, happened: datetime, room: int, **fields: object
    ) -> int:
        """Log an event that names a room, now and then (at `rate`) the wrong one; the room the platform believes in."""
        if len(self.rooms) < 2 or rng.random() >= self.knobs.fault(rate):
            self.logged(rng, kind, happened, room_id=self.rooms[room], **fields)
            return room
        wrong = room + 1 if room == 0 or (room + 1 < len(self.rooms) and rng.random() < 0.5) else room - 1
        event = self.logged(rng, kind, happened, room_id=self.rooms[wrong], **fields)
        noticed = bool(rng.random() < self.knobs.wrong_room_noticed)
        corrected = noticed or bool(rng.random() < self.knobs.corrected_next_day)
        self._fault("wrong_room", happened, fields, corrected=corrected)
        if corrected:
            at = event.recorded_at + timedelta(minutes=rng.uniform(5, 55)) if noticed else _next_morning(rng, day)
            change = self._event("correction", happened, at, {**fields, "room_id": self.rooms[room]})
            self.pending.append(replace(change, supersedes=event.event_id, corrected_type=kind))
        return room if noticed else wrong

    def _event(self, kind: str, happened: datetime, recorded: datetime, fields: dict[str, object]) -> Event:
        self.written += 1
        event_id = f"{self.center_id}-e{self.written:07d}"
        return Event(event_id, 0, self.center_id, kind, happened, recorded, **fields)  # type: ignore[arg-type]

    def _fault(self, kind: str, happened: datetime, fields: dict[str, object], *, corrected: bool) -> None:
        subject = str(fields.get("child_id") or fields.get("staff_id") or "")
        self.faults.append(Fault(self.center_id, kind, subject, happened, corrected))

    def _delay(self, rng: Rng) -> timedelta:
        if not self.knobs.faults:
            return timedelta()
        if rng.random() < self.knobs.fault(self.knobs.delay_long_share):
            return timedelta(seconds=600 + round(float(rng.exponential(900))))
        return timedelta(seconds=round(min(600.0, self.knobs.delay_median_seconds * float(rng.lognormal(0, 0.8)))))


def _next_morning(rng: Rng, day: LocalDay) -> datetime:
    return day.at(1440 + rng.uniform(7 * 60, 10 * 60))

"""What is so in one center: the fold of its events, whatever the order, number or lateness of their delivery.

The oracle of this fold is `domain.events.effective`: after any delivery the state equals the one after folding the
effective sequence once, in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import BadInput
from domain.events import Event, effective
from evaluator import codec
from evaluator.log import EventLog
from evaluator.observations import Observation
from evaluator.presence import Presence

_REREAD = {"schedule_changed": "shifts", "booking_changed": "bookings"}


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


class CenterState(Presence):
    """One center's events folded. `apply` is O(1) for in-order events and re-folds one entity's day otherwise."""

    def __init__(self, center_id: str) -> None:
        super().__init__()
        self.center_id = center_id
        self.last_event_at: datetime | None = None
        self.last_event_in: dict[str, datetime] = {}  # newest child or staff event that names the room
        self.last_sequence = 0
        self.remembers_from: datetime | None = None
        self._log = EventLog()
        self._headcounts: dict[str, list[Observation]] = {}

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
        late = counts[-1] is not observation
        return Applied(
            changed=True, rooms=frozenset({observation.room_id}), late_from=observation.happened_at if late else None
        )

    def headcount(self, room_id: str, now: datetime, since: datetime) -> Observation | None:
        """The last headcount of the room in [since, now]."""
        for observation in reversed(self._headcounts.get(room_id, ())):
            if observation.happened_at <= now:
                return observation if observation.happened_at >= since else None
        return None

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
        for track in self._tracks():
            track.drop_before(instant)
        self._log.forget_before(instant)
        self._headcounts = {
            room_id: kept
            for room_id, counts in self._headcounts.items()
            if (kept := [each for each in counts if each.happened_at >= instant])
        }
        self.remembers_from = instant
        self._present_at.clear()
        self._combined_at.clear()

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

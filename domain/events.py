"""Attendance events: what happened, when it happened and when it became known.

`effective` turns any delivery (late, doubled, out of order, corrected) into the one true sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.errors import BadInput
from domain.time import format_instant, parse_instant

CHILD_EVENTS = frozenset({"check_in", "check_out", "room_transfer"})
STAFF_EVENTS = frozenset({"clock_in", "clock_out", "room_move", "break_start", "break_end", "step_out", "step_in"})

_TEXT_FIELDS = (
    "event_id", "center_id", "event_type", "child_id", "staff_id", "room_id", "from_room_id", "shift_id",
    "supersedes", "corrected_type",
)  # fmt: skip
MAX_ID_LENGTH = 64
_MAX_SEQUENCE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Event:
    event_id: str
    sequence: int  # per center, from 1, no gaps
    center_id: str
    event_type: str  # unknown types are kept and change nothing
    happened_at: datetime
    recorded_at: datetime
    child_id: str | None = None
    staff_id: str | None = None
    room_id: str | None = None
    from_room_id: str | None = None
    room_ids: tuple[str, ...] = ()
    shift_id: str | None = None
    supersedes: str | None = None
    voided: bool = False
    corrected_type: str | None = None


def event_from_json(data: object) -> Event:
    """An event from the platform's JSON object; unknown fields are ignored, a wrong one is named in BadInput."""
    if not isinstance(data, Mapping):
        raise BadInput("an event must be a JSON object")
    texts = {name: _text(data, name) for name in _TEXT_FIELDS}
    for name in ("event_id", "center_id", "event_type"):
        if not texts[name]:
            raise BadInput(f"the event's field '{name}' is missing")
    sequence = data.get("sequence")
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 1 <= sequence <= _MAX_SEQUENCE:
        raise BadInput("the event's field 'sequence' must be a whole number from 1")
    voided = data.get("voided")
    if voided is not None and not isinstance(voided, bool):
        raise BadInput("the event's field 'voided' must be true or false")
    return Event(
        **{name: value for name, value in texts.items() if value is not None},
        sequence=sequence,
        happened_at=_instant(data, "timestamp"),
        recorded_at=_instant(data, "recorded_at"),
        room_ids=_room_ids(data.get("room_ids")),
        voided=bool(voided),
    )


def event_to_json(event: Event) -> dict[str, Any]:
    """The platform's JSON object; fields that are not set are left out."""
    body: dict[str, Any] = {name: value for name in _TEXT_FIELDS if (value := getattr(event, name)) is not None}
    body |= {
        "sequence": event.sequence,
        "timestamp": format_instant(event.happened_at),
        "recorded_at": format_instant(event.recorded_at),
    }
    if event.room_ids:
        body["room_ids"] = list(event.room_ids)
    if event.voided:
        body["voided"] = True
    return body


def effective(events: Iterable[Event]) -> list[Event]:
    """What truly happened, by (happened_at, sequence): doubles once, corrections applied, voided events gone.

    The result does not depend on the order or number of deliveries. Of several corrections of one event the last
    recorded (then the highest sequence) holds; a correction of a correction corrects the original. A correction whose
    original has not arrived yet stands by itself, so that nothing known is lost.
    """
    by_id: dict[str, Event] = {}
    for event in events:
        known = by_id.get(event.event_id)
        if known is None or _rank(known) < _rank(event):
            by_id[event.event_id] = event
    latest: dict[str, Event] = {}
    for event in by_id.values():
        if event.event_type == "correction" and event.supersedes:
            root = _root(event, by_id)
            if root not in latest or _rank(latest[root]) < _rank(event):
                latest[root] = event
    result = [event for event in by_id.values() if event.event_type != "correction" and event.event_id not in latest]
    result += [_corrected(by_id.get(root), change) for root, change in latest.items() if not change.voided]
    return sorted(result, key=lambda event: (event.happened_at, event.sequence, event.event_id))


def _rank(event: Event) -> tuple[datetime, int, str]:
    return (event.recorded_at, event.sequence, repr(event))


def _root(event: Event, by_id: Mapping[str, Event]) -> str:
    seen = {event.event_id}
    root = event.supersedes or event.event_id
    while (known := by_id.get(root)) and known.event_type == "correction" and known.supersedes and root not in seen:
        seen.add(root)
        root = known.supersedes
    return root


def _corrected(original: Event | None, change: Event) -> Event:
    """The change as an event of its own; what it does not name is taken from the original."""
    base = original if original and original.event_type != "correction" else None
    return replace(
        change,
        child_id=change.child_id or (base.child_id if base else None),
        staff_id=change.staff_id or (base.staff_id if base else None),
        room_id=change.room_id or (base.room_id if base else None),
        from_room_id=change.from_room_id or (base.from_room_id if base else None),
        shift_id=change.shift_id or (base.shift_id if base else None),
        event_type=change.corrected_type or (base.event_type if base else "correction"),
        room_ids=change.room_ids or (base.room_ids if base else ()),
    )


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_ID_LENGTH or "\x00" in value:
        raise BadInput(f"the event's field '{name}' must be a text of at most {MAX_ID_LENGTH} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"the event's field '{name}' is not valid text") from error
    return value


def _instant(data: Mapping[str, Any], name: str) -> datetime:
    value = data.get(name)
    if not isinstance(value, str):
        raise BadInput(f"the event's field '{name}' is missing or not a time")
    try:
        instant = parse_instant(value)
    except BadInput as error:
        raise BadInput(f"the event's field '{name}': {error}") from error
    if not 2000 <= instant.year <= 2200:
        raise BadInput(f"the event's field '{name}' lies outside the years 2000 to 2200")
    return instant


def _room_ids(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 100:
        raise BadInput("the event's field 'room_ids' must be a list of at most 100 room ids")
    return tuple(text for item in value if (text := _text({"room_ids": item}, "room_ids")))

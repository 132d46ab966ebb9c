"""Attendance events in the ledger: append once, read again, find gaps."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from domain.events import Event, event_from_json, event_to_json
from storage import audit
from storage.ledger.schema import Written, canonical_json, events
from storage.ledger.upsert import insert_new_count

_TOP = select(func.coalesce(func.max(events.c.position), 0))


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event and its row but for the position, made ready outside the writer so that a commit is short."""

    event: Event
    row: dict[str, Any]


def arrived(event: Event, received_at: datetime, source: str) -> Arrived:
    return Arrived(event, _row(event, received_at, source))


def append_events(connection: Connection, new: Iterable[Event], received_at: datetime, source: str) -> list[Event]:
    """`append_arrived` for events of one source and time."""
    return append_arrived(connection, [arrived(event, received_at, source) for event in new], received_at)


def append_arrived(connection: Connection, events_arrived: Iterable[Arrived], now: datetime) -> list[Event]:
    """Store what is new; the new events in their order of arrival. What is known already changes nothing.

    Each center's new events leave one audit entry with the digest of all of them.
    """
    ready = {_identity(each.row): each for each in events_arrived}
    if not ready:
        return []
    first = 1 + int(connection.execute(_TOP).scalar_one())
    values = [{**each.row, "position": first + offset} for offset, each in enumerate(ready.values())]
    stored = _stored(connection, first, len(values), insert_new_count(connection, events, values))
    new = [each for position, each in enumerate(ready.values(), start=first) if position in stored]
    by_center: dict[str, list[dict[str, Any]]] = {}
    for each in new:
        by_center.setdefault(each.event.center_id, []).append(each.row)
    audit.append_all(connection, (_received(by_center[key], now) for key in sorted(by_center)))
    return [each.event for each in new]


def _stored(connection: Connection, first: int, tried: int, new: int) -> Container[int]:
    """Positions from `first` on that were new. Mostly all: they are only read where doubles left holes."""
    if new == tried:
        return range(first, first + tried)
    return {row.position for row in connection.execute(select(events.c.position).where(events.c.position >= first))}


def _received(rows: Sequence[dict[str, Any]], now: datetime) -> audit.Entry:
    digest = _joint_digest([row["digest"] for row in rows])
    after = {"count": len(rows), "digest": digest, "source": rows[0]["source"]}
    span = f"events:{rows[0]['sequence']}..{rows[-1]['sequence']}"
    return audit.Entry(rows[0]["center_id"], "events.received", span, "service", now, after=after)


def read_events(
    connection: Connection,
    center_id: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after_position: int = 0,
) -> list[Event]:
    """A center's events in order of arrival: those that happened, or became known, in [since, until)."""
    query = select(events.c.body).where(events.c.center_id == center_id, events.c.position > after_position)
    if since is not None:
        query = query.where((events.c.happened_at >= since) | (events.c.recorded_at >= since))
    if until is not None:
        query = query.where(events.c.happened_at < until)
    return [event_from_json(row.body) for row in connection.execute(query.order_by(events.c.position))]


def first_event(connection: Connection, center_id: str) -> datetime | None:
    """When the first event on record happened; None without any."""
    found: datetime | None = connection.execute(
        select(func.min(events.c.happened_at)).where(events.c.center_id == center_id)
    ).scalar_one()
    return found


def event_centers(connection: Connection) -> list[str]:
    return [row.center_id for row in connection.execute(select(events.c.center_id).distinct().order_by("center_id"))]


def gaps(connection: Connection, center_id: str) -> tuple[int, list[tuple[int, int]]]:
    """The highest sequence stored, and the ranges (first, last) that are missing below it."""
    behind = func.lag(events.c.sequence, 1, 0).over(order_by=events.c.sequence)
    pairs = select(behind.label("before"), events.c.sequence).where(events.c.center_id == center_id).subquery()
    holes = connection.execute(
        select(pairs.c.before, pairs.c.sequence).where(pairs.c.sequence > pairs.c.before + 1).order_by("sequence")
    )
    missing = [(row.before + 1, row.sequence - 1) for row in holes]
    top = connection.execute(select(func.max(events.c.sequence)).where(events.c.center_id == center_id)).scalar()
    return int(top or 0), missing


def sequences_after(connection: Connection, center_id: str, sequence: int) -> list[int]:
    """Sequence numbers stored above `sequence`, ascending."""
    query = select(events.c.sequence).where(events.c.center_id == center_id, events.c.sequence > sequence)
    return [row.sequence for row in connection.execute(query.order_by(events.c.sequence))]


def _row(event: Event, received_at: datetime, source: str) -> dict[str, Any]:
    body = Written(canonical_json(event_to_json(event)))
    return {
        "center_id": event.center_id,
        "sequence": event.sequence,
        "event_id": event.event_id,
        "digest": hashlib.sha256(body.encode()).hexdigest()[:16],
        "happened_at": event.happened_at,
        "recorded_at": event.recorded_at,
        "received_at": received_at,
        "source": source,
        "body": body,
    }


def _identity(row: dict[str, Any]) -> tuple[str, str, str]:
    return (row["center_id"], row["event_id"], row["digest"])


def _joint_digest(digests: Sequence[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()

"""Visits of an export as attendance events: what changed since the last export becomes a correction.

A visit is known by its child, day and number on that day, so that reading a file twice, late, out of order or after it
was overwritten ends in the same state. The export does not tell when the platform learnt of a visit: it counts as
recorded when it happened; a change counts as recorded when the file that told it was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby

from connectors.sessions import NEAR_ITS_DAY, Session
from domain.events import Event, effective
from flows.rows import event_of, event_row
from storage.warehouse import Warehouse

_NEARBY = 2 * NEAR_ITS_DAY  # how far a visit's events, before and after a correction, may lie apart
_NEXT = timedelta(microseconds=1)


def add_sessions(warehouse: Warehouse, sessions: Sequence[Session], told_at: datetime) -> int:
    """Store what the sessions say beyond what is known, inside the caller's transaction. Returns the new events."""
    new = 0
    for center_id, of_center in groupby(sorted(sessions, key=lambda s: s.center_id), key=lambda s: s.center_id):
        batch = list(of_center)
        wanted = {event.event_id: event for event in _wanted(batch)}
        known, recorded = _known(warehouse, center_id, batch)
        told = {_visit(session.child_id, session.day) for session in batch}
        gone = (root for root in known if root not in wanted and _visit_of(root) in told)
        changes = list(_changes(wanted, known, recorded, told_at))
        changes += [_correction(known[root], root, max(told_at, recorded[root]), voided=True) for root in gone]
        new += _store(warehouse, center_id, changes)
    return new


def _wanted(sessions: Iterable[Session]) -> Iterator[Event]:
    """The events the sessions amount to. Where a visit begins before the last one ended, the earlier check-out is left
    out: the new check-in ends that stay and marks it as doubtful.
    """
    ordered = sorted(sessions, key=lambda s: (s.child_id, s.day, s.check_in, s.voided, s.row))
    for (child_id, day), visits in groupby(ordered, key=lambda s: (s.child_id, s.day)):
        standing = [visit for visit in visits if not visit.voided]
        for number, visit in enumerate(standing):
            following = standing[number + 1].check_in if number + 1 < len(standing) else None
            root = f"{_visit(child_id, day)}-{number}"
            yield _event(visit, f"{root}-in", "check_in", visit.check_in)
            if visit.check_out is not None and (following is None or visit.check_out <= following):
                yield _event(visit, f"{root}-out", "check_out", visit.check_out)


def _event(visit: Session, event_id: str, kind: str, at: datetime) -> Event:
    return Event(event_id, 1, visit.center_id, kind, at, at, child_id=visit.child_id, room_id=visit.room_id)


def _known(
    warehouse: Warehouse, center_id: str, sessions: Sequence[Session]
) -> tuple[dict[str, Event], dict[str, datetime]]:
    """The events in force near the sessions' days, by the id they first had; and by every such id the instant just
    after all that is recorded of it: a later telling must rank behind, though its file may have been written before.
    """
    days = [session.check_in for session in sessions]
    rows = warehouse.rows(
        "SELECT * FROM events WHERE center_id = ? AND happened_at BETWEEN ? AND ?",
        [center_id, min(days) - _NEARBY, max(days) + _NEARBY],
    )
    in_force = {event.supersedes or event.event_id: event for event in effective(map(event_of, rows))}
    recorded: dict[str, datetime] = {}
    for row in rows:
        root = row["supersedes"] or row["event_id"]
        recorded[root] = max(row["recorded_at"] + _NEXT, recorded.get(root, row["recorded_at"]))
    return in_force, recorded


def _changes(
    wanted: dict[str, Event], known: dict[str, Event], recorded: dict[str, datetime], told_at: datetime
) -> Iterator[Event]:
    for root, event in wanted.items():
        before = known.get(root)
        if before is None and root not in recorded:
            yield event
        elif before is None or (before.happened_at, before.room_id) != (event.happened_at, event.room_id):
            yield _correction(event, root, max(told_at, recorded[root]), voided=False)


def _correction(event: Event, root: str, told_at: datetime, *, voided: bool) -> Event:
    recorded_at = max(told_at, event.happened_at)
    content = f"{root} {event.happened_at} {event.room_id} {voided} {recorded_at}"
    return Event(
        f"correction-{hashlib.blake2b(content.encode(), digest_size=12).hexdigest()}",
        1,
        event.center_id,
        "correction",
        event.happened_at,
        recorded_at,
        child_id=event.child_id,
        room_id=event.room_id,
        supersedes=root,
        voided=voided,
        corrected_type=event.event_type,
    )


def _store(warehouse: Warehouse, center_id: str, events: Iterable[Event]) -> int:
    """Number the events on from the last one and store them."""
    last = warehouse.rows("SELECT coalesce(max(sequence), 0) AS last FROM events WHERE center_id = ?", [center_id])
    ordered = sorted(events, key=lambda event: (event.happened_at, event.event_id))
    rows = [event_row(replace(e, sequence=n)) for n, e in enumerate(ordered, start=last[0]["last"] + 1)]
    return warehouse.add_new("events", rows)


def _visit(child_id: str, day: date) -> str:
    return f"visit-{child_id}-{day:%Y%m%d}"


def _visit_of(root: str) -> str:
    return root.rsplit("-", 2)[0]

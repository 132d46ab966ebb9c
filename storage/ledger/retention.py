"""What has been kept long enough: counted, and deleted for good. The audit chain names people by id only and stays.

Never deleted: what belongs to an open incident, a message that is still to be sent, and everything from two days before
the earliest open incident began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, func, select, tuple_

from storage import audit
from storage.ledger.centers import keep_reference, read_reference
from storage.ledger.schema import (
    attempts,
    call_outs,
    events,
    feedback,
    incidents,
    instant_text,
    observations,
    outbox,
    proposals,
    verdicts,
)
from storage.ledger.schema import reference as documents

_AROUND_AN_INCIDENT = timedelta(days=2)
_OVER = ("sent", "failed", "dropped", "shadow")  # messages nobody will send any more
_AT_ONCE = 2000  # rows of a table in one transaction: deliveries wait for no more than that


def kept_from(connection: Connection, center_id: str, wanted: datetime) -> datetime:
    """`wanted`, or earlier for as long as an incident is open."""
    still_open = (incidents.c.center_id == center_id, incidents.c.closed_at.is_(None))
    earliest = connection.execute(select(func.min(incidents.c.opened_at)).where(*still_open)).scalar()
    return wanted if earliest is None else min(wanted, earliest - _AROUND_AN_INCIDENT)


def count_old(connection: Connection, center_id: str, before: datetime, *, names: bool) -> dict[str, int]:
    """How many rows `purge` would delete altogether, by what they are. `names`: children's names may be kept."""
    found = {
        what: int(connection.execute(select(func.count()).select_from(table).where(old)).scalar_one())
        for what, (table, old) in _old(center_id, before).items()
    }
    return found | {"children": _children(connection, center_id, before, names=names)[1]}


def purge(
    connection: Connection, center_id: str, before: datetime, now: datetime, *, names: bool, actor: str = "service"
) -> dict[str, int]:
    """Delete what is older than `before`, some thousand rows of each kind at once; how many, by what they were.

    Call it again until nothing is left. What it deleted stands in the audit log, as numbers.
    """
    _keep_place_in_the_log(connection, center_id, before, now)
    old_rows = _old(center_id, before)
    connection.execute(delete(attempts).where(attempts.c.message_id.in_(_slice(*old_rows["messages"]))))
    gone = {what: _delete(connection, table, old) for what, (table, old) in old_rows.items()}
    kept, forgotten = _children(connection, center_id, before, names=names)
    if forgotten:
        keep_reference(connection, center_id, "children", kept, now)
    gone["children"] = forgotten
    if any(gone.values()):
        after = {"before": instant_text(before), **{what: count for what, count in gone.items() if count}}
        entry = audit.Entry(center_id, "retention.purged", f"center:{center_id}", actor, now, after=after)
        audit.append(connection, entry)
    return gone


def _old(center_id: str, before: datetime) -> Mapping[str, tuple[Table, ColumnElement[bool]]]:
    """Tables, and which of their rows have been kept long enough."""
    still_open = select(incidents.c.incident_id).where(incidents.c.closed_at.is_(None))
    return {
        what: (table, and_(table.c.center_id == center_id, *conditions))
        for what, table, conditions in (
            ("events", events, (events.c.happened_at < before, events.c.recorded_at < before)),
            ("headcounts", observations, (observations.c.happened_at < before,)),
            ("verdicts", verdicts, (verdicts.c.at < before,)),
            ("messages", outbox, (outbox.c.created_at < before, outbox.c.status.in_(_OVER))),
            ("proposals", proposals, (
                proposals.c.updated_at < before, func.coalesce(proposals.c.incident_id, "").not_in(still_open),
            )),
            ("call-outs", call_outs, (call_outs.c.absent_until < before,)),
            ("feedback", feedback, (feedback.c.at < before,)),
            ("incidents", incidents, (incidents.c.closed_at < before,)),
        )
    }  # fmt: skip


def _delete(connection: Connection, table: Table, old: ColumnElement[bool]) -> int:
    keys = list(table.primary_key.columns)
    key = keys[0] if len(keys) == 1 else tuple_(*keys)
    return connection.execute(delete(table).where(key.in_(_slice(table, old)))).rowcount


def _slice(table: Table, old: ColumnElement[bool]) -> Select[Any]:
    """The keys of as many old rows as one transaction deletes; the same ones each time it is asked."""
    keys = table.primary_key.columns
    return select(*keys).where(old).order_by(*keys).limit(_AT_ONCE)


def _keep_place_in_the_log(connection: Connection, center_id: str, before: datetime, now: datetime) -> None:
    """Purged events are no gap to be read again from the platform's log: what lies below them counts as read."""
    _, old = _old(center_id, before)["events"]
    top = connection.execute(select(func.max(events.c.sequence)).where(old)).scalar()
    base = read_reference(connection, center_id).get("log_base", {}).get("sequence", 0)
    if top is not None and top > base:
        keep_reference(connection, center_id, "log_base", {"sequence": top}, now)


def _children(
    connection: Connection, center_id: str, before: datetime, *, names: bool
) -> tuple[list[dict[str, Any]], int]:
    """The children's records as they may be kept, and how many are changed: who left before then is gone, a name that
    may not be kept is gone."""
    wanted = (documents.c.center_id == center_id, documents.c.kind == "children")
    known: list[dict[str, Any]] = connection.execute(select(documents.c.body).where(*wanted)).scalar() or []
    day = before.date().isoformat()
    here = [child for child in known if not child.get("enrolled_to") or child["enrolled_to"] >= day]
    kept = here if names else [child | {"display_name": None} for child in here]
    return kept, len(known) - len(here) + sum(new != old for new, old in zip(kept, here, strict=True))

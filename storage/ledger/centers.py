"""What belongs to a center: its settings, and what the platform said about it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from domain.errors import Conflict, NotFound
from storage import audit
from storage.ledger.schema import centers, reference
from storage.ledger.upsert import replace_rows


@dataclass(frozen=True, slots=True)
class StoredSettings:
    center_id: str
    version: int
    updated_at: datetime
    body: dict[str, Any]


def read_settings(connection: Connection, center_id: str) -> StoredSettings | None:
    row = connection.execute(select(centers).where(centers.c.center_id == center_id)).first()
    return StoredSettings(**row._mapping) if row else None


def all_settings(connection: Connection) -> list[StoredSettings]:
    rows = connection.execute(select(centers).order_by(centers.c.center_id))
    return [StoredSettings(**row._mapping) for row in rows]


def write_settings(
    connection: Connection, center_id: str, body: dict[str, Any], actor: str, now: datetime, *, version: int | None
) -> StoredSettings:
    """Replace a center's settings. `version` is the one the change was made on; Conflict if it is not the latest."""
    before = read_settings(connection, center_id)
    current = before.version if before else 0
    if version is not None and version != current:
        raise Conflict(f"the settings of {center_id} were changed meanwhile (version {current}); read them again")
    stored = StoredSettings(center_id, current + 1, now, body)
    row = {"center_id": center_id, "version": stored.version, "updated_at": now, "body": body}
    replace_rows(connection, centers, [row])
    audit.append(
        connection,
        audit.Entry(
            center_id, "settings.changed", f"center:{center_id}", actor, now, before.body if before else None, body
        ),
    )
    return stored


def keep_reference(connection: Connection, center_id: str, kind: str, body: Any, now: datetime) -> None:
    """Remember what the platform said, so that a restart does not depend on it."""
    row = {"center_id": center_id, "kind": kind, "read_at": now, "body": body}
    replace_rows(connection, reference, [row])


def read_reference(connection: Connection, center_id: str) -> dict[str, Any]:
    """All that is kept about a center, by kind."""
    rows = connection.execute(select(reference.c.kind, reference.c.body).where(reference.c.center_id == center_id))
    return {row.kind: row.body for row in rows}


def require_center(connection: Connection, center_id: str) -> None:
    """NotFound where the ledger holds nothing of the center."""
    known = {*known_centers(connection), *audit.centers(connection)} - {""}
    if center_id not in known:
        raise NotFound(f"the ledger knows no center '{center_id}'; it has {', '.join(sorted(known)) or 'none yet'}")


def known_centers(connection: Connection) -> list[str]:
    rows = connection.execute(
        select(reference.c.center_id).where(reference.c.kind == "center").order_by(reference.c.center_id)
    )
    return [row.center_id for row in rows]

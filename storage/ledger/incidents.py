"""Incidents, verdicts, headcounts and feedback: what the evaluator decided and what people said about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from domain.errors import Conflict, NotFound
from storage.ledger.schema import feedback, incidents, observations, row_of, verdicts
from storage.ledger.upsert import insert_new, replace_rows

_REPLACE = update(incidents).where(
    incidents.c.incident_id == bindparam("key"), incidents.c.version == bindparam("known")
)
LABELS = ("false_alarm", "missed", "useful", "logged")  # logged: a manual log's own violation


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident; `body` is the evaluator's own JSON of it, the columns are what is searched for."""

    incident_id: str
    center_id: str
    room_id: str | None
    kind: str
    severity: str
    status: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    body: dict[str, Any]
    version: int = 0


@dataclass(frozen=True, slots=True)
class Feedback:
    feedback_id: str
    center_id: str
    label: str
    at: datetime
    actor: str
    incident_id: str | None = None
    room_id: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    center_id: str
    room_id: str
    at: datetime
    children: int
    counted: int
    required: int
    trust: str
    rule_version: str
    body: dict[str, Any]


def save_incident(connection: Connection, row: IncidentRow) -> IncidentRow:
    """Insert (version 0) or replace by compare-and-set on the version. Conflict if somebody else was faster."""
    values = {**row_of(row), "version": row.version + 1}
    if row.version == 0:
        done = len(insert_new(connection, incidents, [values]))
    else:
        done = connection.execute(_REPLACE, {**values, "key": row.incident_id, "known": row.version}).rowcount
    if not done:
        raise Conflict(f"the incident {row.incident_id} was changed meanwhile; read it again")
    return IncidentRow(**values)


def read_incident(connection: Connection, incident_id: str) -> IncidentRow:
    row = connection.execute(select(incidents).where(incidents.c.incident_id == incident_id)).first()
    if row is None:
        raise NotFound(f"there is no incident {incident_id}")
    return IncidentRow(**row._mapping)


def open_incidents(connection: Connection, center_id: str) -> list[IncidentRow]:
    query = select(incidents).where(incidents.c.center_id == center_id, incidents.c.closed_at.is_(None))
    return [IncidentRow(**row._mapping) for row in connection.execute(query.order_by(incidents.c.opened_at))]


def find_incidents(
    connection: Connection,
    center_id: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    status: str | None = None,
    room_id: str | None = None,
    limit: int = 500,
) -> list[IncidentRow]:
    """Incidents that were open at some time in [since, until), newest first."""
    query = select(incidents).where(incidents.c.center_id == center_id)
    if since is not None:
        query = query.where(or_(incidents.c.closed_at.is_(None), incidents.c.closed_at > since))
    if until is not None:
        query = query.where(incidents.c.opened_at < until)
    if status is not None:
        query = query.where(incidents.c.status == status)
    if room_id is not None:
        query = query.where(incidents.c.room_id == room_id)
    query = query.order_by(incidents.c.opened_at.desc(), incidents.c.incident_id).limit(limit)
    return [IncidentRow(**row._mapping) for row in connection.execute(query)]


def save_verdicts(connection: Connection, rows: Iterable[VerdictRow]) -> None:
    replace_rows(connection, verdicts, [row_of(row) for row in rows])


def read_verdicts(connection: Connection, center_id: str, since: datetime, until: datetime) -> list[VerdictRow]:
    """Verdicts of a center as they changed in [since, until), by time."""
    query = select(verdicts).where(verdicts.c.center_id == center_id, verdicts.c.at >= since, verdicts.c.at < until)
    return [VerdictRow(**row._mapping) for row in connection.execute(query.order_by(verdicts.c.at, verdicts.c.room_id))]


def save_observation(
    connection: Connection,
    observation_id: str,
    center_id: str,
    room_id: str,
    happened_at: datetime,
    recorded_at: datetime,
    body: dict[str, Any],
) -> bool:
    """Keep a headcount; False if it is known already (a page that was offline sends again)."""
    row = {
        "observation_id": observation_id, "center_id": center_id, "room_id": room_id, "happened_at": happened_at,
        "recorded_at": recorded_at, "body": body,
    }  # fmt: skip
    return bool(insert_new(connection, observations, [row]))


def read_observations(connection: Connection, center_id: str, since: datetime) -> list[dict[str, Any]]:
    query = select(observations.c.body).where(
        observations.c.center_id == center_id, observations.c.happened_at >= since
    )
    return [row.body for row in connection.execute(query.order_by(observations.c.happened_at))]


def save_feedback(connection: Connection, given: Feedback) -> None:
    connection.execute(insert(feedback).values(**row_of(given)))


def read_feedback(
    connection: Connection, center_id: str, since: datetime | None = None, until: datetime | None = None
) -> list[Feedback]:
    query = select(feedback).where(feedback.c.center_id == center_id).order_by(feedback.c.at)
    if since is not None:
        query = query.where(feedback.c.at >= since)
    if until is not None:
        query = query.where(feedback.c.at < until)
    return [Feedback(**row._mapping) for row in connection.execute(query)]

"""How the ledger's tables come to be: an ordered list of steps in SQL that SQLite and PostgreSQL both understand.

A step that has been released is never edited; a change of the tables is a new step at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, inspect, text

from domain.errors import StoreError
from storage.ledger.schema import instant_text


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    summary: str
    statements: tuple[str, ...]


def migrate(connection: Connection, now: datetime, upto: int | None = None) -> list[int]:
    """Bring the tables to the newest version (or `upto`); the versions applied. The caller commits."""
    known = {step.version for step in MIGRATIONS}
    done = applied(connection)
    if newer := done - known:
        raise StoreError(
            f"the ledger was written by a newer release (its tables have version {max(newer)}, this release knows "
            f"{max(known)}); install that release or a newer one"
        )
    todo = [step for step in MIGRATIONS if step.version not in done and (upto is None or step.version <= upto)]
    for step in todo:
        for statement in step.statements:
            connection.execute(text(statement))
        connection.execute(
            text("INSERT INTO schema_version (version, applied_at) VALUES (:version, :at)"),
            {"version": step.version, "at": instant_text(now)},
        )
    return [step.version for step in todo]


def applied(connection: Connection) -> set[int]:
    if not inspect(connection).has_table("schema_version"):
        return set()
    return {int(version) for (version,) in connection.execute(text("SELECT version FROM schema_version"))}


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "events, reference data, settings and the audit chain",
        (
            "CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied_at TEXT NOT NULL)",
            """CREATE TABLE events (
                position BIGINT PRIMARY KEY, center_id TEXT NOT NULL, sequence BIGINT NOT NULL, event_id TEXT NOT NULL,
                digest TEXT NOT NULL, happened_at TEXT NOT NULL, recorded_at TEXT NOT NULL, received_at TEXT NOT NULL,
                source TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (center_id, event_id, digest))""",
            "CREATE INDEX events_by_sequence ON events (center_id, sequence)",
            "CREATE INDEX events_by_time ON events (center_id, happened_at)",
            """CREATE TABLE reference (
                center_id TEXT NOT NULL, kind TEXT NOT NULL, read_at TEXT NOT NULL, body TEXT NOT NULL,
                PRIMARY KEY (center_id, kind))""",
            """CREATE TABLE center_settings (
                center_id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated_at TEXT NOT NULL, body TEXT NOT NULL)""",
            """CREATE TABLE audit (
                center_id TEXT NOT NULL, number BIGINT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL,
                action TEXT NOT NULL, subject TEXT NOT NULL, correlation_id TEXT NOT NULL, rule_version TEXT NOT NULL,
                before TEXT NOT NULL, after TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL,
                PRIMARY KEY (center_id, number))""",
            "CREATE INDEX audit_by_subject ON audit (center_id, subject)",
        ),
    ),
    Migration(
        2,
        "incidents, messages, proposals, feedback, headcounts and verdicts",
        (
            """CREATE TABLE incidents (
                incident_id TEXT PRIMARY KEY, center_id TEXT NOT NULL, room_id TEXT, kind TEXT NOT NULL,
                severity TEXT NOT NULL, status TEXT NOT NULL, opened_at TEXT NOT NULL, updated_at TEXT NOT NULL,
                closed_at TEXT, version INTEGER NOT NULL, body TEXT NOT NULL)""",
            "CREATE INDEX incidents_by_center ON incidents (center_id, opened_at)",
            """CREATE TABLE outbox (
                message_id TEXT PRIMARY KEY, center_id TEXT NOT NULL, incident_id TEXT, proposal_id TEXT,
                outlet TEXT NOT NULL, recipient TEXT NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL,
                repeats INTEGER NOT NULL, created_at TEXT NOT NULL, not_before TEXT NOT NULL, claimed_at TEXT,
                finished_at TEXT, reference TEXT, body TEXT NOT NULL)""",
            "CREATE INDEX outbox_due ON outbox (status, not_before)",
            "CREATE INDEX outbox_by_incident ON outbox (incident_id)",
            """CREATE TABLE attempts (
                message_id TEXT NOT NULL, number BIGINT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
                outcome TEXT, detail TEXT, repeat INTEGER NOT NULL, PRIMARY KEY (message_id, number))""",
            """CREATE TABLE suppressed (
                outlet TEXT NOT NULL, recipient TEXT NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL,
                PRIMARY KEY (outlet, recipient))""",
            """CREATE TABLE proposals (
                proposal_id TEXT PRIMARY KEY, center_id TEXT NOT NULL, incident_id TEXT, kind TEXT NOT NULL,
                status TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, expires_at TEXT,
                decided_by TEXT, version INTEGER NOT NULL, body TEXT NOT NULL)""",
            "CREATE INDEX proposals_by_center ON proposals (center_id, created_at)",
            """CREATE TABLE feedback (
                feedback_id TEXT PRIMARY KEY, center_id TEXT NOT NULL, incident_id TEXT, room_id TEXT,
                label TEXT NOT NULL, start_at TEXT, end_at TEXT, at TEXT NOT NULL, actor TEXT NOT NULL,
                note TEXT NOT NULL)""",
            "CREATE INDEX feedback_by_center ON feedback (center_id, at)",
            """CREATE TABLE observations (
                observation_id TEXT PRIMARY KEY, center_id TEXT NOT NULL, room_id TEXT NOT NULL,
                happened_at TEXT NOT NULL, recorded_at TEXT NOT NULL, body TEXT NOT NULL)""",
            "CREATE INDEX observations_by_center ON observations (center_id, happened_at)",
            """CREATE TABLE verdicts (
                center_id TEXT NOT NULL, room_id TEXT NOT NULL, at TEXT NOT NULL, children INTEGER NOT NULL,
                counted INTEGER NOT NULL, required INTEGER NOT NULL, trust TEXT NOT NULL, rule_version TEXT NOT NULL,
                body TEXT NOT NULL, PRIMARY KEY (center_id, room_id, at))""",
        ),
    ),
    Migration(
        3,
        "keys, users and sessions",
        (
            """CREATE TABLE api_keys (
                key_id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
                centers TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT)""",
            """CREATE TABLE users (
                user_id TEXT PRIMARY KEY, name TEXT NOT NULL, password_hash TEXT NOT NULL, role TEXT NOT NULL,
                centers TEXT NOT NULL, contacts TEXT NOT NULL, created_at TEXT NOT NULL, disabled_at TEXT)""",
            """CREATE TABLE sessions (
                hash TEXT PRIMARY KEY, user_id TEXT NOT NULL, csrf TEXT NOT NULL, created_at TEXT NOT NULL,
                expires_at TEXT NOT NULL)""",
        ),
    ),
    Migration(
        4,
        "approved call-outs",
        (
            """CREATE TABLE call_outs (
                call_out_id TEXT PRIMARY KEY, center_id TEXT NOT NULL, day TEXT NOT NULL, staff_id TEXT NOT NULL,
                absent_from TEXT NOT NULL, absent_until TEXT NOT NULL, approved_at TEXT NOT NULL,
                approved_by TEXT NOT NULL, body TEXT NOT NULL)""",
            "CREATE INDEX call_outs_by_day ON call_outs (center_id, day)",
        ),
    ),
)

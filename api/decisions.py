"""What the evaluator or a person decided, written down: incident, messages and audit entry in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.time import format_instant
from evaluator import Change, Incident, codec, incident_to_json
from storage import audit
from storage.ledger import Connection, outbox
from storage.ledger.incidents import IncidentRow, VerdictRow, save_incident, save_verdicts
from storage.ledger.outbox import Outgoing
from storage.ledger.schema import canonical_json


@dataclass(frozen=True, slots=True)
class Decision:
    """One incident's change and the messages it sends; `version` is the one in the ledger it was made on."""

    change: Change
    version: int
    messages: Sequence[Outgoing] = field(default_factory=tuple)


def store(
    connection: Connection,
    decisions: Iterable[Decision],
    verdicts: Iterable[VerdictRow],
    now: datetime,
    *,
    actor: str = "service",
    correlation_id: str = "",
    rule_version: str = "",
) -> dict[str, int]:
    """The incidents' new versions. Conflict if one was changed meanwhile: then nothing of all this is written."""
    versions, entries = {}, []
    for decision in decisions:
        incident, before = decision.change.incident, decision.change.before
        versions[incident.incident_id] = save_incident(connection, row_of(incident, now, decision.version)).version
        messages = _still_wanted(connection, incident, decision.messages, now)
        outbox.enqueue(connection, messages)
        if decision.change.kind != "noted":  # bookkeeping between two decisions stands with the next one
            entry = audit.Entry(
                incident.center_id, f"incident.{decision.change.kind}", f"incident:{incident.incident_id}", actor, now,
                audited(before) if before else None,
                audited(incident) | {"messages": [message.message_id for message in messages]},
                correlation_id or incident.incident_id, rule_version,
            )  # fmt: skip
            entries.append(entry)
    audit.append_all(connection, entries)
    save_verdicts(connection, verdicts)
    return versions


def row_of(incident: Incident, now: datetime, version: int) -> IncidentRow:
    return IncidentRow(
        incident.incident_id, incident.center_id, incident.room_id, incident.matter, incident.severity, incident.status,
        incident.opened_at, now, incident.resolved_at, incident_to_json(incident), version,
    )  # fmt: skip


def audited(incident: Incident) -> dict[str, Any]:
    """What the audit log keeps of an incident: no sentence and no name, and a digest of the facts behind it."""
    facts = canonical_json(codec.to_json(incident.facts))
    return {
        "room_id": incident.room_id,
        "matter": incident.matter,
        "cause": incident.cause,
        "root_cause": incident.root_cause,
        "severity": incident.severity,
        "status": incident.status,
        "opened_at": format_instant(incident.opened_at),
        "resolved_at": format_instant(incident.resolved_at) if incident.resolved_at else None,
        "review": incident.review,
        "policy": incident.policy.version,
        "facts_sha256": hashlib.sha256(facts.encode()).hexdigest(),
    }


def _still_wanted(
    connection: Connection, incident: Incident, messages: Sequence[Outgoing], now: datetime
) -> Sequence[Outgoing]:
    """Once it is over, what quiet hours held back is dropped; nobody is told the end of an unknown story."""
    if incident.is_open:
        return messages
    dropped = outbox.withdraw_held(connection, incident.incident_id, now, "over before quiet hours ended")
    return [] if dropped and not outbox.was_attempted(connection, incident.incident_id) else messages

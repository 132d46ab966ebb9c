"""Proposals as others see them: the question with its buttons, the API's view, and what the audit log keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from api.center import LiveCenter
from api.routing import outgoing
from api.suggestions import Alternative
from domain.time import format_instant
from evaluator import Message
from storage.ledger.outbox import Outgoing
from storage.ledger.proposals import ProposalRow


def question(center: LiveCenter, row: ProposalRow, now: datetime, *, shadow: bool) -> list[Outgoing]:
    """The proposal as messages to those who may decide it, with buttons."""
    alternatives = row.body["alternatives"]
    room = center.facts.room_name(row.body["room_id"])
    lines = [f"{number}. {each['sentence']}" for number, each in enumerate(alternatives, start=1)]
    buttons = [
        {"action": "approve", "label": f"Approve {number}", "value": f"{row.proposal_id}:{number - 1}"}
        for number in range(1, len(alternatives) + 1)
    ]
    buttons.append({"action": "deny", "label": "Deny", "value": f"{row.proposal_id}:0"})
    severity = row.body["severity"]
    targets = {(t.audience, t.outlet) for t in center.policy.route(severity).targets if t.outlet in ("chat", "sms")}
    wanted = sorted((a, o) for a, o in targets if a in ("director", "assistant_director")) or [("director", "chat")]
    messages = [
        Message(
            f"{row.proposal_id}_{row.body['asked']}_{audience}_{outlet}", row.incident_id or "", row.center_id,
            row.body["room_id"], "suggestion", severity, audience, outlet, f"{room}: who could help",
            "\n".join(lines), "a room is in need and somebody could help",
        )
        for audience, outlet in wanted
    ]  # fmt: skip
    rows = outgoing(messages, center.settings, center.facts, center.installation, now, shadow=shadow, buttons=buttons)
    return [replace(each, proposal_id=row.proposal_id) for each in rows]


def proposal_for_people(row: ProposalRow) -> dict[str, Any]:
    return {
        "proposal_id": row.proposal_id,
        "center_id": row.center_id,
        "incident_id": row.incident_id,
        "kind": row.kind,
        "status": row.status,
        "created_at": format_instant(row.created_at),
        "updated_at": format_instant(row.updated_at),
        "expires_at": format_instant(row.expires_at) if row.expires_at else None,
        "decided_by": row.decided_by,
        **row.body,
    }


def offer(alternatives: Sequence[Alternative]) -> dict[str, Any]:
    return {"alternatives": [alternative.to_json() for alternative in alternatives]}


def audited(row: ProposalRow) -> dict[str, Any]:
    """What the audit log keeps: ids and numbers, no names."""
    kept = ("kind", "staff_id", "from_room_id", "to_room_id", "start", "end", "solves", "shift_id", "shift_version")
    return {
        "status": row.status,
        "incident_id": row.incident_id,
        "alternatives": [{name: each[name] for name in kept} for each in row.body["alternatives"]],
        "chosen": row.body.get("chosen"),
        "decided_by": row.decided_by,
    }

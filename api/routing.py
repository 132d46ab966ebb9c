"""From an audience and a class of outlet to addresses: whom a message reaches, and through what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from api.center_settings import CenterSettings, Contact
from evaluator import CenterFacts, Message
from storage.ledger.outbox import Outgoing
from storage.settings import Settings

_CHAT = ("slack", "teams", "apprise", "email")
_SMS = ("sms",)


def outgoing(
    messages: Iterable[Message],
    settings: CenterSettings,
    facts: CenterFacts,
    installation: Settings,
    now: datetime,
    *,
    shadow: bool,
    buttons: Sequence[dict[str, str]] = (),
) -> list[Outgoing]:
    """Rows for the outbox: each address once, although it may stand for several audiences."""
    rows: dict[tuple[str, str, str], Outgoing] = {}
    for message in messages:
        for contact in addresses(message.audience, message.outlet, message.room_id, settings, facts, installation):
            key = (message.kind, contact.outlet, contact.recipient)
            if key in rows:
                continue
            suffix = hashlib.sha256(f"{contact.outlet}\x1f{contact.recipient}".encode()).hexdigest()[:10]
            rows[key] = Outgoing(
                f"{message.message_id}_{suffix}", message.center_id, contact.outlet, contact.recipient,
                _body(message, installation, buttons), now, message.not_before or now, message.incident_id,
                status="shadow" if shadow else "pending",
            )  # fmt: skip
    return list(rows.values())


def addresses(
    audience: str,
    outlet: str,
    room_id: str | None,
    settings: CenterSettings,
    facts: CenterFacts,
    installation: Settings,
) -> list[Contact]:
    """Where the audience is reached by this class of outlet; what is not set up falls back to the app."""
    own = settings.contacts.get(audience, ())
    if outlet == "task":
        return [Contact(outlet="task", recipient=_people(audience, room_id, facts))]
    if outlet == "chat":
        found = [contact for contact in own if contact.outlet in _CHAT] or _usual_channels(installation)
    elif outlet == "sms":
        found = [c for c in own if c.outlet in _SMS] if _can_text(installation) else []
        found = found or [contact for contact in own if contact.outlet == "email"]
    else:
        found = []
    return found or [Contact(outlet="in_app", recipient=_people(audience, room_id, facts))]


def next_audience(audience: str) -> str:
    """Who is told instead of somebody who cannot be reached any more."""
    return {"director": "assistant_director", "assistant_director": "director"}.get(audience, "director")


def base_url(installation: Settings) -> str:
    return installation.public_url.rstrip("/") or f"http://{installation.host}:{installation.port}"


def _usual_channels(installation: Settings) -> list[Contact]:
    by_bot = installation.slack_bot_token.get_secret_value() and installation.slack_channel
    if installation.slack_webhook.get_secret_value() or by_bot:
        return [Contact(outlet="slack")]
    if installation.teams_webhook.get_secret_value():
        return [Contact(outlet="teams")]
    return []


def _can_text(installation: Settings) -> bool:
    return bool(installation.twilio_account_sid and installation.twilio_from)


def _people(audience: str, room_id: str | None, facts: CenterFacts) -> str:
    """The platform's address of an audience: the room's lead, the floats, or a role."""
    room = facts.rooms.get(room_id or "")
    if audience == "room_lead" and room is not None and room.lead_staff_id:
        return f"staff:{room.lead_staff_id}"
    if audience == "floats":
        floats = sorted(member.staff_id for member in facts.staff.values() if member.is_float)
        return "staff:" + ",".join(floats) if floats else audience
    return audience


def _body(message: Message, installation: Settings, buttons: Sequence[dict[str, str]]) -> dict[str, Any]:
    return {
        "audience": message.audience,
        "room_id": message.room_id,
        "kind": message.kind,
        "severity": message.severity,
        "title": message.title,
        "text": message.body,
        "reason": message.reason,
        "link": f"{base_url(installation)}/incidents/{message.incident_id}",
        "buttons": list(buttons),
    }

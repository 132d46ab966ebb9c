"""Whom a message reaches instead, when its recipient cannot be reached any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from api.center_settings import Contact
from api.routing import addresses, next_audience
from storage.ledger.outbox import Outgoing

if TYPE_CHECKING:
    from api.service import Service

_LONGEST_CHAIN = 3
_CLASS = {"sms": "sms", "slack": "chat", "teams": "chat", "apprise": "chat", "email": "chat"}


class Elsewhere:
    """The next audience over the same class of outlet; at last the director in the app."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, message: Outgoing) -> Outgoing | None:
        center = self._service.live.centers.get(message.center_id)
        tried = [*message.body.get("instead_of", []), f"{message.outlet}:{message.recipient}"]
        if center is None or len(tried) > _LONGEST_CHAIN or message.outlet in ("in_app", "task"):
            return None
        audience = next_audience(str(message.body.get("audience", "")))
        outlet = _CLASS.get(message.outlet, "in_app")
        room_id = message.body.get("room_id")
        options = addresses(audience, outlet, room_id, center.settings, center.facts, self._service.settings)
        options.append(Contact(outlet="in_app", recipient="director"))
        fresh = [each for each in options if f"{each.outlet}:{each.recipient}" not in tried]
        if not fresh:
            return None
        missed = str(message.body.get("audience", "somebody else")).replace("_", " ")
        why = f"Sent to you because {missed} could not be reached."
        body = {**message.body, "audience": audience, "instead_of": tried, "text": f"{message.body['text']}\n{why}"}
        return replace(
            message, message_id=f"{message.message_id}_{len(tried)}", outlet=fresh[0].outlet,
            recipient=fresh[0].recipient, body=body, status="pending", attempts=0, repeats=0, claimed_at=None,
            reference=None,
        )  # fmt: skip

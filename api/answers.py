"""Buttons pressed in Slack and replies to text messages: who it was, whether they may, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.access import PERMISSIONS
from connectors.outlets.slack import Pressed
from domain.errors import BadInput, Forbidden
from evaluator import acknowledge
from storage.ledger import Connection
from storage.ledger.access import Principal, list_users
from storage.ledger.outbox import last_question
from storage.ledger.proposals import read_proposal

if TYPE_CHECKING:
    from api.service import Service

_AUDIENCE_ROLES = {"director": "director", "assistant_director": "assistant_director", "room_lead": "lead_teacher"}


@dataclass(frozen=True, slots=True)
class Answerer:
    """Carries out an answer in the name of whoever gave it."""

    service: Service

    async def who(self, outlet: str, address: str) -> Principal:
        """The user with this address, or the audience of a center that is reached under it. Forbidden if nobody."""
        users = await self.service.ledger.aread(list_users)
        for user in users:
            if user.disabled_at is None and address and user.contacts.get(outlet) == address:
                return Principal(f"{outlet}:{user.user_id}", user.name, user.role, user.centers)
        for center in self.service.live.centers.values():
            for audience, contacts in center.settings.contacts.items():
                if audience in _AUDIENCE_ROLES and any(c.outlet == outlet and c.recipient == address for c in contacts):
                    role = _AUDIENCE_ROLES[audience]
                    return Principal(f"{outlet}:{audience}", audience.replace("_", " "), role, (center.center_id,))
        raise Forbidden("you are not known here; ask the director to add this address to your user")

    async def decide(self, who: Principal, proposal_id: str, choice: int, *, approve: bool) -> str:
        row = await self.service.ledger.aread(lambda c: read_proposal(c, proposal_id))
        _must(who, row.center_id, "proposals.decide")
        done = await self.service.proposals.decide(proposal_id, approve=approve, choice=choice, actor=who.actor)
        words: dict[str, str] = {
            "applied": "Done: the shift was changed on the platform.",
            "by_hand": "Approved. Please make the change by hand: " + done.body.get("why_by_hand", ""),
            "approved": "Approved. It is carried out as soon as the platform answers.",
            "denied": "Denied; nothing was changed.",
            "open": "The shift was changed meanwhile; please look at the new proposal.",
            "expired": "The shift was changed meanwhile, and nobody can be moved any more.",
        }
        return words[done.status]

    async def acknowledge(self, who: Principal, incident_id: str) -> str:
        incident = await self.service.live.incident(incident_id)
        _must(who, incident.center_id, "incidents.act")
        center = self.service.live.centers[incident.center_id]
        async with center.lock:
            now = self.service.clock.now()
            change = acknowledge(await self.service.live.incident(incident_id), who.actor, now)
            if change.incident != change.before:
                await self.service.live.record(center, change, actor=who.actor, now=now)
        return "Acknowledged. Nobody else is called unless it gets worse."


async def by_slack(answerer: Answerer, pressed: Pressed) -> str:
    who = await answerer.who("slack", pressed.slack_user_id)
    if pressed.action == "acknowledge":
        return await answerer.acknowledge(who, pressed.value)
    proposal_id, _, number = pressed.value.partition(":")
    if pressed.action not in ("approve", "deny") or not number.isdigit():
        raise BadInput("this button is unknown; use the page instead")
    return await answerer.decide(who, proposal_id, int(number), approve=pressed.action == "approve")


async def by_sms(answerer: Answerer, sender: str, text: str) -> str:
    """ "1" approves the first alternative or acknowledges, "2" denies, of the last message that asked something."""
    who = await answerer.who("sms", sender)
    answer = text.strip()
    if answer not in ("1", "2"):
        raise BadInput("Please reply 1 or 2.")

    def question(connection: Connection) -> tuple[str | None, str | None] | None:
        return last_question(connection, "sms", sender)

    asked = await answerer.service.ledger.aread(question)
    if asked is None:
        raise BadInput("There is no question open.")
    incident_id, proposal_id = asked
    if proposal_id is not None:
        return await answerer.decide(who, proposal_id, 0, approve=answer == "1")
    if answer == "1" and incident_id is not None:
        return await answerer.acknowledge(who, incident_id)
    raise BadInput("Please reply 1 to acknowledge.")


def _must(who: Principal, center_id: str, permission: str) -> None:
    if not who.sees(center_id) or who.role not in PERMISSIONS[permission]:
        raise Forbidden("you may not decide this")

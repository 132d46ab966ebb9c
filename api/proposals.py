"""Proposals: made when a room is in need, decided by a person or a rule the director switched on, carried out once.

A decision is on record before anything is done, and what is done carries an idempotency key made of proposal and shift
version: after a crash it is done again without being done twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from api.carrying_out import carry_out, still_possible
from api.center import LiveCenter
from api.needs import needs_beside_incidents
from api.proposal_views import audited, offer, proposal_for_people, question
from api.reassigning import Reassigner
from api.suggestions import Need, NeedKind, Suggest
from api.waiting import wait_until
from domain.errors import Conflict
from domain.people import Shift
from domain.time import format_instant
from evaluator import Change, Incident, codec, note_action
from storage import audit
from storage.ledger import Connection, outbox
from storage.ledger.outbox import Outgoing
from storage.ledger.proposals import ProposalRow, find_proposals, read_proposal, save_proposal

if TYPE_CHECKING:
    from api.service import Service

log = logging.getLogger("ratiocast.proposals")
_VALID = timedelta(minutes=60)
_LOOK_AGAIN = timedelta(minutes=30)  # at a call-out for which nothing was found or nothing was needed
_ON_THE_WAY = timedelta(minutes=10)  # until somebody who was sent for has arrived
_AGAIN = timedelta(seconds=20)  # after the platform did not answer
_KIND_OF_NEED: dict[str, NeedKind] = {"shortage": "violation", "outlook": "predicted_gap"}  # by an incident's matter
DONE = frozenset({"approved", "applied", "by_hand"})


class Proposals:
    """`suggest` is the port to what could be done: the optimizer's live reassignment, unless told otherwise."""

    def __init__(self, service: Service, suggest: Suggest | None = None) -> None:
        reassigner = Reassigner(service.platform, service.agreements)
        self._service, self._suggest = service, suggest or reassigner
        self.available, self.agreed = reassigner.free, reassigner.agreed
        self._wake = asyncio.Event()
        self._carrying = asyncio.Lock()
        self._wanted: list[tuple[LiveCenter, Incident]] = []
        self._over: list[tuple[LiveCenter, Incident]] = []
        self._looked_at: dict[str, datetime] = {}  # needs beside incidents, and when they were last answered

    def consider(self, center: LiveCenter, changes: Sequence[Change], now: datetime) -> None:  # noqa: ARG002
        """After decisions: rooms in need get a proposal, those no longer in need lose theirs."""
        for change in changes:
            incident = change.incident
            if incident.matter not in _KIND_OF_NEED:
                continue
            if not incident.is_open:
                self._over.append((center, incident))
            elif incident.told_severity is not None and not incident.muted_by and not _of_group(incident):
                self._wanted.append((center, incident))
        if self._wanted or self._over:
            self._wake.set()

    async def run(self) -> None:
        """Make, expire and carry out; what the platform refused to hear is tried again."""
        while True:
            await self.step()
            await wait_until(self._service.clock, self._service.clock.now() + _AGAIN, self._wake)

    async def step(self) -> None:
        wanted, self._wanted = self._wanted, []
        over, self._over = self._over, []
        for center, incident in wanted:
            async with center.lock:
                await self._propose_for_incident(center, incident)
        for center in list(self._service.live.centers.values()):
            async with center.lock:
                await self._propose_beside_incidents(center)
        for center, incident in over:
            async with center.lock:
                await self._expire(center, incident.incident_id)
        for row in await self._rows(None, "approved"):
            if (at := self._service.live.centers.get(row.center_id)) is not None:
                await self._carry_out(at, row.proposal_id)

    async def recover(self) -> None:
        """At start: what was approved and not carried out yet is, before the service says it is ready."""
        await self.step()

    async def decide(
        self, proposal_id: str, *, approve: bool, choice: int, actor: str, correlation_id: str = ""
    ) -> ProposalRow:
        """Approve one alternative, or deny all. The same decision twice is one decision; another one is a Conflict."""
        row = await self._service.ledger.aread(lambda c: read_proposal(c, proposal_id))
        center = self._service.live.centers[row.center_id]
        async with center.lock:
            row = await self._service.ledger.aread(lambda c: read_proposal(c, proposal_id))
            if row.status in DONE and approve and row.body.get("chosen") == choice:
                return row
            if row.status == "denied" and not approve:
                return row
            if row.status not in ("open", "shadow"):
                raise Conflict(f"this proposal is {row.status.replace('_', ' ')} already; nothing was changed")
            if row.status == "shadow":
                raise Conflict("the center is in shadow mode: proposals are only logged")
            if approve and not 0 <= choice < len(row.body["alternatives"]):
                raise Conflict(f"this proposal has {len(row.body['alternatives'])} alternatives, numbered from 0")
            now = format_instant(self._service.clock.now())
            body = {**row.body, "chosen": choice, "approved_at": now} if approve else row.body
            row = await self._change(row, "approved" if approve else "denied", body, actor, correlation_id)
        return await self._carry_out(center, proposal_id, fresh=True) if approve else row

    async def _propose_for_incident(self, center: LiveCenter, incident: Incident) -> None:
        earlier = await self._service.ledger.aread(lambda c: find_proposals(c, incident_id=incident.incident_id))
        if any(row.status != "expired" for row in earlier):
            return
        need = Need(_KIND_OF_NEED[incident.matter], incident.room_id)
        await self._propose(center, need, f"{incident.incident_id}\x1f{len(earlier)}", incident)

    async def _propose_beside_incidents(self, center: LiveCenter) -> None:
        """A call-out, a no-show, a room that closes: before any room is short."""
        now = self._service.clock.now()
        for key, need in needs_beside_incidents(center, now):
            if now - self._looked_at.get(key, now - _LOOK_AGAIN) >= _LOOK_AGAIN:
                self._looked_at[key] = now
                await self._propose(center, need, key, None)

    async def _propose(self, center: LiveCenter, need: Need, key: str, incident: Incident | None) -> None:
        service, now = self._service, self._service.clock.now()
        if center.mode == "alerts":
            return
        proposal_id = f"pro_{hashlib.sha256(key.encode()).hexdigest()[:20]}"
        lately = await service.ledger.aread(lambda c: find_proposals(c, center.center_id, limit=100))
        if any(row.proposal_id == proposal_id for row in lately) or _helped(lately, need.room_id, now):
            return
        alternatives = await self._suggest(center, need, now)
        if not alternatives or (need.room_id is None and _helped(lately, alternatives[0].to_room_id, now)):
            return
        body = {
            "room_id": alternatives[0].to_room_id, "severity": incident.severity if incident else "approaching",
            "asked": 1, "need": asdict(need),
        } | offer(alternatives)  # fmt: skip
        shadow = center.mode == "shadow"
        row = ProposalRow(
            proposal_id, center.center_id, alternatives[0].kind, "shadow" if shadow else "open", now, now, body,
            incident.incident_id if incident else None, now + _VALID,
        )  # fmt: skip
        row = await self._save(row, "proposal.made", "service", "", question(center, row, now, shadow=shadow))
        best = alternatives[0]
        if center.mode == "automatic" and best.kind in center.settings.automatic_kinds and best.solves:
            await self._change(
                row, "approved", {**row.body, "chosen": 0, "approved_at": format_instant(now)}, "rule:automatic", ""
            )
            self._wake.set()

    async def _carry_out(self, center: LiveCenter, proposal_id: str, *, fresh: bool = False) -> ProposalRow:
        """Do what was approved, one proposal at a time; decisions about the center go on meanwhile.

        A `fresh` approval is checked against what is so now; one found again after a crash may be half done and must
        be finished as it was begun.
        """
        async with self._carrying:
            row = await self._service.ledger.aread(lambda c: read_proposal(c, proposal_id))
            if row.status != "approved":
                return row
            chosen = row.body["alternatives"][row.body["chosen"]]
            async with center.lock:
                center.assess(self._service.clock.now())
                holds = not fresh or still_possible(center, chosen, self._service.clock.now())
            if not holds:
                return await self._ask_again(center, row, "the situation has changed meanwhile")
            return await self._apply(center, row)

    async def _apply(self, center: LiveCenter, row: ProposalRow) -> ProposalRow:
        """On the platform where that is allowed, else say how to do it by hand."""
        outcome = await carry_out(self._service, center, row)
        if outcome.status == "again":
            return await self._ask_again(center, row, outcome.why)
        if outcome.status == "waits":
            return row
        body = {**row.body, "why_by_hand": outcome.why} if outcome.why else row.body
        return await self._done(center, row, outcome.status, body, outcome.shifts)

    async def _ask_again(self, center: LiveCenter, row: ProposalRow, why: str) -> ProposalRow:
        """Read the shifts anew, check the room anew, and ask anew; nothing was changed."""
        now = self._service.clock.now()
        center.facts = await self._service.facts.refresh(center.center_id, now, ("shifts",))
        async with center.lock:
            center.assess(now)
            need = Need(**row.body["need"])
            alternatives = await self._suggest(center, need, now)
        body = {**row.body, "asked": row.body["asked"] + 1, "why_again": why} | offer(alternatives)
        for gone in ("chosen", "approved_at"):
            body.pop(gone, None)
        status = "open" if alternatives else "expired"
        again = replace(row, status=status, body=body, updated_at=now, decided_by=None, expires_at=now + _VALID)
        messages = question(center, again, now, shadow=False) if alternatives else []
        return await self._save(again, "proposal.asked_again", "service", "", messages, row)

    async def _done(
        self,
        center: LiveCenter,
        row: ProposalRow,
        status: str,
        body: dict[str, Any],
        shifts: Sequence[tuple[Shift, Shift]],
    ) -> ProposalRow:
        now, actor = self._service.clock.now(), row.decided_by or "service"
        chosen = body["alternatives"][body["chosen"]]
        done = replace(row, status=status, body=body, updated_at=now)
        stored = await self._save(
            done, f"proposal.{status}", actor, "", [], row,
            {"shifts": [codec.to_json(before) for before, _ in shifts]} if shifts else None,
            {"shifts": [codec.to_json(after) for _, after in shifts], "why_by_hand": body.get("why_by_hand", "")},
        )  # fmt: skip
        if row.incident_id is not None:
            words = "done" if status == "applied" else "to be done by hand"
            sentence = f"{words}: {chosen['sentence']}"
            async with center.lock:
                incident = await self._service.live.incident(row.incident_id)
                change = note_action(incident, actor, sentence, now)
                await self._service.live.record(center, change, actor=actor, now=now)
        return stored

    async def _expire(self, center: LiveCenter, incident_id: str) -> None:  # noqa: ARG002
        for row in await self._service.ledger.aread(lambda c: find_proposals(c, incident_id=incident_id)):
            if row.status == "open":
                await self._change(row, "expired", row.body, "service", "")

    async def _change(
        self, row: ProposalRow, status: str, body: dict[str, Any], actor: str, correlation_id: str
    ) -> ProposalRow:
        now = self._service.clock.now()
        after = replace(row, status=status, body=body, updated_at=now, decided_by=actor)
        return await self._save(after, f"proposal.{status}", actor, correlation_id, [], row)

    async def _save(
        self,
        row: ProposalRow,
        action: str,
        actor: str,
        correlation_id: str,
        messages: Sequence[Outgoing],
        before: ProposalRow | None = None,
        more_before: dict[str, Any] | None = None,
        more_after: dict[str, Any] | None = None,
    ) -> ProposalRow:
        """Proposal, messages and audit entry in one transaction; then published."""
        now = self._service.clock.now()

        def write(connection: Connection) -> ProposalRow:
            stored = save_proposal(connection, row)
            outbox.enqueue(connection, messages)
            was = (audited(before) | (more_before or {})) if before else None
            entry = audit.Entry(
                row.center_id, action, f"proposal:{row.proposal_id}", actor, now, was,
                audited(row) | (more_after or {}), correlation_id or row.incident_id or "",
            )  # fmt: skip
            audit.append(connection, entry)
            return stored

        stored = await self._service.ledger.awrite(write)
        self._service.bus.publish(row.center_id, "proposal", proposal_for_people(stored))
        if messages:
            self._service.dispatcher.wake()
        return stored

    async def _rows(self, center_id: str | None, status: str) -> list[ProposalRow]:
        return await self._service.ledger.aread(lambda c: find_proposals(c, center_id, status=status))


def _of_group(incident: Incident) -> bool:
    """A warning of a group too large or wrongly mixed, which no further adult would mend."""
    return incident.matter == "outlook" and incident.root_cause == "group_too_large"


def _helped(rows: Sequence[ProposalRow], room_id: str | None, now: datetime) -> bool:
    """Whether help for the room is under discussion or on its way: nobody is asked twice about one need."""
    mine = [row for row in rows if row.body["room_id"] == room_id]
    return any(
        row.status in ("open", "approved")
        or (row.status in ("applied", "by_hand") and now - row.updated_at < _ON_THE_WAY)
        for row in mine
    )

"""Proposals to move an adult, and what became of them.

open -> approved -> applied | by_hand | failed; open -> denied | expired; approved -> open again when the shift changed
meanwhile and the person must be asked anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from domain.errors import Conflict, NotFound
from storage.ledger.schema import proposals, row_of
from storage.ledger.upsert import insert_new


@dataclass(frozen=True, slots=True)
class ProposalRow:
    proposal_id: str
    center_id: str
    kind: str
    status: str
    created_at: datetime
    updated_at: datetime
    body: dict[str, Any]
    incident_id: str | None = None
    expires_at: datetime | None = None
    decided_by: str | None = None
    version: int = 0


def save_proposal(connection: Connection, row: ProposalRow) -> ProposalRow:
    """Insert (version 0) or replace by compare-and-set on the version. Conflict if somebody else was faster."""
    values = {**row_of(row), "version": row.version + 1}
    if row.version == 0:
        done = len(insert_new(connection, proposals, [values]))
    else:
        ours = (proposals.c.proposal_id == row.proposal_id) & (proposals.c.version == row.version)
        done = connection.execute(update(proposals).where(ours).values(**values)).rowcount
    if not done:
        raise Conflict(f"the proposal {row.proposal_id} was changed meanwhile; read it again")
    return ProposalRow(**values)


def read_proposal(connection: Connection, proposal_id: str) -> ProposalRow:
    row = connection.execute(select(proposals).where(proposals.c.proposal_id == proposal_id)).first()
    if row is None:
        raise NotFound(f"there is no proposal {proposal_id}")
    return ProposalRow(**row._mapping)


def find_proposals(
    connection: Connection,
    center_id: str | None = None,
    *,
    status: str | None = None,
    incident_id: str | None = None,
    limit: int = 500,
) -> list[ProposalRow]:
    """Newest first."""
    query = select(proposals).order_by(proposals.c.created_at.desc(), proposals.c.proposal_id).limit(limit)
    if center_id is not None:
        query = query.where(proposals.c.center_id == center_id)
    if status is not None:
        query = query.where(proposals.c.status == status)
    if incident_id is not None:
        query = query.where(proposals.c.incident_id == incident_id)
    return [ProposalRow(**row._mapping) for row in connection.execute(query)]

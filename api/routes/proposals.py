"""Proposals: who could help, decided by those who may."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from api.access import may, require_center, require_found
from api.dependencies import CenterQuery, Correlation, TheService, center_of
from api.errors import responses
from api.proposal_views import proposal_for_people
from api.rest_of_day import plan_rest
from storage.ledger.access import Principal
from storage.ledger.proposals import find_proposals, read_proposal

router = APIRouter(prefix="/v1", tags=["proposals"])
ProposalId = Annotated[str, Path(max_length=64)]
Reader = Annotated[Principal, Depends(may("proposals.read"))]
Decider = Annotated[Principal, Depends(may("proposals.decide"))]


class Approval(BaseModel):
    choice: int = Field(default=0, ge=0, le=9, description="Which alternative, from 0.")


@router.get("/proposals", responses=responses(404))
async def proposals(
    service: TheService,
    caller: Reader,
    center_id: CenterQuery,
    status: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """Newest first."""
    require_center(caller, center_id)
    center_of(service, center_id)
    rows = await service.ledger.aread(lambda c: find_proposals(c, center_id, status=status, limit=limit))
    return [proposal_for_people(row) for row in rows]


@router.get("/proposals/{proposal_id}", responses=responses(404))
async def proposal(proposal_id: ProposalId, service: TheService, caller: Reader) -> dict[str, Any]:
    row = await service.ledger.aread(lambda c: read_proposal(c, proposal_id))
    require_found(caller, row.center_id, f"proposal {proposal_id}")
    return proposal_for_people(row)


@router.post("/proposals/{proposal_id}/approve", responses=responses(404, 409, 502))
async def approve(
    proposal_id: ProposalId, given: Approval, service: TheService, caller: Decider, correlation: Correlation
) -> dict[str, Any]:
    """Approve one alternative. It is carried out where the center's mode and the write token allow it; else
    `by_hand` says what to do. Approving the same again gives the same answer."""
    await _visible(service, caller, proposal_id)
    row = await service.proposals.decide(
        proposal_id, approve=True, choice=given.choice, actor=caller.actor, correlation_id=correlation
    )
    return proposal_for_people(row)


@router.post("/proposals/{proposal_id}/deny", responses=responses(404, 409))
async def deny(
    proposal_id: ProposalId, service: TheService, caller: Decider, correlation: Correlation
) -> dict[str, Any]:
    """Deny all alternatives; nothing is changed."""
    await _visible(service, caller, proposal_id)
    row = await service.proposals.decide(
        proposal_id, approve=False, choice=0, actor=caller.actor, correlation_id=correlation
    )
    return proposal_for_people(row)


@router.post("/proposals/{proposal_id}/rest-of-day", responses=responses(404, 409))
async def rest_of_day(proposal_id: ProposalId, service: TheService, caller: Decider) -> dict[str, Any]:
    """After an approval: the rest of the day planned again with the fewest changes, what was approved held fast. A
    draft of a few seconds' search; nothing is changed."""
    await _visible(service, caller, proposal_id)
    row = await service.ledger.aread(lambda c: read_proposal(c, proposal_id))
    return await plan_rest(service, center_of(service, row.center_id), row)


async def _visible(service: TheService, caller: Principal, proposal_id: str) -> None:
    row = await service.ledger.aread(lambda c: read_proposal(c, proposal_id))
    require_found(caller, row.center_id, f"proposal {proposal_id}")
    center_of(service, row.center_id)

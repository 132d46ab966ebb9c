"""What is on record: the audit log, verdicts as they changed, messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from api.access import may, require_center
from api.dependencies import CenterQuery, TheService
from api.errors import responses
from domain.errors import BadInput
from domain.time import format_instant
from storage import audit
from storage.ledger import Connection
from storage.ledger.access import Principal
from storage.ledger.incidents import read_verdicts
from storage.signing import signing_key

router = APIRouter(prefix="/v1", tags=["records"])
Auditor = Annotated[Principal, Depends(may("audit.read"))]
Reader = Annotated[Principal, Depends(may("live.read"))]
_LONGEST = timedelta(days=31)


@router.get("/audit", responses=responses())
async def audit_log(
    service: TheService,
    caller: Auditor,
    center_id: CenterQuery,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only entries behind this number.")] = 0,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """A center's audit log in order; each entry as it is exported."""
    require_center(caller, center_id)

    def read(connection: Connection) -> list[dict[str, Any]]:
        found = audit.entries(connection, center_id, after=after, limit=limit, subject=subject)
        return [entry.record() for entry in found]

    return await service.ledger.aread(read)


@router.get("/audit/head", responses=responses())
async def audit_head(service: TheService, caller: Auditor, center_id: CenterQuery) -> dict[str, Any]:
    """The signed head of a center's chain: keep it elsewhere."""
    require_center(caller, center_id)
    now, key = service.clock.now(), signing_key(service.settings.data_dir)
    return await service.ledger.aread(lambda c: audit.signed_head(c, center_id, now, key))


@router.get("/audit/verify", responses=responses())
async def audit_verify(service: TheService, caller: Auditor, center_id: CenterQuery) -> dict[str, Any]:
    """Whether a center's chain holds, entry by entry."""
    require_center(caller, center_id)

    def read(connection: Connection) -> tuple[int, list[str]]:
        return audit.verify(entry.record() for entry in audit.entries(connection, center_id))

    count, faults = await service.ledger.aread(read)
    return {"center_id": center_id, "entries": count, "holds": not faults, "faults": faults[:20]}


@router.get("/verdicts", responses=responses(400))
async def verdicts(
    service: TheService, caller: Reader, center_id: CenterQuery, since: AwareDatetime, until: AwareDatetime
) -> list[dict[str, Any]]:
    """Ratio verdicts of a center's rooms as they changed in [since, until): counts, required, trust and odds."""
    require_center(caller, center_id)
    if not since <= until or until - since > _LONGEST:
        raise BadInput("give a span of at most 31 days, its start before its end")
    rows = await service.ledger.aread(lambda c: read_verdicts(c, center_id, since, until))
    return [
        {
            "room_id": row.room_id, "at": format_instant(row.at), "children": row.children, "counted": row.counted,
            "required": row.required, "trust": row.trust, "rule_version": row.rule_version, **row.body,
        }
        for row in rows
    ]  # fmt: skip

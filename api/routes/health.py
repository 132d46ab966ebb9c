"""Whether the service is well: for supervisors and for the page's own "is this current?" mark."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.dependencies import TheService
from domain.time import format_instant
from evaluator.expectations import BookedExpectation
from storage.ledger import outbox

router = APIRouter(prefix="/v1", tags=["health"])


@router.get("/health", responses={503: {"description": "not ready: rebuilding, or stopping"}})
async def health(service: TheService, response: Response) -> dict[str, Any]:
    """200 once the service is current. `degraded`: something does not work although it is; the pages say what.
    `without_forecast` counts the centers that look ahead by bookings alone."""
    if not service.ready:
        response.status_code = 503
    gaps = {key: len(known.beyond) for key, known in service.catchup.centers.items() if known.beyond}
    trouble = {c.center_id: c.trouble for c in service.live.centers.values() if c.trouble}
    now = service.clock.now()
    by_bookings = [isinstance(c.expectation, BookedExpectation) for c in service.live.centers.values()]
    undecided = sum(center.is_due(now) for center in service.live.centers.values())
    return {
        "ready": service.ready,
        "now": format_instant(now),
        "centers": len(service.live.centers),
        "commits": service.ledger.commits,
        "waiting_for_events": len(gaps),
        "undecided": undecided,
        "unsent": await service.ledger.aread(lambda c: outbox.unsent(c, now)),
        "degraded": bool(service.degraded or trouble),
        "without_forecast": sum(by_bookings),
        "slowest_step_ms": round(service.live.slowest_step * 1000, 1),
        "slowest_piece_ms": round(service.live.slowest_piece * 1000, 1),
        "look_ahead_ms": round(service.outlook.milliseconds, 1),
    }

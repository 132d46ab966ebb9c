"""What is so now: the live stream, a center's rooms, one room's check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.access import may, require_center, require_found
from api.dependencies import CenterId, RoomId, TheService, center_of
from api.errors import responses
from api.views import incident_for_people, room_views
from domain.errors import NotFound
from domain.time import format_instant
from evaluator import what_if_leaves
from storage.ledger.access import Principal

router = APIRouter(prefix="/v1", tags=["live"])
Reader = Annotated[Principal, Depends(may("live.read"))]


async def centers_to_follow(
    caller: Reader, center_id: Annotated[str | None, Query(max_length=64)] = None
) -> list[str] | None:
    """Before the stream begins: the centers it is about, None for all. Forbidden for another's center."""
    if center_id is not None:
        require_center(caller, center_id)
        return [center_id]
    return None if "*" in caller.centers else list(caller.centers)


@router.get("/live", response_class=EventSourceResponse, responses=responses())
async def stream(
    service: TheService,
    centers: Annotated[list[str] | None, Depends(centers_to_follow)],
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    once: Annotated[bool, Query(description="End after what was missed (for tests and scripts).")] = False,
) -> AsyncIterator[ServerSentEvent]:
    """Changes as they happen: `room`, `incident`, `proposal`, `headcount`, `settings`, `message`, `plan`, `forecast`,
    `trouble`; `reset` means: read everything anew. Resumes behind Last-Event-ID."""
    async for change in service.bus.listen(centers, last_event_id, follow=not once):
        yield ServerSentEvent(raw_data=change.data, event=change.kind, id=change.id)


@router.get("/centers", responses=responses())
async def centers(service: TheService, caller: Reader) -> list[dict[str, Any]]:
    """The centers this key may see."""
    return [
        {
            "center_id": center.center_id,
            "name": center.facts.center.name,
            "state": center.facts.center.state,
            "timezone": center.facts.center.timezone,
            "mode": center.mode,
            "trouble": center.trouble or None,
        }
        for center in service.live.centers.values()
        if caller.sees(center.center_id)
    ]


@router.get("/centers/{center_id}/live", responses=responses(404, 503))
async def center_live(center_id: CenterId, service: TheService, caller: Reader) -> dict[str, Any]:
    """Every room of a center as it is now, with odds and open incidents."""
    require_center(caller, center_id)
    center = center_of(service, center_id)
    assessment = center.assessment
    return {
        "center_id": center_id,
        "name": center.facts.center.name,
        "mode": center.mode,
        "at": format_instant(assessment.at) if assessment else None,
        "now": format_instant(service.clock.now()),
        "trouble": center.trouble or None,
        "last_event_at": format_instant(center.state.last_event_at) if center.state.last_event_at else None,
        "rooms": room_views(center),
        "incidents": [incident_for_people(incident) for incident in center.open_incidents()],
    }


@router.get("/rooms/{room_id}/check", responses=responses(404, 503))
async def room_check(
    room_id: RoomId,
    service: TheService,
    caller: Reader,
    leaving: Annotated[str | None, Query(max_length=64, description="What if this adult left now?")] = None,
) -> dict[str, Any]:
    """One room checked at this instant; with `leaving`, also whether that adult may leave."""
    for center in service.live.centers.values():
        if room_id in center.facts.rooms or (center.assessment and room_id in center.assessment.rooms):
            require_found(caller, center.center_id, f"room {room_id}")
            now = service.clock.now()
            body: dict[str, Any] = {"center_id": center.center_id, "at": format_instant(now)}
            body |= center.assess(now).room_of(room_id).to_json()
            if leaving is not None:
                answer = what_if_leaves(center.state, center.facts, center.book(now), leaving, now)
                body["leaving"] = {
                    "staff_id": leaving,
                    "allowed": answer.departure.allowed,
                    "reason": answer.departure.reason,
                    "after": answer.after.to_json() if answer.after else None,
                }
            return body
    raise NotFound(f"there is no room {room_id}")

"""Headcounts: what a person counted in a room is an event of its own, and ends a doubt."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from api.access import may, require_center
from api.dependencies import CenterQuery, TheService, center_of
from api.errors import responses
from domain.errors import BadInput, NotFound
from domain.time import as_utc, format_instant
from evaluator import Observation, observation_to_json
from storage import audit
from storage.ledger import Connection
from storage.ledger.access import Principal
from storage.ledger.incidents import read_observations, save_observation

router = APIRouter(prefix="/v1", tags=["headcounts"])
Giver = Annotated[Principal, Depends(may("headcounts.give"))]
Reader = Annotated[Principal, Depends(may("live.read"))]
_OLDEST = timedelta(days=2)


class Headcount(BaseModel):
    """`headcount_id` is the sender's own: a page that was offline sends again without counting twice."""

    center_id: str = Field(max_length=64)
    room_id: str = Field(max_length=64)
    children: int = Field(ge=0, le=500)
    adults: int | None = Field(default=None, ge=0, le=100)
    staff_ids: tuple[Annotated[str, Field(max_length=64)], ...] | None = Field(default=None, max_length=100)
    counted_at: AwareDatetime | None = Field(default=None, description="When it was counted; now if not given.")
    headcount_id: str | None = Field(default=None, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")


@router.post("/headcounts", status_code=201, responses=responses(400, 404))
async def give_headcount(given: Headcount, service: TheService, caller: Giver) -> dict[str, Any]:
    """Keep a headcount and judge the room anew. Sent again with the same id it changes nothing."""
    require_center(caller, given.center_id)
    center, now = center_of(service, given.center_id), service.clock.now()
    if given.room_id not in center.facts.rooms:
        raise NotFound(f"the center {given.center_id} has no room {given.room_id}")
    counted_at = as_utc(given.counted_at) if given.counted_at else now
    if not now - _OLDEST <= counted_at <= now + timedelta(minutes=5):
        raise BadInput("a headcount must have been taken within the last two days")
    observation = Observation(
        given.headcount_id or f"hc_{uuid.uuid4().hex[:20]}", given.center_id, given.room_id, min(counted_at, now), now,
        given.children, given.adults, given.staff_ids, caller.actor,
    )  # fmt: skip
    body = observation_to_json(observation)

    def write(connection: Connection) -> bool:
        key = f"{given.center_id}/{observation.observation_id}"
        at, known = observation.happened_at, observation.recorded_at
        new = save_observation(connection, key, given.center_id, given.room_id, at, known, body)
        if new:
            after = {"children": given.children, "adults": given.adults, "counted_at": format_instant(at)}
            subject = f"room:{given.room_id}"
            entry = audit.Entry(given.center_id, "headcount.given", subject, caller.actor, now, None, after)
            audit.append(connection, entry)
        return new

    new = await service.ledger.awrite(write)
    if new:
        center.observe(observation)
        service.bus.publish(given.center_id, "headcount", body)
        service.live.touch(given.center_id)
    return {"headcount_id": observation.observation_id, "new": new}


@router.get("/headcounts", responses=responses(404))
async def headcounts(service: TheService, caller: Reader, center_id: CenterQuery) -> list[dict[str, Any]]:
    """Headcounts of the last two days, by time."""
    require_center(caller, center_id)
    since = service.clock.now() - _OLDEST
    return await service.ledger.aread(lambda c: read_observations(c, center_id, since))

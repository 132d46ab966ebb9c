"""Incidents and what people do with them; feedback for what was missed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.access import may, require_center, require_found
from api.dependencies import CenterQuery, Correlation, TheService, center_of
from api.errors import responses
from api.service import Service
from api.views import incident_for_people
from domain.errors import BadInput
from domain.time import format_instant
from evaluator import Change, Incident, acknowledge, review, snooze
from evaluator.incidents import incident_from_json
from reports.explanations import explain
from storage import audit
from storage.ledger import Connection
from storage.ledger.access import Principal
from storage.ledger.incidents import Feedback, find_incidents, read_feedback, save_feedback
from storage.ledger.outbox import attempts_of, messages_of

router = APIRouter(prefix="/v1", tags=["incidents"])
IncidentId = Annotated[str, Path(max_length=64)]
Reader = Annotated[Principal, Depends(may("incidents.read"))]
Actor = Annotated[Principal, Depends(may("incidents.act"))]
Reviewer = Annotated[Principal, Depends(may("incidents.review"))]
Giver = Annotated[Principal, Depends(may("feedback.give"))]


class Snooze(BaseModel):
    minutes: int = Field(ge=1, le=720)


class Review(BaseModel):
    label: Literal["useful", "false_alarm", "missed"]
    note: str = Field(default="", max_length=1000)


class GivenFeedback(BaseModel):
    """A label for an incident, or for a violation no alert told of (`missed`, with room and time)."""

    center_id: str = Field(max_length=64)
    label: Literal["false_alarm", "missed", "useful", "logged"]
    incident_id: str | None = Field(default=None, max_length=64)
    room_id: str | None = Field(default=None, max_length=64)
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    note: str = Field(default="", max_length=1000)


@router.get("/incidents", responses=responses(404))
async def incidents(
    service: TheService,
    caller: Reader,
    center_id: CenterQuery,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    status: Annotated[str | None, Query(max_length=20)] = None,
    room_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """Incidents that were open at some time in [since, until), newest first."""
    require_center(caller, center_id)
    rows = await service.ledger.aread(
        lambda c: find_incidents(
            c, center_id, since=since, until=until, status=status, room_id=room_id, limit=limit
        )
    )  # fmt: skip
    return [incident_for_people(incident_from_json(row.body)) for row in rows]


@router.get("/incidents/{incident_id}", responses=responses(404))
async def incident(incident_id: IncidentId, service: TheService, caller: Reader) -> dict[str, Any]:
    """One incident with its history, its explanation and every message that was sent because of it."""
    found = await _visible(service, caller, incident_id)

    def messages(connection: Connection) -> list[dict[str, Any]]:
        return [
            {
                "message_id": message.message_id, "outlet": message.outlet, "status": message.status,
                "audience": message.body.get("audience"), "kind": message.body.get("kind"),
                "title": message.body.get("title"), "text": message.body.get("text"),
                "reason": message.body.get("reason"), "created_at": format_instant(message.created_at),
                "attempts": [
                    {
                        "number": attempt.number, "started_at": format_instant(attempt.started_at),
                        "finished_at": format_instant(attempt.finished_at) if attempt.finished_at else None,
                        "outcome": attempt.outcome, "detail": attempt.detail, "repeat": attempt.repeat,
                    }
                    for attempt in attempts_of(connection, message.message_id)
                ],
            }
            for message in messages_of(connection, found.center_id, incident_id=incident_id)
        ]  # fmt: skip

    body = incident_for_people(found)
    body["explanation"] = explain(found).to_json()
    body["messages"] = await service.ledger.aread(messages)
    return body


@router.post("/incidents/{incident_id}/ack", responses=responses(404, 409))
async def ack(incident_id: IncidentId, service: TheService, caller: Actor, correlation: Correlation) -> dict[str, Any]:
    """Somebody has taken it on: no more escalation unless it gets worse. Doing it twice changes nothing."""
    return await act(service, caller, incident_id, lambda i, now: acknowledge(i, caller.actor, now), correlation)


@router.post("/incidents/{incident_id}/snooze", responses=responses(400, 404, 409))
async def snooze_incident(
    incident_id: IncidentId, given: Snooze, service: TheService, caller: Actor, correlation: Correlation
) -> dict[str, Any]:
    """No messages for some minutes, unless it gets worse."""
    pause = timedelta(minutes=given.minutes)
    return await act(
        service, caller, incident_id, lambda i, now: snooze(i, caller.actor, now + pause, now), correlation
    )


@router.post("/incidents/{incident_id}/review", responses=responses(404, 409))
async def review_incident(
    incident_id: IncidentId, given: Review, service: TheService, caller: Reviewer, correlation: Correlation
) -> dict[str, Any]:
    """A person's judgement afterwards; the last one holds."""
    body = await act(
        service, caller, incident_id, lambda i, now: review(i, caller.actor, given.label, now, given.note), correlation
    )
    feedback = GivenFeedback(center_id=body["center_id"], label=given.label, incident_id=incident_id, note=given.note)
    await keep_feedback(service, caller, feedback)
    return body


@router.post("/incidents/{incident_id}/feedback", status_code=201, responses=responses(404))
async def incident_feedback(
    incident_id: IncidentId, given: Review, service: TheService, caller: Giver
) -> dict[str, str]:
    """A label for this incident: false alarm, missed or useful."""
    found = await _visible(service, caller, incident_id)
    feedback = GivenFeedback(
        center_id=found.center_id, label=given.label, incident_id=incident_id, room_id=found.room_id, note=given.note
    )
    return {"feedback_id": await keep_feedback(service, caller, feedback)}


@router.post("/feedback", status_code=201, responses=responses(400, 404))
async def give_feedback(given: GivenFeedback, service: TheService, caller: Giver) -> dict[str, str]:
    """A label, or a line of a manual log: a violation somebody saw, with room and time."""
    require_center(caller, given.center_id)
    center_of(service, given.center_id)
    if given.incident_id is None and (given.room_id is None or given.start is None):
        raise BadInput("feedback names an incident, or a room and the time something was seen there")
    if given.incident_id is not None:
        await _visible(service, caller, given.incident_id)
    return {"feedback_id": await keep_feedback(service, caller, given)}


@router.get("/feedback", responses=responses(404))
async def list_feedback(
    service: TheService, caller: Reader, center_id: CenterQuery, since: AwareDatetime | None = None
) -> list[dict[str, Any]]:
    require_center(caller, center_id)
    rows = await service.ledger.aread(lambda c: read_feedback(c, center_id, since))
    return [
        {
            "feedback_id": row.feedback_id, "label": row.label, "incident_id": row.incident_id, "room_id": row.room_id,
            "start": format_instant(row.start_at) if row.start_at else None,
            "end": format_instant(row.end_at) if row.end_at else None, "at": format_instant(row.at),
            "actor": row.actor, "note": row.note,
        }
        for row in rows
    ]  # fmt: skip


async def act(
    service: Service,
    caller: Principal,
    incident_id: str,
    deed: Callable[[Incident, datetime], Change],
    correlation: str,
) -> dict[str, Any]:
    """Do something with an incident, on record; a deed that changes nothing leaves no trace."""
    center = center_of(service, (await _visible(service, caller, incident_id)).center_id)
    async with center.lock:
        now = service.clock.now()
        change = deed(await service.live.incident(incident_id), now)
        if change.incident != change.before:
            await service.live.record(center, change, actor=caller.actor, correlation_id=correlation, now=now)
    return incident_for_people(change.incident)


async def keep_feedback(service: Service, caller: Principal, given: GivenFeedback) -> str:
    now = service.clock.now()
    row = Feedback(
        f"fb_{uuid.uuid4().hex[:20]}", given.center_id, given.label, now, caller.actor, given.incident_id,
        given.room_id, given.start, given.end, given.note,
    )  # fmt: skip

    def write(connection: Connection) -> None:
        save_feedback(connection, row)
        after = {"label": row.label, "incident_id": row.incident_id, "room_id": row.room_id}
        subject = f"incident:{row.incident_id}" if row.incident_id else f"room:{row.room_id}"
        audit.append(connection, audit.Entry(row.center_id, "feedback.given", subject, caller.actor, now, None, after))

    await service.ledger.awrite(write)
    return row.feedback_id


async def _visible(service: Service, caller: Principal, incident_id: str) -> Incident:
    found = await service.live.incident(incident_id)
    require_found(caller, found.center_id, f"incident {incident_id}")
    return found

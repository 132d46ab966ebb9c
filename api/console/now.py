"""Now: a tile per room, open incidents, suggestions; live by server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.access import require_found
from api.console.board import Boards
from api.console.first_run import first_run
from api.console.frame import Visit, Visiting
from api.dependencies import Correlation
from api.proposal_views import proposal_for_people
from api.routes.incidents import act
from evaluator import Incident, acknowledge, snooze
from evaluator.policy import rank
from storage.ledger.proposals import find_proposals, read_proposal

router = APIRouter()
Looker = Annotated[Visit, Depends(Visiting("live.read"))]
Actor = Annotated[Visit, Depends(Visiting("incidents.act"))]
Decider = Annotated[Visit, Depends(Visiting("proposals.decide"))]
Id = Annotated[str, Path(max_length=64)]
_SHOWN = timedelta(minutes=10)  # how long a decision stays in sight


@dataclass(frozen=True, slots=True)
class OpenIncident:
    incident_id: str
    room: str
    severity: str
    tone: str
    sentence: str
    since: str
    minutes: int
    status: str
    by: str


@router.get("/")
async def now_page(visit: Looker) -> Response:
    if visit.chosen is None:
        return await first_run(visit)
    board = boards(visit).of(visit.service, visit.center.center_id)
    return visit.page(
        "now.html", tiles=board.tiles(visit.center), center=visit.center,
        degraded=list(visit.service.degraded.values()), at=visit.local(visit.now), **await side(visit),
    )  # fmt: skip


@router.get("/now/stream", response_class=EventSourceResponse)
async def stream(visit: Looker) -> AsyncIterator[ServerSentEvent]:
    """Tiles as HTML when they change, a beat every few seconds, a word when the side panel is out of date."""
    async for event, data in boards(visit).of(visit.service, visit.center.center_id).listen():
        if await visit.request.is_disconnected():
            return
        yield ServerSentEvent(raw_data=data, event=event)


@router.get("/now/side")
async def side_part(visit: Looker) -> Response:
    return visit.part("now/side.html", csrf=visit.person.csrf, **await side(visit))


@router.post("/now/incidents/{incident_id}/acknowledge")
async def acknowledge_incident(incident_id: Id, visit: Actor, correlation: Correlation) -> Response:
    actor = visit.person.actor
    await act(visit.service, visit.person, incident_id, lambda i, now: acknowledge(i, actor, now), correlation)
    return await _shown_anew(visit)


@router.post("/now/incidents/{incident_id}/snooze")
async def snooze_incident(
    incident_id: Id, visit: Actor, correlation: Correlation, minutes: Annotated[int, Form(ge=1, le=720)] = 15
) -> Response:
    actor, pause = visit.person.actor, timedelta(minutes=minutes)
    await act(visit.service, visit.person, incident_id, lambda i, now: snooze(i, actor, now + pause, now), correlation)
    return await _shown_anew(visit)


@router.post("/now/proposals/{proposal_id}/decide")
async def decide_proposal(
    proposal_id: Id,
    visit: Decider,
    correlation: Correlation,
    answer: Annotated[str, Form(pattern="^(approve|deny)$")],
    choice: Annotated[int, Form(ge=0, le=9)] = 0,
) -> Response:
    row = await visit.service.ledger.aread(lambda c: read_proposal(c, proposal_id))
    require_found(visit.person, row.center_id, f"proposal {proposal_id}")
    await visit.service.proposals.decide(
        proposal_id, approve=answer == "approve", choice=choice, actor=visit.person.actor, correlation_id=correlation
    )
    return await _shown_anew(visit)


def boards(visit: Visit) -> Boards:
    found: Boards = visit.request.app.state.boards
    return found


async def side(visit: Visit) -> dict[str, Any]:
    """Open incidents, weightiest first, and proposals that wait or were decided just now."""
    center = visit.center
    incidents = [each for each in center.open_incidents() if each.told_severity or each.matter != "outlook"]
    incidents.sort(key=lambda each: (-rank(each.severity), each.opened_at))
    rows = []
    if visit.may("proposals.read"):
        rows = await visit.service.ledger.aread(lambda c: find_proposals(c, center.center_id, limit=20))
    wanted = [row for row in rows if row.status in ("open", "approved") or visit.now - row.updated_at < _SHOWN]
    suggestions = []
    for row in wanted:
        if row.status != "expired":
            shown = proposal_for_people(row)
            shown["alternatives"] = [_with_rooms(center, each) for each in shown["alternatives"]]
            suggestions.append(shown | {"room": center.facts.room_name(row.body["room_id"])})
    return {"incidents": [_open(visit, each) for each in incidents], "suggestions": suggestions}


async def _shown_anew(visit: Visit) -> Response:
    return await side_part(visit) if visit.in_place else visit.back_to("/")


def _open(visit: Visit, incident: Incident) -> OpenIncident:
    tones = {"approaching": "warn", "soft": "warn", "please_count": "doubt"}
    verdict = incident.facts.get("verdict", {})
    sentence = incident.facts.get("because") or verdict.get("sentence") or incident.history[0].sentence
    if incident.matter == "count":
        sentence = incident.history[0].sentence
    return OpenIncident(
        incident.incident_id, visit.center.facts.room_name(incident.room_id), incident.severity.replace("_", " "),
        "doubt" if incident.matter == "count" else tones.get(incident.severity, "bad"), str(sentence),
        f"{visit.local(incident.opened_at):%H:%M}", int((visit.now - incident.opened_at).total_seconds() // 60),
        incident.status, incident.acknowledged_by.removeprefix("user:"),
    )  # fmt: skip


def _with_rooms(center: Any, alternative: dict[str, Any]) -> dict[str, Any]:
    effects = [each | {"room": center.facts.room_name(each["room_id"])} for each in alternative["effects"]]
    return alternative | {"effects": effects}

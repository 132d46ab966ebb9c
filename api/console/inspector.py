"""Inspector mode: any room at any past minute, as known then or as corrected since; links that expire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.access import client_place
from api.console.frame import LINK_COOKIE, SAFETY, Visit, Visiting, anonymous_page, download, over_https
from api.console.links import InspectorVisits
from api.console.record import audit_head, day_spans, record_since
from api.dependencies import TheService
from domain.errors import BadInput, Forbidden
from domain.time import format_instant, local_instant
from reports.days import day_at, day_span
from reports.timeline import corrections, room_at
from storage import audit
from storage.ledger import Connection, access

router = APIRouter(prefix="/inspector")
Inspector = Annotated[Visit, Depends(Visiting("audit.read"))]
Keeper = Annotated[Visit, Depends(Visiting("keys.manage"))]
_LONGEST_HOURS = 24 * 31


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: this room at this minute, with what was known by then or with everything known since."""

    room_id: str
    day: date
    at: time
    known: str

    def instant(self, visit: Visit) -> datetime:
        return local_instant(self.day, self.at, visit.center.facts.tz)


@router.get("/enter")
async def enter_page() -> Response:
    """Where a link leads: its key stands behind the #, so that this request does not carry it."""
    answer = anonymous_page("reports/enter.html")
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@router.post("/enter")
async def enter(service: TheService, request: Request, key: Annotated[str, Form(max_length=200)]) -> Response:
    """Exchange a link's key for a visit; its holder may read until the link expires."""
    now, place = service.clock.now(), client_place(request)
    service.failures.check(place)
    person = await service.ledger.aread(lambda c: access.principal_of_key(c, key, now))
    if person is None or person.role != "inspector":
        service.failures.count(place)
        raise Forbidden("this link has expired or was taken back; ask the director for a new one")
    visits: InspectorVisits = request.app.state.inspector_visits
    answer = RedirectResponse("/inspector", 303, SAFETY)
    answer.set_cookie(
        LINK_COOKIE, visits.begin(key, now), httponly=True, samesite="strict", secure=over_https(service, request)
    )
    return answer


@router.post("/links")
async def make_link(visit: Keeper, hours: Annotated[int, Form(ge=1, le=_LONGEST_HOURS)] = 24) -> Response:
    """A link for an inspector; shown once, revoked under Settings."""
    now, center_id = visit.now, visit.center.center_id
    ends = now + timedelta(hours=hours)

    def write(connection: Connection) -> str:
        key_id, token = access.create_key(connection, "inspector's link", "inspector", [center_id], now, ends)
        after = {"role": "inspector", "expires_at": format_instant(ends)}
        entry = audit.Entry(center_id, "key.created", f"key:{key_id}", visit.person.actor, now, None, after)
        audit.append(connection, entry)
        return token

    token = await visit.service.ledger.awrite(write)
    base = visit.service.settings.public_url.rstrip("/") or str(visit.request.base_url).rstrip("/")
    return visit.page("reports/link.html", link=f"{base}/inspector/enter#{token}", ends=visit.local(ends))


@router.get("")
async def look(
    visit: Inspector,
    room: Annotated[str, Query(max_length=64)] = "",
    day: date | None = None,
    at: Annotated[str, Query(pattern=r"^\d{2}:\d{2}$")] = "",
    known: Annotated[str, Query(pattern="^(now|then)$")] = "now",
) -> Response:
    asked = _asked(visit, room, day, at, known)
    instant = asked.instant(visit)
    known_at = instant if known == "then" else None
    day_then = day_at(visit.center.facts, instant)
    record = await record_since(visit, day_then, day_then)
    facts, book = record.facts_on(day_then), visit.center.book(instant)
    found = room_at(facts, book, record.events, record.counts, asked.room_id, instant, known_at=known_at)
    spans = await day_spans(visit, record, day_then, known_at)
    return visit.page(
        "reports/inspector.html", asked=asked, instant=instant, found=found, facts=facts, day=day_then,
        spans=[each for each in spans if each.room_id == asked.room_id],
        corrections=corrections(record.events, day_span(facts, day_then), facts, name_children=False),
        note=record.note(day_then),
        head=await audit_head(visit), today=visit.local(visit.now),
    )  # fmt: skip


@router.get("/audit.jsonl")
async def audit_export(visit: Inspector) -> Response:
    """The center's whole chain, for the stand-alone verifier."""
    center_id = visit.center.center_id

    def read(connection: Connection) -> list[str]:
        return [json.dumps(each.record(), ensure_ascii=False) for each in audit.entries(connection, center_id)]

    lines = await visit.service.ledger.aread(read)
    return download("".join(f"{line}\n" for line in lines).encode(), "application/jsonl", f"audit-{center_id}.jsonl")


@router.get("/head.json")
async def head_export(visit: Inspector) -> Response:
    head = await audit_head(visit)
    return download(json.dumps(head).encode(), "application/json", f"audit-head-{visit.center.center_id}.json")


def _asked(visit: Visit, room: str, day: date | None, at: str, known: str) -> Asked:
    """What is not given is the present."""
    rooms = sorted(visit.center.facts.rooms)
    if not rooms:
        raise BadInput("no room is known yet")
    here = visit.local(visit.now)
    found = Asked(room or rooms[0], day or here.date(), _minute(at) if at else here.time().replace(second=0), known)
    if found.room_id not in rooms:
        raise BadInput("this room is not one of the center's")
    if found.instant(visit) > visit.now:
        raise BadInput("this minute has not been yet; choose one that has")
    return found


def _minute(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"'{text}' is no time of day; write it as 14:05") from error

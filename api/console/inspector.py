"""Inspector mode: any room at any past minute, as known then or as corrected since; links that expire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.access import client_place
from api.console.frame import LINK_COOKIE, SAFETY, Visit, Visiting, anonymous_page, download, over_https
from api.console.links import InspectorVisits
from api.console.record import audit_head, day_spans, record_since
from api.dependencies import TheService
from domain.errors import BadInput, Forbidden
from domain.time import format_instant, local_instant
from evaluator import CenterFacts, RoomAssessment
from reports.days import day_at, day_span
from reports.pdf import Page, made, write_csv, write_pdf
from reports.timeline import Correction, Span, corrections, room_at
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


def _question(
    visit: Inspector,
    room: Annotated[str, Query(max_length=64)] = "",
    day: date | None = None,
    at: Annotated[str, Query(pattern=r"^\d{2}:\d{2}$")] = "",
    known: Annotated[str, Query(pattern="^(now|then)$")] = "now",
) -> Asked:
    """What is not given is the present."""
    rooms = sorted(visit.center.facts.rooms)
    if not rooms:
        raise BadInput("no room is known yet")
    here = visit.local(visit.now)
    asked = Asked(room or rooms[0], day or here.date(), _minute(at) if at else here.time().replace(second=0), known)
    if asked.room_id not in rooms:
        raise BadInput("this room is not one of the center's")
    if asked.instant(visit) > visit.now:
        raise BadInput("this minute has not been yet; choose one that has")
    return asked


Question = Annotated[Asked, Depends(_question)]


@router.get("")
async def look(visit: Inspector, asked: Question) -> Response:
    answer = await _answer(visit, asked)
    return visit.page(
        "reports/inspector.html", asked=asked, answer=answer, found=answer.room, facts=answer.facts, day=answer.day,
        spans=answer.spans, corrections=answer.corrections, note=answer.note, head=await audit_head(visit),
        today=visit.local(visit.now),
    )  # fmt: skip


@router.get("/room.{form}")
async def as_file(form: Literal["pdf", "csv"], visit: Inspector, asked: Question) -> Response:
    """The answer to take along, with the head of the audit chain."""
    answer, head = await _answer(visit, asked), await audit_head(visit)
    pages, name = _pages(visit, asked, answer, head), f"{asked.room_id}-{asked.day}-{asked.at:%H%M}"
    if form == "csv":
        return download(write_csv(pages).encode(), "text/csv; charset=utf-8", f"{name}.csv")
    content = await asyncio.to_thread(lambda: write_pdf(pages, footer=made(visit.local(visit.now))))
    return download(content, "application/pdf", f"{name}.pdf")


@dataclass(frozen=True, slots=True)
class Answer:
    """The room at the minute, and its whole day: `day` is the center's day that holds the minute."""

    room: RoomAssessment
    facts: CenterFacts
    day: date
    spans: list[Span]
    corrections: list[Correction]
    note: str


async def _answer(visit: Visit, asked: Asked) -> Answer:
    instant = asked.instant(visit)
    known_at, day = instant if asked.known == "then" else None, day_at(visit.center.facts, instant)
    record = await record_since(visit, day, day)
    facts, book = record.facts_on(day), visit.center.book(instant)
    room = room_at(facts, book, record.events, record.counts, asked.room_id, instant, known_at=known_at)
    spans = [each for each in await day_spans(visit, record, day, known_at) if each.room_id == asked.room_id]
    corrected = corrections(record.events, day_span(facts, day), facts, name_children=False)
    return Answer(room, facts, day, spans, corrected, record.note(day))


def _pages(visit: Visit, asked: Asked, answer: Answer, head: dict[str, object]) -> list[Page]:
    room, verdict = answer.room, answer.room.verdict
    rule = verdict.governing
    checked = "" if rule.confidence == "primary" else " (value not verified against the primary source)"
    since = "every correction since" if asked.known == "now" else "only what was known then"
    said = [
        f"{'In' if verdict.compliant else 'Out of'} compliance, with {since}: children {verdict.group_size}, "
        f"adults counted {verdict.counted}, adults required {verdict.required}.",
        verdict.sentence,
        f"Rule: {rule.value} ({rule.citation}){checked}.",
        *([] if verdict.compliant else [f"Cause: {room.root_cause.sentence.rstrip('.')}."]),
        *([f"Count in doubt: {'; '.join(room.trust.reasons)}."] if room.trust.reasons else []),
        f"Adults: {'; '.join(_adults(answer)) or 'nobody'}.",
        *([answer.note] if answer.note else []),
        f"Audit chain of {answer.facts.center.name}: entry {head['number']}, hash {head['hash']}.",
        "Recomputed from the raw events; children appear as numbers only.",
    ]
    title = f"{answer.facts.center.name}, {room.name}, {asked.day:%A %-d %B %Y}, {asked.at:%H:%M}"
    whole = [
        (f"{visit.local(span.start):%H:%M:%S}", f"{visit.local(span.end):%H:%M:%S}", str(span.children),
         str(span.counted), str(span.required), "in compliance" if span.compliant else f"out: {span.cause}",
         ", ".join(filter(None, ["combined" if span.group else "", "in doubt" if span.doubts else ""])))
        for span in answer.spans if span.children or span.present
    ]  # fmt: skip
    heads = ("from", "to", "children", "counted", "required", "verdict", "")
    changed = [(f"{each.recorded_at:%Y-%m-%d %H:%M:%S}", each.was, each.becomes) for each in answer.corrections]
    pages = [Page(title, said, heads, whole, (2, 2, 2, 2, 2, 6, 2))]
    if changed:
        columns = ("known at", "was", "becomes")
        pages.append(Page("Corrections that reach into this day", (), columns, changed, (3, 6, 6)))
    return pages


def _adults(answer: Answer) -> Iterator[str]:
    why_not = {each.staff_id: each.reason for each in answer.room.verdict.uncounted}
    for adult in answer.room.group.adults:
        words = f"{answer.facts.display(adult.staff_id)}, {adult.role}, {adult.state.replace('_', ' ')}"
        yield words + (f" (not counted, {why_not[adult.staff_id]})" if adult.staff_id in why_not else "")


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


def _minute(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"'{text}' is no time of day; write it as 14:05") from error

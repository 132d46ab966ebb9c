"""Incidents: the list, one incident with its timeline and explanation, feedback, and the week's exceptions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import Response

from api.access import require_found
from api.console.frame import Visit, Visiting, download
from api.console.record import begins_on
from api.dependencies import Correlation
from api.routes.incidents import GivenFeedback, act, keep_feedback
from domain.errors import BadInput
from domain.time import Interval, iso_week_start, local_day
from evaluator import Incident, review
from evaluator.incidents import incident_from_json
from reports.days import day_at, day_span
from reports.exceptions import WeekOfExceptions, exceptions_csv, exceptions_pdf, week_of_exceptions
from reports.explanations import explain
from storage.ledger import Connection
from storage.ledger.incidents import find_incidents
from storage.ledger.outbox import attempts_of, messages_of

router = APIRouter(prefix="/incidents")
Reader = Annotated[Visit, Depends(Visiting("incidents.read"))]
Reviewer = Annotated[Visit, Depends(Visiting("incidents.review"))]
Giver = Annotated[Visit, Depends(Visiting("feedback.give"))]
Id = Annotated[str, Path(max_length=64)]
Label = Annotated[str, Form(pattern="^(useful|false_alarm|missed)$")]
Note = Annotated[str, Form(max_length=1000)]
Week = Annotated[str, Path(pattern=r"^\d{4}-W\d{2}$")]


@router.get("")
async def listed(
    visit: Reader,
    days: Annotated[int, Query(ge=1, le=366)] = 7,
    room: Annotated[str, Query(max_length=64)] = "",
    show: Annotated[str, Query(pattern="^(all|open|unjudged)$")] = "all",
) -> Response:
    center, since = visit.center, visit.now - timedelta(days=days)
    rows = await visit.service.ledger.aread(
        lambda c: find_incidents(c, center.center_id, since=since, room_id=room or None, limit=500)
    )
    found = [incident_from_json(row.body) for row in rows]
    if show == "open":
        found = [each for each in found if each.is_open]
    elif show == "unjudged":
        found = [each for each in found if not each.review and each.told_at is not None]
    span = Interval(since, visit.now + timedelta(seconds=1))
    names = {room_id: each.name for room_id, each in center.facts.rooms.items()}
    lines = week_of_exceptions(found, span, center.facts.center.name, center.facts.center.timezone, names, visit.now)
    return visit.page(
        "incidents/list.html", lines=list(reversed(lines.lines)), days=days, room=room, show=show, rooms=names,
        week=_label(day_at(center.facts, visit.now)),
    )  # fmt: skip


@router.post("/missed")
async def missed(
    visit: Giver,
    room_id: Annotated[str, Form(max_length=64)],
    at: Annotated[datetime, Form(description="Local, as the page's own field gives it.")],
    minutes: Annotated[int, Form(ge=1, le=1440)] = 5,
    note: Note = "",
) -> Response:
    """A violation somebody saw and no alert told of."""
    center = visit.center
    if room_id not in center.facts.rooms:
        raise BadInput("this room is not one of the center's")
    start = at.replace(tzinfo=center.facts.tz) if at.tzinfo is None else at
    given = GivenFeedback(
        center_id=center.center_id, label="missed", room_id=room_id, start=start,
        end=start + timedelta(minutes=minutes), note=note,
    )  # fmt: skip
    await keep_feedback(visit.service, visit.person, given)
    return visit.back_to("/incidents?said=missed")


@router.get("/week/{week}")
async def exceptions(week: Week, visit: Reader) -> Response:
    found = await _exceptions(visit, week)
    monday = iso_week_start(week)
    sunday, today = monday + timedelta(days=6), day_at(visit.center.facts, visit.now)
    _, first = await begins_on(visit)
    return visit.page(
        "incidents/week.html", week=week, found=found, dates=f"{monday:%-d %B} to {sunday:%-d %B %Y}",
        before=_label(monday - timedelta(days=7)), after=_label(sunday + timedelta(days=1)) if sunday < today else "",
        running=monday <= today <= sunday, to_come=monday > today, first=first if first.date() > monday else None,
        heard=first.date() <= sunday,
    )  # fmt: skip


@router.get("/week/{week}/exceptions.csv")
async def exceptions_as_csv(week: Week, visit: Reader) -> Response:
    text = exceptions_csv(await _exceptions(visit, week))
    return download(text.encode(), "text/csv; charset=utf-8", f"exceptions-{week}.csv")


@router.get("/week/{week}/exceptions.pdf")
async def exceptions_as_pdf(week: Week, visit: Reader) -> Response:
    found = await _exceptions(visit, week)
    content = await asyncio.to_thread(exceptions_pdf, found, visit.local(visit.now))
    return download(content, "application/pdf", f"exceptions-{week}.pdf")


@router.get("/{incident_id}")
async def one(incident_id: Id, visit: Reader) -> Response:
    incident = await _visible(visit, incident_id)
    messages = await visit.service.ledger.aread(lambda c: _messages(c, incident))
    return visit.page(
        "incidents/one.html", incident=incident, messages=messages,
        explanation=explain(incident, visit.center.facts.display),
        room=visit.center.facts.room_name(incident.room_id),
    )  # fmt: skip


@router.post("/{incident_id}/review")
async def judge(incident_id: Id, visit: Reviewer, correlation: Correlation, label: Label, note: Note = "") -> Response:
    """The director's word: the incident is reviewed, and the label counts in the shadow figures."""
    actor = visit.person.actor
    body = await act(
        visit.service, visit.person, incident_id, lambda i, now: review(i, actor, label, now, note), correlation
    )
    given = GivenFeedback.model_validate(
        {"center_id": body["center_id"], "label": label, "incident_id": incident_id, "note": note}
    )
    await keep_feedback(visit.service, visit.person, given)
    return visit.back_to(f"/incidents/{incident_id}")


@router.post("/{incident_id}/feedback")
async def feedback(incident_id: Id, visit: Giver, label: Label, note: Note = "") -> Response:
    """What somebody in the room says about it."""
    incident = await _visible(visit, incident_id)
    given = GivenFeedback.model_validate(
        {"center_id": incident.center_id, "label": label, "incident_id": incident_id, "room_id": incident.room_id,
         "note": note}
    )  # fmt: skip
    await keep_feedback(visit.service, visit.person, given)
    return visit.back_to(f"/incidents/{incident_id}")


async def _visible(visit: Visit, incident_id: str) -> Incident:
    incident = await visit.service.live.incident(incident_id)
    require_found(visit.person, incident.center_id, f"incident {incident_id}")
    return incident


async def _exceptions(visit: Visit, week: str) -> WeekOfExceptions:
    """From the first day's beginning to the last one's end, so that no night is cut in two; the dates are whole."""
    center, monday = visit.center, iso_week_start(week)
    sunday = monday + timedelta(days=6)
    start, end = day_span(center.facts, monday).start, day_span(center.facts, sunday).end
    rows = await visit.service.ledger.aread(
        lambda c: find_incidents(c, center.center_id, since=start, until=end, limit=10_000)
    )
    names = {room_id: each.name for room_id, each in center.facts.rooms.items()}
    found = [incident_from_json(row.body) for row in rows]
    place = center.facts.center
    summed = week_of_exceptions(found, Interval(start, end), place.name, place.timezone, names, visit.now)
    dates = Interval(local_day(monday, center.facts.tz).start, local_day(sunday, center.facts.tz).end)
    return replace(summed, span=dates)


def _messages(connection: Connection, incident: Incident) -> list[dict[str, Any]]:
    return [
        {
            "message": message,
            "attempts": attempts_of(connection, message.message_id),
        }
        for message in messages_of(connection, incident.center_id, incident_id=incident.incident_id)
    ]


def _label(day: date) -> str:
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"

"""Reports: the day with its sign-off, a period, the alert tune-up, the shadow scoreboard."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from api.console.frame import Visit, Visiting, download
from api.console.record import Record, audit_head, begins_on, daily, has_snapshot, signature
from api.shadow import ShadowReport, report_of
from domain.errors import Conflict
from evaluator.incidents import incident_from_json
from reports.compliance import DailyReport, daily_pdf, violations_csv
from reports.days import day_at
from reports.pdf import Page, made, write_csv, write_pdf
from reports.period import PeriodReport, period_pdf
from reports.tuneup import TuneUp, threshold_page, tune_up, tune_up_pages
from storage import audit
from storage.ledger import Connection
from storage.ledger.incidents import find_incidents, read_feedback

router = APIRouter(prefix="/reports")
Reader = Annotated[Visit, Depends(Visiting("reports.read"))]
Signer = Annotated[Visit, Depends(Visiting("incidents.review"))]
Month = Annotated[int, Query(ge=1, le=366)]
Form = Literal["pdf", "csv"]


@router.get("")
async def index(visit: Reader) -> Response:
    today = day_at(visit.center.facts, visit.now)
    year, number, _ = today.isocalendar()
    begins, _ = await begins_on(visit)
    first = today - timedelta(days=27) if await has_snapshot(visit) else max(today - timedelta(days=27), begins)
    return visit.page("reports/index.html", today=today, month_ago=first, week=f"{year}-W{number:02d}")


@router.get("/daily")
async def to_day(visit: Reader, day: date) -> Response:
    return visit.back_to(f"/reports/daily/{day.isoformat()}")


@router.get("/daily/{day}")
async def one_day(day: date, visit: Reader) -> Response:
    record, (report,) = await daily(visit, day, day)
    return visit.page(
        "reports/daily.html", report=report, note=record.note(day), signed=await signature(visit, day),
        head=await audit_head(visit), running=day == day_at(visit.center.facts, visit.now), over=_over(visit, day),
        sha256=_digest(report),
    )  # fmt: skip


@router.post("/daily/{day}/sign")
async def sign(day: date, visit: Signer) -> Response:
    """The director stands by the day; the signature names the report's content by its hash."""
    if not _over(visit, day):
        raise Conflict("the day is not over; sign it when the center has closed")
    _, (report,) = await daily(visit, day, day)
    after = {"sha256": _digest(report), "violations": len(report.violations), "signer": visit.person.actor}
    entry = audit.Entry(
        visit.center.center_id, "report.signed", f"report:{day.isoformat()}", visit.person.actor, visit.now, None, after
    )

    def write(connection: Connection) -> None:
        audit.append(connection, entry)

    await visit.service.ledger.awrite(write)
    return visit.back_to(f"/reports/daily/{day.isoformat()}")


@router.get("/daily/{day}/report.pdf")
async def day_as_pdf(day: date, visit: Reader) -> Response:
    (_, (report,)), head = await daily(visit, day, day), await audit_head(visit)
    signed = await signature(visit, day)
    content = await asyncio.to_thread(
        lambda: daily_pdf(report, audit_head=_short(head), signed=signed, made_at=visit.local(visit.now))
    )
    return download(content, "application/pdf", f"compliance-{day.isoformat()}.pdf")


@router.get("/daily/{day}/report.csv")
async def day_as_csv(day: date, visit: Reader) -> Response:
    text = violations_csv((await daily(visit, day, day))[1])
    return download(text.encode(), "text/csv; charset=utf-8", f"violations-{day.isoformat()}.csv")


@router.get("/period")
async def period(visit: Reader, first: date, last: date) -> Response:
    record, report = await _period(visit, first, last)
    return visit.page("reports/period.html", report=report, note=record.note(first), head=await audit_head(visit))


@router.get("/period/{first}/{last}/report.pdf")
async def period_as_pdf(first: date, last: date, visit: Reader) -> Response:
    (_, report), head = await _period(visit, first, last), await audit_head(visit)
    content = await asyncio.to_thread(
        lambda: period_pdf(report, audit_head=_short(head), made_at=visit.local(visit.now))
    )
    return download(content, "application/pdf", f"compliance-{first.isoformat()}-{last.isoformat()}.pdf")


@router.get("/period/{first}/{last}/report.csv")
async def period_as_csv(first: date, last: date, visit: Reader) -> Response:
    text = violations_csv((await daily(visit, first, last))[1])
    return download(text.encode(), "text/csv; charset=utf-8", f"violations-{first.isoformat()}-{last.isoformat()}.csv")


@router.get("/tune-up")
async def tune_up_page(visit: Reader, days: Month = 28) -> Response:
    found, shadow = await _tune_up(visit, days)
    return visit.page("reports/tune_up.html", found=found, shadow=shadow, days=days)


@router.get("/tune-up/report.{form}")
async def tune_up_file(form: Form, visit: Reader, days: Month = 28) -> Response:
    found, shadow = await _tune_up(visit, days)
    heading = f"Alert tune-up, {visit.center.facts.center.name}, {days} days"
    return await _file(visit, tune_up_pages(found, shadow.thresholds, heading), form, f"tune-up-{days}-days")


@router.get("/shadow")
async def scoreboard(visit: Reader, days: Month = 28) -> Response:
    return visit.page("reports/shadow.html", found=await _shadow(visit, days), days=days)


@router.get("/shadow/report.{form}")
async def scoreboard_file(form: Form, visit: Reader, days: Month = 28) -> Response:
    found = await _shadow(visit, days)
    heading = f"Shadow scoreboard, {visit.center.facts.center.name}, {days} days"
    figures = [(str(what), str(value)) for what, value in found.rows()]
    pages = [Page(heading, (), ("what", "figure"), figures), threshold_page(found.thresholds)]
    return await _file(visit, pages, form, f"shadow-{days}-days")


async def _tune_up(visit: Visit, days: int) -> tuple[TuneUp, ShadowReport]:
    center, since = visit.center, visit.now - timedelta(days=days)
    shadow = await _shadow(visit, days)
    rows = await visit.service.ledger.aread(
        lambda c: find_incidents(c, center.center_id, since=since, until=visit.now, limit=100_000)
    )
    given = await visit.service.ledger.aread(lambda c: read_feedback(c, center.center_id, since))
    found = tune_up(
        [incident_from_json(row.body) for row in rows],
        {each.incident_id: each.label for each in given if each.incident_id},
        {room_id: room.name for room_id, room in center.facts.rooms.items()},
        shadow.thresholds,
        center.policy.risk_threshold,
    )
    return found, shadow


async def _shadow(visit: Visit, days: int) -> ShadowReport:
    center, since = visit.center, visit.now - timedelta(days=days)
    return await visit.service.ledger.aread(lambda c: report_of(c, center.center_id, since, visit.now))


async def _file(visit: Visit, pages: list[Page], form: str, name: str) -> Response:
    """The pages as a download, PDF or CSV."""
    if form == "csv":
        return download(write_csv(pages).encode(), "text/csv; charset=utf-8", f"{name}.csv")
    footer = made(visit.local(visit.now))
    content = await asyncio.to_thread(lambda: write_pdf(pages, footer=footer))
    return download(content, "application/pdf", f"{name}.pdf")


async def _period(visit: Visit, first: date, last: date) -> tuple[Record, PeriodReport]:
    place, book = visit.center.facts.center, visit.center.book(visit.now)
    rules = book.name + (f", in its form of {book.on.isoformat()}" if book.on > date.min else "")
    record, days = await daily(visit, first, last)
    return record, PeriodReport(place.name, place.state, rules, tuple(days))


def _over(visit: Visit, day: date) -> bool:
    opening = visit.center.facts.opening(day)
    return opening is None or visit.now >= opening.end


def _digest(report: DailyReport) -> str:
    return hashlib.sha256(violations_csv([report]).encode()).hexdigest()


def _short(head: dict[str, object]) -> str:
    return f"{head['hash']} (entry {head['number']})"

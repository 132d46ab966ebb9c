"""What is on record of a center's past days, recomputed from the raw events for reports and inspectors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from api.console.frame import Visit
from domain.errors import BadInput
from domain.events import Event
from domain.time import Interval, format_instant, local_instant
from evaluator import Observation, observation_from_json
from reports.compliance import DailyReport, daily_report
from reports.timeline import Span, day_timeline
from storage import audit
from storage.ledger import Connection
from storage.ledger.events import read_events
from storage.ledger.incidents import read_observations
from storage.signing import signing_key

_LONGEST_DAYS = 92


async def events_since(visit: Visit, first: date) -> tuple[list[Event], list[Observation]]:
    """Raw events and headcounts from the day before on, with whatever became known since."""
    center_id = visit.center.center_id
    since = local_instant(first - timedelta(days=1), time(0), visit.center.facts.tz)

    def read(connection: Connection) -> tuple[list[Event], list[Observation]]:
        counts = [observation_from_json(body) for body in read_observations(connection, center_id, since)]
        return read_events(connection, center_id, since=since), counts

    return await visit.service.ledger.aread(read)


async def daily(visit: Visit, first: date, last: date) -> list[DailyReport]:
    """One report per day; the running day as far as it has come. BadInput for days to come or too many."""
    today = visit.local(visit.now).date()
    if last < first or last > today:
        raise BadInput("choose days that have begun, the first before the last")
    if (last - first).days >= _LONGEST_DAYS:
        raise BadInput(f"a period has at most {_LONGEST_DAYS} days")
    events, counts = await events_since(visit, first)
    return await asyncio.to_thread(lambda: [_one(visit, events, counts, day) for day in _days(first, last)])


async def day_spans(visit: Visit, day: date, known_at: datetime | None) -> tuple[list[Span], list[Event]]:
    """Every room of one day, second by second."""
    facts = visit.center.facts
    start, end = (local_instant(day + timedelta(days=n), time(0), facts.tz) for n in (0, 1))
    span = Interval(start, max(start, min(end, visit.now)))
    events, counts = await events_since(visit, day)
    near = [each for each in events if each.happened_at < span.end]
    book = visit.center.book(start + timedelta(hours=12))
    spans = await asyncio.to_thread(lambda: day_timeline(facts, book, near, counts, span, known_at=known_at))
    return spans, events


async def audit_head(visit: Visit) -> dict[str, Any]:
    """The signed head of the center's chain."""
    center_id, now = visit.center.center_id, visit.now
    key = await asyncio.to_thread(signing_key, visit.service.settings.data_dir)
    return await visit.service.ledger.aread(lambda c: audit.signed_head(c, center_id, now, key))


async def signature(visit: Visit, day: date) -> str | None:
    """Who signed the day's report last, and when."""
    center_id = visit.center.center_id

    def read(connection: Connection) -> list[audit.Entry]:
        return list(audit.entries(connection, center_id, subject=f"report:{day.isoformat()}"))

    found = [each for each in await visit.service.ledger.aread(read) if each.action == "report.signed"]
    if not found:
        return None
    last = found[-1]
    after = last.after or {}
    return f"Signed off by {after.get('signer', last.actor)} at {format_instant(last.at)} (audit entry {last.number})."


def _one(visit: Visit, events: list[Event], counts: list[Observation], day: date) -> DailyReport:
    facts = visit.center.facts
    book = visit.center.book(local_instant(day, time(12), facts.tz))
    until = visit.now if day == visit.local(visit.now).date() else None
    return daily_report(facts, book, events, counts, day, until=until)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)

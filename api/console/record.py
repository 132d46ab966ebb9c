"""What is on record of a center's past days, recomputed from the raw events for reports and inspectors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from api.console.frame import Visit
from domain.errors import BadInput, NotFound, NothingPublished, StoreError
from domain.events import Event
from domain.time import Interval, local_day, local_instant
from evaluator import CenterFacts, Observation, observation_from_json
from reports.compliance import DailyReport, day_ground
from reports.days import day_at, day_span
from reports.kept import KeptReports
from reports.record import events_of, facts_of
from reports.timeline import Span, day_timeline
from storage import audit
from storage.ledger import Connection
from storage.ledger.events import first_event, read_events
from storage.ledger.incidents import read_observations
from storage.reader import open_reader
from storage.signing import signing_key
from storage.snapshots import current_snapshot

_LONGEST_DAYS = 92
_FACTS = ("centers", "rooms", "children", "staff", "shifts", "bookings", "closures")


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of some days. `earlier` is of days before the service began: read from the platform since, and
    not under the audit chain. `begins` is the first local day of the service's own record that is whole, `first` the
    instant of its first event, local."""

    begins: date
    first: datetime
    facts: CenterFacts
    events: list[Event]
    counts: list[Observation]
    earlier: CenterFacts | None = None

    def facts_on(self, day: date) -> CenterFacts:
        if self.earlier is None or day >= self.begins:
            return self.facts
        return self.earlier

    def note(self, first: date) -> str:
        if first >= self.begins:
            return ""
        if self.earlier is None:
            return (
                f"{self.first:%A %-d %B} is on record from {self.first:%H:%M} on only, when this service began. Who "
                "had come before is not known, so the figures of that day prove nothing."
            )
        return (
            f"Days before {self.begins:%-d %B %Y}, where this service's own record begins, are shown from the record "
            "read from the platform later on; the audit chain does not cover them."
        )


async def begins_on(visit: Visit) -> tuple[date, datetime]:
    """The first local day the service has the whole record of, at the latest today, and its first event's instant."""
    center_id, facts = visit.center.center_id, visit.center.facts
    found = await visit.service.ledger.aread(lambda c: first_event(c, center_id))
    first = visit.local(found or visit.now)
    day = day_at(facts, first)
    opening = facts.opening(day)
    whole = opening is None or first <= opening.start  # else the log was taken up in the middle of the day
    return min(day_at(facts, visit.now), day if whole else day + timedelta(days=1)), first


async def has_snapshot(visit: Visit) -> bool:
    """Whether anything was published, so that days before the service began can be shown."""

    def look() -> bool:
        try:
            current_snapshot(visit.service.settings.data_dir)
        except StoreError:
            return False
        return True

    return await asyncio.to_thread(look)


async def record_since(visit: Visit, first: date, last: date) -> Record:
    """Raw events and headcounts from the day before on, with whatever became known since.

    NotFound for days before the service began where no snapshot holds them either.
    """
    center_id = visit.center.center_id
    begins, begun = await begins_on(visit)
    since = local_instant(first - timedelta(days=1), time(0), visit.center.facts.tz)

    def read(connection: Connection) -> tuple[list[Event], list[Observation]]:
        counts = [observation_from_json(body) for body in read_observations(connection, center_id, since)]
        return read_events(connection, center_id, since=since), counts

    events, counts = await visit.service.ledger.aread(read)
    if first >= begins:
        return Record(begins, begun, visit.center.facts, events, counts)
    days = [day for day in _days(first, last) if day < begins]
    try:
        earlier, before = await asyncio.to_thread(_published, visit, days, begins)
    except NotFound:
        if first < day_at(visit.center.facts, begun):
            raise
        return Record(begins, begun, visit.center.facts, events, counts)
    known = {event.event_id for event in events}
    return Record(
        begins, begun, visit.center.facts, [*(e for e in before if e.event_id not in known), *events], counts, earlier
    )


def _published(visit: Visit, days: Sequence[date], begins: date) -> tuple[CenterFacts, list[Event]]:
    """Facts and events of days before the service began, from the newest snapshot."""
    center_id, tz = visit.center.center_id, visit.center.facts.tz
    start = local_instant(days[0] - timedelta(days=1), time(0), tz)
    end = max(day_span(visit.center.facts, days[-1]).end, local_day(days[-1], tz).end)
    nothing = f"nothing is on record before {begins:%A %-d %B %Y}, when this service began; choose a later day"
    try:
        with open_reader(visit.service.settings.data_dir) as reader:
            frames = {name: reader.frame(name, center_id) for name in _FACTS}
            around = "center_id = ? AND (happened_at BETWEEN ? AND ? OR recorded_at BETWEEN ? AND ?)"
            sql = f"SELECT * FROM events WHERE {around}"  # noqa: S608  our own text
            frames["events"] = reader.query(sql, [center_id, start, end, start, end])
    except NothingPublished as error:
        raise NotFound(nothing) from error
    if not len(frames["events"]):
        raise NotFound(nothing)
    found = facts_of(frames, days)
    names = {key: member.display_name for key, member in visit.center.facts.staff.items()}  # no snapshot holds them
    staff = {key: replace(member, display_name=names.get(key)) for key, member in found.staff.items()}
    return replace(found, staff=staff), events_of(frames, start, end)


async def daily(visit: Visit, first: date, last: date) -> tuple[Record, list[DailyReport]]:
    """One report per day; the running day as far as it has come. BadInput for days to come or too many."""
    today = day_at(visit.center.facts, visit.now)
    if last < first or last > today:
        raise BadInput("choose days that have begun, the first before the last")
    if (last - first).days >= _LONGEST_DAYS:
        raise BadInput(f"a period has at most {_LONGEST_DAYS} days")
    record = await record_since(visit, first, last)
    return record, await asyncio.to_thread(lambda: [_one(visit, record, day) for day in _days(first, last)])


async def day_spans(visit: Visit, record: Record, day: date, known_at: datetime | None) -> list[Span]:
    """Every room of one day, second by second."""
    facts = record.facts_on(day)
    whole = day_span(facts, day)
    span = Interval(whole.start, max(whole.start, min(whole.end, visit.now)))
    near = [each for each in record.events if each.happened_at < span.end]
    book = visit.center.book(whole.start + timedelta(hours=12))
    return await asyncio.to_thread(lambda: day_timeline(facts, book, near, record.counts, span, known_at=known_at))


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
    when = f"{visit.local(last.at):%A %-d %B %Y at %H:%M}"
    return f"Signed off by {after.get('signer', last.actor)} on {when} (audit entry {last.number})."


def _one(visit: Visit, record: Record, day: date) -> DailyReport:
    facts = record.facts_on(day)
    book = visit.center.book(local_instant(day, time(12), facts.tz))
    until = visit.now if visit.now in day_span(facts, day) else None
    kept: KeptReports = visit.request.app.state.kept_reports
    return kept.report(day_ground(facts, book, record.events, record.counts, day, until=until))


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)

"""The daily compliance report: what was legal when, what was not and why, what was corrected, and who signed.

Rendered by the console as HTML; as PDF and CSV here. Numbers come from `reports.timeline` alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

from domain.errors import BadInput
from domain.events import Event
from domain.time import Interval
from evaluator import CenterFacts, Observation
from evaluator.assessment import Book
from reports.days import day_span
from reports.pdf import Page, made, write_pdf
from reports.timeline import Correction, Span, corrections, day_timeline, violations

VIOLATION_COLUMNS = (
    "date", "room_id", "room", "start", "end", "minutes", "children", "required", "counted", "cause", "citation",
    "confidence", "doubtful",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Violation:
    """One run of minutes out of compliance, in local time, with its worst moment."""

    room_id: str
    room: str
    start: datetime
    end: datetime
    worst: Span
    cause: str
    doubtful: bool

    @property
    def minutes(self) -> float:
        return (self.end - self.start).total_seconds() / 60

    def times(self, day: date, form: str = "%H:%M", dash: str = " - ") -> str:
        """From when to when; a time after the midnight of the report's day says its weekday."""
        return dash.join(
            f"{at:{form}}" if at.date() == day else f"{at:{form}} ({at:%a})" for at in (self.start, self.end)
        )


@dataclass(frozen=True, slots=True)
class RoomDay:
    """A room's day in numbers. Minutes out of the rule that rest on a doubtful count stand apart: they are neither in
    `minutes_occupied` (with at least one child) nor in `minutes_out`."""

    room_id: str
    room: str
    minutes_occupied: float
    minutes_out: float
    minutes_doubtful: float
    most_children: int


@dataclass(frozen=True, slots=True)
class DailyReport:
    center_id: str
    center: str
    day: date
    rooms: tuple[RoomDay, ...]
    violations: tuple[Violation, ...]
    corrections: tuple[Correction, ...]
    closed: bool

    @property
    def share_in_ratio(self) -> float | None:
        """Share of occupied room-minutes in compliance, those in doubt left out; None when nobody was there."""
        occupied = sum(room.minutes_occupied for room in self.rooms)
        return 1 - sum(room.minutes_out for room in self.rooms) / occupied if occupied else None

    @property
    def sentence(self) -> str:
        """The day in one sentence."""
        if self.share_in_ratio is None:
            return "Nobody was here that day." if not self.closed else "The center was closed and nobody was here."
        if not self.violations:
            return "Every room was inside its ratio and group size all day."
        sure = [each for each in self.violations if not each.doubtful]
        doubted = [each for each in self.violations if each.doubtful]
        parts = [f"Out of compliance {_total(sure)}, in {len({e.room_id for e in sure})} of {len(self.rooms)} rooms."]
        if not sure:
            parts = ["No room was out of compliance beyond doubt."]
        if doubted:
            parts.append(f"Resting on a doubtful count: {_total(doubted)}; see the reasons and count again.")
        return " ".join(
            [*parts, f"{self.share_in_ratio:.1%} of the occupied minutes beyond doubt were inside the rule."]
        )


@dataclass(frozen=True, slots=True)
class DayGround:
    """All that the report of one day is made from, and nothing else: the same ground gives the same report."""

    facts: CenterFacts  # shifts and bookings of the day and its neighbours
    book: Book
    events: tuple[Event, ...]  # of the day and the one before, with whatever corrects or voids them, whenever it came
    counts: tuple[Observation, ...]
    day: date
    interval: Interval

    @property
    def sha256(self) -> str:
        """Of all but the book, which has no text of its own: compare it by identity, `rulebook.load` keeps it."""
        facts = [getattr(self.facts, field) for field in _GROUND_FACTS]
        return hashlib.sha256(repr((facts, self.events, self.counts, self.interval)).encode()).hexdigest()


_GROUND_FACTS = tuple(field.name for field in fields(CenterFacts))


def day_ground(
    facts: CenterFacts,
    book: Book,
    events: Sequence[Event],
    observations: Iterable[Observation],
    day: date,
    *,
    until: datetime | None = None,
) -> DayGround:
    """The ground of one local day, or of the part of it that lies before `until`; BadInput before it begins."""
    interval = day_span(facts, day)
    if until is not None:
        if until <= interval.start:
            raise BadInput(f"{day.isoformat()} has not begun yet; choose a day that has")
        interval = Interval(interval.start, min(interval.end, until))
    since = interval.start - timedelta(days=1)
    near = [each for each in events if since <= each.happened_at < interval.end]
    counts = tuple(each for each in observations if since <= each.happened_at < interval.end)
    return DayGround(_near(facts, day), book, tuple(_with_changes(events, near)), counts, day, interval)


def report_on(ground: DayGround, *, known_at: datetime | None = None) -> DailyReport:
    """The report made from a ground."""
    facts, interval = ground.facts, ground.interval
    spans = day_timeline(facts, ground.book, ground.events, ground.counts, interval, known_at=known_at, doubt_all=False)
    return DailyReport(
        center_id=facts.center.center_id,
        center=facts.center.name,
        day=ground.day,
        rooms=tuple(_room_day(facts, room_id, spans) for room_id in sorted(facts.rooms)),
        violations=tuple(_violation(facts, run) for run in violations(spans)),
        corrections=tuple(corrections(ground.events, interval, facts)),
        closed=facts.opening(ground.day) is None,
    )


def daily_report(
    facts: CenterFacts,
    book: Book,
    events: Sequence[Event],
    observations: Iterable[Observation],
    day: date,
    *,
    until: datetime | None = None,
    known_at: datetime | None = None,
) -> DailyReport:
    """The report of one local day, or of the part of it that lies before `until`."""
    return report_on(day_ground(facts, book, events, observations, day, until=until), known_at=known_at)


def violations_csv(reports: Iterable[DailyReport]) -> str:
    """One row per violation, columns `VIOLATION_COLUMNS`; `date` and `start` are local, also after midnight."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(VIOLATION_COLUMNS)
    for report in reports:
        for each in report.violations:
            worst = each.worst
            writer.writerow(
                [f"{each.start:%Y-%m-%d}", each.room_id, each.room, f"{each.start:%H:%M:%S}", f"{each.end:%H:%M:%S}",
                 f"{each.minutes:.1f}", worst.children, worst.required, worst.counted, each.cause, worst.citation,
                 worst.confidence, "yes" if each.doubtful else "no"]
            )  # fmt: skip
    return out.getvalue()


def daily_pdf(report: DailyReport, *, audit_head: str, signed: str | None, made_at: datetime) -> bytes:
    """The page an inspector files. `audit_head`: the hash that fixes the record; `signed`: by whom and when; `made_at`:
    local."""
    rows = [
        (each.room, each.times(report.day), f"{each.minutes:.0f}", f"{each.worst.children}",
         f"{each.worst.counted} of {each.worst.required}", _reason(each))
        for each in report.violations
    ]  # fmt: skip
    sentences = [report.sentence, signed or "Not signed off yet."]
    sentences += [f"{len(report.corrections)} corrections reach into this day."] if report.corrections else []
    violations_page = Page(
        f"Compliance report, {report.center}, {report.day:%A %d %B %Y}", sentences,
        ("room", "time", "minutes", "children", "adults", "cause and rule"), rows, (3, 3, 2, 2, 2, 8),
    )  # fmt: skip
    summary = Page(
        "Rooms", (), ("room", "minutes occupied", "minutes out", "in doubt", "most children"),
        [
            (r.room, f"{r.minutes_occupied:.0f}", f"{r.minutes_out:.1f}", f"{r.minutes_doubtful:.1f}",
             str(r.most_children))
            for r in report.rooms
        ],
    )  # fmt: skip
    corrected = [corrections_page(report.corrections)] if report.corrections else []
    footer = f"{made(made_at)}. Audit chain head {audit_head}."
    return write_pdf([violations_page, summary, *corrected], footer=footer)


def corrections_page(found: Sequence[Correction]) -> Page:
    rows = [(f"{each.recorded_at:%Y-%m-%d %H:%M}", each.was, each.becomes) for each in found]
    return Page("Corrections", (), ("became known", "was", "is now"), rows, (2, 5, 5))


def _room_day(facts: CenterFacts, room_id: str, spans: Sequence[Span]) -> RoomDay:
    mine = [span for span in spans if span.room_id == room_id]
    own = [span for span in mine if not span.group or span.group[0] == room_id]  # a combined group is told once
    doubtful = [span for span in own if not span.compliant and span.rests_on_doubt]
    sure = [span for span in own if span.compliant or not span.rests_on_doubt]
    return RoomDay(
        room_id,
        facts.room_name(room_id),
        sum(span.seconds for span in sure if span.children) / 60,
        sum(span.seconds for span in sure if not span.compliant) / 60,
        sum(span.seconds for span in doubtful) / 60,
        max((span.children for span in mine), default=0),
    )


def _violation(facts: CenterFacts, run: Sequence[Span]) -> Violation:
    worst = max(run, key=lambda span: (span.deficit, span.group_over, span.seconds))
    names = " + ".join(facts.room_name(room_id) for room_id in worst.group or (worst.room_id,))
    return Violation(
        worst.room_id, names, run[0].start.astimezone(facts.tz), run[-1].end.astimezone(facts.tz), worst,
        next((span.cause for span in run if span.cause), _no_cause_known(worst)), worst.rests_on_doubt,
    )  # fmt: skip


def _no_cause_known(worst: Span) -> str:
    """Where adults are missing nobody can say more; otherwise the sentence of the rule tells what is wrong."""
    if worst.deficit > 0:
        return "cause unknown"
    return "group too large" if worst.group_over else "ages or ranks against the rule"


def _total(violations: Sequence[Violation]) -> str:
    times = "once" if len(violations) == 1 else f"{len(violations)} times"
    minutes = f"{sum(each.minutes for each in violations):.0f}"
    return f"{times} ({minutes} {'minute' if minutes == '1' else 'minutes'})"


def _reason(violation: Violation) -> str:
    doubt = " The count was doubtful." if violation.doubtful else ""
    enough = f" {violation.worst.sentence}" if violation.worst.deficit <= 0 else ""  # adults are not what is missing
    why = f"{violation.cause or 'cause unknown'}.{enough}{doubt}"
    return f"{why} {violation.worst.citation} ({violation.worst.confidence})"


def _with_changes(events: Sequence[Event], near: Sequence[Event]) -> list[Event]:
    """The day's events with every event of the same families, so that corrections from other days reach them."""
    wanted = {event.event_id for event in near}
    links = [(event.event_id, event.supersedes) for event in events if event.supersedes]
    size = -1
    while size != len(wanted):
        size = len(wanted)
        for link in links:
            if not wanted.isdisjoint(link):
                wanted.update(link)
    return [event for event in events if event.event_id in wanted]


def _near(facts: CenterFacts, day: date) -> CenterFacts:
    """The facts with the shifts and bookings of the day and its neighbours alone."""
    days = {day + timedelta(days=step) for step in (-1, 0, 1)}
    start, end = _noon(facts, min(days)) - timedelta(hours=12), _noon(facts, max(days)) + timedelta(hours=12)
    return replace(
        facts,
        shifts=tuple(each for each in facts.shifts if each.end > start and each.start < end),
        bookings=tuple(each for each in facts.bookings if each.day in days),
    )


def _noon(facts: CenterFacts, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=facts.tz)

"""The reports' numbers against an independent recomputation of single minutes from the raw events."""

from __future__ import annotations

import csv
import io
import itertools
import random
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pypdf import PdfReader

import rulebook
from domain.errors import BadInput
from domain.events import Event
from domain.time import Interval
from evaluator import CenterFacts
from reports.compliance import DailyReport, daily_pdf, daily_report, violations_csv
from reports.timeline import Span, corrections, day_timeline, room_at, violations
from rulebook import Rulebook
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

START = date(2026, 3, 2)
DAY = date(2026, 3, 4)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(), 5, START, 5)


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return rulebook.load("TX", DAY)


@pytest.fixture(scope="module")
def facts(world: World) -> CenterFacts:
    return CenterFacts.of(
        world.centers[0], world.rooms, (row.value for row in world.children), (row.value for row in world.staff),
        (row.value for row in world.shifts), (row.value for row in world.bookings),
        (row.value for row in world.closures),
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(facts: CenterFacts, book: Rulebook, world: World) -> DailyReport:
    return daily_report(facts, book, world.events, (), DAY)


@pytest.fixture(scope="module")
def spans(facts: CenterFacts, book: Rulebook, world: World) -> list[Span]:
    near = [event for event in world.events if abs((event.happened_at.date() - DAY).days) <= 1]
    start = facts.day_start(datetime(2026, 3, 4, 12, tzinfo=facts.tz))
    return day_timeline(facts, book, near, (), Interval(start, start + timedelta(days=1)))


def test_spans_of_a_room_follow_each_other_without_a_gap(spans: list[Span], facts: CenterFacts) -> None:
    for room_id in facts.rooms:
        mine = [span for span in spans if span.room_id == room_id]
        assert all(earlier.end == later.start for earlier, later in itertools.pairwise(mine))
        assert sum(span.seconds for span in mine) == 86_400


def test_any_minute_agrees_with_the_fold_of_the_raw_events_up_to_it(
    spans: list[Span], facts: CenterFacts, book: Rulebook, world: World
) -> None:
    near = [event for event in world.events if abs((event.happened_at.date() - DAY).days) <= 1]
    dice = random.Random(7)
    for _ in range(60):
        room_id = dice.choice(sorted(facts.rooms))
        at = datetime(2026, 3, 4, dice.randrange(5, 20), dice.randrange(60), tzinfo=facts.tz)
        span = next(each for each in spans if each.room_id == room_id and each.start <= at < each.end)
        verdict = room_at(facts, book, near, (), room_id, at).verdict
        assert (span.children, span.required, span.counted, span.compliant) == (
            verdict.group_size, verdict.required, verdict.counted, verdict.compliant,
        )  # fmt: skip


def test_leaving_out_doubts_of_what_was_in_order_changes_no_number(
    spans: list[Span], facts: CenterFacts, book: Rulebook, world: World
) -> None:
    near = [event for event in world.events if abs((event.happened_at.date() - DAY).days) <= 1]
    start = facts.day_start(datetime(2026, 3, 4, 12, tzinfo=facts.tz))
    quick = day_timeline(facts, book, near, (), Interval(start, start + timedelta(days=1)), doubt_all=False)
    assert any(span.doubts for span in spans if span.compliant)
    assert not any(span.doubts for span in quick if span.compliant)

    def numbers(found: list[Span]) -> list[tuple[str, datetime, datetime, int, bool]]:
        runs = violations(found)
        return [(r[0].room_id, r[0].start, r[-1].end, max(s.deficit for s in r), r[0].rests_on_doubt) for r in runs]

    assert numbers(quick) == numbers(spans) != []
    for room_id in facts.rooms:
        for minute in range(0, 24 * 60, 7):
            at = start + timedelta(minutes=minute)
            one, other = (
                next(s for s in found if s.room_id == room_id and s.start <= at < s.end) for found in (quick, spans)
            )
            assert (one.children, one.required, one.counted) == (other.children, other.required, other.counted)


def test_violations_are_the_spans_out_of_compliance_and_nothing_else(spans: list[Span]) -> None:
    told = sum(span.seconds for run in violations(spans) for span in run)
    out = sum(s.seconds for s in spans if not s.compliant and (not s.group or s.group[0] == s.room_id))
    assert told == out


def test_a_cause_is_unknown_only_where_adults_are_missing(report: DailyReport) -> None:
    assert report.violations
    for violation in report.violations:
        nobody_missing = "group too large" if violation.worst.group_over else "ages or ranks against the rule"
        assert violation.worst.deficit > 0 or violation.worst.cause or violation.cause == nobody_missing
        assert not re.search(r"\. [a-z]", violation.worst.sentence)


def test_the_report_as_known_on_the_evening_can_differ_from_the_corrected_one(
    facts: CenterFacts, book: Rulebook, world: World
) -> None:
    checked_out = next(e for e in world.events if e.event_type == "check_out" and facts.day_of(e.happened_at) == DAY)
    tomorrow = checked_out.recorded_at + timedelta(days=1)
    fixed = replace(
        checked_out, event_id="fix", sequence=9_999_999, event_type="correction", supersedes=checked_out.event_id,
        corrected_type="check_out", happened_at=checked_out.happened_at - timedelta(hours=2), recorded_at=tomorrow,
    )  # fmt: skip
    events = [*world.events, fixed]
    asked = checked_out.happened_at - timedelta(hours=1)
    assert checked_out.child_id
    then = room_at(
        facts, book, events, (), _room_of(world.events, checked_out), asked, known_at=tomorrow - timedelta(1)
    )
    now = room_at(facts, book, events, (), _room_of(world.events, checked_out), asked)
    assert then.verdict.group_size == now.verdict.group_size + 1
    day = facts.day_start(asked)
    found = corrections(events, Interval(day, day + timedelta(days=1)), facts, name_children=False)
    (shown,) = [each for each in found if each.event_id == "fix"]
    assert checked_out.child_id in shown.was
    assert f"{fixed.happened_at.astimezone(facts.tz):%H:%M:%S}" in shown.becomes


def test_corrections_name_rooms_adults_and_where_it_is_wanted_children_in_local_time(
    facts: CenterFacts, world: World
) -> None:
    out = next(e for e in world.events if e.event_type == "check_out" and facts.day_of(e.happened_at) == DAY)
    left = next(e for e in world.events if e.event_type == "clock_out" and facts.day_of(e.happened_at) == DAY)
    named = replace(
        facts,
        children=facts.children | {str(out.child_id): replace(facts.children[str(out.child_id)], display_name="Mia")},
        staff=facts.staff | {str(left.staff_id): replace(facts.staff[str(left.staff_id)], display_name="Ana")},
    )
    fixes = [
        replace(
            event, event_id=f"fix-{event.event_id}", event_type="correction", supersedes=event.event_id, voided=True
        )
        for event in (out, left)
    ]
    day = Interval(facts.day_start(out.happened_at), facts.day_start(out.happened_at) + timedelta(days=1))
    child, adult = corrections([out, left, *fixes], day, named)
    if "Mia" not in child.was:
        child, adult = adult, child
    clock = out.happened_at.astimezone(facts.tz)
    room = f" in {facts.room_name(out.room_id)}" if out.room_id else ""
    assert child.was == f"check out of Mia{room}, Wed 4 Mar {clock:%H:%M:%S}"
    assert child.becomes == "never happened"
    assert child.recorded_at.tzinfo == facts.tz
    assert "clock out of Ana" in adult.was
    unnamed = " ".join(each.was for each in corrections([out, left, *fixes], day, named, name_children=False))
    assert "Mia" not in unnamed
    assert "Ana" in unnamed


def test_a_child_left_in_the_record_stays_doubtful_through_the_night(
    facts: CenterFacts, book: Rulebook, world: World
) -> None:
    friday = daily_report(facts, book, world.events, (), date(2026, 3, 6))
    night = [v for v in friday.violations if v.start.hour >= 19 or v.end.hour == 4]
    assert night
    assert all(violation.doubtful and violation.end.hour == 4 for violation in night)


def test_a_room_that_is_not_there_is_named(facts: CenterFacts, book: Rulebook) -> None:
    with pytest.raises(Exception, match="attic"):
        room_at(facts, book, (), (), "attic", datetime(2026, 3, 4, 12, tzinfo=facts.tz))


def test_the_pdf_holds_the_same_numbers_as_the_report(report: DailyReport) -> None:
    made = datetime(2026, 3, 5, 12, tzinfo=UTC)
    pdf = daily_pdf(report, audit_head="abc123", signed="Signed by Dana", made_at=made)
    text = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)
    for part in (report.sentence, "Audit chain head abc123", "Signed by Dana", *(room.room for room in report.rooms)):
        assert part in text


def test_the_csv_has_one_row_per_violation(report: DailyReport) -> None:
    rows = list(csv.DictReader(io.StringIO(violations_csv([report]))))
    assert len(rows) == len(report.violations)
    assert [float(row["minutes"]) for row in rows] == [round(v.minutes, 1) for v in report.violations]


def test_a_day_that_has_not_begun_is_refused(facts: CenterFacts, book: Rulebook, world: World) -> None:
    with pytest.raises(BadInput, match="has not begun"):
        daily_report(facts, book, world.events, (), DAY, until=datetime(2026, 3, 3, 12, tzinfo=facts.tz))


def test_a_day_with_nobody_is_said_to_be_one(facts: CenterFacts, book: Rulebook) -> None:
    empty = daily_report(facts, book, (), (), date(2026, 3, 8))
    assert empty.closed
    assert empty.share_in_ratio is None
    assert "nobody was here" in empty.sentence


def _room_of(events: list[Event], checked_out: Event) -> str:
    own = [e for e in events if e.child_id == checked_out.child_id and e.happened_at < checked_out.happened_at]
    return next(e.room_id for e in reversed(own) if e.room_id)

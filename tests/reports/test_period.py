"""A period says apart what is beyond doubt and what rests on a doubtful count, per day and per room."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pypdf import PdfReader

import rulebook
from evaluator import CenterFacts
from reports.compliance import daily_report
from reports.period import PeriodReport, period_pdf
from sandbox.knobs import Knobs
from sandbox.simulation import simulate

START = date(2026, 3, 2)


@pytest.fixture(scope="module")
def period() -> PeriodReport:
    world = simulate(Knobs(size="medium"), 5, START, 5)
    facts = CenterFacts.of(
        world.centers[0], world.rooms, (row.value for row in world.children), (row.value for row in world.staff),
        (row.value for row in world.shifts), (row.value for row in world.bookings),
        (row.value for row in world.closures),
    )  # fmt: skip
    book, days = rulebook.load("TX", START), [START + timedelta(days=step) for step in range(5)]
    return PeriodReport("A", "TX", "Texas", tuple(daily_report(facts, book, world.events, (), day) for day in days))


def test_rooms_days_and_sentence_count_the_same_violations(period: PeriodReport) -> None:
    sure = [each for _, each in period.violations if not each.doubtful]
    doubtful = len(period.violations) - len(sure)
    assert sure
    assert doubtful
    assert sum(room.times for room in period.rooms) == len(sure)
    assert sum(room.doubtful for room in period.rooms) == doubtful
    assert f"{len(sure)} violations beyond doubt, {doubtful} that rest on a doubtful count." in period.sentences


def test_minutes_out_are_those_of_the_violations_beyond_doubt(period: PeriodReport) -> None:
    sure = sum(each.minutes for _, each in period.violations if not each.doubtful)
    assert sum(room.minutes_out for room in period.rooms) == pytest.approx(sure)


def test_the_pdf_has_both_counts_per_room(period: PeriodReport) -> None:
    pdf = period_pdf(period, audit_head="abc", made_at=datetime(2026, 3, 7, 12, tzinfo=UTC))
    text = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)
    for room in period.rooms:
        assert f"{room.room} {room.minutes_occupied:.0f} {room.minutes_out:.1f} {room.share_out:.2%} " in text
        assert f"{room.share_out:.2%} {room.times} {room.doubtful}" in text


def test_a_day_of_one_minute_says_minute(period: PeriodReport) -> None:
    day, brief = next(
        (report, each) for report in period.days for each in report.violations if 0.5 < each.minutes < 1.5
    )
    assert "once (1 minute)" in replace(day, violations=(brief,)).sentence

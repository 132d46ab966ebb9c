"""A center's day: from 04:00, never through the middle of a night it is open, and from its opening round the clock."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time, timedelta

import pytest

import rulebook
from domain.events import Event
from domain.people import Child
from domain.places import Center, Room
from evaluator import CenterFacts
from reports.compliance import DailyReport, daily_report, violations_csv
from reports.days import day_at, day_span

TUESDAY = date(2026, 3, 10)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
HOURS = {
    "by day": ("06:30", "18:00", "04:00"),
    "into the night": ("06:00", "02:00", "04:00"),
    "from three on": ("03:00", "23:00", "01:00"),
    "over night": ("18:00", "06:00", "12:00"),
    "all but half an hour": ("05:00", "04:30", "04:45"),
    "round the clock from midnight": ("00:00", "00:00", "00:00"),
    "round the clock from six": ("06:00", "06:00", "06:00"),
}


def center_open(opens: str, closes: str) -> CenterFacts:
    hours = time.fromisoformat(opens), time.fromisoformat(closes)
    center = Center("c", "Center", "TX", "America/Chicago", *hours, EVERY_DAY)
    room = Room("r", "c", "Room", 24, 36, 20)
    return CenterFacts.of(center, [room], [Child(f"k{n}", "c", date(2024, 1, 2), "r") for n in range(3)])


def local(day: date, at: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), tzinfo=center_open("06:00", "18:00").tz).astimezone(UTC)


@pytest.mark.parametrize("hours", HOURS.values(), ids=HOURS.keys())
def test_a_day_begins_while_the_center_is_shut_or_as_it_opens(hours: tuple[str, str, str]) -> None:
    opens, closes, begins = hours
    facts = center_open(opens, closes)
    span = day_span(facts, TUESDAY)
    assert span.start == local(TUESDAY, begins)
    opening = facts.opening(TUESDAY)
    assert opening is not None
    assert span.intersection(opening) == opening
    assert day_span(facts, TUESDAY + timedelta(days=1)).start == span.end


@pytest.mark.parametrize("hours", HOURS.values(), ids=HOURS.keys())
def test_every_instant_belongs_to_the_one_day_that_holds_it(hours: tuple[str, str, str]) -> None:
    facts = center_open(*hours[:2])
    for minutes in range(0, 2 * 24 * 60, 20):  # over the night the clocks go forward
        now = local(date(2026, 3, 7), "12:00") + timedelta(minutes=minutes)
        assert now in day_span(facts, day_at(facts, now))


def test_after_midnight_it_is_still_the_day_before() -> None:
    facts = center_open("06:00", "02:00")
    assert day_at(facts, local(TUESDAY + timedelta(days=1), "00:30")) == TUESDAY
    assert day_at(facts, local(TUESDAY + timedelta(days=1), "06:00")) == TUESDAY + timedelta(days=1)


def one_child_alone(facts: CenterFacts, day: date, start: str, minutes: int) -> DailyReport:
    """The report of Tuesday, of a child who was alone in the room for that time and of nobody else."""
    came = local(day, start)
    here = [("check_in", came), ("check_out", came + timedelta(minutes=minutes))]
    events = [Event(f"e{n}", n, "c", kind, at, at, child_id="k0", room_id="r") for n, (kind, at) in enumerate(here, 1)]  # type: ignore[arg-type]
    return daily_report(facts, rulebook.load("TX", TUESDAY), events, (), TUESDAY)


@pytest.mark.parametrize(
    ("opens", "closes", "day", "start"),
    [
        ("06:00", "02:00", TUESDAY + timedelta(days=1), "00:30"),
        ("18:00", "06:00", TUESDAY + timedelta(days=1), "04:30"),
        ("06:00", "06:00", TUESDAY, "10:00"),
        ("06:00", "06:00", TUESDAY + timedelta(days=1), "05:00"),
        ("00:00", "00:00", TUESDAY, "00:10"),
    ],
)
def test_the_report_of_a_day_holds_its_whole_night(opens: str, closes: str, day: date, start: str) -> None:
    report = one_child_alone(center_open(opens, closes), day, start, 20)
    (room,) = report.rooms
    assert (room.minutes_out, room.minutes_occupied, room.most_children) == (20, 20, 1)


@pytest.mark.parametrize(
    ("opens", "closes", "day", "start"),
    [
        ("06:00", "02:00", TUESDAY, "00:30"),
        ("18:00", "06:00", TUESDAY, "04:30"),
        ("06:00", "06:00", TUESDAY - timedelta(days=1), "10:00"),
        ("00:00", "00:00", TUESDAY + timedelta(days=1), "00:10"),
    ],
)
def test_the_report_of_a_day_holds_nothing_of_another(opens: str, closes: str, day: date, start: str) -> None:
    assert one_child_alone(center_open(opens, closes), day, start, 20).share_in_ratio is None


def test_what_happened_after_midnight_bears_its_own_date() -> None:
    wednesday = TUESDAY + timedelta(days=1)
    report = one_child_alone(center_open("06:00", "02:00"), wednesday, "00:30", 20)
    (violation,) = report.violations
    assert violation.times(TUESDAY) == "00:30 (Wed) - 00:50 (Wed)"
    (row,) = csv.DictReader(io.StringIO(violations_csv([report])))
    assert (row["date"], row["start"]) == ("2026-03-11", "00:30:00")

"""A center open past midnight: until it closes every page goes by the day on which it opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, time

import pytest

from api.decisions import row_of
from benchmarks._stage import MORNING, Stage
from domain.time import local_instant
from evaluator import Incident, Policy
from reports.days import day_span
from storage.ledger.incidents import save_incident
from tests.console.conftest import Person, hidden, words
from tests.console.test_call_out import called_out

OPENED = date(2026, 3, 10)  # the clock stands at 11:00 of the day after


@contextmanager
def open_from(running: Stage, opens: time, closes: time) -> Iterator[None]:
    """The small center with other hours. Its people still come by day, so that 11:00 is the middle of its night."""
    center = running.app.state.service.live.centers["c01"]
    before = center.facts
    center.facts = replace(before, center=replace(before.center, opens=opens, closes=closes))
    try:
        yield
    finally:
        center.facts = before


@pytest.fixture
def night(running: Stage) -> Iterator[None]:
    with open_from(running, time(20), time(14)):
        yield


@pytest.mark.usefixtures("night")
def test_the_report_of_the_night_is_running_and_cannot_be_signed_yet(director: Person) -> None:
    page = director.read(f"/reports/daily/{OPENED}")
    assert "The day is still running." in page
    assert "It can be signed when the center has closed." in page
    csrf = hidden(director.read("/reports"), "csrf_token")
    assert "not over" in director.send(f"/reports/daily/{OPENED}/sign", 409, csrf_token=csrf)
    director.read(f"/reports/daily/{OPENED.replace(day=11)}", 400)


@pytest.mark.usefixtures("night")
def test_reports_begin_with_the_day_that_is_running(director: Person) -> None:
    assert f'name="day" value="{OPENED}" max="{OPENED}"' in director.read("/reports")


@pytest.mark.usefixtures("night")
def test_a_running_day_leads_the_inspector_to_the_present(director: Person) -> None:
    link = re.search(r'href="(/inspector\?room=[^"]+)"', director.read(f"/reports/daily/{OPENED}"))
    assert link
    assert "Wednesday 11 March 2026, 11:00" in words(director.read(link[1].replace("&amp;", "&")))


@pytest.mark.usefixtures("night")
def test_a_call_out_after_midnight_is_of_the_night_that_runs(director: Person, running: Stage) -> None:
    center = running.app.state.service.live.centers["c01"]
    shift = next(each for each in center.facts.shifts if each.start < MORNING < each.end)
    call_out, _ = called_out(running, director, staff_id=shift.staff_id, how="from", at="13:00")
    assert call_out.day == OPENED
    assert center.facts.opening(OPENED).end == call_out.problem.slots[-1].replace(hour=19, minute=0)  # 14:00 local
    assert call_out.absence.interval.start.astimezone(center.facts.tz).strftime("%a %H:%M") == "Wed 13:00"


@pytest.mark.usefixtures("night")
def test_my_day_after_midnight_shows_where_to_be_now(lead: Person, running: Stage) -> None:
    facts = running.app.state.service.live.centers["c01"].facts
    shift = next(
        each
        for each in facts.shifts
        if any(part.kind == "room" and part.start <= MORNING < part.end for part in each.segments)
    )
    part = next(part for part in shift.segments if part.start <= MORNING < part.end)
    said = words(lead.read(f"/my-day?who={shift.staff_id}"))
    assert f"Now {facts.room_name(part.room_id)} until {part.end.astimezone(facts.tz):%H:%M}" in said


def test_round_the_clock_the_day_ends_at_the_hour_it_opened(director: Person, running: Stage) -> None:
    with open_from(running, time(12), time(12)):
        assert "The day is still running." in director.read(f"/reports/daily/{OPENED}")
    with open_from(running, time(10), time(10)):
        page = director.read(f"/reports/daily/{OPENED}")
        assert "The day is still running." not in page
        assert "Sign off this day" in page


@pytest.mark.usefixtures("night")
def test_a_call_out_for_the_coming_night_is_told_before_this_one_is_over(director: Person, running: Stage) -> None:
    center = running.app.state.service.live.centers["c01"]
    coming = OPENED.replace(day=11)
    begins = day_span(center.facts, coming).start
    shift = next(each for each in center.facts.shifts if begins <= each.start)
    page = director.read(f"/call-out?day={coming}")
    assert f'name="day" value="{coming}"' in page
    assert f'value="{shift.staff_id}"' in page
    call_out, said = called_out(running, director, staff_id=shift.staff_id, day=str(coming))
    assert call_out.day == coming
    assert "Wednesday all day" in said
    assert call_out.problem.slots[0] >= center.facts.opening(coming).start
    assert "not scheduled" in director.send("/call-out", 400, staff_id=shift.staff_id, day=str(OPENED.replace(day=1)))


@pytest.mark.usefixtures("night")
def test_a_message_to_families_is_of_the_day_after_the_night_that_runs(director: Person) -> None:
    assert f'name="day" value="{OPENED.replace(day=11)}"' in director.read("/families")


@pytest.mark.usefixtures("night")
def test_the_inspector_sees_the_whole_night_a_minute_after_midnight_belongs_to(director: Person) -> None:
    said = words(director.read("/inspector?room=c01-r01&day=2026-03-11&at=08:00"))
    assert "Wednesday 11 March 2026, 08:00" in said
    assert "The room's whole day, Tuesday 10 March" in said


@pytest.mark.usefixtures("night")
def test_the_night_from_sunday_to_monday_is_of_the_week_it_began_in(director: Person, running: Stage) -> None:
    center, ledger = running.app.state.service.live.centers["c01"], running.app.state.service.ledger
    for number, hour in enumerate((3, 21)):
        at = local_instant(date(2026, 3, 9), time(hour), center.facts.tz)  # a Monday
        happened = Incident(
            f"inc_night{number}", "c01", "c01-r01", "shortage", "ratio", "violation", "reviewed", at, Policy(),
            resolved_at=at, review="useful",
        )  # fmt: skip
        row = row_of(happened, MORNING, 0)
        ledger.write(lambda c, row=row: save_incident(c, row))
    before, after = (director.read(f"/incidents/week/2026-W{week}") for week in (10, 11))
    assert ("inc_night0" in before, "inc_night1" in before) == (True, False)
    assert ("inc_night0" in after, "inc_night1" in after) == (False, True)
    assert 'href="/incidents/week/2026-W11"' in director.read("/incidents")

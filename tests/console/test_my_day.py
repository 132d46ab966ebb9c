"""My day: a float or room lead sees where to be now and next, when the breaks are, and takes the week along."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import optimizer
from api.console.callout_plan import merged
from api.plan_files import PlanFiles
from benchmarks._stage import MORNING, Stage, stage
from domain.people import Shift
from optimizer import Plan, Problem
from tests.console.conftest import WEEK, Person, hurry, words
from tests.console.test_call_out import called_out, someone

THIS_WEEK = "2026-W11"


def shift_of(running: Stage) -> Shift:
    """Somebody at work now who has a break later."""
    found: Shift = next(
        each
        for each in running.app.state.service.live.centers["c01"].facts.shifts
        if each.start < MORNING < each.end
        and any(part.kind == "break" and part.start > MORNING for part in each.segments)
    )
    return found


@contextmanager
def accepted(running: Stage, problem: Problem, plan: Plan) -> Iterator[None]:
    PlanFiles(running.settings.data_dir, "c01").write("accepted", problem, plan)
    try:
        yield
    finally:
        for path in (running.settings.data_dir / "plans" / "c01").glob(f"{THIS_WEEK}.*"):
            path.unlink()


def test_without_an_accepted_plan_the_day_is_the_shift_and_the_page_says_so(lead: Person, running: Stage) -> None:
    shift, tz = shift_of(running), running.app.state.service.live.centers["c01"].facts.tz
    said = words(lead.read(f"/my-day?who={shift.staff_id}"))
    for part in merged(shift.segments):
        assert f"{part.start.astimezone(tz):%H:%M}–{part.end.astimezone(tz):%H:%M}" in said
    assert "no plan of this week has been accepted" in said
    assert re.search(r"Now .+ until \d\d:\d\d .*Next .+ from \d\d:\d\d to \d\d:\d\d", said)


def test_the_device_remembers_who_looks_and_nobody_else_is_shown_unasked(running: Stage) -> None:
    client = running.signed_in("lee")
    person, shift = Person(client), shift_of(running)
    assert "Who are you?" in person.read("/my-day")
    name = running.app.state.service.live.centers["c01"].facts.display(shift.staff_id)
    person.read(f"/my-day?who={shift.staff_id}")
    assert f"My day: {name}" in person.read("/my-day")
    assert "Who are you?" not in person.read("/my-day?who=nobody")
    client.close()


def test_the_accepted_plan_is_what_the_day_shows(lead: Person, director: Person, running: Stage) -> None:
    facts = running.app.state.service.live.centers["c01"].facts
    call_out, _ = called_out(running, director, staff_id=shift_of(running).staff_id)
    problem = Problem.model_validate(call_out.problem.model_dump() | {"label": THIS_WEEK})
    plan = optimizer.greedy(problem)
    mine = next(each for each in plan.assignments if each.state == "room" and each.start > problem.frozen_until)
    start = problem.slots[mine.start].astimezone(facts.tz)
    with accepted(running, problem, plan):
        said = words(lead.read(f"/my-day?who={mine.staff_id}"))
    assert "From the accepted plan" in said
    assert re.search(rf"{start:%H:%M}–\d\d:\d\d {facts.room_name(mine.room_id or '')}", said)


@pytest.mark.parametrize(("role", "place"), [("Director", "Office"), ("Cook", "Kitchen")])
def test_who_works_in_no_room_has_a_day_too(lead: Person, running: Stage, role: str, place: str) -> None:
    facts = running.app.state.service.live.centers["c01"].facts
    shift = next(
        each
        for each in facts.shifts
        if each.start < MORNING < each.end
        and facts.staff[each.staff_id].role == role
        and each.segments[0].kind == "admin"
    )
    said = words(lead.read(f"/my-day?who={shift.staff_id}"))
    assert f"{shift.start.astimezone(facts.tz):%H:%M}–" in said
    assert f"Now {place}" in said


def test_who_is_called_out_reads_how_long_and_that_others_have_the_turns(tmp_path: Path) -> None:
    with stage(tmp_path / "data") as center:
        hurry(center)
        client = center.signed_in()
        person = Person(client)
        cases = (("day", "Called out today:"), ("until", "Called out until 13:00:"), ("from", "out from 13:00 on:"))
        for number, (how, said) in enumerate(cases):
            staff_id = someone(person, number)
            call_out, _ = called_out(center, person, staff_id=staff_id, how=how, at="13:00")
            person.send(f"/call-out/{call_out.call_out_id}/approve")
            assert said in words(person.read(f"/my-day?who={staff_id}"))
        client.close()


def test_the_week_to_come_can_be_taken_along_as_a_calendar(lead: Person, running: Stage) -> None:
    shift = shift_of(running)
    html = lead.read(f"/my-day?who={shift.staff_id}")
    assert f'href="/week/{WEEK}/calendar/{shift.staff_id}.ics"' in html
    answer = lead.client.get(f"/week/{WEEK}/calendar/{shift.staff_id}.ics")
    assert answer.text.startswith("BEGIN:VCALENDAR")


@pytest.mark.parametrize(("who", "shown"), [("lead", True), ("director", False)])
def test_the_page_is_in_the_menu_of_those_who_do_not_plan_the_day(
    request: pytest.FixtureRequest, who: str, shown: bool
) -> None:
    person: Person = request.getfixturevalue(who)
    assert ('href="/my-day"' in person.read("/")) == shown
    assert "My day" in person.read("/my-day")

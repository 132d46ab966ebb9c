from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta

import pytest
from icalendar import Calendar
from pypdf import PdfReader

from optimizer import Assignment, Goal, Plan, Problem
from optimizer.plan import Shortage
from optimizer.problem import Adult, Day, Room, Scenario
from reports.plan_exports import plan_csv, plan_ics, plan_pdf, plan_picture, proof, turns

SEVEN = datetime(2026, 3, 2, 13, tzinfo=UTC)  # 07:00 in Chicago


@pytest.fixture
def problem() -> Problem:
    return Problem(
        center_id="c1", label="2026-W10", timezone="America/Chicago",
        slots=tuple(SEVEN + timedelta(minutes=15 * i) for i in range(8)),
        days=(Day(start=0, end=8, day=date(2026, 3, 2)),),
        rooms=(Room(room_id="r1", name="Toddler <A>"), Room(room_id="r2", name="Infants")),
        scenarios=(Scenario(weight=1, required={"r1": (1,) * 8, "r2": (1,) * 8}),),
        staff=(Adult(staff_id="s1", name="=Ana", is_float=True), Adult(staff_id="s2", name="Ben", is_float=True)),
    )  # fmt: skip


@pytest.fixture
def plan(problem: Problem) -> Plan:
    return Plan(
        center_id="c1", label="2026-W10", problem_hash=problem.input_hash, status="optimal", method="flow-highs",
        seconds=0.5, goals=(Goal(name="shortage", value=1, bound=1),),
        assignments=(
            Assignment(staff_id="s1", start=0, end=4, state="room", room_id="r1", reason="opens the room"),
            Assignment(staff_id="s1", start=4, end=6, state="break"),
            Assignment(staff_id="s2", start=2, end=8, state="room", room_id="r1"),
        ),
        shortages=(Shortage(room_id="r2", slot=3, expected=0.7, chance=0.7, worst=1, reason="nobody qualified"),),
    )  # fmt: skip


def test_a_csv_row_is_local_time_and_cannot_run_as_a_formula(problem: Problem, plan: Plan) -> None:
    rows = list(csv.DictReader(io.StringIO(plan_csv(problem, plan))))
    assert (rows[0]["start"], rows[0]["end"], rows[0]["name"]) == ("07:00", "08:00", "'=Ana")
    assert len(rows) == 3


def test_a_calendar_holds_one_persons_turns_in_utc(problem: Problem, plan: Plan) -> None:
    calendar = Calendar.from_ical(plan_ics(problem, plan, "s1", SEVEN))
    entries = [(e.decoded("dtstart"), str(e["summary"])) for e in calendar.walk("VEVENT")]
    assert entries == [(SEVEN, "Toddler <A>"), (SEVEN + timedelta(hours=1), "Break")]


def test_the_pdf_keeps_a_night_on_the_page_of_the_day_it_began(problem: Problem, plan: Plan) -> None:
    evening = tuple(at + timedelta(hours=16) for at in problem.slots)  # 23:00 to 01:00
    late = problem.model_copy(update={"slots": evening})
    (page,) = (page.extract_text() for page in PdfReader(io.BytesIO(plan_pdf(late, plan))).pages)
    for part in ("23:00 - 00:00", "00:00 - 00:30", "23:30 - 01:00"):
        assert part in page


def test_the_pdf_says_who_is_where_and_what_is_short(problem: Problem, plan: Plan) -> None:
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(plan_pdf(problem, plan))).pages)
    for part in ("2026-W10", "07:00 - 08:00", "Ben", "Short: Infants at 07:45", "70%", "no plan does better"):
        assert part in text


@pytest.mark.parametrize("by", ["room", "person"])
def test_pictures_are_well_formed_and_name_everyone(problem: Problem, plan: Plan, by: str) -> None:
    svg = plan_picture(problem, plan, 0, by=by)
    ET.fromstring(svg)  # noqa: S314
    assert "Ben" in svg
    assert ("somebody is missing" in svg) == (by == "room")


def test_two_people_in_one_room_at_once_take_two_lanes(problem: Problem, plan: Plan) -> None:
    heights = {e.attrib["y"] for e in ET.fromstring(plan_picture(problem, plan, 0)).iter() if e.tag.endswith("rect")}  # noqa: S314
    assert len(heights) == 3


def test_a_plan_without_bound_says_so(problem: Problem, plan: Plan) -> None:
    loose = plan.model_copy(update={"status": "feasible", "goals": (Goal(name="shortage", value=2.0),)})
    assert proof(loose) == "how much less short a better plan could leave is not known (found in 0 s)"
    assert proof(plan) == "proven, no plan does better on any goal (found in 0 s)"
    assert turns(problem, plan)[0].doing == "room"


def test_what_a_better_plan_could_save_is_said_in_words_of_people(plan: Plan) -> None:
    goals = (
        Goal(name="obligations", value=0, bound=0), Goal(name="shortage", value=9.1, bound=8.9),
        Goal(name="haste", value=135, bound=0), Goal(name="cost", value=0, bound=0),
        Goal(name="disruption", value=508, bound=0), Goal(name="fairness", value=40, bound=40),
    )  # fmt: skip
    said = proof(plan.model_copy(update={"status": "feasible", "goals": goals}))
    assert said == (
        "a better plan could leave at most 3 % less short; one with fewer hurried changes of room or fewer moves may "
        "exist (found in 0 s)"
    )
    least = (Goal(name="shortage", value=9, bound=9), Goal(name="fairness", value=4))
    said = proof(plan.model_copy(update={"status": "feasible", "goals": least}))
    assert said == "no plan leaves less short; one with fairer turns may exist (found in 0 s)"

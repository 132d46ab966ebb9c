"""The week as a director changes it: one day solved, the others kept; accepted plans where everybody reads them."""

from __future__ import annotations

import re
from datetime import time
from typing import Any

import pytest

import optimizer
from api.console.day_edit import day_problem, with_day
from api.console.week_map import as_chosen
from api.plan_files import PlanFiles
from benchmarks._stage import MORNING, Stage
from domain.places import Center, Room
from evaluator import CenterFacts
from optimizer import Problem
from optimizer.problem import Lock
from storage.warehouse import open_warehouse
from tests.console.conftest import WEEK, Person, hidden, words


@pytest.fixture
def week(running: Stage) -> Problem:
    found = PlanFiles(running.settings.data_dir, "c01").read(WEEK, "made")
    assert found is not None
    return found.problem


def asked(person: Person, week: Problem, **form: object) -> str:
    return words(person.send(f"/week/{WEEK}/cost", **({"start": week.days[1].start, "end": week.days[1].end} | form)))


def test_what_denying_a_turn_would_cost_is_told_with_why_it_is_there_and_changes_nothing(
    director: Person, running: Stage, week: Problem
) -> None:
    before = PlanFiles(running.settings.data_dir, "c01").need(WEEK).plan
    turn = next(a for a in before.assignments if a.state == "room" and week.days[1].start <= a.start < week.days[1].end)
    form = {"staff_id": turn.staff_id, "room_id": turn.room_id, "start": turn.start, "end": turn.end}
    said = asked(director, week, what="forbid", **form)
    rooms = {room.room_id: room.name for room in week.rooms}
    assert re.search(
        rf"Without .+ in {rooms[turn.room_id or '']}: (.* would be missing|.*changes for the adults|nothing)", said
    )
    assert f"Now: {rooms[turn.room_id or '']}, " in said
    assert "Nothing was changed" in said
    assert PlanFiles(running.settings.data_dir, "c01").need(WEEK).plan == before


def test_why_somebody_is_not_in_a_room_is_told_without_planning_where_it_cannot_be(
    director: Person, week: Problem
) -> None:
    day = week.days[1]
    adult = next(a for a in week.staff if not any(s.start <= day.start and day.end <= s.end for s in a.shifts))
    said = asked(director, week, what="lock", staff_id=adult.staff_id, room_id=week.rooms[0].room_id)
    assert "is not at work all that time" in said


def test_a_gap_is_answered_with_whose_hour_would_close_it(director: Person, running: Stage, week: Problem) -> None:
    plan = PlanFiles(running.settings.data_dir, "c01").need(WEEK).plan
    gap = max(plan.shortages, key=lambda short: short.expected)
    page = director.read(f"/week/{WEEK}")
    assert f'name="room_id" value="{gap.room_id}"' in page
    said = words(director.send(f"/week/{WEEK}/repairs", room_id=gap.room_id, slot=gap.slot))
    assert re.search(r"from \d\d:\d\d to \d\d:\d\d: prevents \d+ missing adult-minutes", said)


def test_reasons_name_adults_as_people_know_them_on_the_page_and_in_the_files(
    director: Person, running: Stage, week: Problem
) -> None:
    files, facts = PlanFiles(running.settings.data_dir, "c01"), running.app.state.service.live.centers["c01"].facts
    plan, (first, second) = optimizer.greedy(week), [each.staff_id for each in week.staff[:2]]
    told = f"Infants: {first}, {second} on break"
    reasons = (told, f"break {first}-20260316-1, where the room misses least")
    mended = tuple(
        each.model_copy(update={"reason": reasons[number % 2]}) for number, each in enumerate(plan.assignments)
    )
    files.write("draft", week, plan.model_copy(update={"assignments": mended}))
    try:
        page, table = director.read(f"/week/{WEEK}"), director.read(f"/week/{WEEK}/plan.csv")
    finally:
        director.send(f"/week/{WEEK}/discard")
    for text in (page, table):
        assert f"Infants: {facts.display(first)}, {facts.display(second)} on break" in text
        assert "break, where the room misses least" in text
        assert told not in text


@pytest.mark.parametrize("wrong", [{"room_id": "attic"}, {"end": 9999}, {"staff_id": "nobody"}])
def test_a_question_that_cannot_be_meant_is_refused_in_words(
    director: Person, week: Problem, wrong: dict[str, object]
) -> None:
    form = {"staff_id": week.staff[0].staff_id, "room_id": week.rooms[0].room_id, "start": 0, "end": 4} | wrong
    said = words(director.send(f"/week/{WEEK}/cost", 400, what="forbid", **form))
    assert "choose" in said.lower()


def test_a_day_solved_anew_leaves_every_other_day_as_it_was(week: Problem) -> None:
    before = optimizer.greedy(week)
    wednesday = week.days[2]
    turn = next(a for a in before.assignments if a.state == "room" and wednesday.start <= a.start < wednesday.end)
    never = Lock(staff_id=turn.staff_id, start=turn.start, end=turn.end, room_id=turn.room_id)
    asked = Problem.model_validate(week.model_dump() | {"forbids": [never.model_dump()]})
    solved = optimizer.solve(day_problem(asked, before, 2), 1)
    plan = with_day(asked, before, 2, solved)
    assert plan is not None
    assert optimizer.check(asked, plan) == []

    def rest(found: optimizer.Plan) -> set[Any]:
        return {a for a in found.assignments if not wednesday.start <= a.start < wednesday.end}

    assert rest(plan) == rest(before)
    forbidden = [
        a for a in plan.assignments
        if (a.staff_id, a.room_id) == (turn.staff_id, turn.room_id) and a.start < turn.end and turn.start < a.end
    ]  # fmt: skip
    assert forbidden == []


def test_a_day_that_breaks_the_week_is_not_taken(week: Problem) -> None:
    """The day's plan was made for somebody else's hours: the checker of the whole week refuses it."""
    before = optimizer.greedy(week)
    adult = next(a for a in week.staff if a.shifts and not a.on_call)
    longer = [s.model_copy(update={"end": week.days[0].end}) if s.start < week.days[0].end else s for s in adult.shifts]
    other = week.model_copy(
        update={"staff": tuple(a.model_copy(update={"shifts": tuple(longer)}) if a is adult else a for a in week.staff)}
    )
    solved = optimizer.greedy(day_problem(other, optimizer.greedy(other), 0))
    assert with_day(week, before, 0, solved) is None


def test_an_edit_without_script_answers_with_the_day_and_can_be_taken_back(director: Person, running: Stage) -> None:
    html = director.read(f"/week/{WEEK}")
    turn = re.search(r'data-staff="([^"]+)" data-room="([^"]+)" data-start="(\d+)" data-end="(\d+)"', html)
    assert turn
    staff, room, start, end = turn.groups()
    form = {"staff_id": staff, "room_id": room, "start": start, "end": end, "what": "forbid"}
    html = director.send(f"/week/{WEEK}/edit", **form)
    assert "your draft" in html
    assert " not in " in words(html)
    assert "Solve the whole week" in html
    html = director.send(f"/week/{WEEK}/release", what="forbid", number=0)
    assert "Your words on this week" not in html
    director.send(f"/week/{WEEK}/discard")


def test_an_accepted_plan_is_what_everybody_reads_and_leaves_a_record(director: Person, running: Stage) -> None:
    files = PlanFiles(running.settings.data_dir, "c01")
    made = files.read(WEEK, "made")
    assert made is not None
    with open_warehouse(running.settings.data_dir) as warehouse:
        row = {
            "center_id": "c01", "week": WEEK, "made_at": MORNING, "status": made.plan.status, "gap": None,
            "sha256": made.plan.problem_hash, "problem": made.problem.model_dump_json(),
            "plan": made.plan.model_dump_json(),
        }  # fmt: skip
        warehouse.put("plans", [row])
        warehouse.publish(MORNING)
    asked = {"center_id": "c01"}
    (before,) = director.client.get("/v1/plans", params=asked).json()
    assert before["accepted_at"] is None
    solved = hidden(director.send(f"/week/{WEEK}/solve"), "sha256")
    html = director.send(f"/week/{WEEK}/accept", sha256=solved)
    assert "accepted by dana, Wed 11 March 11:00" in words(html)
    record = files.acceptance(WEEK)
    assert record is not None
    assert (record.sha256, record.accepted_by, record.accepted_at) == (solved, "user:dana", MORNING)
    (after,) = director.client.get("/v1/plans", params=asked).json()
    assert (after["sha256"], after["accepted_by"]) == (solved, "user:dana")
    whole = director.client.get(f"/v1/plans/{WEEK}", params=asked).json()
    assert whole["plan"]["problem_hash"] == solved
    for path in (running.settings.data_dir / "plans" / "c01").glob(f"{WEEK}.accepted*"):
        path.unlink()


def test_floats_and_walks_of_the_settings_are_in_the_problem_of_the_whole_week(week: Problem) -> None:
    rooms = [room.room_id for room in week.rooms]

    def facts(seconds: int) -> CenterFacts:
        start = Room(rooms[0], "c01", "One", 0, 12, 8, walk_seconds={rooms[1]: seconds})
        return CenterFacts.of(Center("c01", "One", "TX", "America/Chicago", time(7), time(18)), [start])

    near = as_chosen(week, facts(60))
    assert {room.wing for room in near.rooms} == {room.wing for room in week.rooms}
    far = as_chosen(week, facts(600))
    assert {room.room_id: room.wing for room in far.rooms} == {room_id: room_id for room_id in rooms}
    walks = {(walk.from_wing, walk.to_wing): walk.seconds for walk in far.walks}
    assert walks[rooms[0], rooms[1]] == 600
    assert walks[rooms[1], rooms[0]] == 0
    assert optimizer.check(far, optimizer.greedy(far)) == []


def test_a_plan_made_before_the_floats_were_chosen_says_so(director: Person, running: Stage) -> None:
    version = hidden(director.read("/settings"), "version")
    director.send("/settings/map", version=version, floats=["c01-s02"])
    assert "Who floats, or how far rooms lie apart, has changed" in director.read(f"/week/{WEEK}")
    director.send(f"/week/{WEEK}/solve")
    draft = PlanFiles(running.settings.data_dir, "c01").need(WEEK)
    assert [adult.staff_id for adult in draft.problem.staff if adult.is_float] == ["c01-s02"]
    assert "has changed since this plan" not in director.read(f"/week/{WEEK}")
    director.send(f"/week/{WEEK}/discard")
    director.send("/settings/map", version=str(int(version) + 1), as_platform="on")

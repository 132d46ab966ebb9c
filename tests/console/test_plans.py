from __future__ import annotations

import io
import re
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

import optimizer
from api.console import week_view
from api.console.callout_plan import changes_of, missing_hours_of, overlaid, short_hours
from api.console.odds import with_odds
from api.plan_files import PlanFiles
from benchmarks._stage import MORNING, Stage
from domain.errors import BadInput, NotFound
from domain.people import Segment, StaffMember
from domain.places import Center
from domain.time import parse_instant
from evaluator import CenterFacts
from optimizer import Assignment, Plan, Problem
from optimizer.plan import Issue, Shortage
from optimizer.problem import Adult, Day, Room, Scenario, Shift
from storage.warehouse import open_warehouse
from tests.console.conftest import WEEK, words

SEVEN = datetime(2026, 3, 2, 13, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return SEVEN + timedelta(minutes=minutes)


def problem(**changes: Any) -> Problem:
    shift = (Shift(start=0, end=8),)
    body = {
        "center_id": "c1", "label": "2026-W10", "timezone": "America/Chicago",
        "slots": tuple(at(15 * n) for n in range(8)), "days": (Day(start=0, end=8, day=SEVEN.date()),),
        "rooms": (Room(room_id="r1", name="Infants", wing=""), Room(room_id="r2", name="Toddlers", wing="")),
        "scenarios": (Scenario(weight=1, required={"r1": (1,) * 8, "r2": (1,) * 8}),),
        "staff": (
            Adult(staff_id="s1", name="Ana", home_room_id="r1", shifts=shift),
            Adult(staff_id="s2", name="Ben", is_float=True, shifts=shift),
            Adult(staff_id="s3", name="Cleo", home_room_id="r2", shifts=shift),
        ),
        "current": (
            Assignment(staff_id="s1", start=0, end=8, state="room", room_id="r1"),
            Assignment(staff_id="s2", start=0, end=8, state="idle"),
            Assignment(staff_id="s3", start=0, end=8, state="room", room_id="r2"),
        ),
    }  # fmt: skip
    return Problem(**(body | changes))


def test_a_call_out_moves_the_float_into_the_empty_room_and_nobody_else() -> None:
    asked = problem()
    absent = Adult.model_validate(asked.staff[0].model_dump() | {"absences": [{"start": 0, "end": 8}]})
    asked = asked.model_copy(update={"staff": (absent, *asked.staff[1:])})
    plan = optimizer.solve(asked, 10)
    (change,) = changes_of(asked, plan, "s1")
    assert (change.name, change.was, change.becomes) == ("Ben", "free", "Infants")
    assert (change.start, change.end) == (at(0), at(120))
    assert (missing_hours_of(asked, "s1"), short_hours(asked, plan)) == (2.0, 0.0)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6), st.data())
def test_pieces_laid_over_a_shift_leave_neither_gap_nor_overlap(lengths: list[int], data: st.DataObject) -> None:
    ends = [sum(lengths[: n + 1]) * 15 for n in range(len(lengths))]
    shift = [Segment(at(end - length * 15), at(end), "room", f"r{n}") for n, (end, length) in enumerate(zip(ends, lengths, strict=True))]  # fmt: skip  # noqa: E501
    first = data.draw(st.integers(0, ends[-1] // 15 - 1))
    last = data.draw(st.integers(first + 1, ends[-1] // 15))
    piece = Segment(at(first * 15), at(last * 15), "break")
    result = overlaid(shift, [piece])
    assert (result[0].start, result[-1].end) == (shift[0].start, shift[-1].end)
    assert all(one.end == other.start for one, other in pairwise(result))
    assert piece in result


def test_the_grid_shows_who_moves_and_leaves_the_rooms_own_staff_out() -> None:
    asked = problem()
    plan = Plan.model_validate(
        optimizer.greedy(asked).model_dump()
        | {"assignments": [Assignment(staff_id="s2", start=2, end=5, state="room", room_id="r1").model_dump(),
                           *[each.model_dump() for each in asked.current[::2]]]}
    )  # fmt: skip
    infants, toddlers = week_view.rows_by_room(asked, plan, asked.days[0])
    assert [(turn.name, turn.first, turn.last) for turn in infants.turns] == [("Ben", 3, 6)]
    assert infants.turns[0].hint.startswith("Ben: Infants, 07:30 to 08:15")
    assert toddlers.turns == ()
    assert [row.name for row in week_view.rows_by_person(asked, plan, asked.days[0])] == ["Ana", "Ben", "Cleo"]


def test_two_plans_differ_by_the_quarter_hours_somebody_is_elsewhere() -> None:
    plan = optimizer.greedy(problem())
    moved = plan.model_copy(update={"assignments": plan.assignments[1:]})
    gone = plan.assignments[0]
    assert week_view.changed(moved, plan) == gone.end - gone.start
    assert week_view.changed(plan, plan) == 0


def test_a_draft_covers_what_was_made_until_it_is_discarded(tmp_path: Any) -> None:
    files, asked = PlanFiles(tmp_path, "c1"), problem()
    with pytest.raises(NotFound, match="ratiocast plan"):
        files.need("2026-W10")
    files.write("accepted", asked, optimizer.greedy(asked))
    files.write("draft", asked, optimizer.greedy(asked))
    assert files.need("2026-W10").kind == "draft"
    files.discard_draft("2026-W10")
    assert files.need("2026-W10").kind == "accepted"
    assert files.weeks() == ["2026-W10"]
    with pytest.raises(BadInput):
        files.read("../../etc", "draft")
    with pytest.raises(NotFound):
        PlanFiles(tmp_path, "../c1").weeks()


def test_the_heat_map_shows_the_published_odds_of_the_planners_own_plan(director: Any, running: Stage) -> None:
    slot = parse_instant("2026-03-16T15:00:00Z")
    row = {
        "center_id": "c01", "room_id": "c01-r02", "slot": slot, "origin": MORNING, "required_mean": 1.5,
        "required_q90": 2, "planned": 1, "p_short": 0.47,
    }  # fmt: skip
    with open_warehouse(running.settings.data_dir) as warehouse:
        warehouse.put("risks", [row])
        warehouse.publish(MORNING)
    html = director.read(f"/week/{WEEK}?day=2026-03-16")
    assert "Toddlers at 10:00: 47%" in html
    assert re.search(r'<b>47%<span class="hidden"> chance that somebody is missing', html)  # in the grid
    assert re.search(r"Monday 10:00–10:15 Toddlers 47 %", words(html))  # and among what remains short
    answer = director.client.get(f"/week/{WEEK}/plan.pdf")
    text = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert "Short: Toddlers at 10:00, chance 47%" in text


def test_a_gap_is_told_with_the_published_odds_also_where_the_plans_few_courses_have_none() -> None:
    asked = problem()
    plan = optimizer.greedy(asked)
    known = Shortage(room_id="r2", slot=1, expected=0.08, chance=0.08, worst=1, reason="nobody left")
    likely, rare = ("r1", asked.slots[2]), ("r1", asked.slots[3])
    odds = {("r2", asked.slots[1]): 0.02, likely: 0.3, rare: 0.04, ("attic", asked.slots[0]): 0.9}
    told = with_odds(asked, plan.model_copy(update={"shortages": (known,)}), odds).shortages
    assert [(each.room_id, each.slot, each.chance, each.worst) for each in told] == [
        ("r2", 1, 0.02, 1),
        ("r1", 2, 0.3, 0),
    ]
    assert "not in every course of the forecast" in told[1].reason
    shown = week_view.short_times(asked, plan.model_copy(update={"shortages": told}))
    assert [(each.room, each.percent, each.worst) for each in shown] == [("Infants", 30, 0)]


def test_what_could_not_be_honoured_names_the_day_and_the_adult() -> None:
    asked = problem()
    issue = Issue(kind="missed_break", staff_id="s1", slot=0, text="the break s1-20260302-1 of s1 finds no place")
    plan = optimizer.greedy(asked).model_copy(update={"issues": (issue,)})
    facts = CenterFacts.of(
        Center("c1", "Center", "TX", "America/Chicago", time(6), time(18)), (), (),
        [StaffMember("s1", "c1", "Teacher", display_name="Ana Ng")],
    )  # fmt: skip
    _, named = week_view.named(asked, plan, facts)
    assert [each.text for each in named.issues] == ["Monday: the break of Ana Ng finds no place"]

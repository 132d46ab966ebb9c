"""Call-outs: how long somebody is out, where the plan starts from, and whom it is made for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

import optimizer
from api.console.callout_plan import CallOut, changes_of, new_segments
from api.console.expected import _forecast, _stand_ins, seen_by
from api.console.fewer_changes import fewer_changes
from api.console.mending import has_gaps, mended
from api.in_force import in_force
from api.plan_files import PlanFiles
from benchmarks._stage import Stage, stage, week_of
from domain.people import Segment, Shift
from flows.staffing import Grid
from flows.steps import STEPS, open_run
from forecasting.monitoring import Health
from optimizer import Assignment, Plan, Problem
from optimizer.problem import Break, Span
from optimizer.standing import Spot, measured, spots_of
from storage.settings import Settings
from storage.warehouse import open_warehouse
from tests.console.conftest import Person, hurry, words
from tests.console.test_plans import at, problem


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A center whose history was read and whose model was trained; its clock stands at 11:00."""
    with stage(tmp_path_factory.mktemp("learnt"), week_of("small"), prepare=_learn) as found:
        hurry(found)
        yield found


def _learn(settings: Settings) -> None:
    for name in ("ingest", "build", "train", "publish"):
        STEPS[name](open_run(settings))


def called_out(running: Stage, person: Person, **form: str) -> tuple[CallOut, str]:
    html = person.send("/call-out", **form)
    return list(running.app.state.call_outs._asked.values())[-1], words(html)


def someone(person: Person, number: int = 0) -> str:
    return re.findall(r'name="staff_id" value="([^"]+)"', person.read("/call-out"))[number]


def test_who_works_in_no_room_is_said_to_be_in_the_kitchen_or_the_office(director: Person, running: Stage) -> None:
    html = words(director.read("/call-out"))
    facts = running.app.state.service.live.centers["c01"].facts
    for role, place in (("Cook", "kitchen"), ("Director", "office")):
        name = next(facts.display(each.staff_id) for each in facts.staff.values() if each.role == role)
        assert re.search(rf"{name} \d\d:\d\d–\d\d:\d\d · {place}", html)


@pytest.mark.parametrize(
    ("how", "out", "said"),
    [("day", (0, 28), "for the rest of the day"), ("until", (0, 8), "until 13:00"), ("from", (8, 28), "from 13:00 on")],
)
def test_somebody_may_be_out_all_day_come_later_or_leave_early(
    director: Person, running: Stage, how: str, out: tuple[int, int], said: str
) -> None:
    call_out, html = called_out(running, director, staff_id=someone(director), how=how, at="13:00")
    assert said in html
    (absence,) = call_out.problem.adult(call_out.staff_id).absences
    now = call_out.problem.frozen_until  # the quarter hours before are told as they were
    assert (max(0, absence.start - now), absence.end - now) == out
    working = [a for a in call_out.plan.assignments if a.staff_id == call_out.staff_id and a.start >= now]
    assert all(a.end <= absence.start or a.start >= absence.end for a in working)
    assert bool(working) == (how != "day")


@pytest.mark.parametrize(("at", "why"), [("09:00", "is over"), ("22:00", "outside the hours"), ("", "as 11:00")])
def test_a_time_that_cannot_be_meant_is_refused_in_words(director: Person, at: str, why: str) -> None:
    assert why in director.send("/call-out", 400, staff_id=someone(director), how="until", at=at)


def test_without_a_forecast_the_plan_says_that_it_rests_on_bookings(director: Person, running: Stage) -> None:
    _, html = called_out(running, director, staff_id=someone(director))
    assert "because there is no forecast: nothing has been learnt of this center yet" in html
    assert str(running.settings.data_dir) not in html


def test_with_a_model_the_plan_is_made_for_its_draws_and_says_so(learnt: Stage) -> None:
    client = learnt.signed_in()
    person = Person(client)
    call_out, html = called_out(learnt, person, staff_id=someone(person))
    assert "Children: from the forecast, with the record as of Wednesday 11 March" in html
    first = [scenario.required for scenario in call_out.problem.scenarios]
    assert any(one != first[0] for one in first), "the draws differ"
    present = learnt.app.state.service.live.centers["c01"].state.rooms
    for room_id, children in present.items():
        assert (len(children) > 0) == any(s.required[room_id][0] > 0 for s in call_out.problem.scenarios)
    client.close()


def test_who_was_called_out_before_stays_out_in_the_next_plan(learnt: Stage) -> None:
    client = learnt.signed_in()
    person = Person(client)
    first, _ = called_out(learnt, person, staff_id=someone(person, 0))
    person.send(f"/call-out/{first.call_out_id}/approve")
    second, html = called_out(learnt, person, staff_id=someone(person, 1))
    assert second.problem.adult(first.staff_id).absences == first.problem.adult(first.staff_id).absences
    assert f"{first.name} for the rest of the day" in html
    assert f"{first.name} is out" in words(person.read("/call-out"))
    client.close()


def test_the_accepted_plan_of_the_week_is_where_a_call_out_starts_from(director: Person, running: Stage) -> None:
    call_out, _ = called_out(running, director, staff_id=someone(director))
    files = PlanFiles(running.settings.data_dir, "c01")
    whole = Problem.model_validate(call_out.problem.model_dump() | {"label": "2026-W11"})
    files.write("accepted", whole, optimizer.greedy(whole))
    try:
        again, html = called_out(running, director, staff_id=someone(director, 1))
    finally:
        for path in (running.settings.data_dir / "plans" / "c01").glob("2026-W11.*"):
            path.unlink()
    assert "the accepted plan of 2026-W11" in html

    def places(parts: Sequence[Assignment]) -> set[tuple[str, int, str | None]]:
        return {(part.staff_id, slot, part.room_id) for part in parts for slot in range(part.start, part.end)}

    assert places(again.problem.current) == places(optimizer.greedy(whole).assignments)


def test_where_a_room_has_fallen_back_a_call_out_follows_the_plain_rule_and_says_so(learnt: Stage) -> None:
    center, room = learnt.app.state.service.live.centers["c01"], "c01-r02"
    now = center.assessment.at
    ahead = [now + timedelta(minutes=15 * n) for n in range(1, 17)]
    seen = seen_by(center, center.facts.day_of(now), now)
    model, _ = _forecast(learnt.settings.data_dir, "c01", now, ahead, seen)
    health = Health("c01", room, "30min", 20, 0.5, 0.7, "last", 0.4, 0.8, 0.1, 0.0, fallen_back=True)
    with open_warehouse(learnt.settings.data_dir) as warehouse:
        row = asdict(health) | {"reviewed_at": now, "fallen_back_since": now, "sentence": health.sentence}
        warehouse.put("forecast_health", [row])
        warehouse.publish(now)
    fallen, _ = _forecast(learnt.settings.data_dir, "c01", now, ahead, seen)
    assert {room_id for room_id, _ in fallen.stand_ins} == {room}
    for room_id in model.room_ids:
        same = [fallen.mean(room_id, at) == pytest.approx(model.mean(room_id, at), abs=1e-9) for at in ahead]
        assert all(same) == (room_id != room)
    name = center.facts.room_name(room)
    assert list(_stand_ins(fallen, center.facts)) == [
        f"{name}: as many as now, a plain rule, because the model did worse there"
    ]


def test_no_change_of_a_call_out_could_be_taken_back(learnt: Stage) -> None:
    client = learnt.signed_in()
    person = Person(client)
    call_out, _ = called_out(learnt, person, staff_id=someone(person, 2), how="until", at="12:30")
    assert optimizer.check(call_out.problem, call_out.plan) == []
    again = fewer_changes(call_out.problem, call_out.plan)
    assert changes_of(call_out.problem, again, call_out.staff_id) == call_out.changes
    client.close()


def test_a_cover_plan_moves_whom_it_needs_and_takes_needless_moves_back() -> None:
    asked = problem()
    gone = asked.staff[0].model_copy(update={"absences": (Span(start=0, end=4),)})
    asked = asked.model_copy(update={"staff": (gone, *asked.staff[1:])})
    plan = mended(asked)
    assert not has_gaps(plan)
    assert optimizer.check(asked, plan) == []
    assert [(c.name, c.was, c.becomes, c.end) for c in changes_of(asked, plan, "s1")] == [
        ("Ben", "free", "Infants", at(60))
    ]
    spots = {who: dict(slots) for who, slots in spots_of(plan.assignments).items()}
    spots["s2"] |= dict.fromkeys(range(5, 8), Spot("room", "r2"))
    restless = measured(asked, spots).plan
    assert optimizer.check(asked, restless) == []
    assert len(changes_of(asked, restless, "s1")) == 2
    assert len(changes_of(asked, fewer_changes(asked, restless), "s1")) == 1


def test_work_at_a_desk_is_interrupted_where_a_room_needs_the_adult_and_nowhere_else() -> None:
    asked, greedy = problem(), optimizer.greedy(problem()).model_dump()

    def under(kind: str, *spots: tuple[str, str | None, int, int]) -> list[tuple[str, int]] | None:
        shift = Shift(
            "x", "c1", "s1", at(0), at(120), (Segment(at(0), at(120), kind, "r1" if kind == "room" else None),), ""
        )
        parts = [
            Assignment(staff_id="s1", state=state, room_id=r, start=a, end=b).model_dump() for state, r, a, b in spots
        ]
        found = new_segments(shift, asked, Plan.model_validate(greedy | {"assignments": parts}))
        return None if found is None else [(part.kind, (part.end - at(0)) // timedelta(minutes=1)) for part in found]

    assert under("admin", ("idle", None, 0, 8)) is None
    spots = ("idle", None, 0, 2), ("room", "r1", 2, 4), ("idle", None, 4, 8)
    assert under("admin", *spots) == [("admin", 30), ("room", 60), ("admin", 120)]
    assert under("room", *spots) == [("float", 30), ("room", 60), ("float", 120)]


def test_a_break_of_a_shift_is_the_break_the_plan_has_to_place() -> None:
    asked = problem()
    pause = Break(break_id="b1", start=1, end=6, slots=2)
    adult = asked.staff[0].model_copy(update={"breaks": (pause,)})
    parts = (
        Segment(at(0), at(45), "room", "r1"),
        Segment(at(45), at(75), "break"),
        Segment(at(75), at(120), "room", "r1"),
    )
    shift = Shift("x", "c1", "s1", at(0), at(120), parts, "1")
    found = in_force(Grid(asked.slots), [shift], [], [adult])
    assert [(a.state, a.start, a.end, a.break_id) for a in found] == [
        ("room", 0, 3, None), ("break", 3, 5, "b1"), ("room", 5, 8, None)
    ]  # fmt: skip


def test_a_plan_says_nothing_of_an_adult_whose_hours_were_changed_since() -> None:
    asked = problem()
    plan = Plan.model_validate(optimizer.greedy(asked).model_dump() | {"assignments": [asked.current[2].model_dump()]})
    grid = Grid(asked.slots)

    def shift(staff_id: str, room: str, until: int) -> Shift:
        return Shift(staff_id, "c1", staff_id, at(0), at(until), (Segment(at(0), at(until), "room", room),), "1")

    shifts = [shift("s1", "r1", 120), shift("s3", "r1", 120)]
    assert [(a.staff_id, a.room_id) for a in in_force(grid, shifts, [(asked, plan)], asked.staff[::2])] == [
        ("s3", "r2")
    ]
    shorter = [shift("s1", "r1", 120), shift("s3", "r1", 60)]
    found: list[Any] = [
        (a.staff_id, a.room_id, a.end) for a in in_force(grid, shorter, [(asked, plan)], asked.staff[::2])
    ]
    assert found == [("s3", "r1", 4)]

"""From forecast and law to a stored, checked plan of the week."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

import optimizer
from api.plan_files import PlanFiles
from domain.errors import BadInput, NotFound
from flows.plan import make_plans, planned_adults, week_after
from flows.pose import Posed, pose
from flows.rows import center_of
from flows.steps import STEPS, Run, open_run, run_plan, run_publish
from flows.train import load_model
from optimizer import Plan, Problem
from storage.reader import open_reader
from storage.settings import Settings, load_settings
from storage.warehouse import Warehouse, open_warehouse
from tests.platform_double import TOKEN, PlatformDouble, small_world

WEEK = "2026-W09"  # Monday 23 February, the week after the world's last day
NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A center ingested, built and trained once."""
    world = small_world(date(2026, 2, 2), days=18)
    for room, other in (("c1-r1", "c1-r2"), ("c1-r2", "c1-r1")):
        next(row for row in world.rooms if row["room_id"] == room)["combines_with"] = [other]
    server = PlatformDouble(world, page_size=1000)
    made = load_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        platform_url=server.url,
        platform_token=SecretStr(TOKEN),
        clock=f"{server.url}/control/clock",
    )
    assert open_run(made).now == NOW
    for name in ("ingest", "build", "train"):
        STEPS[name](open_run(made))
    yield made
    server.close()


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with open_warehouse(settings.data_dir) as opened:
        yield opened


def posed(warehouse: Warehouse, week: str = WEEK, now: datetime = NOW) -> Posed:
    center = center_of(warehouse.rows("SELECT * FROM centers")[0])
    return pose(warehouse, load_model(warehouse.data_dir), center, week, now)


@pytest.fixture(scope="module")
def next_week(settings: Settings) -> Posed:
    with open_warehouse(settings.data_dir) as warehouse:
        return posed(warehouse)


def test_the_problem_spans_the_open_hours_of_the_week(next_week: Posed) -> None:
    problem = next_week.problem
    assert [day.day for day in problem.days] == [date(2026, 2, 23) + timedelta(days=n) for n in range(5)]
    assert problem.slots[0] == datetime(2026, 2, 23, 12, 30, tzinfo=UTC)  # 06:30 in Chicago
    assert len(problem.slots) == 5 * 46
    assert {adult.staff_id for adult in problem.staff} == {f"c1-s{n}" for n in range(5)}
    assert {adult.staff_id for adult in problem.staff if adult.is_float} == {"c1-s3", "c1-s4"}


def test_the_scenarios_ask_for_adults_where_children_are_expected(next_week: Posed) -> None:
    problem, demand = next_week.problem, next_week.demand
    noon = [n for n, at in enumerate(problem.slots) if at.hour == 17]
    for scenario in problem.scenarios:
        assert all(1 <= scenario.required[room.room_id][n] <= 3 for room in problem.rooms for n in noon)
        assert sum(scenario.required["c1-r0"]) < len(problem.slots) * 3
    assert {room.room_id: room.severity for room in problem.rooms} == {"c1-r0": 2.0, "c1-r1": 1.0, "c1-r2": 1.0}
    assert demand.draws.shape == (200, 3, len(problem.slots))


def test_rooms_may_be_joined_at_the_ends_of_the_day(next_week: Posed) -> None:
    problem = next_week.problem
    first = [item for item in problem.combinations if item.end <= 46]
    assert [(item.rooms, item.start, item.end) for item in first] == [
        (("c1-r1", "c1-r2"), 0, 4),
        (("c1-r1", "c1-r2"), 40, 46),
    ]
    for index, scenario in enumerate(problem.scenarios):
        apart = [scenario.required["c1-r1"][n] + scenario.required["c1-r2"][n] for n in range(40, 46)]
        assert all(j <= a + 1 for j, a in zip(first[1].required[str(index)], apart, strict=True))


def test_the_same_knowledge_poses_the_same_problem(warehouse: Warehouse, next_week: Posed) -> None:
    assert posed(warehouse).problem.input_hash == next_week.problem.input_hash


def test_in_the_middle_of_a_week_only_what_is_ahead_is_planned(warehouse: Warehouse) -> None:
    problem = posed(warehouse, "2026-W08", datetime(2026, 2, 20, 17, 5, tzinfo=UTC)).problem
    assert problem.slots[0] == datetime(2026, 2, 20, 17, 15, tzinfo=UTC)
    assert {day.day for day in problem.days} == {date(2026, 2, 20)}


def test_a_week_gone_by_and_a_week_without_shifts_are_told(warehouse: Warehouse) -> None:
    with pytest.raises(BadInput, match="no open slot of 2026-W06 lies ahead"):
        posed(warehouse, "2026-W06")
    with pytest.raises(BadInput, match="nobody who counts is scheduled in 2026-W13"):
        posed(warehouse, "2026-W13")
    with pytest.raises(BadInput, match="'2026-09' is not a week"):
        posed(warehouse, "2026-09")


def test_the_next_week_is_planned_when_none_is_named(warehouse: Warehouse) -> None:
    center = center_of(warehouse.rows("SELECT * FROM centers")[0])
    assert week_after(NOW, center) == WEEK
    assert week_after(datetime(2026, 12, 28, 12, tzinfo=UTC), center) == "2027-W01"


def test_without_a_model_the_way_to_one_is_told(tmp_path: Path) -> None:
    with open_warehouse(tmp_path) as warehouse, pytest.raises(NotFound, match="run `ratiocast train` first"):
        make_plans(warehouse, tmp_path, NOW, {})


def test_a_plan_is_stored_checked_and_read_back(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    told = run_plan(open_run(settings), "", out)
    (made,) = told["plans"]
    assert (told["week"], made["version"], told["problems"]) == (WEEK, 1, ())
    folder = settings.data_dir / "plans" / "c1"
    problem = Problem.read((folder / f"{WEEK}.problem.json").read_bytes())
    plan = Plan.read((folder / f"{WEEK}.plan.json").read_bytes())
    assert plan.problem_hash == problem.input_hash
    assert optimizer.check(problem, plan) == []
    assert Plan.read(out.read_bytes()) == plan
    assert plan.goal("shortage").gap == 0  # proven: nobody can cover more
    with open_reader(settings.data_dir) as reader:
        risks, plans = reader.frame("risks"), reader.frame("plans")
    assert json.loads(plans["plan"][0])["version"] == 1
    assert len(risks) == 3 * len(problem.slots)
    assert risks["p_short"].between(0, 1).all()
    planned = planned_adults(problem, plan)
    joined = {
        (room, problem.slots[t]) for part in plan.combined for room in part.rooms for t in range(part.start, part.end)
    }
    apart = [(row.room_id, row.slot) not in joined for row in risks.itertuples()]
    rows = {room.room_id: number for number, room in enumerate(problem.rooms)}
    for row in risks[apart].itertuples():
        assert row.planned == planned[rows[row.room_id], problem.slots.index(row.slot)]
    short = {(part.room_id, problem.slots[part.slot]) for part in plan.shortages}
    at_risk = risks[risks["p_short"] > 0.5]
    assert len(at_risk) == 0 or short


def test_an_accepted_plan_is_in_the_warehouse_from_the_next_publishing_on(settings: Settings) -> None:
    run = open_run(settings)
    run_plan(run)
    files = PlanFiles(settings.data_dir, "c1")
    first = files.accept(files.need(WEEK), NOW, "user:ana")
    assert run_publish(run)["problems"] == []
    again = files.accept(files.need(WEEK), NOW + timedelta(hours=1), "user:ben")
    for _ in range(2):
        run_publish(run)
    with open_reader(settings.data_dir) as reader:
        kept = reader.frame("accepted_plans", "c1")
    assert list(kept["accepted_by"]) == ["user:ana", "user:ben"]
    assert list(kept["accepted_at"]) == [first.accepted_at, again.accepted_at]
    problem, plan = Problem.read(kept["problem"][1]), Plan.read(kept["plan"][1])
    assert optimizer.check(problem, plan) == []
    assert plan.problem_hash == problem.input_hash == kept["sha256"][1]
    record = settings.data_dir / "plans" / "c1" / f"{WEEK}.accepted.json"
    whole = record.read_bytes()
    record.write_text("{")
    assert "accept the plan again" in run_publish(run)["problems"][0]
    record.write_bytes(whole)


def test_the_same_problem_is_not_solved_twice_and_a_new_one_is_a_new_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(settings)
    before = run_plan(run)["plans"][0]["version"]
    with monkeypatch.context() as patched:
        patched.setattr(optimizer, "solve", lambda *_: pytest.fail("solved again"))
        assert run_plan(run)["plans"][0]["version"] == before
    tuesday = Run(settings, run.now + timedelta(days=4))  # Monday has gone by: another problem
    assert run_plan(tuesday, WEEK)["plans"][0]["version"] == before + 1
    history = settings.data_dir / "plans" / "c1" / "history"
    assert {path.name for path in history.glob("*.plan.json")} >= {f"{WEEK}.v{n}.plan.json" for n in (1, before + 1)}


def test_a_plan_that_breaks_a_rule_is_never_stored(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizer, "check", lambda *_: ["two places at once"])
    run = open_run(settings)
    wednesday = Run(settings, run.now + timedelta(days=5))
    stored = (settings.data_dir / "plans" / "c1" / f"{WEEK}.plan.json").read_bytes()
    with pytest.raises(Exception, match="broke a rule and was not stored: two places at once"):
        run_plan(wednesday, WEEK)
    assert (settings.data_dir / "plans" / "c1" / f"{WEEK}.plan.json").read_bytes() == stored

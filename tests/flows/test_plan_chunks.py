"""Many centers: planned in chunks, one failure told and no more, a run broken off is taken up where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

import optimizer
from domain.errors import StoreError
from flows.plan import Pace, PlanResult, make_plans
from flows.plan_runs import take_up
from flows.steps import STEPS, open_run
from optimizer import Plan, Problem
from storage.settings import load_settings
from storage.warehouse import open_warehouse
from tests.platform_double import TOKEN, PlatformDouble, small_world

WEEK = "2026-W08"
NOW = datetime(2026, 2, 13, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three centers with short days, ingested, built and trained once."""
    world = small_world(date(2026, 2, 2), days=11, centers=3)
    for center in world.centers:
        center |= {"opens": "08:00", "closes": "10:30"}
    server = PlatformDouble(world, page_size=1000)
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        platform_url=server.url,
        platform_token=SecretStr(TOKEN),
        clock=f"{server.url}/control/clock",
    )
    for name in ("ingest", "build", "train"):
        STEPS[name](open_run(settings))
    yield settings.data_dir
    server.close()


@dataclass
class Solver:
    """The greedy planner in the solver's place, which may be told to fail at a center."""

    fails: dict[str, BaseException] = field(default_factory=dict)
    solved: list[str] = field(default_factory=list)

    def __call__(self, problem: Problem, seconds: float) -> Plan:
        if problem.center_id in self.fails:
            raise self.fails[problem.center_id]
        self.solved.append(problem.center_id)
        return optimizer.greedy(problem)


@pytest.fixture
def solver(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Solver:
    with open_warehouse(data_dir) as warehouse, warehouse.transaction():
        for center_id in ("c1", "c2", "c3"):
            warehouse.replace("plans", {"center_id": center_id}, [])
    for path in (data_dir / "plans").rglob("*.json"):
        path.unlink()
    made = Solver()
    monkeypatch.setattr(optimizer, "solve", made)
    return made


def planned(data_dir: Path, now: datetime = NOW, **pace: int) -> PlanResult:
    with open_warehouse(data_dir) as warehouse:
        return make_plans(warehouse, data_dir, now, {}, WEEK, pace=Pace(**pace))


def made_at(data_dir: Path) -> dict[str, datetime]:
    with open_warehouse(data_dir) as warehouse:
        return {row["center_id"]: row["made_at"] for row in warehouse.rows("SELECT center_id, made_at FROM plans")}


def test_chunks_and_processes_do_not_change_what_is_planned(data_dir: Path, solver: Solver) -> None:
    steps: list[tuple[str, int, int | None]] = []
    with open_warehouse(data_dir) as warehouse:
        told = make_plans(
            warehouse, data_dir, NOW, {}, WEEK, pace=Pace(processes=2, chunk=2),
            progress=lambda step, done, total=None: steps.append((step, done, total)),
        )  # fmt: skip
    assert steps == [("plan", 0, 3), ("plan", 2, 3), ("plan", 3, 3)]
    assert [(plan.center_id, plan.week, plan.version) for plan in told.plans] == [(f"c{n}", WEEK, 1) for n in (1, 2, 3)]
    again = planned(data_dir, processes=1, chunk=1)  # the same problems, which are not solved twice
    assert again == told
    assert sorted(solver.solved) == ["c1", "c2", "c3"]


def test_a_center_that_fails_in_any_way_is_told_and_the_others_are_planned(data_dir: Path, solver: Solver) -> None:
    solver.fails["c2"] = ZeroDivisionError("a mistake of ours")
    told = planned(data_dir, chunk=3)
    assert [plan.center_id for plan in told.plans] == ["c1", "c3"]
    assert told.problems == ("center c2 (Center c2): ZeroDivisionError: a mistake of ours",)
    del solver.fails["c2"]
    assert [plan.center_id for plan in planned(data_dir).plans] == ["c1", "c2", "c3"]


def test_a_run_broken_off_is_taken_up_as_of_its_own_instant_without_the_centers_done(
    data_dir: Path, solver: Solver
) -> None:
    solver.fails["c3"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        planned(data_dir, chunk=2)
    assert json.loads((data_dir / "plans" / "unfinished.json").read_text())["week"] == WEEK
    assert set(made_at(data_dir)) == {"c1", "c2"}
    solver.fails.clear()
    told = planned(data_dir, LATER)
    assert solver.solved == ["c1", "c2", "c3"]
    assert [plan.center_id for plan in told.plans] == ["c1", "c2", "c3"]
    assert set(made_at(data_dir).values()) == {NOW}
    assert not (data_dir / "plans" / "unfinished.json").exists()
    planned(data_dir, LATER)  # nothing is unfinished any more: all are planned anew
    assert set(made_at(data_dir).values()) == {LATER}


def test_a_damaged_file_of_a_center_done_before_is_told_and_does_not_hold_up_the_run(
    data_dir: Path, solver: Solver
) -> None:
    solver.fails["c3"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        planned(data_dir, chunk=2)
    solver.fails.clear()
    (data_dir / "plans" / "c1" / f"{WEEK}.plan.json").write_text("{")
    told = planned(data_dir, LATER)
    assert [plan.center_id for plan in told.plans] == ["c2", "c3"]
    assert len(told.problems) == 1
    assert "center c1" in told.problems[0]


def test_a_run_of_another_week_or_of_yesterday_is_not_taken_up(tmp_path: Path) -> None:
    assert not take_up(tmp_path, NOW, WEEK).resumed
    assert take_up(tmp_path, LATER, WEEK).now == NOW
    assert take_up(tmp_path, LATER, "").now == LATER
    assert take_up(tmp_path, LATER + timedelta(days=1), "").now == LATER + timedelta(days=1)
    (tmp_path / "plans" / "unfinished.json").write_text("{")
    assert not take_up(tmp_path, NOW, WEEK).resumed


def test_a_full_disk_ends_the_run_at_once(data_dir: Path, solver: Solver) -> None:
    solver.fails["c1"] = StoreError("the disk is full")
    with pytest.raises(StoreError, match="the disk is full"):
        planned(data_dir, chunk=1)
    assert solver.solved == []

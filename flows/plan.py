"""Plan: pose each center's coverage problem of a week, solve it, check the answer, keep it with its versions.

Kept as plans/<center>/<YYYY-Www>.problem.json and .plan.json; earlier versions in plans/<center>/history/. The same
problem is not solved twice. Many centers are planned in chunks, so that neither memory nor cores run out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

import optimizer
from domain.errors import BadInput, NotFound, RatiocastError, StoreError
from domain.places import Center
from domain.time import as_utc, local_date, zone
from flows.artifacts import write_file
from flows.choices import NOTHING_CHOSEN, Choices
from flows.demand import quantile, short_chance
from flows.plan_runs import done_by, finish, take_up
from flows.pose import Posed, pose
from flows.progress import Progress, silent
from flows.rows import center_of
from flows.train import load_model
from forecasting import Model
from optimizer import Plan, Problem
from optimizer.planner import SOLVE_SECONDS
from storage.warehouse import Warehouse

PLANS = "plans"


@dataclass(frozen=True, slots=True)
class CenterPlan:
    center_id: str
    week: str
    version: int
    status: str
    gap: float | None
    shortage_hours: float  # expected adult-hours missing under the plan
    assignments: int
    seconds: float
    path: str
    rules: dict[str, str]  # by room: the law or policy that decides how many adults it requires


@dataclass(frozen=True, slots=True)
class PlanResult:
    week: str
    plans: tuple[CenterPlan, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds for a center's solver, solvers side by side, and centers posed before any of them is solved."""

    seconds: float = SOLVE_SECONDS
    processes: int = 1
    chunk: int = 10


def make_plans(
    warehouse: Warehouse, data_dir: Path, now: datetime, choices: Choices, week: str = "", *,
    pace: Pace = Pace(), progress: Progress = silent,
) -> PlanResult:  # fmt: skip
    """Plan the week (the next one when none is named) of every center that has rooms, staff and a history.

    `choices` are the centers' own rules, options and floats; the strictest rule governs.
    A center that cannot be planned becomes a problem in the result and does not hold up the others. A run that was
    killed is taken up where it was: as of its own `now`, without the centers it had done.
    """
    model = load_model(data_dir)
    run = take_up(data_dir, as_utc(now), week)
    centers = [center_of(row) for row in warehouse.rows("SELECT * FROM centers ORDER BY center_id")]
    weeks = {center.center_id: week or week_after(run.now, center) for center in centers}
    planner = _Planner(warehouse, data_dir, model, choices, run.now, pace)
    done = done_by(warehouse, run)
    plans = planner.told([(center, weeks[center.center_id]) for center in centers if center.center_id in done])
    left = [center for center in centers if center.center_id not in done]
    progress("plan", len(plans), len(centers))
    for first in range(0, len(left), pace.chunk):
        plans += planner.plan([(center, weeks[center.center_id]) for center in left[first : first + pace.chunk]])
        progress("plan", len(plans) + len(planner.problems), len(centers))
    finish(data_dir)
    if planner.problems and not plans:
        raise BadInput("; ".join(planner.problems))
    plans.sort(key=lambda plan: plan.center_id)
    return PlanResult(weeks[centers[-1].center_id] if centers else week, tuple(plans), tuple(planner.problems))


def week_after(now: datetime, center: Center) -> str:
    year, number, _ = (local_date(now, zone(center.timezone)) + timedelta(days=7)).isocalendar()
    return f"{year}-W{number:02d}"


class _Planner:
    """Plans a chunk of centers: posed one by one, solved side by side, kept one by one (there is one writer)."""

    def __init__(
        self, warehouse: Warehouse, data_dir: Path, model: Model, choices: Choices, now: datetime, pace: Pace
    ) -> None:
        self.warehouse, self.data_dir, self.model, self.choices = warehouse, data_dir, model, choices
        self.now, self.pace = now, pace
        self.problems: list[str] = []

    def plan(self, chunk: Sequence[tuple[Center, str]]) -> list[CenterPlan]:
        posed = [found for center, week in chunk if (found := self._tried(center, self._posed, center, week))]
        with ThreadPoolExecutor(self.pace.processes) as pool:
            solving = [pool.submit(self._solved, one) for one in posed]
        kept = (self._tried(one.center, self._kept, one, plan.result) for one, plan in zip(posed, solving, strict=True))
        return [plan for plan in kept if plan]

    def told(self, done: Sequence[tuple[Center, str]]) -> list[CenterPlan]:
        """What is stored of the weeks of centers done before."""
        return [plan for center, week in done if (plan := self._tried(center, self._kept_before, center, week))]

    def _kept_before(self, center: Center, week: str) -> CenterPlan:
        folder = self.data_dir / PLANS / center.center_id
        path, plan = folder / f"{week}.problem.json", _stored(folder, week)
        if plan is None:
            raise NotFound(f"{folder} has no plan of {week}, though the warehouse says so; plan the week again")
        return _summary(Problem.read(path.read_bytes(), str(path)), plan, folder)

    def _tried(self, center: Center, step: Callable[..., Any], *given: Any) -> Any:
        """The step's result; None if it fails, which is told with the center. Only a failing store ends the run."""
        try:
            return step(*given)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever befalls one center must not hold up the others
            what = str(error) if isinstance(error, RatiocastError) else f"{type(error).__name__}: {error}"
            self.problems.append(f"center {center.center_id} ({center.name}): {what}")
            return None

    def _posed(self, center: Center, week: str) -> Posed:
        chosen = self.choices.get(center.center_id, NOTHING_CHOSEN)
        return pose(self.warehouse, self.model, center, week, self.now, chosen)

    def _solved(self, posed: Posed) -> tuple[Plan, bool]:
        """The stored plan if it answers this very problem, else a new version; and whether it is new."""
        problem = posed.problem
        before = _stored(self.data_dir / PLANS / problem.center_id, problem.label)
        if before is not None and before.problem_hash == problem.input_hash:
            return before, False
        plan = optimizer.solve(problem, self.pace.seconds)
        return plan.model_copy(update={"version": before.version + 1 if before else 1}), True

    def _kept(self, posed: Posed, solved: Callable[[], tuple[Plan, bool]]) -> CenterPlan:
        """Checked before it is stored."""
        (plan, is_new), problem = solved(), posed.problem
        folder = self.data_dir / PLANS / problem.center_id
        faults = optimizer.check(problem, plan) if is_new else []
        if faults:
            raise RatiocastError(f"the plan for {problem.label} broke a rule and was not stored: {faults[0]}")
        if is_new:
            _store(folder, problem.label, problem, plan)
        row = {
            "center_id": problem.center_id, "week": problem.label, "made_at": self.now, "status": plan.status,
            "gap": plan.gap, "sha256": plan.problem_hash, "problem": problem.model_dump_json(),
            "plan": plan.model_dump_json(),
        }  # fmt: skip
        with self.warehouse.transaction():
            self.warehouse.put("plans", [row])
            self.warehouse.replace("risks", {"center_id": problem.center_id}, risks_of(posed, plan, self.now))
        return _summary(problem, plan, folder)


def _summary(problem: Problem, plan: Plan, folder: Path) -> CenterPlan:
    shortage = sum(part.expected for part in plan.shortages) * problem.slot_hours
    return CenterPlan(
        problem.center_id, problem.label, plan.version, plan.status, plan.gap, round(shortage, 2),
        len(plan.assignments), round(plan.seconds, 2), str(folder / f"{problem.label}.plan.json"),
        {room.room_id: room.rule for room in problem.rooms},
    )  # fmt: skip


def planned_adults(problem: Problem, plan: Plan) -> np.ndarray[Any, np.dtype[np.int64]]:
    """[room, slot] adults the plan puts there, rooms in the order of the problem."""
    rows = {room.room_id: number for number, room in enumerate(problem.rooms)}
    planned = np.zeros((len(rows), len(problem.slots)), dtype=np.int64)
    for part in plan.assignments:
        if part.state == "room" and part.room_id in rows:
            planned[rows[part.room_id], part.start : part.end] += 1
    return planned


def risks_of(posed: Posed, plan: Plan, now: datetime) -> list[dict[str, Any]]:
    """Per room and slot: what will be required, what is planned, and how likely those of them who come are too few.

    While rooms are joined, each of them shows what the joined room requires and all adults planned in it.
    """
    demand, law = posed.demand, posed.law
    required, planned = demand.draws.copy(), planned_adults(posed.problem, plan)
    rooms = {room.room_id: room for room in posed.rooms}
    for joined in plan.combined:
        rows = [demand.room_ids.index(room_id) for room_id in joined.rooms]
        for column in range(joined.start, joined.end):
            children = demand.children[:, rows, column].sum(axis=1)
            at = demand.slots[column]
            required[:, rows, column] = law.required(children, at, *(rooms[r] for r in joined.rooms))[:, None]
            planned[rows, column] = planned[rows, column].sum()
    chance = short_chance(required, planned, posed.called_out)
    high, mean = quantile(required, 0.9), required.mean(axis=0)
    return [
        {
            "center_id": posed.center.center_id, "room_id": room_id, "slot": at, "origin": now,
            "required_mean": float(mean[row, column]), "required_q90": int(high[row, column]),
            "planned": int(planned[row, column]), "p_short": float(chance[row, column]),
        }
        for row, room_id in enumerate(demand.room_ids)
        for column, at in enumerate(demand.slots)
    ]  # fmt: skip


def _stored(folder: Path, stem: str) -> Plan | None:
    path = folder / f"{stem}.plan.json"
    return Plan.read(path.read_bytes(), str(path)) if path.exists() else None


def _store(folder: Path, stem: str, problem: Problem, plan: Plan) -> None:
    """The version first, then the current pair: the plan last, because its presence says that both are there."""
    content, question = plan.model_dump_json(indent=1).encode(), problem.model_dump_json(indent=1).encode()
    write_file(folder / "history" / f"{stem}.v{plan.version}.problem.json", question)
    write_file(folder / "history" / f"{stem}.v{plan.version}.plan.json", content)
    write_file(folder / f"{stem}.problem.json", question)
    write_file(folder / f"{stem}.plan.json", content)

"""Plan: pose each center's coverage problem of a week, solve it, check the answer, keep it with its versions.

Kept as plans/<center>/<YYYY-Www>.problem.json and .plan.json; earlier versions in plans/<center>/history/. The same
problem is not solved twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

import optimizer
from domain.errors import BadInput, NotFound, RatiocastError
from domain.places import Center
from domain.time import as_utc, local_date, zone
from flows.artifacts import write_file
from flows.choices import NOTHING_CHOSEN, Choices
from flows.demand import quantile, short_chance
from flows.pose import Posed, pose
from flows.progress import Progress, silent
from flows.rows import center_of
from flows.train import load_model
from optimizer import Plan, Problem
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


def make_plans(
    warehouse: Warehouse, data_dir: Path, now: datetime, choices: Choices, week: str = "", *,
    progress: Progress = silent,
) -> PlanResult:  # fmt: skip
    """Plan the week (the next one when none is named) of every center that has rooms, staff and a history.

    `choices` are the centers' own rules, options and floats; the strictest rule governs.
    A center that cannot be planned becomes a problem in the result and does not hold up the others.
    """
    now = as_utc(now)
    model = load_model(data_dir)
    centers = [center_of(row) for row in warehouse.rows("SELECT * FROM centers ORDER BY center_id")]
    plans: list[CenterPlan] = []
    problems: list[str] = []
    named = week
    for number, center in enumerate(centers, start=1):
        named = week or week_after(now, center)
        try:
            chosen = choices.get(center.center_id, NOTHING_CHOSEN)
            posed = pose(warehouse, model, center, named, now, chosen)
            plans.append(_solved(warehouse, data_dir, posed, now))
        except (BadInput, NotFound) as error:
            problems.append(f"center {center.center_id} ({center.name}): {error}")
        progress("plan", number, len(centers))
    if problems and not plans:
        raise BadInput("; ".join(problems))
    return PlanResult(named, tuple(plans), tuple(problems))


def week_after(now: datetime, center: Center) -> str:
    year, number, _ = (local_date(now, zone(center.timezone)) + timedelta(days=7)).isocalendar()
    return f"{year}-W{number:02d}"


def _solved(warehouse: Warehouse, data_dir: Path, posed: Posed, now: datetime) -> CenterPlan:
    """The stored plan if it answers this very problem, else a new version, checked before it is stored."""
    problem, center = posed.problem, posed.center
    folder = data_dir / PLANS / center.center_id
    stem = problem.label
    before = _stored(folder, stem)
    if before is not None and before.problem_hash == problem.input_hash:
        plan = before
    else:
        version = before.version + 1 if before else 1
        plan = optimizer.solve(problem).model_copy(update={"version": version})
        faults = optimizer.check(problem, plan)
        if faults:
            raise RatiocastError(
                f"the plan of {center.center_id} for {problem.label} broke a rule and was not stored: {faults[0]}"
            )
        _store(folder, stem, problem, plan)
    row = {
        "center_id": center.center_id, "week": problem.label, "made_at": now, "status": plan.status, "gap": plan.gap,
        "sha256": plan.problem_hash, "problem": problem.model_dump_json(), "plan": plan.model_dump_json(),
    }  # fmt: skip
    with warehouse.transaction():
        warehouse.put("plans", [row])
        warehouse.replace("risks", {"center_id": center.center_id}, risks_of(posed, plan, now))
    shortage = sum(part.expected for part in plan.shortages) * problem.slot_hours
    return CenterPlan(
        center.center_id, problem.label, plan.version, plan.status, plan.gap, round(shortage, 2), len(plan.assignments),
        round(plan.seconds, 2), str(folder / f"{stem}.plan.json"), {room.room_id: room.rule for room in problem.rooms},
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
    """Per room and slot: what will be required, what is planned, and the share of all draws in which it is too little.

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
    chance, high, mean = short_chance(required, planned), quantile(required, 0.9), required.mean(axis=0)
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

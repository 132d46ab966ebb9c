"""SMPTSP: every task is a one-adult demand block, every worker a float; use as few floats as possible.

Instances (not shipped) are read from `../shared/instances/smptsp` beside the checkout or RATIOCAST_SHARED. Bounds: the
most tasks at one instant, each of which needs its own worker, and what the solvers prove. Search, one core each: HiGHS
and CP-SAT (from a first answer in order of time) on the maximal cliques of overlapping tasks per worker.
"""

from __future__ import annotations

import csv
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

SECONDS = 60.0


@dataclass(frozen=True)
class Instance:
    name: str
    tasks: tuple[tuple[int, int], ...]  # start, end; half-open
    skills: tuple[frozenset[int], ...]  # per worker: tasks


@dataclass(frozen=True)
class Answer:
    value: int | None
    bound: int
    seconds: float
    workers: tuple[int, ...]  # per task


def read(path: Path) -> Instance:
    """`Jobs = n`, n lines `start end`, `Qualifications = m`, m lines `k: task ids`."""
    tasks: list[tuple[int, int]] = []
    skills: list[frozenset[int]] = []
    for line in path.read_text().splitlines():
        if re.fullmatch(r"\s*\d+\s+\d+\s*", line):
            start, end = map(int, line.split())
            tasks.append((start, end))
        elif match := re.fullmatch(r"\s*\d+\s*:(.*)", line):
            skills.append(frozenset(map(int, match.group(1).replace(",", " ").split())))
    return Instance(path.stem, tuple(tasks), tuple(skills))


def cliques(tasks: list[int], instance: Instance) -> list[list[int]]:
    """Maximal sets of the tasks that overlap at one instant."""
    found: list[list[int]] = []
    for instant in sorted({instance.tasks[j][0] for j in tasks}):
        here = [j for j in tasks if instance.tasks[j][0] <= instant < instance.tasks[j][1]]
        if found and set(found[-1]) <= set(here):
            found[-1] = here
        elif not found or not set(here) <= set(found[-1]):
            found.append(here)
    return found


def solve(instance: Instance, seconds: float = SECONDS) -> Answer:
    """Fewest workers found and the bound; the answer is verified by `faults` before it is returned."""
    started = time.perf_counter()
    bound = max(map(len, cliques(list(range(len(instance.tasks))), instance)))
    sat = cp_model.CpSolver()
    with ThreadPoolExecutor(2) as pool:
        mip = pool.submit(_by_mip, instance, bound, seconds, sat)
        other = pool.submit(_by_sat, instance, bound, seconds, sat)
        answers = [mip.result(), other.result()]
    bound = max(answer.bound for answer in answers)
    best = min(answers, key=lambda answer: answer.value if answer.value is not None else 10**9)
    assert best.value is None or not faults(instance, best)
    return Answer(best.value, bound, time.perf_counter() - started, best.workers)


def _by_mip(instance: Instance, bound: int, seconds: float, other: cp_model.CpSolver) -> Answer:
    """HiGHS on the cliques; a proof stops the other solver."""
    model = mathopt.Model()
    used = [model.add_binary_variable() for _ in instance.skills]
    does = {(w, j): model.add_binary_variable() for w, skill in enumerate(instance.skills) for j in sorted(skill)}
    for j in range(len(instance.tasks)):
        row = model.add_linear_constraint(lb=1, ub=1)
        for w, skill in enumerate(instance.skills):
            if j in skill:
                row.set_coefficient(does[w, j], 1)
    for w, skill in enumerate(instance.skills):
        for clique in cliques(sorted(skill), instance):
            row = model.add_linear_constraint(ub=0)
            row.set_coefficient(used[w], -1)
            for j in clique:
                row.set_coefficient(does[w, j], 1)
    model.minimize(mathopt.LinearSum(used))
    answer = mathopt.solve(
        model,
        mathopt.SolverType.HIGHS,
        params=mathopt.SolveParameters(time_limit=timedelta(seconds=seconds), absolute_gap_tolerance=0.99),
    )
    reason = answer.termination.reason
    if reason not in (mathopt.TerminationReason.OPTIMAL, mathopt.TerminationReason.FEASIBLE):
        return Answer(None, bound, 0.0, ())
    values = answer.variable_values()
    chosen = {j: w for (w, j), var in does.items() if values[var] > 0.5}
    order = tuple(chosen[j] for j in range(len(instance.tasks)))
    if reason == mathopt.TerminationReason.OPTIMAL:
        other.stop_search()
    return Answer(len(set(order)), max(bound, ceil(answer.best_objective_bound() - 1e-6)), 0.0, order)


def first_answer(instance: Instance) -> list[int] | None:
    """Tasks in order of time to a free qualified worker, one already used before a new one; None when stuck."""
    free_from = [-1] * len(instance.skills)
    scarce = [len(skill) for skill in instance.skills]
    chosen = [-1] * len(instance.tasks)
    for j in sorted(range(len(instance.tasks)), key=lambda j: instance.tasks[j]):
        start, end = instance.tasks[j]
        able = [w for w, skill in enumerate(instance.skills) if j in skill and free_from[w] <= start]
        if not able:
            return None
        w = min(able, key=lambda w: (free_from[w] < 0, scarce[w] if free_from[w] >= 0 else -scarce[w], w))
        chosen[j], free_from[w] = w, end
    return chosen


def faults(instance: Instance, answer: Answer) -> list[str]:
    """Every task by a qualified worker, no worker on two tasks at once, as many workers as said."""
    found = []
    for j, worker in enumerate(answer.workers):
        if j not in instance.skills[worker]:
            found.append(f"worker {worker} is not qualified for task {j}")
        for i in range(j):
            (a, b), (c, d) = instance.tasks[i], instance.tasks[j]
            if answer.workers[i] == worker and a < d and c < b:
                found.append(f"worker {worker} does tasks {i} and {j} at once")
    if len(set(answer.workers)) != answer.value:
        found.append(f"{len(set(answer.workers))} workers are used, {answer.value} are said")
    return found


def _by_sat(instance: Instance, bound: int, seconds: float, solver: cp_model.CpSolver) -> Answer:
    model = cp_model.CpModel()
    used = [model.new_bool_var(f"y{w}") for w in range(len(instance.skills))]
    does = {(w, j): model.new_bool_var(f"x{w}_{j}") for w, skill in enumerate(instance.skills) for j in sorted(skill)}
    for j in range(len(instance.tasks)):
        model.add_exactly_one(does[w, j] for w, skill in enumerate(instance.skills) if j in skill)
    for w, skill in enumerate(instance.skills):
        for clique in cliques(sorted(skill), instance):
            model.add_at_most_one([*(does[w, j] for j in clique), used[w].negated()])
    model.add(sum(used) >= bound)
    model.minimize(sum(used))
    first = first_answer(instance)
    if first:
        for (w, j), var in does.items():
            model.add_hint(var, first[j] == w)
        for w, var in enumerate(used):
            model.add_hint(var, w in first)
    solver.parameters.max_time_in_seconds = max(1.0, seconds)
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(len(set(first)) if first else None, bound, 0.0, tuple(first or ()))
    chosen = {j: w for (w, j), var in does.items() if solver.value(var)}
    order = tuple(chosen[j] for j in range(len(instance.tasks)))
    value = len(set(order))
    return Answer(value, min(max(bound, round(solver.best_objective_bound)), value), 0.0, order)


def run(names: list[str] | None = None) -> list[dict[str, Any]]:
    """One row per instance: ours, the bound, and the published bounds."""
    folder = Path(os.environ.get("RATIOCAST_SHARED", Path(__file__).parents[2] / "shared")) / "instances" / "smptsp"
    if not folder.is_dir():
        return [{"instance": "-", "note": "the instances are not beside the checkout"}]
    with (folder / "reference_bounds.csv").open() as file:
        reference = {row["instance"]: row for row in csv.DictReader(file)}
    rows = []
    for path in sorted(folder.glob("*.dat")):
        if names and path.stem not in names:
            continue
        answer = solve(read(path))
        known = reference.get(path.stem, {})
        rows.append(
            {
                "instance": path.stem, "ours": answer.value, "bound": answer.bound,
                "proven": answer.value == answer.bound, "seconds": round(answer.seconds, 1),
                "published_lb": known.get("ref_lb"), "published_ub": known.get("ref_ub"),
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    found = run(sys.argv[1:] or None)
    show("optimizer_smptsp", found)
    save("optimizer_smptsp", found)

"""What a center's week costs to plan, and what 2,000 of them would: distinct synthetic centers in chunks.

The path is the flow's own from the posed problem on (`optimizer.solve` in a thread per process allowed, then
`optimizer.check`); posing (forecast, law, roster) needs a center's history and is measured by `pipeline`. Three in four
centers are small (6 rooms, 20 staff, 4 floats), the fourth has 12 rooms. `seconds` is the solver's budget per center.
The row marked EXTRAPOLATED is not measured. Where the machine is so busy that a solver's time is over before it is done
CPU seconds are too low, so the hours if each center takes its whole budget stand beside.
`python -m benchmarks.optimizer_chain [CENTERS [SECONDS]]`.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from statistics import mean
from typing import Any

import optimizer
from benchmarks._centers import Shape, center
from flows.plan import Pace
from optimizer import Plan, Problem

CENTERS, SECONDS, ALL, CORES = 12, 5.0, 2_000, 2
SMALL = Shape(rooms=6, room_staff=20, floats=4)
LARGE = Shape()


def run(centers: int = CENTERS, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """A row per kind of center, and the extrapolation."""
    pace = Pace(seconds=seconds, processes=1, chunk=10)
    rows = []
    for kind, shape, count in (("6 rooms", SMALL, centers - centers // 4), ("12 rooms", LARGE, centers // 4)):
        if count:
            rows.append({"centers": f"{count} of {kind}", **_measured(shape, count, pace)})
            print(rows[-1], flush=True)
    cpu = sum(
        row["cpu_each"] * share for row, share in zip(rows, (0.75, 0.25) if len(rows) == 2 else (1.0,), strict=True)
    )
    rows.append(
        {
            "centers": f"EXTRAPOLATED: {ALL} in that mixture", "budget": seconds, "cpu_each": round(cpu, 2),
            "hours_on_two_cores": round(ALL * cpu / CORES / 3600, 2),
            "hours_if_each_takes_its_budget": round(ALL * seconds / 3600, 2),
        }
    )  # fmt: skip
    return rows


def _measured(shape: Shape, count: int, pace: Pace) -> dict[str, Any]:
    """Chunks of distinct centers, solved and checked."""
    problems = (center(Shape(**{**vars(shape), "seed": seed})) for seed in range(1, count + 1))
    started, cpu, plans = time.perf_counter(), _cpu(), []
    while chunk := list(islice(problems, pace.chunk)):
        with ThreadPoolExecutor(pace.processes) as pool:
            plans += pool.map(lambda problem: _checked(problem, pace.seconds), chunk)
    spent = _cpu() - cpu
    goals = [plan.goal("shortage") for plan in plans]
    statuses = Counter(plan.status for plan in plans)
    return {
        "budget": pace.seconds, "cpu_each": round(spent / count, 2),
        "wall_each": round((time.perf_counter() - started) / count, 2), "load": round(os.getloadavg()[0], 1),
        "status": ", ".join(f"{number} {status}" for status, number in sorted(statuses.items())),
        "shortage_proven": f"{sum(goal.gap == 0 for goal in goals)} of {count}",
        "assignments_each": round(mean(len(plan.assignments) for plan in plans)),
    }  # fmt: skip


def _checked(problem: Problem, seconds: float) -> Plan:
    plan = optimizer.solve(problem, seconds)
    faults = optimizer.check(problem, plan)
    assert not faults, faults[0]
    return plan


def _cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    numbers = [float(given) for given in sys.argv[1:]] + [CENTERS, SECONDS][len(sys.argv) - 1 :]
    found = run(int(numbers[0]), numbers[1])
    show("optimizer_chain", found)
    save("optimizer_chain", found)

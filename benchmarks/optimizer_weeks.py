"""Week plans of synthetic centers: seconds, status, bounds; ours against the greedy planner.

Wall and CPU seconds both: on a busy machine the second is the fairer figure.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks._centers import Shape, center
from optimizer import check, greedy
from optimizer.planner import plan

CASES: tuple[tuple[str, Shape, float], ...] = (
    *((name, Shape(seed=seed, tight=name == "tight"), 30.0) for name in ("typical", "tight") for seed in (1, 2, 3)),
    ("shifts move, rooms combine", Shape(seed=1, flexible=True), 30.0),
    ("small center", Shape(rooms=3, room_staff=10, floats=2, seed=1), 30.0),
    ("30 rooms, 25 floats", Shape(rooms=30, room_staff=100, floats=25, seed=1), 60.0),
)


def run() -> list[dict[str, Any]]:
    """One row per center."""
    rows: list[dict[str, Any]] = []
    for name, shape, seconds in CASES:
        problem = center(shape)
        wall, cpu = time.perf_counter(), time.process_time()
        simple = greedy(problem)
        greedy_seconds = time.process_time() - cpu
        wall, cpu = time.perf_counter(), time.process_time()
        answer = plan(problem, seconds)
        bounds: dict[str, Any] = {f"{goal.name}_bound": goal.bound for goal in answer.goals[1:]}
        rows.append(
            {
                "center": f"{name} (seed {shape.seed})",
                "status": answer.status,
                **{goal.name: goal.value for goal in answer.goals[1:]},
                **bounds,
                "gap_percent": None if answer.gap is None else round(100 * answer.gap, 2),
                "greedy_shortage": simple.goal("shortage").value,
                "wall_seconds": round(time.perf_counter() - wall, 1),
                "cpu_seconds": round(time.process_time() - cpu, 1),
                "greedy_cpu_seconds": round(greedy_seconds, 2),
                "checker": "accepts" if not check(problem, answer) and not check(problem, simple) else "REFUSES",
            }
        )
    return rows


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    found = run()
    show("optimizer_weeks", found)
    save("optimizer_weeks", found)

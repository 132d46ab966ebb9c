"""Week plans of synthetic centers: seconds, status, bounds; ours against the greedy planner. Then days planned again.

Through `solve` and `callout`, as the commands do. Wall and CPU seconds both: on a busy machine the second is the fairer
figure. `python -m benchmarks.optimizer_weeks SECONDS 0 3` solves some of `CASES` with another budget.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from benchmarks._centers import Shape, center
from optimizer import Plan, Problem, callout, check, greedy, solve

CASES: tuple[tuple[str, Shape, float], ...] = (
    *((name, Shape(seed=seed, tight=name == "tight"), 30.0) for name in ("typical", "tight") for seed in (1, 2, 3)),
    ("shifts move, rooms combine", Shape(seed=1, flexible=True), 30.0),
    ("small center", Shape(rooms=3, room_staff=10, floats=2, seed=1), 30.0),
    ("30 rooms, 25 floats", Shape(rooms=30, room_staff=100, floats=25, seed=1), 60.0),
)
OUT = ("float01", "float05", "teacher07")  # one at a time, on the second day of a typical week


def run() -> list[dict[str, Any]]:
    """One row per center."""
    rows = [week(*case) for case in CASES]
    return rows + _call_outs()


def week(name: str, shape: Shape, seconds: float) -> dict[str, Any]:
    """One center's week: goals, bounds, seconds."""
    problem = center(shape)
    greedy_cpu = time.process_time()
    simple = greedy(problem)
    greedy_seconds = time.process_time() - greedy_cpu
    wall, cpu = time.perf_counter(), _children()
    answer = solve(problem, seconds)
    wall, cpu = time.perf_counter() - wall, _children() - cpu
    bounds: dict[str, Any] = {f"{goal.name}_bound": goal.bound for goal in answer.goals[1:]}
    return {
        "center": f"{name} (seed {shape.seed})",
        "status": answer.status,
        **{goal.name: goal.value for goal in answer.goals[1:]},
        **bounds,
        "gap_percent": None if answer.gap is None else round(100 * answer.gap, 2),
        "greedy_shortage": simple.goal("shortage").value,
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "greedy_cpu_seconds": round(greedy_seconds, 2),
        "checker": "accepts" if not check(problem, answer) and not check(problem, simple) else "REFUSES",
    }


def _call_outs() -> list[dict[str, Any]]:
    """One row per drill: the day planned again without one person, from the plan in force."""
    problem = center(Shape(seed=2))
    week, rows = solve(problem, 30.0), []
    for who in OUT:
        wall = time.perf_counter()
        drill = callout(problem, week, who, problem.days[1].day)
        wall = time.perf_counter() - wall
        goals: dict[str, Any] = {goal.name: goal.value for goal in drill.plan.goals[1:]}
        bounds: dict[str, Any] = {f"{goal.name}_bound": goal.bound for goal in drill.plan.goals[1:]}
        rows.append(
            {
                "center": f"{who} out",
                "status": drill.plan.status,
                **goals,
                **bounds,
                "wall_seconds": round(wall, 1),
                "changed_slots": _changed(drill.problem, drill.plan),
                "checker": "REFUSES" if check(drill.problem, drill.plan) else "accepts",
            }
        )
    return rows


def _changed(problem: Problem, plan: Plan) -> int:
    """Slots of adults who are elsewhere than in the plan in force."""
    was, now = (
        {(item.staff_id, t): (item.state, item.room_id) for item in found for t in range(item.start, item.end)}
        for found in (problem.current, plan.assignments)
    )
    return sum(was.get(key, place) != place for key, place in now.items())


def _children() -> float:
    """CPU seconds of all processes ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    if len(sys.argv) > 1:  # SECONDS and the numbers of weeks: shown, not kept
        chosen = [CASES[int(number)] for number in sys.argv[2:]]
        show("optimizer_weeks", [week(name, shape, float(sys.argv[1])) for name, shape, _ in chosen])
    else:
        found = run()
        show("optimizer_weeks", found)
        save("optimizer_weeks", found)

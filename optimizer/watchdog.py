"""`solve`: the planner behind a watchdog. Whatever the solver does, there is an answer, checked, in time."""

from __future__ import annotations

import json
import sys

from optimizer.check import check
from optimizer.conversation import conversation
from optimizer.plan import Plan
from optimizer.planner import SOLVE_SECONDS, greedy
from optimizer.problem import Problem

START_SECONDS = 10.0  # for the process to start and to write its answer
WORKER = (sys.executable, "-m", "optimizer.worker")


def solve(problem: Problem, seconds: float = SOLVE_SECONDS, command: tuple[str, ...] = WORKER) -> Plan:
    """The best plan found within `seconds`, accepted by the checker.

    The solver runs in a process of its own, which is ended when it overruns; then the last plan it told, or the greedy
    plan, is the answer. A plan that the checker refuses is never returned.
    """
    plans = _run(problem, seconds, command)
    for plan in reversed(plans):
        if not check(problem, plan):
            return plan
    return greedy(problem)


def _run(problem: Problem, seconds: float, command: tuple[str, ...]) -> list[Plan]:
    order = json.dumps({"problem": problem.model_dump_json(), "seconds": seconds})
    lines: list[str | None] = []
    with conversation(command, order, lines.append) as reader:
        reader.join(seconds + START_SECONDS)
    return [plan for line in lines if line and (plan := _readable(line))]


def _readable(line: str) -> Plan | None:
    try:
        return Plan.model_validate_json(line)
    except ValueError:
        return None  # cut off in the middle

"""`solve`: the planner behind a watchdog. Whatever the solver does, there is an answer, checked, in time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

from optimizer.check import check
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
    order = json.dumps({"problem": problem.model_dump_json(), "seconds": seconds}) + "\n"
    deadline = time.monotonic() + seconds + START_SECONDS
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lines: list[str] = []
    reader = threading.Thread(target=_talk, args=(process, order, lines), daemon=True)
    reader.start()
    reader.join(max(0.0, deadline - time.monotonic()))
    if process.poll() is None:
        process.kill()
    process.wait()
    reader.join(1.0)
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
    return [plan for line in lines if (plan := _readable(line))]


def _talk(process: subprocess.Popen[str], order: str, lines: list[str]) -> None:
    try:
        if process.stdin and process.stdout:
            process.stdin.write(order)
            process.stdin.close()
            for line in process.stdout:
                lines.append(line)  # noqa: PERF402 (each as it comes: the process may be ended)
    except (OSError, ValueError):
        return  # the process died or was ended: what it told so far counts


def _readable(line: str) -> Plan | None:
    try:
        return Plan.model_validate_json(line)
    except ValueError:
        return None  # cut off in the middle

"""The planner in a process of its own: a problem on standard input, running plans and the last on standard output."""

from __future__ import annotations

import json
import sys

from optimizer.plan import Plan
from optimizer.planner import plan
from optimizer.problem import Problem


def main() -> None:
    order = json.loads(sys.stdin.readline())
    problem = Problem.model_validate_json(order["problem"])
    _tell(plan(problem, float(order["seconds"]), watcher=_tell))


def _tell(found: Plan) -> None:
    sys.stdout.write(found.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

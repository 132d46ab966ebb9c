"""One part of the solution of a blocks problem in a process of its own: an order on standard input, findings as lines.

Orders: `search` (seed, swap_chance, deal_chance), `bound` (until), `model` (until, complete, seed). Findings: a cover,
or a bound with its prices (null: the solver's word).
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from optimizer.blocks.bound import Bound, linear_bound, stable_bound
from optimizer.blocks.case import Case, Ints
from optimizer.blocks.problem import BlocksProblem


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    case = Case.of(BlocksProblem.model_validate_json(order["problem"]))
    if order["part"] == "search":
        from optimizer.blocks.search import improve

        for cover in improve(case, order["seed"], order["swap_chance"], order["deal_chance"]):
            _tell_cover(cover)
    elif order["part"] == "bound":
        _tell_bound(stable_bound(case))
        _tell_bound(linear_bound(case, max(0.1, order["until"] - time.monotonic())))
    else:
        from optimizer.blocks.exact import best_by_model

        best, bound = best_by_model(case, order["until"], order["complete"], order["seed"])
        if best is not None:
            _tell_cover(best)
        _tell({"bound": bound, "prices": None})


def _tell_cover(cover: Ints) -> None:
    _tell({"cover": cover.tolist()})


def _tell_bound(found: Bound) -> None:
    _tell({"bound": found.cost, "prices": found.prices.tolist()})


def _tell(finding: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(finding) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""One part of the solution of a blocks problem in a process of its own: an order on standard input, findings as lines.

Orders: `search` (seed, swap_chance), `bound`, `highs` and `cp-sat` (cover, bound, seconds, seed). Findings: a cover,
or a bound with its prices (null: the solver's word).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from optimizer.blocks import BlocksProblem
from optimizer.blocks_case import Case, Ints, cover_of


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    case = Case.of(BlocksProblem.model_validate_json(order["problem"]))
    if order["part"] == "search":
        from optimizer.blocks_search import improve

        for cover in improve(case, order["seed"], order["swap_chance"]):
            _tell_cover(cover)
    elif order["part"] == "bound":
        from optimizer.blocks_bound import linear_bound

        found = linear_bound(case)
        _tell({"bound": found.cost, "prices": found.prices.tolist()})
    else:
        from optimizer.blocks_exact import prove_by_cp_sat, prove_by_highs

        last = order["bound"], order["seconds"], _tell_cover, _tell_bound, order["seed"]
        if order["part"] == "highs":
            prove_by_highs(case, *last)
        else:
            prove_by_cp_sat(case, cover_of(order["cover"]), *last)


def _tell_cover(cover: Ints) -> None:
    _tell({"cover": cover.tolist()})


def _tell_bound(bound: int) -> None:
    _tell({"bound": bound, "prices": None})


def _tell(finding: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(finding) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

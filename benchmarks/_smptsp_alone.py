"""HiGHS or CP-SAT alone on a blocks problem: `python -m benchmarks._smptsp_alone highs|cpsat FILE SECONDS`.

The plain model: each block once, at most one of each clique of overlapping blocks per used float, fewest used floats.
Two workers (of HiGHS as many as it takes by itself), no hint, no bound of ours. Prints one line of JSON: value (null:
none found) and bound.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from math import ceil
from pathlib import Path

import numpy as np
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from optimizer import read_blocks
from optimizer.blocks.case import Case

WORKERS = 2


def by_highs(case: Case, seconds: float) -> tuple[int | None, int]:
    model = mathopt.Model()
    used = [model.add_binary_variable() for _ in case.able]
    does = {(int(w), int(j)): model.add_binary_variable() for w, j in np.argwhere(case.able)}
    for j, able in enumerate(case.qualified):
        model.add_linear_constraint(mathopt.LinearSum(does[int(w), j] for w in able) == 1)
    for w, variable in enumerate(used):
        for clique in case.cliques(np.flatnonzero(case.able[w])):
            model.add_linear_constraint(mathopt.LinearSum(does[w, int(j)] for j in clique) <= variable)
    model.minimize(mathopt.LinearSum(used))
    answer = mathopt.solve(
        model,
        mathopt.SolverType.HIGHS,
        params=mathopt.SolveParameters(time_limit=timedelta(seconds=seconds), absolute_gap_tolerance=0.99),
    )
    proven = answer.termination.reason == mathopt.TerminationReason.OPTIMAL
    value = round(answer.objective_value()) if answer.has_primal_feasible_solution() else None
    bound = answer.best_objective_bound()
    return value, value if proven and value is not None else max(0, ceil(bound - 1e-6)) if np.isfinite(bound) else 0


def by_cpsat(case: Case, seconds: float) -> tuple[int | None, int]:
    model = cp_model.CpModel()
    used = [model.new_bool_var("") for _ in case.able]
    does = {(int(w), int(j)): model.new_bool_var("") for w, j in np.argwhere(case.able)}
    for j, able in enumerate(case.qualified):
        model.add_exactly_one(does[int(w), j] for w in able)
    for w, variable in enumerate(used):
        for clique in case.cliques(np.flatnonzero(case.able[w])):
            model.add_at_most_one([variable.negated(), *(does[w, int(j)] for j in clique)])
    model.minimize(sum(used))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = WORKERS
    found = solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return round(solver.objective_value) if found else None, max(0, round(solver.best_objective_bound))


def main() -> None:
    who, file, seconds = sys.argv[1:]
    value, bound = (by_highs if who == "highs" else by_cpsat)(Case.of(read_blocks(Path(file))), float(seconds))
    print(json.dumps({"value": value, "bound": bound}))


if __name__ == "__main__":
    main()

"""The exact model (HiGHS): at most one block of each clique per float, and none by a float that is not used."""

from __future__ import annotations

import time
from datetime import timedelta
from math import ceil, isfinite

import numpy as np

from optimizer.blocks.case import Case, Ints
from optimizer.solver_library import mathopt


def best_by_model(case: Case, until: float, complete: bool, seed: int = 0) -> tuple[Ints | None, int]:
    """The best cover found by `until` (monotonic seconds; HiGHS may overrun) and a bound on its `Case.cost`.

    `complete`: a cover is known that leaves out only blocks nobody may do, so that nothing else need be left out.
    """
    model = mathopt.Model()
    used = [model.add_binary_variable() for _ in case.able]
    does = {(int(w), int(j)): model.add_binary_variable() for w, j in np.argwhere(case.able)}
    cost = mathopt.LinearSum(used)
    for j, able in enumerate(case.qualified):
        doers = mathopt.LinearSum(does[int(w), j] for w in able)
        if complete and len(able):
            model.add_linear_constraint(doers == 1)
        else:
            left = model.add_binary_variable()
            model.add_linear_constraint(doers + left == 1)
            cost += float(case.dear * case.weight[j]) * left
    for w, variable in enumerate(used):
        for clique in case.cliques(np.flatnonzero(case.able[w])):
            model.add_linear_constraint(mathopt.LinearSum(does[w, int(j)] for j in clique) <= variable)
    model.minimize(cost)
    limits = mathopt.SolveParameters(
        time_limit=timedelta(seconds=max(0.1, until - time.monotonic())), random_seed=seed, absolute_gap_tolerance=0.99
    )
    answer = mathopt.solve(model, mathopt.SolverType.HIGHS, params=limits)
    bound = answer.best_objective_bound()
    return _cover(case, does, answer), ceil(bound - 1e-6) if isfinite(bound) else 0


def _cover(
    case: Case, does: dict[tuple[int, int], mathopt.Variable], answer: mathopt.SolveResult
) -> Ints | None:  # fmt: skip
    if not answer.has_primal_feasible_solution():
        return None
    values = answer.variable_values()
    cover = np.full(len(case.start), -1, dtype=np.int64)
    for (w, j), variable in does.items():
        if values[variable] > 0.5:
            cover[j] = w
    return cover

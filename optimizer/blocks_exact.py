"""The exact model, for two solvers: at most one block of each clique per float, and none by a float that is not used.

HiGHS closes what linear programming nearly closes; CP-SAT tells each better cover as it is found. One thread each.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import ceil, isfinite

import numpy as np
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from optimizer.blocks_case import Case, Ints

Tell = Callable[[Ints], None]
TellBound = Callable[[int], None]


def prove_by_highs(case: Case, bound: int, seconds: float, tell: Tell, tell_bound: TellBound, seed: int = 0) -> None:
    """Tell the best cover and bound (costs as of `Case.cost`) when HiGHS ends, which may be too late: it overruns."""
    model = mathopt.Model()
    does = {(int(w), int(j)): model.add_binary_variable() for w, j in np.argwhere(case.able)}
    left = [model.add_binary_variable() for _ in range(len(case.start))]
    used = [model.add_binary_variable() for _ in range(len(case.able))]
    for j, able in enumerate(case.qualified):
        model.add_linear_constraint(left[j] + mathopt.LinearSum(does[int(w), j] for w in able) == 1)
    for w, variable in enumerate(used):
        for clique in case.cliques(np.flatnonzero(case.able[w])):
            model.add_linear_constraint(mathopt.LinearSum(does[w, int(j)] for j in clique) <= variable)
    cost = mathopt.LinearSum(used) + mathopt.LinearSum(
        float(case.dear * w) * out for w, out in zip(case.weight.tolist(), left, strict=True)
    )
    model.add_linear_constraint(cost >= bound)
    model.minimize(cost)
    limits = mathopt.SolveParameters(
        time_limit=timedelta(seconds=max(0.01, seconds)), random_seed=seed, absolute_gap_tolerance=0.99
    )
    answer = mathopt.solve(model, mathopt.SolverType.HIGHS, params=limits)
    if answer.has_primal_feasible_solution():
        values = answer.variable_values()
        tell(_cover(case, {pair for pair, variable in does.items() if values[variable] > 0.5}))
    if isfinite(answer.best_objective_bound()):
        tell_bound(ceil(answer.best_objective_bound() - 1e-6))


def prove_by_cp_sat(
    case: Case, start: Ints, bound: int, seconds: float, tell: Tell, tell_bound: TellBound, seed: int = 0
) -> None:
    """Improve on `start` and on `bound` (costs as of `Case.cost`) until they meet."""
    model = cp_model.CpModel()
    does = {(int(w), int(j)): model.new_bool_var("") for w, j in np.argwhere(case.able)}
    left = [model.new_bool_var("") for _ in range(len(case.start))]
    used = [model.new_bool_var("") for _ in range(len(case.able))]
    for j, able in enumerate(case.qualified):
        model.add_exactly_one([left[j], *(does[int(w), j] for w in able)])
    for w, variable in enumerate(used):
        for clique in case.cliques(np.flatnonzero(case.able[w])):
            model.add_at_most_one([variable.negated(), *(does[w, int(j)] for j in clique)])
    cost = sum(used) + sum(int(case.dear * case.weight[j]) * out for j, out in enumerate(left))
    model.add(cost >= bound)
    model.minimize(cost)
    for (w, j), variable in does.items():
        model.add_hint(variable, bool(start[j] == w))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.01, seconds)
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.best_bound_callback = lambda value: tell_bound(round(value))
    status = solver.solve(model, _Told(case, does, tell))
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        tell_bound(round(solver.best_objective_bound))


class _Told(cp_model.CpSolverSolutionCallback):
    def __init__(self, case: Case, does: dict[tuple[int, int], cp_model.IntVar], tell: Tell) -> None:
        super().__init__()
        self.case, self.does, self.tell = case, does, tell

    def on_solution_callback(self) -> None:
        self.tell(_cover(self.case, {pair for pair, variable in self.does.items() if self.value(variable)}))


def _cover(case: Case, chosen: set[tuple[int, int]]) -> Ints:
    cover = np.full(len(case.start), -1, dtype=np.int64)
    for w, j in chosen:
        cover[j] = w
    return cover

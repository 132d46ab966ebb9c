"""The exact model (CP-SAT): at most one block of each clique per float, and none by a float that is not used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ortools.sat.python import cp_model

from optimizer.blocks_case import Case, Ints

Tell = Callable[[Ints], None]
TellBound = Callable[[int], None]


def prove(
    case: Case, start: Ints, bound: int, seconds: float, tell: Tell, tell_bound: TellBound, seed: int = 0
) -> None:
    """Improve on `start` and on `bound` (costs as of `Case.cost`) until they meet; one thread."""
    model = cp_model.CpModel()
    does = {(int(w), int(j)): model.new_bool_var("") for w, j in np.argwhere(case.able)}
    left = [model.new_bool_var("") for _ in range(len(case.start))]
    used = [model.new_bool_var("") for _ in range(len(case.able))]
    for j, able in enumerate(case.qualified):
        model.add_exactly_one([left[j], *(does[int(w), j] for w in able)])
    for w in range(len(used)):
        for clique in case.cliques(np.flatnonzero(case.able[w])):
            model.add_at_most_one([used[w].negated(), *(does[w, int(j)] for j in clique)])
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
    status = solver.solve(model, _Told(does, len(left), tell))
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        tell_bound(round(solver.best_objective_bound))


class _Told(cp_model.CpSolverSolutionCallback):
    def __init__(self, does: dict[tuple[int, int], cp_model.IntVar], blocks: int, tell: Tell) -> None:
        super().__init__()
        self.does, self.blocks, self.tell = does, blocks, tell

    def on_solution_callback(self) -> None:
        cover = np.full(self.blocks, -1, dtype=np.int64)
        for (w, j), variable in self.does.items():
            if self.value(variable):
                cover[j] = w
        self.tell(cover)

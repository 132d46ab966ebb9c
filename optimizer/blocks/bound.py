"""What no cover can beat, with prices as proof: by blocks that need a float each, then by linear programming.

If each block has a price of at most what leaving it uncovered costs, and no float can earn more than `1 + surplus` with
blocks one after another, then every cover costs at least the prices less the surpluses (duality of linear programs).
Prices are whole numbers in 1/UNIT so that the sum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from optimizer.blocks.case import Case, Ints, Reals

UNIT = 1_000_000


@dataclass(frozen=True)
class Bound:
    cost: int  # as Case.cost counts
    prices: Ints  # 1/UNIT


def peak_bound(case: Case) -> Bound:
    """Those who overlap at the busiest instant need a float each; blocks nobody may do stay uncovered."""
    possible = case.able.any(axis=0)
    prices = np.where(possible, 0, UNIT * case.dear * case.weight)
    cliques = case.cliques(np.flatnonzero(possible))
    if cliques:
        prices[max(cliques, key=len)] = UNIT
    return Bound(worth(case, prices), prices)


def stable_bound(case: Case) -> Bound:
    """Blocks of which no float can do two need a float each: a set of such, picked one by one."""
    able = case.able.astype(np.float32)
    apart = case.start[:, None] >= case.end
    both = (able.T @ able > 0) & (apart | apart.T)  # one float may do both
    left = np.array(case.able.any(axis=0))
    prices = np.where(left, 0, UNIT * case.dear * case.weight)
    rivals = both.sum(axis=1)
    while left.any():
        picked = np.where(left, rivals, len(left)).argmin()
        prices[picked] = UNIT
        gone = left & both[picked]
        gone[picked] = True
        left &= ~gone
        rivals -= both[:, gone].sum(axis=1)
    return Bound(worth(case, prices), prices)


def linear_bound(case: Case, seconds: float = inf) -> Bound:
    """The bound of the linear program in which floats may be split over chains of blocks, or what the time allows."""
    possible = np.flatnonzero(case.able.any(axis=0))
    prices = UNIT * case.dear * case.weight
    if len(possible):
        program = _Program(case, possible)
        prices[possible] = np.clip(np.rint(UNIT * program.prices(seconds)).astype(np.int64), 0, prices[possible])
    return Bound(worth(case, prices), prices)


def worth(case: Case, prices: Ints) -> int:
    """The bound on a cover's cost that these prices prove."""
    earned = _most_earned(case, prices)
    total = int(prices.sum()) - int(np.maximum(earned - UNIT, 0).sum())
    return max(0, -((-total) // UNIT))


def _most_earned(case: Case, prices: Ints) -> Ints:
    """Per float the highest sum of prices of qualified blocks that do not overlap."""
    order = np.lexsort((case.start, case.end))
    ends = case.end[order]
    best = np.zeros((len(order) + 1, len(case.able)), dtype=np.int64)
    before = np.searchsorted(ends, case.start[order], side="right")
    for row, block in enumerate(order.tolist()):
        taken = best[min(int(before[row]), row)] + prices[block]
        best[row + 1] = np.where(case.able[:, block], np.maximum(best[row], taken), best[row])
    earned: Ints = best[-1]
    return earned


class _Program:
    """A flow per float from clique to clique, through a block or idle. Rows: blocks, then cliques per float."""

    def __init__(self, case: Case, possible: Ints) -> None:
        self.case, self.row_of = case, {int(block): row for row, block in enumerate(possible)}
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.values: list[float] = []
        self.cost: list[float] = []
        self.ceiling: list[float] = []
        self.height = len(possible)
        for block in possible.tolist():  # left uncovered
            self._column(float(case.dear * case.weight[block]), inf, (self.row_of[block], 1.0))
        for adult in range(len(case.able)):
            blocks = np.flatnonzero(case.able[adult])
            if len(blocks):
                self._add_float(blocks)

    def prices(self, seconds: float) -> Reals:
        """Dual values of the blocks' rows, to about 1/UNIT; less exact ones when the time is over, which prove less.

        (A first-order method: a fraction of the time of interior points, and exact enough for a bound in whole floats.)
        """
        from ortools.pdlp import solvers_pb2
        from ortools.pdlp.python import pdlp
        from scipy.sparse import csc_matrix  # these take a while to import; most questions need no program

        program, right = pdlp.QuadraticProgram(), np.zeros(self.height)
        right[: len(self.row_of)] = 1.0
        shape = (self.height, len(self.cost))
        program.constraint_matrix = csc_matrix((self.values, (self.rows, self.columns)), shape=shape)
        program.constraint_lower_bounds = program.constraint_upper_bounds = right
        program.objective_vector = np.array(self.cost)
        program.variable_lower_bounds, program.variable_upper_bounds = np.zeros(len(self.cost)), np.array(self.ceiling)
        limits = solvers_pb2.TerminationCriteria(time_sec_limit=seconds)
        limits.simple_optimality_criteria.eps_optimal_absolute = 1 / UNIT
        limits.simple_optimality_criteria.eps_optimal_relative = 1 / UNIT
        order = solvers_pb2.PrimalDualHybridGradientParams(termination_criteria=limits)
        answer = pdlp.primal_dual_hybrid_gradient(program, order)
        prices: Reals = np.nan_to_num(answer.dual_solution[: len(self.row_of)])
        return prices

    def _add_float(self, blocks: Ints) -> None:
        """What flows at a clique is a block or idleness; it comes from what ended before, at first from `used`."""
        instants = self.case.instants(blocks)
        first = self.height
        self.height += len(instants)
        from_clique = np.searchsorted(instants, self.case.start[blocks], "left") + first
        to_clique = np.searchsorted(instants, self.case.end[blocks], "left") + first
        for block, enters, leaves in zip(blocks.tolist(), from_clique.tolist(), to_clique.tolist(), strict=True):
            self._column(0.0, inf, (self.row_of[block], 1.0), (enters, 1.0), (leaves, -1.0))
        self._column(1.0, 1.0, (first, -1.0))
        for row in range(first, self.height):
            self._column(0.0, inf, (row, 1.0), (row + 1, -1.0))

    def _column(self, cost: float, ceiling: float, *entries: tuple[int, float]) -> None:
        number = len(self.cost)
        self.cost.append(cost)
        self.ceiling.append(ceiling)
        for row, value in entries:
            if row < self.height:  # the flow ends after the last clique
                self.rows.append(row)
                self.columns.append(number)
                self.values.append(value)

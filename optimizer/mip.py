"""A mixed-integer programme as plain columns and rows, and HiGHS (inside OR-Tools' MathOpt) at work on it.

A variable is the number of its column. The library's own objects cost more time than most of our programmes take to
solve; so the whole is kept in lists, and handed over as one message, of all columns or of those that are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.solver_library import mathopt

Variable: TypeAlias = int
Terms: TypeAlias = list[tuple[Variable, float]]
Values: TypeAlias = Mapping[Variable, float]
Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answer:
    """The best values found (none: not in time), the bound (inf: there are none), of a relaxation the reduced costs."""

    values: Values
    bound: float
    reduced: Values


NOTHING = Answer({}, -inf, {})


@dataclass(slots=True)
class Mip:
    """Columns with bounds, some of them whole numbers, and rows `low <= sum of coefficient x column <= high`."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    row_low: list[float] = field(default_factory=list)
    row_high: list[float] = field(default_factory=list)
    _starts: list[int] = field(default_factory=lambda: [0])
    _columns: list[Variable] = field(default_factory=list)
    _prices: list[float] = field(default_factory=list)

    def add(self, low: float, high: float, whole: bool = False) -> Variable:
        self.low.append(low)
        self.high.append(high)
        self.whole.append(whole)
        return len(self.low) - 1

    def row(self, terms: Iterable[tuple[Variable, float]], low: float, high: float) -> int:
        """Add a row; its number, by which it may be dropped."""
        summed: dict[Variable, float] = {}
        for var, coefficient in terms:
            summed[var] = summed.get(var, 0.0) + coefficient
        for var in sorted(summed):
            if summed[var]:
                self._columns.append(var)
                self._prices.append(summed[var])
        self._starts.append(len(self._columns))
        self.row_low.append(low)
        self.row_high.append(high)
        return len(self.row_low) - 1

    def drop(self, row: int) -> None:
        self.row_low[row], self.row_high[row] = -inf, inf

    def minimize(
        self, terms: Terms, seconds: float, seed: int, tolerance: float, known: Values, relaxed: bool
    ) -> Answer:
        """Over all columns. May raise what the solver raises."""
        whole = Parts(self, terms)
        if relaxed:
            whole.whole[:] = False
        values = np.zeros(len(self.low))
        return whole.minimize(values == 0.0, values, seconds, seed, tolerance, known, relaxed)

    def entries(self) -> tuple[Numbers, Numbers, Floats]:
        """Row, column and coefficient of all that is not zero, row after row."""
        rows = np.repeat(np.arange(len(self.row_low)), np.diff(self._starts))
        return rows, np.array(self._columns, dtype=np.int64), np.array(self._prices, dtype=np.float64)


class Parts:
    """A Mip as it is now, of which parts are solved: some columns free, the others as they are known."""

    def __init__(self, mip: Mip, terms: Terms) -> None:
        self.low, self.high = np.array(mip.low), np.array(mip.high)
        self.whole = np.array(mip.whole, dtype=bool)
        self.row_low, self.row_high = np.array(mip.row_low), np.array(mip.row_high)
        self.row, self.column, self.coefficient = mip.entries()
        self.terms = terms

    def rows_of(self, free: Mask) -> Mask:
        """Rows in which any of the columns is."""
        rows = np.zeros(len(self.row_low), dtype=bool)
        rows[self.row[free[self.column]]] = True
        return rows

    def columns_of(self, rows: Mask) -> Mask:
        columns = np.zeros(len(self.low), dtype=bool)
        columns[self.column[rows[self.row]]] = True
        return columns

    def minimize(
        self,
        free: Mask,
        values: Floats,
        seconds: float,
        seed: int,
        tolerance: float,
        known: Values,
        relaxed: bool = False,
    ) -> Answer:
        """Over the free columns; of the rows only those count in which one of them is. May raise."""
        rows, inside = self.rows_of(free), free[self.column]
        rest = np.bincount(
            self.row[~inside], self.coefficient[~inside] * values[self.column[~inside]], minlength=len(rows)
        )
        message = mathopt.Model().export_model()  # columns and rows keep their numbers in it
        message.variables.ids.extend(np.flatnonzero(free).tolist())
        message.variables.lower_bounds.extend(self.low[free].tolist())
        message.variables.upper_bounds.extend(self.high[free].tolist())
        message.variables.integers.extend(self.whole[free].tolist())
        message.linear_constraints.ids.extend(np.flatnonzero(rows).tolist())
        message.linear_constraints.lower_bounds.extend((self.row_low - rest)[rows].tolist())
        message.linear_constraints.upper_bounds.extend((self.row_high - rest)[rows].tolist())
        message.linear_constraint_matrix.row_ids.extend(self.row[inside].tolist())
        message.linear_constraint_matrix.column_ids.extend(self.column[inside].tolist())
        message.linear_constraint_matrix.coefficients.extend(self.coefficient[inside].tolist())
        _price(message, [(var, price) for var, price in self.terms if free[var]])
        return _solve(message, seconds, seed, tolerance, known, relaxed)


def _price(message: Any, terms: Terms) -> None:
    prices: dict[Variable, float] = {}
    for var, price in terms:
        prices[var] = prices.get(var, 0.0) + price
    chosen = sorted(var for var, price in prices.items() if price)
    message.objective.linear_coefficients.ids.extend(chosen)
    message.objective.linear_coefficients.values.extend(prices[var] for var in chosen)


def _solve(message: Any, seconds: float, seed: int, tolerance: float, known: Values, relaxed: bool) -> Answer:
    model = mathopt.Model.from_model_proto(message)
    hint = {model.get_variable(var, validate=False): value for var, value in known.items()}
    params = mathopt.SolveParameters(
        time_limit=timedelta(seconds=seconds),
        random_seed=seed,
        relative_gap_tolerance=0.0,
        absolute_gap_tolerance=tolerance,
        lp_algorithm=mathopt.LPAlgorithm.BARRIER if relaxed else None,
    )
    hints = [mathopt.SolutionHint(variable_values=hint)] if hint else []
    answer = mathopt.solve(
        model,
        mathopt.SolverType.HIGHS,
        params=params,
        model_params=mathopt.ModelSolveParameters(
            solution_hints=hints,
            variable_values_filter=mathopt.SparseVectorFilter(skip_zero_values=True),
            reduced_costs_filter=mathopt.SparseVectorFilter(skip_zero_values=True),
            dual_values_filter=mathopt.SparseVectorFilter(filtered_items=()),
        ),
    )
    found = answer.has_primal_feasible_solution()
    reduced = answer.reduced_costs() if relaxed and found and answer.has_dual_feasible_solution() else {}
    return Answer(
        dict.fromkeys(message.variables.ids, 0.0) | _by_number(answer.variable_values()) if found else {},
        answer.termination.objective_bounds.dual_bound,
        _by_number(reduced),
    )


def _by_number(values: Mapping[Any, float]) -> dict[Variable, float]:
    return {var.id: value for var, value in values.items()}

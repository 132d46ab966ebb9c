"""HiGHS at work on one day: minimize and bound; the day in head counts (`pool`) first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from math import gcd, inf

from ortools.math_opt.python import mathopt

from optimizer.constraints import CONSTRAINTS
from optimizer.day_model import DayModel, Terms, Variable
from optimizer.day_values import is_one
from optimizer.goals import cost, haste, obligations, shortage
from optimizer.pool import Face, build_pool, face_of, pool_points

_LEAST_SECONDS = 0.05
Values = Mapping[Variable, float]


@dataclass(slots=True)
class DayBounds:
    """Per goal what no plan of the day beats that does as well on the goals before it (in the units of `goals`)."""

    goals: dict[str, float] = field(default_factory=dict)
    duty: float = 0.0  # slots of float duty needed at least


@dataclass(slots=True)
class Pooled:
    """The day in head counts: the least shortage any plan can have, and where breaks and shifts go."""

    breaks: dict[tuple[str, str], int]
    shifts: dict[str, tuple[int, int]]
    combined: set[tuple[int, int]]
    bounds: DayBounds
    face: Face


@dataclass(frozen=True, slots=True)
class Answer:
    """The best values found (none: nothing was found in time), the bound, and for a relaxation the reduced costs."""

    values: Values
    bound: float
    reduced: Values


def build(m: DayModel, constraints: Iterable[Callable[[DayModel], None]] = CONSTRAINTS) -> DayModel:
    """Add the constraints to the variables."""
    for constraint in constraints:
        constraint(m)
    return m


def pool_day(m: DayModel, seconds: float, seed: int) -> Pooled | None:
    """Solve the pooled day: obligations and shortage, then haste and cost, then few arrivals."""
    build_pool(m)
    deadline = time.monotonic() + seconds
    first = strictly_before(obligations(m), shortage(m))
    relaxed = minimize(m, first, seconds, seed, relaxed=True)
    answer = minimize(m, first, seconds, seed, step_below(first))
    if not answer.values:
        return None
    missed, exact = total(answer.values, obligations(m)), total(answer.values, shortage(m))
    proven = answer.bound > total(answer.values, first) - step_below(first) - 1e-6
    bounds = {"obligations": float(round(missed)) if proven else 0.0}
    bounds["shortage"] = exact if proven else 0.0 if missed else max(0.0, answer.bound)
    face = face_of(m, relaxed.reduced, total(answer.values, first) - relaxed.bound if proven else inf)
    values = answer.values
    m.row(first, -inf, total(values, first) + 0.01)
    for terms, tolerance in ((strictly_before(haste(m), cost(m)), 0.99), (pool_points(m), 2.99)):
        if terms:
            left = max(_LEAST_SECONDS, min(deadline - time.monotonic(), 1.0))
            values = minimize(m, terms, left, seed, tolerance, values).values or values
            m.row(terms, -inf, total(values, terms) + 0.01)
    return _read_pool(m, values, DayBounds(bounds), face)


def minimize(
    m: DayModel,
    terms: Terms,
    seconds: float,
    seed: int,
    tolerance: float = 0.0,
    known: Values | None = None,
    relaxed: bool = False,
) -> Answer:
    """A gap below `tolerance` counts as none. Relaxed: choices may be split. Never raises: HiGHS has failed before."""
    m.mip.minimize(mathopt.LinearSum(var * price for var, price in terms))
    hints = [mathopt.SolutionHint(variable_values=dict(known))] if known else []
    params = mathopt.SolveParameters(
        time_limit=timedelta(seconds=seconds),
        random_seed=seed,
        relative_gap_tolerance=0.0,
        absolute_gap_tolerance=tolerance,
    )
    try:
        with _continuous(m) if relaxed else nullcontext():
            answer = mathopt.solve(
                m.mip,
                mathopt.SolverType.HIGHS,
                params=params,
                model_params=mathopt.ModelSolveParameters(solution_hints=hints),
            )
    except Exception:  # noqa: BLE001 (an error inside the solver is no reason to be without a plan)
        return Answer({}, -inf, {})
    found = answer.has_primal_feasible_solution()
    reduced = answer.reduced_costs() if relaxed and found and answer.has_dual_feasible_solution() else {}
    return Answer(answer.variable_values() if found else {}, answer.termination.objective_bounds.dual_bound, reduced)


def total(values: Values, terms: Terms) -> float:
    return sum(values[var] * price for var, price in terms)


def strictly_before(first: Terms, second: Terms) -> Terms:
    """One objective in which a unit of the first outweighs whatever one adult can do for the second in a day."""
    weight = max((price for _, price in second), default=0.0) * 200 + 1
    return [*((var, price * weight) for var, price in first), *second]


def step_below(terms: Terms) -> float:
    """Just below the smallest difference between two values of the objective."""
    prices = [round(price) for _, price in terms if price]
    return max(0.01, 0.99 * gcd(*prices)) if prices else 0.01


@contextmanager
def _continuous(m: DayModel) -> Iterator[None]:
    whole = [var for var in m.mip.variables() if var.integer]
    for var in whole:
        var.integer = False
    try:
        yield
    finally:
        for var in whole:
            var.integer = True


def _read_pool(m: DayModel, values: Values, bounds: DayBounds, face: Face) -> Pooled:
    breaks = {(who, name): t for (who, name, t), starts in m.pause.items() if is_one(values, starts[0])}
    starts = {who: t for (who, t), var in m.begin.items() if is_one(values, var)}
    ends = {who: t for (who, t), var in m.finish.items() if is_one(values, var)}
    shifts = {who: (starts[who], ends[who]) for who in starts}
    combined = {key for key, var in m.combined.items() if is_one(values, var)}
    return Pooled(breaks, shifts, combined, bounds, face)

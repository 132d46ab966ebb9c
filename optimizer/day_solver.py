"""HiGHS at work on one day: first head counts (bound, breaks, shifts, combined rooms), then who goes where."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import gcd, inf

from ortools.math_opt.python import mathopt

from optimizer.constraints import CONSTRAINTS
from optimizer.day_model import DayModel, Terms, Variable
from optimizer.day_plan import DayPlan
from optimizer.day_values import as_values, is_one, read_day
from optimizer.goals import cost, disruption, haste, obligations, shortage
from optimizer.greedy import polish_day
from optimizer.pool import build_pool, pool_points

_FOUND = (mathopt.TerminationReason.OPTIMAL, mathopt.TerminationReason.FEASIBLE)
_LEAST_SECONDS = 0.05


@dataclass(slots=True)
class DayBounds:
    """Per goal what no plan of the day beats, given the goals before it (in the units of `goals`)."""

    goals: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Pooled:
    """The day in head counts: the least shortage any plan can have, and where breaks and shifts go."""

    breaks: dict[tuple[str, str], int]
    shifts: dict[str, tuple[int, int]]
    combined: set[tuple[int, int]]
    bounds: DayBounds


def build(m: DayModel, constraints: Iterable[Callable[[DayModel], None]] = CONSTRAINTS) -> DayModel:
    """Add the constraints to the variables."""
    for constraint in constraints:
        constraint(m)
    return m


def pool_day(m: DayModel, seconds: float, seed: int) -> Pooled | None:
    """Solve the pooled day: obligations and shortage, then haste and cost, then few arrivals."""
    build_pool(m)
    deadline = time.monotonic() + seconds
    bounds = DayBounds()
    values: Mapping[Variable, float] = {}
    first = strictly_before(obligations(m), shortage(m))
    for name, terms, tolerance in (
        ("shortage", first, step_below(first)),
        ("cost", strictly_before(haste(m), cost(m)), 0.99),
        ("disruption", pool_points(m), 2.99),
    ):
        if not terms:
            continue
        left = max(_LEAST_SECONDS, min(deadline - time.monotonic(), 1.0 if name == "disruption" else inf))
        answer = minimize(m, terms, left, seed, tolerance, values)
        if answer is None and not values:
            return None
        if answer is not None:
            values, bound = answer
            if name == "shortage":
                missed = round(sum(values[var] for var, _ in obligations(m)))
                value = sum(values[var] * price for var, price in first)
                proven = bound > value - step_below(first) - 1e-6
                exact = sum(values[var] * price for var, price in shortage(m))
                bounds.goals = {"obligations": float(missed) if proven else 0.0}
                bounds.goals["shortage"] = exact if proven else max(0.0, bound) if not missed else 0.0
        reached = sum(values[var] * price for var, price in terms)
        m.row(terms, -inf, reached + 0.01)
    return _read_pool(m, values, bounds)


def minimize(
    m: DayModel, terms: Terms, seconds: float, seed: int, tolerance: float, known: Mapping[Variable, float]
) -> tuple[Mapping[Variable, float], float] | None:
    """Values and bound; None when nothing was found. A gap below `tolerance` counts as none."""
    m.mip.minimize(mathopt.LinearSum(var * price for var, price in terms))
    hints = [mathopt.SolutionHint(variable_values=dict(known))] if known else []
    answer = mathopt.solve(
        m.mip,
        mathopt.SolverType.HIGHS,
        params=mathopt.SolveParameters(
            time_limit=timedelta(seconds=seconds),
            random_seed=seed,
            relative_gap_tolerance=0.0,
            absolute_gap_tolerance=tolerance,
        ),
        model_params=mathopt.ModelSolveParameters(solution_hints=hints),
    )
    if answer.termination.reason not in _FOUND:
        return None
    return answer.variable_values(), answer.best_objective_bound()


def refine_day(m: DayModel, day: DayPlan, pooled: Pooled, seconds: float, seed: int) -> tuple[DayPlan, DayBounds]:
    """From a plan of the day, the breaks of those who never move as they are: improve who goes where, goal by goal."""
    build(m)
    deadline = time.monotonic() + seconds
    for terms in (strictly_before(obligations(m), shortage(m)), strictly_before(haste(m), disruption(m))):
        left = (deadline - time.monotonic()) * 0.6
        if not terms or left < _LEAST_SECONDS:
            continue
        answer = minimize(m, terms, left, seed, step_below(terms), as_values(m, day))
        if answer is None:
            break
        values, _ = answer
        m.row(terms, -inf, sum(values[var] * price for var, price in terms) + 0.01)
        day = polish_day(m.ground, m.roster, m.demand, read_day(m, day, values))
    return day, pooled.bounds


def strictly_before(first: Terms, second: Terms) -> Terms:
    """One objective in which a unit of the first outweighs whatever one adult can do for the second in a day."""
    weight = max((price for _, price in second), default=0.0) * 200 + 1
    return [*((var, price * weight) for var, price in first), *second]


def step_below(terms: Terms) -> float:
    """Just below the smallest difference between two values of the objective."""
    prices = [round(price) for _, price in terms if price]
    return max(0.01, 0.99 * gcd(*prices)) if prices else 0.01


def _read_pool(m: DayModel, values: Mapping[Variable, float], bounds: DayBounds) -> Pooled:
    breaks = {(who, name): t for (who, name, t), var in m.pause.items() if is_one(values, var)}
    starts = {who: t for (who, t), var in m.begin.items() if is_one(values, var)}
    ends = {who: t for (who, t), var in m.finish.items() if is_one(values, var)}
    shifts = {who: (starts[who], ends[who]) for who in starts}
    combined = {key for key, var in m.combined.items() if is_one(values, var)}
    return Pooled(breaks, shifts, combined, bounds)

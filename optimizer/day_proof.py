"""The whole day at once, goal after goal, from a known plan: bounds that hold for every plan of the day."""

from __future__ import annotations

import time
from dataclasses import replace
from math import inf

from optimizer.day_model import DayModel
from optimizer.day_plan import DayPlan
from optimizer.day_search import close
from optimizer.day_solver import DayBounds, Pooled, minimize, step_below, strictly_before, total
from optimizer.day_values import as_values, read_day
from optimizer.goals import cost, disruption, haste, obligations, shortage
from optimizer.mip import Values
from optimizer.pool import fix_missing

_LEAST_SECONDS = 0.05
_SECONDS_PER_COLUMN = 1e-4  # less is not enough for the relaxation, and without it there is no bound
SHARES = {"shortage": 0.3, "haste": 0.3, "cost": 0.3, "disruption": 1.0}  # of the time left, goal by goal


def prove_day(
    m: DayModel, day: DayPlan, values: Values, pooled: Pooled, seconds: float, seed: int
) -> tuple[DayPlan, Values, DayBounds]:
    """A plan at least as good on every goal in turn, its values (none: not even the first goal was answered), bounds.

    Each goal is asked under the values the plan has on the goals before it; a goal is proven when its bound meets its
    value. `values` are those of the day, or empty: then the first goals are asked from the start.
    """
    deadline = time.monotonic() + seconds
    bounds = pooled.bounds
    proven = replace(bounds, goals=dict(bounds.goals))
    known = values or as_values(m, day)
    first = strictly_before(obligations(m), shortage(m))
    stages = {"shortage": first, "haste": haste(m), "cost": cost(m), "disruption": disruption(m)}
    for name, terms in stages.items():
        if not terms:
            continue
        step = step_below(terms)
        left = (deadline - time.monotonic()) * SHARES[name]
        settled = values and (total(values, terms) < 0.5 or (name == "shortage" and _reached(m, values, bounds)))
        hopeless = values and left < proof_seconds(m)
        if not settled and not hopeless:
            answer = minimize(m, terms, max(_LEAST_SECONDS, left), seed, step, known)
            if answer.values:
                values = known = answer.values
                day = read_day(m, day, values)
            if not values:
                break
            met = answer.bound > total(values, terms) - step - 1e-6
            _note(m, name, total(values, terms) if met else answer.bound, values, proven)
        if name == "shortage" and _reached(m, values, bounds):
            close(m, pooled.face)
            fix_missing(m, pooled.face)
        m.row(terms, -inf, total(values, terms) + 0.01)
    if values and _reached(m, values, bounds):
        proven.goals["disruption"] = max(pooled.points, proven.goals.get("disruption", 0.0))
    return day, values, proven


def proof_seconds(m: DayModel) -> float:
    """What the relaxation of the whole day takes."""
    return len(m.mip.low) * _SECONDS_PER_COLUMN


def _reached(m: DayModel, values: Values, bounds: DayBounds) -> bool:
    """Does the day have the pooled optimum?"""
    missed, short = total(values, obligations(m)), total(values, shortage(m))
    return missed < bounds.goals.get("obligations", 0.0) + 0.5 and short < bounds.goals.get("shortage", 0.0) + 0.5


def _note(m: DayModel, name: str, bound: float, values: Values, proven: DayBounds) -> None:
    """Keep the better bound; the first one is of obligations and shortage together."""
    if name != "shortage":
        proven.goals[name] = max(0.0, bound)
    elif bound >= total(values, strictly_before(obligations(m), shortage(m))) - 1e-6:
        proven.goals["obligations"] = float(round(total(values, obligations(m))))
        proven.goals["shortage"] = total(values, shortage(m))
    elif not total(values, obligations(m)):
        proven.goals["shortage"] = max(bound, proven.goals.get("shortage", 0.0))

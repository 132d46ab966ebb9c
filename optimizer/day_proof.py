"""The whole day at once, goal after goal, from a known plan: what it proves is proven for every plan of the day."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import inf

from optimizer.day_model import DayModel, Variable
from optimizer.day_plan import DayPlan
from optimizer.day_solver import DayBounds, build, minimize, step_below, strictly_before
from optimizer.day_values import as_values, read_day
from optimizer.goals import cost, disruption, haste, obligations, shortage

_LEAST_SECONDS = 0.05
_GOALS = ("shortage", "haste", "cost", "disruption")


def prove_day(m: DayModel, day: DayPlan, bounds: DayBounds, seconds: float, seed: int) -> tuple[DayPlan, DayBounds]:
    """A plan at least as good on every goal in turn, and bounds as far as the time reaches.

    A goal is proven when its bound meets its value; the next goal is then asked under that value. The first goal that
    is not proven ends the proof: what follows would depend on it.
    """
    build(m)
    deadline = time.monotonic() + seconds
    values: Mapping[Variable, float] = as_values(m, day)
    proven = DayBounds(dict(bounds.goals))
    stages = dict(
        zip(_GOALS, (strictly_before(obligations(m), shortage(m)), haste(m), cost(m), disruption(m)), strict=True)
    )
    for name, terms in stages.items():
        left = deadline - time.monotonic()
        if not terms:
            proven.goals[name] = 0.0
            continue
        if left < _LEAST_SECONDS:
            break
        answer = minimize(m, terms, left, seed, step_below(terms), values)
        if answer is None:
            break
        values, bound = answer
        reached = sum(values[var] * price for var, price in terms)
        day = read_day(m, day, values)
        if bound <= reached - step_below(terms) - 1e-6:
            if name != "shortage":
                proven.goals[name] = max(0.0, bound)
            break
        if name == "shortage":
            proven.goals["obligations"] = float(round(sum(values[var] for var, _ in obligations(m))))
            reached = sum(values[var] * price for var, price in shortage(m))
        proven.goals[name] = reached
        m.row(terms, -inf, sum(values[var] * price for var, price in terms) + 0.01)
    return day, proven

"""A good plan of a large day: small MIPs on the few arcs that a relaxation uses, and on all arcs of one mover.

The relaxation knows how floats, breaks and rooms fit together, which no change of one adult at a time finds out; the
arcs it splits the day into are few, so that the best whole plan among them takes a fraction of a second.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

from optimizer.day_model import DayModel, Terms, Variable
from optimizer.day_plan import DayPlan
from optimizer.day_solver import Values, minimize, step_below, total
from optimizer.day_values import as_values, read_day
from optimizer.goals import cost, disruption, haste, obligations, shortage
from optimizer.pool import Face

RELAXATIONS = 2
BLUR = 1.5  # points of noise on arcs: another relaxation, other arcs
PART_SECONDS = 4.0
_LEAST_SECONDS = 0.2


def search_day(m: DayModel, day: DayPlan, face: Face, seconds: float, seed: int) -> tuple[DayPlan, Values]:
    """A better plan of the day and its values; none when nothing was found."""
    deadline = time.monotonic() + seconds
    rng = random.Random(seed)
    terms, values = together(m), as_values(m, day)
    arcs = {who: [arc.var for steps in path.steps.values() for arc in steps] for who, path in m.paths.items()}
    if not arcs:
        return day, {}  # nobody may move
    close(m, face, keep=values)
    high = {var: var.upper_bound for own in arcs.values() for var in own}
    used = {var for var in high if values.get(var, 0.0) > 0.5}
    best: Values = {}
    waiting: list[str] = []
    idle = 0  # movers freed in vain since the last gain
    for turn in range(10_000):
        left = deadline - time.monotonic()
        if left < _LEAST_SECONDS or idle > len(arcs):
            break
        free: list[str] = []
        if turn < RELAXATIONS:
            blur = [(var, rng.uniform(0.0, BLUR)) for var in high] if turn else []
            _set_high(high.items())
            split = minimize(m, [*terms, *blur], left, seed, relaxed=True).values
            used |= {var for var in high if split.get(var, 0.0) > 1e-6}
        else:
            waiting = waiting or rng.sample(sorted(arcs), len(arcs))
            free = [waiting.pop()]
        allowed = used | {var for who in free for var in arcs[who]}
        _set_high((var, high[var] if var in allowed else 0.0) for var in high)
        left = min(PART_SECONDS, deadline - time.monotonic())
        found = minimize(m, terms, max(_LEAST_SECONDS, left), seed, 0.5, best or values).values
        idle += bool(free)
        if found and (not best or total(found, terms) < total(best, terms) - 0.5):
            best, idle = found, 0
            used |= {var for var in high if found[var] > 0.5}
    _set_high((var, 1.0) for var in high)
    for var in m.pause_variables:
        var.upper_bound = 1.0
    return (read_day(m, day, best) if best else day), best


def together(m: DayModel) -> Terms:
    """All goals in one, by weights that keep their order in practice; `prove_day` is strict."""
    money = cost(m)
    weights = (1e9, 1e7, 1e5, 1e3) if money else (1e8, 1e5, 1e3, 1.0)
    stages = (obligations(m), shortage(m), haste(m), money)
    terms = disruption(m)
    for weight, stage in zip(weights, stages, strict=True):
        step = max(1.0, step_below(stage))
        terms += [(var, weight * price / step) for var, price in stage]
    return terms


def close(m: DayModel, face: Face, keep: Values | None = None) -> None:
    """Forbid what no plan has that reaches the pooled optimum, but for what the known plan does."""
    known = keep or {}
    keyed = ((m.present, face.places), (m.pause, face.starts))
    for variables, closed in keyed:
        for key in sorted(closed):
            for var in variables.get(key, ()):
                if known.get(var, 0.0) < 0.5:
                    var.upper_bound = 0.0


def _set_high(bounds: Iterable[tuple[Variable, float]]) -> None:
    for var, high in bounds:
        var.upper_bound = high

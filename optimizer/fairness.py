"""How fair can duty be: a bound on the sum of squared duty hours of the floats.

Each day needs so many slots of float duty, whoever does them, for a plan that misses nobody more; spread over the
floats as evenly as their hours allow, they give a sum that no such plan can beat.
"""

from __future__ import annotations

import heapq
from math import floor, inf, isfinite

from optimizer.day_model import DayModel
from optimizer.day_solver import minimize
from optimizer.goals import obligations, shortage
from optimizer.pool import build_pool
from optimizer.problem import Problem

SECONDS = 2.0


def least_duty(m: DayModel, obliged: float, short: float, seed: int) -> float:
    """Slots of float duty that a day needs at least, in head counts (`m` is pooled), for these first two goals."""
    build_pool(m)
    m.row(obligations(m), -inf, obliged + 0.01)
    m.row(shortage(m), -inf, short + 0.01)
    answer = minimize(m, [(var, 1.0) for var in m.pool.values()], SECONDS, seed, 0.99)
    others = sum(len(_slots(m, adult.staff_id)) for adult in m.movers if not adult.is_float)
    return max(0.0, answer.bound - others) if isfinite(answer.bound) else 0.0


def least_fairness(problem: Problem, before: dict[str, float], able: dict[str, int], needed: float) -> float:
    """Sum of squared hours when `needed` slots fall to the floats one by one, each to the one with least duty.

    `before` is duty in hours, `able` the most slots a float can do; what nobody can do is left out.
    """
    duty = dict(before)
    queue = [(hours, who) for who, hours in duty.items() if able[who]]
    heapq.heapify(queue)
    left = dict(able)
    for _ in range(floor(needed + 1e-6)):
        if not queue:
            break
        hours, who = heapq.heappop(queue)
        duty[who] = hours + problem.slot_hours
        left[who] -= 1
        if left[who]:
            heapq.heappush(queue, (duty[who], who))
    return sum(hours**2 for hours in duty.values())


def _slots(m: DayModel, staff_id: str) -> set[int]:
    return {t for stretch in m.roster.stretches[staff_id] for t in range(stretch.earliest_start, stretch.latest_end)}

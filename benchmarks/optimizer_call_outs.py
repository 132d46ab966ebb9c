"""What a plan gains by scenarios in which somebody calls out: Mondays of synthetic centers planned on draws of demand
as they are and with call-outs in them, judged on other draws and other call-outs, at once and after live reassignment.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from benchmarks._centers import Shape, center
from benchmarks.optimizer_live import _by_day, _reassigned, _uncovered, _with
from flows.demand import lacking_chance, one_more
from optimizer import Plan, Problem
from optimizer.edits import only_day
from optimizer.planner import plan
from optimizer.problem import Scenario

CENTERS, SEEN, FRESH = 4, 5, 20
RATE = 0.04  # of shifts
DAYS, REASSIGNED_DAYS = 60, 3  # of call-outs each plan meets; of those with somebody out, with reassignment
SECONDS = 5.0


def run() -> list[dict[str, Any]]:
    total: dict[str, float] = {}
    for seed in range(1, CENTERS + 1):
        monday = only_day(center(Shape(seed=seed, scenarios=SEEN + FRESH)), 0)
        seen, fresh = _with(monday, slice(0, SEEN)), _with(monday, slice(SEEN, SEEN + FRESH))
        plans = {"as drawn": plan(seen, SECONDS), "with call-outs": plan(with_call_outs(seen, RATE), SECONDS)}
        for method, found in plans.items():
            for what, minutes in judged(fresh, found, random.Random(seed)).items():
                name = f"{method}: {what}"
                total[name] = total.get(name, 0.0) + minutes / CENTERS
    return [{"what": name, "expected_uncovered_adult_minutes_per_day": round(m, 1)} for name, m in total.items()]


def with_call_outs(problem: Problem, rate: float) -> Problem:
    """Each draw twice, as `flows.demand.scenarios_of` does it."""
    chance = lacking_chance(problem.staff, len(problem.rooms), rate)
    scenarios = []
    for one in problem.scenarios:
        weight = round(one.weight * chance, 3)
        lacking = {room: one_more(numbers) for room, numbers in one.required.items()}
        scenarios += [
            one.model_copy(update={"weight": one.weight - weight}),
            Scenario(name=f"{one.name}, call-outs", weight=weight, required=lacking),
        ]
    plain = {name: getattr(problem, name) for name in Problem.model_fields}
    return Problem.model_validate(plain | {"scenarios": scenarios, "combinations": ()})


def judged(fresh: Problem, found: Plan, rng: random.Random) -> dict[str, float]:
    """Adult-minutes expected to be uncovered: with everybody there, with call-outs, and then after reassignment."""
    days = [[a.staff_id for a in fresh.staff if rng.random() < RATE] for _ in range(DAYS)]
    out = [[(who, 0, len(fresh.slots)) for who in day] for day in days]
    minutes = [_minutes(fresh, found, gone) for gone in out]
    some = [gone for gone in out if gone][:REASSIGNED_DAYS]
    return {
        "everybody there": _minutes(fresh, found, []),
        "call-outs": sum(minutes) / DAYS,
        "days with call-outs": sum(_minutes(fresh, found, gone) for gone in some) / len(some),
        "the same days, reassigned": sum(
            _minutes(fresh, _by_day(fresh, found, gone, _reassigned), gone) for gone in some
        )
        / len(some),
    }


def _minutes(problem: Problem, found: Plan, gone: list[tuple[str, int, int]]) -> float:
    return float(_uncovered(problem, "", found, gone)["expected_uncovered_adult_minutes_per_day"])


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["optimizer_call_outs"]))

"""Live reassignment over a thousand random disruptions of a simulated month, and what floats and plans are worth.

The second table plays days against drawn demand: adult-minutes uncovered without floats, by the greedy plan, by the
plan, by the plan with the first alternative taken after each call-out, and by a planner who knew the day beforehand.
"""

from __future__ import annotations

import random
import time
from typing import Any

from benchmarks._centers import Shape, center
from optimizer import Disruption, Plan, Problem, check, greedy, reassign
from optimizer.edits import call_out
from optimizer.measure import Measure
from optimizer.planner import plan

WEEKS = 4
DISRUPTIONS = 1000
KINDS = ("call_out", "no_show", "violation", "predicted_gap", "room_closes")


def run() -> list[dict[str, Any]]:
    """Times of reassignment, then adult-minutes by way of planning."""
    weeks = [center(Shape(seed=seed)) for seed in range(1, WEEKS + 1)]
    plans = [greedy(week) for week in weeks]
    return [_reassignments(weeks, plans), *_ways(weeks[0])]


def _reassignments(weeks: list[Problem], plans: list[Plan]) -> dict[str, Any]:
    rng = random.Random(1)
    seconds, found, kinds = [], 0, 0
    for number in range(DISRUPTIONS):
        week = number % WEEKS
        problem, current = weeks[week], plans[week]
        disruption = Disruption(
            kind=rng.choice(KINDS),  # type: ignore[arg-type]
            slot=rng.randrange(len(problem.slots)),
            staff_id=rng.choice(problem.staff).staff_id,
            room_id=rng.choice(problem.rooms).room_id,
        )
        started = time.perf_counter()
        alternatives = reassign(problem, current, disruption)
        seconds.append(time.perf_counter() - started)
        found += bool(alternatives)
        kinds += len({item.kind for item in alternatives}) == len(alternatives)
    seconds.sort()
    return {
        "what": f"{DISRUPTIONS} reassignments",
        "p50_ms": round(1000 * seconds[DISRUPTIONS // 2], 1),
        "p99_ms": round(1000 * seconds[int(DISRUPTIONS * 0.99)], 1),
        "with_alternatives": found,
        "all_different_in_kind": kinds,
    }


def _ways(problem: Problem) -> list[dict[str, Any]]:
    """Each scenario in turn is the truth, with two call-outs a day in it that nobody knew of."""
    rng = random.Random(2)
    gone = [
        (adult.staff_id, day.start + 8, day.end)
        for day in problem.days
        for adult in rng.sample([a for a in problem.staff if not a.is_float], 2)
    ]
    alone = Problem.model_validate(
        problem.model_dump() | {"staff": [a.model_dump() for a in problem.staff if not a.is_float]}
    )
    ways = {"without floats": greedy(alone), "greedy": greedy(problem), "plan": plan(problem, 20.0)}
    rows = [_uncovered(problem, name, found, gone) for name, found in ways.items()]
    reacted = ways["plan"]
    for who, start, _ in gone:
        reacted = _take_first(problem, reacted, Disruption(kind="call_out", slot=start, staff_id=who))
    rows.append(_uncovered(problem, "plan and reassignment", reacted, gone))
    known = problem
    for who, start, end in gone:
        known = call_out(known, who, start, end)
    clairvoyant = plan(known, 20.0)
    assert check(known, clairvoyant) == []
    rows.append(_uncovered(problem, "clairvoyant of the call-outs", clairvoyant, []))
    return rows


def _take_first(problem: Problem, current: Plan, disruption: Disruption) -> Plan:
    """The plan after the first alternative that somebody at work can carry out."""
    for item in reassign(problem, current, disruption):
        if item.staff_id is None or item.kind not in ("free_adult", "move"):
            continue
        places = [place for place in current.assignments if place.staff_id != item.staff_id]
        for place in (place for place in current.assignments if place.staff_id == item.staff_id):
            for start, end in ((place.start, min(place.end, item.start)), (max(place.start, item.end), place.end)):
                if start < end:
                    places.append(place.model_copy(update={"start": start, "end": end}))
        new = {
            "staff_id": item.staff_id,
            "start": item.start,
            "end": item.end,
            "state": "room",
            "room_id": item.to_room_id,
        }
        return current.model_copy(update={"assignments": (*places, type(current.assignments[0]).model_validate(new))})
    return current


def _uncovered(problem: Problem, name: str, found: Plan, gone: list[tuple[str, int, int]]) -> dict[str, Any]:
    items = []
    for item in found.assignments:
        start, end = item.start, item.end
        for who, first, last in gone:
            if item.staff_id == who and start < last and end > first:
                end = max(start, min(end, first))
        if start < end:
            items.append(item.model_copy(update={"end": end}))
    measure = Measure(problem, found.model_copy(update={"assignments": tuple(items)}))
    minutes = sum(measure.expected_shortages.values()) * problem.slot_minutes
    return {"what": name, "expected_uncovered_adult_minutes_per_day": round(minutes / len(problem.days), 1)}


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    found_rows = run()
    show("optimizer_live", found_rows)
    save("optimizer_live", found_rows)

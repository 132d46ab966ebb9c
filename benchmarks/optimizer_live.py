"""Live reassignment: how long it takes, and what floats, plans and reassignments are worth.

Times: a thousand random disruptions of four synthetic weeks, and live states of a simulated center with the rest of the
day posed. Worth: days with two call-outs nobody knew of, in adult-minutes expected to be uncovered: without floats, by
the greedy plan, by the plan, by the plan with what reassignment suggests (at the call-out and every hour after it), by
the rest of each day planned again, and by a planner who knew the call-outs beforehand.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from benchmarks._centers import Shape, center
from benchmarks._live_states import live_suggestions
from optimizer import Assignment, Disruption, Plan, Problem, check, greedy, reassign
from optimizer.edits import call_out, from_now, only_day, only_day_of
from optimizer.measure import Measure
from optimizer.planner import plan
from optimizer.reassign import ways_out
from optimizer.standing import standing
from optimizer.value import value_of_scenarios

WEEKS = 4
DISRUPTIONS = 1000
_AT_ONCE = 6  # alternatives taken one after the other
_SECONDS_A_DAY = 3.0
_CENTERS, _SEEN, _FRESH = 4, 5, 20
KINDS = ("call_out", "no_show", "violation", "predicted_gap", "room_closes")


def run() -> list[dict[str, Any]]:
    """Times of reassignment, then adult-minutes by way of planning."""
    weeks = [center(Shape(seed=seed)) for seed in range(1, WEEKS + 1)]
    plans = [greedy(week) for week in weeks]
    return [_reassignments(weeks, plans), live_suggestions(), *_ways(weeks[0]), *_value_of_scenarios()]


def _reassignments(weeks: list[Problem], plans: list[Plan]) -> dict[str, Any]:
    rng = random.Random(1)
    seconds, cpu, found, kinds = [], [], 0, 0
    for number in range(DISRUPTIONS):
        week = number % WEEKS
        problem, current = weeks[week], plans[week]
        disruption = Disruption(
            kind=rng.choice(KINDS),  # type: ignore[arg-type]
            slot=rng.randrange(len(problem.slots)),
            staff_id=rng.choice(problem.staff).staff_id,
            room_id=rng.choice(problem.rooms).room_id,
        )
        started, worked = time.perf_counter(), time.process_time()
        alternatives = reassign(problem, current, disruption)
        seconds.append(time.perf_counter() - started)
        cpu.append(time.process_time() - worked)
        found += bool(alternatives)
        kinds += len({item.kind for item in alternatives}) == len(alternatives)
    seconds.sort()
    cpu.sort()
    return {
        "what": f"{DISRUPTIONS} reassignments",
        "p50_ms": round(1000 * seconds[DISRUPTIONS // 2], 1),
        "p99_ms": round(1000 * seconds[int(DISRUPTIONS * 0.99)], 1),
        "cpu_p50_ms": round(1000 * cpu[DISRUPTIONS // 2], 1),
        "cpu_p99_ms": round(1000 * cpu[int(DISRUPTIONS * 0.99)], 1),
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
    rows.append(_uncovered(problem, "plan and reassignment", _by_day(problem, ways["plan"], gone, _reassigned), gone))
    rows.append(
        _uncovered(problem, "plan, rest of the day planned again", _by_day(problem, ways["plan"], gone, _again), gone)
    )
    known = problem
    for who, start, end in gone:
        known = call_out(known, who, start, end)
    clairvoyant = plan(known, 20.0)
    assert check(known, clairvoyant) == []
    rows.append(_uncovered(problem, "clairvoyant of the call-outs", clairvoyant, []))
    return rows


def _value_of_scenarios() -> list[dict[str, Any]]:
    """Mondays of several centers planned on five draws of demand, judged on twenty others of the same law."""
    total: dict[str, float] = {}
    for seed in range(1, _CENTERS + 1):
        monday = only_day(center(Shape(seed=seed, scenarios=_SEEN + _FRESH)), 0)
        seen, fresh = (_with(monday, slice(a, b)) for a, b in ((0, _SEEN), (_SEEN, _SEEN + _FRESH)))
        for each in value_of_scenarios(seen, _SECONDS_A_DAY, fresh):
            total[each.method] = total.get(each.method, 0.0) + each.expected_shortage
    return [
        {"what": f"made on {method}, judged afresh", "weighted_adult_slots_short_per_day": round(found / _CENTERS, 2)}
        for method, found in total.items()
    ]


def _with(problem: Problem, part: slice) -> Problem:
    """Some of the scenarios, of equal weight."""
    chosen = problem.scenarios[part]
    plain = {name: getattr(problem, name) for name in Problem.model_fields}
    scenarios = [each.model_copy(update={"weight": 1 / len(chosen)}) for each in chosen]
    return Problem.model_validate(plain | {"scenarios": scenarios, "combinations": ()})


Gone = list[tuple[str, int, int]]  # staff_id, from slot, to slot


def _by_day(problem: Problem, found: Plan, gone: Gone, react: Callable[[Problem, Plan, str, int], Plan]) -> Plan:
    """The plan after reacting to each call-out of each day in turn."""
    assignments: list[Assignment] = []
    for index, day in enumerate(problem.days):
        today = only_day(problem, index)
        now = found.model_copy(update={"assignments": only_day_of(found, problem, index)})
        for who, start, _ in (item for item in gone if day.start <= item[1] < day.end):
            now = react(today, now, who, start - day.start)
            today = call_out(today, who, start - day.start, len(today.slots))
        assignments += [
            item.model_copy(update={"start": item.start + day.start, "end": item.end + day.start})
            for item in now.assignments
        ]
    return found.model_copy(update={"assignments": tuple(assignments)})


def _reassigned(today: Problem, now: Plan, who: str, slot: int) -> Plan:
    """The first alternative taken, again until there is none, at the call-out and every hour after it."""
    rest = call_out(from_now(today, now, slot), who, slot, len(today.slots))
    current = standing(rest)
    for at in range(slot, len(rest.slots), 4):
        for _ in range(_AT_ONCE):
            ways = ways_out(rest, current, Disruption(kind="predicted_gap", slot=at))
            if not ways:
                break
            _, rest, current = ways[0]
    return current


def _again(today: Problem, now: Plan, who: str, slot: int) -> Plan:
    return plan(call_out(from_now(today, now, slot), who, slot, len(today.slots)), _SECONDS_A_DAY)


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

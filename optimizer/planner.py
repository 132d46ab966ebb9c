"""The planner: day by day, head counts first, then routes, then proof; a running plan is always at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from optimizer.assemble import assemble
from optimizer.day_model import DayModel
from optimizer.day_plan import DayPlan
from optimizer.day_proof import prove_day
from optimizer.day_solver import DayBounds, pool_day, refine_day
from optimizer.demand import Demand
from optimizer.greedy import complete_day, greedy_day
from optimizer.ground import Ground
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.roster import Carry, DayRoster, Stretch, Work, day_roster, facts_of, legal_work

SOLVE_SECONDS = 30.0
PROOF_SHARE = 0.4  # of the time, kept for the proof
POOL_SECONDS = 1.0  # at least, for the head counts of a day: the bound and the breaks come from there
LEAST_SECONDS = 0.1
METHOD = "pool-routes-highs"
Watcher = Callable[[Plan], None]


@dataclass(slots=True)
class Days:
    """The days decided so far and what they leave to the next."""

    problem: Problem
    work: Work
    carry: Carry
    plans: list[DayPlan]
    bounds: list[DayBounds]
    rosters: list[DayRoster]

    def ground(self) -> Ground:
        scheduled = {who: sum(worked) for who, worked in self.work.at_work.items()}
        return Ground(self.problem, self.carry, scheduled)

    def decide(self, roster: DayRoster, plan: DayPlan, bounds: DayBounds) -> None:
        """Take the day as decided and carry places, extra hours and ends of work on."""
        self.plans.append(plan)
        self.bounds.append(bounds)
        self.rosters.append(roster)
        for who, places in plan.places.items():
            self.carry.places.setdefault(who, {}).update(places)
            if places:
                self.carry.ends[who] = max(places) + 1
            planned = sum(stretch.end - stretch.start for stretch in roster.stretches[who])
            self.carry.extra[who] = self.carry.extra.get(who, 0) + len(places) - planned


def greedy(problem: Problem) -> Plan:
    """The plan without a solver: baseline and answer of last resort."""
    started = time.perf_counter()
    days = begin(problem)
    for roster, ground, demand in remaining(days):
        days.decide(roster, greedy_day(ground, roster, demand), DayBounds())
    return assemble(days.problem, days, "fallback", "greedy", time.perf_counter() - started)


def plan(problem: Problem, seconds: float = SOLVE_SECONDS, watcher: Watcher | None = None) -> Plan:
    """The best plan found within the time, with bounds; `watcher` sees each better running plan.

    Runs in the caller's process: `solve` is the same behind a watchdog.
    """
    started = time.perf_counter()

    def left() -> float:
        return seconds - (time.perf_counter() - started)

    if watcher:
        watcher(greedy(problem))
    days = begin(problem)
    for index, (roster, ground, demand) in enumerate(remaining(days)):
        share = max(0.0, left() - seconds * PROOF_SHARE) / (len(problem.days) - index)
        days.decide(roster, *_plan_day(problem, ground, roster, demand, share))
    found = assemble(problem, days, "feasible", METHOD, time.perf_counter() - started)
    if found.status != "optimal" and left() > 0.1:
        if watcher:
            watcher(found)
        days = _prove(problem, days, left)
        found = assemble(problem, days, "feasible", METHOD, time.perf_counter() - started)
    return found


def begin(problem: Problem) -> Days:
    work = legal_work(problem)
    return Days(problem, work, facts_of(work), [], [], [])


def remaining(days: Days) -> Iterator[tuple[DayRoster, Ground, Demand]]:
    """The days in order, each with what the earlier ones leave to it."""
    for index in range(len(days.problem.days)):
        ground = days.ground()
        roster = day_roster(days.problem, days.work, index, days.carry)
        yield roster, ground, Demand(ground, roster)


def _prove(problem: Problem, known: Days, left: Callable[[], float]) -> Days:
    """The days once more from the known plan, each whole; days whose shifts may move are proven only if last."""
    days = begin(problem)
    for index, (roster, ground, _) in enumerate(remaining(days)):
        plan, bounds = known.plans[index], known.bounds[index]
        flexible = any(stretch.flexible for found in roster.stretches.values() for stretch in found)
        last = index == len(problem.days) - 1
        share = left() / (len(problem.days) - index)
        if share > 0.1 and roster.stretches and (last or not flexible):
            m = DayModel(problem, ground, roster, Demand(ground, roster, everywhere=True))
            plan, bounds = prove_day(m, plan, bounds, share, problem.seed)
        days.decide(roster, plan, bounds)
    return days


def _plan_day(
    problem: Problem, ground: Ground, roster: DayRoster, demand: Demand, seconds: float
) -> tuple[DayPlan, DayBounds]:
    started = time.perf_counter()
    fallback = greedy_day(ground, roster, demand)
    if not roster.stretches:
        return fallback, DayBounds()
    pooled = pool_day(
        DayModel(problem, ground, roster, demand, pooled=True), max(POOL_SECONDS, seconds * 0.3), problem.seed
    )
    if pooled is None:
        return fallback, DayBounds()
    fixed = _with_shifts(roster, pooled.shifts)
    skeleton = DayPlan(shifts=dict(fixed.stretches), combined=pooled.combined)
    day = complete_day(ground, fixed, Demand(ground, fixed), skeleton, pooled.breaks)
    left = seconds - (time.perf_counter() - started)
    if left < LEAST_SECONDS:
        return day, pooled.bounds
    settled = _with_breaks(fixed, ground, day)
    return refine_day(DayModel(problem, ground, settled, Demand(ground, settled)), day, pooled, left, problem.seed)


def _with_breaks(roster: DayRoster, ground: Ground, day: DayPlan) -> DayRoster:
    """The roster with the breaks of those who never move where the day has them."""
    starts = {
        (who, place.break_id): min(t for t, p in places.items() if p == place and t >= roster.first)
        for who, places in day.places.items()
        for place in places.values()
        if place.break_id and not ground.moves(ground.adults[who])
    }
    pauses = tuple(
        replace(p, starts=(starts[p.staff_id, p.break_id],)) if (p.staff_id, p.break_id) in starts else p
        for p in roster.pauses
    )
    return replace(roster, pauses=pauses)


def _with_shifts(roster: DayRoster, shifts: dict[str, tuple[int, int]]) -> DayRoster:
    """The roster with its flexible shifts decided."""
    stretches: dict[str, tuple[Stretch, ...]] = {}
    for who, found in roster.stretches.items():
        if who in shifts:
            a, b = shifts[who]
            stretches[who] = (Stretch(a, b, a, a, b, b, b - a),)
        else:
            stretches[who] = found
    inside = {who: {t for s in found for t in range(s.start, s.end)} for who, found in stretches.items()}
    pauses = tuple(
        replace(p, starts=tuple(t for t in p.starts if inside[p.staff_id] >= set(range(t, t + p.slots))))
        for p in roster.pauses
    )
    return replace(roster, stretches=stretches, pauses=pauses)

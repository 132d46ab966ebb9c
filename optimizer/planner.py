"""The planner: day by day, head counts first, then who goes where, then proof; a running plan is always at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from optimizer.assemble import assemble
from optimizer.day_model import DayModel
from optimizer.day_plan import DayPlan
from optimizer.day_proof import prove_day
from optimizer.day_search import search_day
from optimizer.day_solver import DayBounds, Pooled, build, pool_day, total
from optimizer.demand import Demand
from optimizer.fairness import least_duty
from optimizer.goals import obligations, shortage
from optimizer.greedy import complete_day, greedy_day, polish_day
from optimizer.ground import Ground
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.roster import Carry, DayRoster, Stretch, day_roster, facts_of
from optimizer.work import Work, legal_work

SOLVE_SECONDS = 30.0
SEARCH_SHARE = 0.5  # of a day's time; the rest is for the proof
POOL_SECONDS = 1.0  # at least, for the head counts of a day: the bound and the breaks come from there
THREADS = 2  # days side by side; HiGHS leaves the interpreter free
METHOD = "flow-highs"
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

    def duty_before(self) -> dict[str, float]:
        """Hours of duty by float before the first slot still to be planned."""
        hours = {}
        for adult in (adult for adult in self.problem.staff if adult.is_float):
            places = self.carry.places.get(adult.staff_id, {})
            done = sum(p.state == "room" for t, p in places.items() if t < self.problem.frozen_until)
            hours[adult.staff_id] = adult.duty_before + done * self.problem.slot_hours
        return hours

    def able(self) -> dict[str, int]:
        """Slots by adult in which there is any work still to be planned."""
        found: dict[str, int] = dict.fromkeys((adult.staff_id for adult in self.problem.staff), 0)
        for roster in self.rosters:
            for who, stretches in roster.stretches.items():
                found[who] += sum(s.latest_end - s.earliest_start for s in stretches)
        return found

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
    deadline = started + seconds
    if watcher:
        watcher(greedy(problem))
    days = begin(problem)
    if _apart(days):
        todo = list(remaining(days))
        share = seconds * THREADS / max(THREADS, len(todo))
        with ThreadPoolExecutor(THREADS) as pool:
            asked = [pool.submit(_plan_day, problem, day, min(share, seconds), deadline) for day in todo]
            for (roster, _, _), answer in zip(todo, asked, strict=True):
                _settle(days, roster, *answer.result())
    else:
        for index, day in enumerate(remaining(days)):
            share = (deadline - time.perf_counter()) / (len(problem.days) - index)
            made, bounds = _plan_day(problem, day, share, deadline)
            _settle(days, day[0], made, bounds if len(problem.days) == 1 else _unbound(problem, index))
    return assemble(problem, days, "feasible", METHOD, time.perf_counter() - started)


def _unbound(problem: Problem, index: int) -> DayBounds:
    """Bounds of one day that hold whatever hours the other days take: head counts, as if it were planned first."""
    days = begin(problem)
    roster, ground = day_roster(problem, days.work, index, days.carry), days.ground()
    if not roster.stretches or problem.joined(roster.day.start):
        return DayBounds()
    counts = DayModel(problem, ground, roster, Demand(ground, roster), pooled=True)
    pooled = pool_day(counts, POOL_SECONDS, problem.seed)
    return pooled.bounds if pooled else DayBounds()


def _settle(days: Days, roster: DayRoster, plan: DayPlan, bounds: DayBounds) -> None:
    """Take the day as decided, its routes polished in the light of the duty of earlier days."""
    ground, fixed = days.ground(), _with_shifts(roster, plan.shifts)
    days.decide(roster, polish_day(ground, fixed, Demand(ground, fixed), plan), bounds)


def begin(problem: Problem) -> Days:
    work = legal_work(problem)
    return Days(problem, work, facts_of(work), [], [], [])


def remaining(days: Days) -> Iterator[tuple[DayRoster, Ground, Demand]]:
    """The days in order, each with what the earlier ones leave to it."""
    for index in range(len(days.problem.days)):
        ground = days.ground()
        roster = day_roster(days.problem, days.work, index, days.carry)
        yield roster, ground, Demand(ground, roster)


def _apart(days: Days) -> bool:
    """Does no day depend on another? Shifts that may move tie days by hours and rest, joined slots by places."""
    problem = days.problem
    rosters = [roster for roster, _, _ in remaining(days)]
    flexible = any(s.flexible for roster in rosters for found in roster.stretches.values() for s in found)
    return not flexible and not any(problem.joined(day.start) for day in problem.days)


def _plan_day(
    problem: Problem, day_: tuple[DayRoster, Ground, Demand], seconds: float, latest: float
) -> tuple[DayPlan, DayBounds]:
    """The day's plan and bounds; whatever the solver does not answer in time, the routes do."""
    roster, ground, demand = day_
    deadline = min(time.perf_counter() + seconds, latest)
    if not roster.stretches:
        return greedy_day(ground, roster, demand), DayBounds()
    seed = problem.seed
    pooled = pool_day(DayModel(problem, ground, roster, demand, pooled=True), max(POOL_SECONDS, seconds * 0.2), seed)
    if pooled is None:
        return greedy_day(ground, roster, demand), DayBounds()
    day = _first_day(ground, roster, pooled)
    m = build(DayModel(problem, ground, roster, demand))
    left = deadline - time.perf_counter()
    day, values = search_day(m, day, pooled.face, left * SEARCH_SHARE, seed)
    left = deadline - time.perf_counter()
    day, values, bounds = prove_day(m, day, values, pooled.bounds, pooled.face, left, seed)
    if values:
        counts = DayModel(problem, ground, roster, demand, pooled=True)
        bounds.duty = least_duty(counts, total(values, obligations(m)), total(values, shortage(m)), seed)
    return day, bounds


def _first_day(ground: Ground, roster: DayRoster, pooled: Pooled) -> DayPlan:
    """Routes around the breaks, shifts and combined rooms of the head counts."""
    shifts = {who: (Stretch(a, b, a, a, b, b, b - a),) for who, (a, b) in pooled.shifts.items()}
    fixed = _with_shifts(roster, shifts)
    skeleton = DayPlan(shifts=dict(fixed.stretches), combined=pooled.combined)
    return complete_day(ground, fixed, Demand(ground, fixed), skeleton, pooled.breaks)


def _with_shifts(roster: DayRoster, shifts: Mapping[str, tuple[Stretch, ...]]) -> DayRoster:
    """The roster with its flexible shifts decided."""
    stretches = {**roster.stretches, **shifts}
    inside = {who: {t for s in found for t in range(s.start, s.end)} for who, found in stretches.items()}
    pauses = tuple(
        replace(p, starts=tuple(t for t in p.starts if inside[p.staff_id] >= set(range(t, t + p.slots))))
        for p in roster.pauses
    )
    return replace(roster, stretches=stretches, pauses=pauses)

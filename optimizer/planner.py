"""The planner: day by day, head counts first, then who goes where, then proof; a running plan is always at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from optimizer.assemble import assemble
from optimizer.day_model import DayModel
from optimizer.day_plan import DayPlan
from optimizer.day_proof import proof_seconds, prove_day
from optimizer.day_search import search_day, search_face
from optimizer.day_solver import DayBounds, Pooled, build, pool_day, total
from optimizer.demand import Demand
from optimizer.fairness import least_duty
from optimizer.goals import obligations, shortage
from optimizer.greedy import complete_day, greedy_day, polish_day
from optimizer.ground import Ground
from optimizer.mip import Values
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.roster import Carry, DayRoster, Place, Stretch, day_roster, facts_of, fixed
from optimizer.side_by_side import Tell, may_fork, side_by_side
from optimizer.solver_library import mathopt
from optimizer.work import Work, legal_work

SOLVE_SECONDS = 30.0
POOL_SHARE = 0.3  # of a day's time, at most, for the day by classes: the bound and the breaks come from there
POOL_SECONDS = 2.0  # at least
UNBOUND_SECONDS = 1.0
SEARCH_SHARE = 0.75  # of what is left of a day's own time then; the rest is for the proof
SEARCH_SECONDS = 3.0  # at least where a plan in force is made anew: few changes matter there, not their proof
BOUND_SECONDS = 1.3  # a day with less has the bound of its head counts, not of the relaxation of class flows
FLOW_SECONDS = 3.0  # a day with less does without whole class flows: they take long, and windows improve any plan
DUTY_SECONDS = 0.5  # what a bound on duty takes
MODEL_SECONDS = 0.5  # what the model of a large day takes: with less left, the first plan is the answer
PLACES = 2  # days side by side
SETTLING = 0.1  # of the time is kept for fairness and the document
WORTH_A_PROCESS = 5_000  # movers x rooms x slots of a week
METHOD = "flow-highs"
Watcher = Callable[[Plan], None]
NOTHING: Values = {}
Day = tuple[DayRoster, Ground, Demand]
Found = tuple[DayPlan, DayBounds]


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
    days = begin(problem)
    if not any(problem.joined(day.start) for day in problem.days):
        todo = list(remaining(days))
        found = _side_by_side(problem, todo, started + seconds * (1 - SETTLING), watcher)
        for index, day in enumerate(remaining(days)):
            made, bounds = found.get(index) or (greedy_day(*_parts(day)), DayBounds())
            bounds = _of_the_week(problem, index, todo[index][0], bounds)
            _settle(days, day[0], _refit(day, made), bounds, polish=time.perf_counter() < deadline)
    else:
        if watcher:
            watcher(greedy(problem))
        deadline -= seconds * SETTLING
        for index, day in enumerate(remaining(days)):
            share = (deadline - time.perf_counter()) / (len(problem.days) - index)
            if share <= 0:
                days.decide(day[0], greedy_day(*_parts(day)), DayBounds())
                continue
            made, bounds = _plan_day(problem, day, share, min(deadline, time.perf_counter() + 2 * share))
            _settle(days, day[0], made, bounds if len(problem.days) == 1 else _by_head_counts(*_widest(problem, index)))
    return assemble(problem, days, "feasible", METHOD, time.perf_counter() - started)


def _side_by_side(problem: Problem, todo: list[Day], deadline: float, watcher: Watcher | None) -> dict[int, Found]:
    """Days that do not depend on each other, two at a time: large ones in processes, which the deadline ends."""
    size = sum(len(roster.stretches) * len(roster.slots) for roster, _, _ in todo) * len(problem.rooms)
    if len(todo) > 1 and size > WORTH_A_PROCESS and may_fork():
        mathopt.Model()  # the library is loaded once for all processes
        return side_by_side(partial(_tell_day, problem, todo, deadline), len(todo), PLACES, deadline)
    if watcher:
        watcher(greedy(problem))
    left = deadline - time.perf_counter()
    share = min(left, left * PLACES / len(todo))
    with ThreadPoolExecutor(PLACES) as pool:
        return dict(enumerate(pool.map(lambda day: _plan_day(problem, day, share, deadline), todo)))


def _tell_day(problem: Problem, todo: list[Day], latest: float, index: int, seconds: float, tell: Tell[Found]) -> None:
    for found in _answers(problem, todo[index], seconds, latest):
        tell(found)


def _of_the_week(problem: Problem, index: int, roster: DayRoster, bounds: DayBounds) -> DayBounds:
    """Those bounds of a day planned as the first that hold whatever other days do: short ones leave hours and rest."""
    days, wide = _widest(problem, index)
    if len(problem.days) == 1 or not any(s.flexible for found in wide.stretches.values() for s in found):
        return bounds
    if wide.stretches != roster.stretches:
        return _by_head_counts(days, wide)
    return DayBounds({name: bound for name, bound in bounds.goals.items() if name in ("obligations", "shortage")})


def _widest(problem: Problem, index: int) -> tuple[Days, DayRoster]:
    """A day with the hours and the rest that all other days leave it if they are as short as they may be."""
    days, day = begin(problem), problem.days[index]
    days.problem = problem.model_copy(
        update={"staff": tuple(adult.model_copy(update={"rest_hours": 0.0}) for adult in problem.staff)}
    )
    for adult in problem.staff:
        others = [shift for shift in adult.shifts if shift.end <= day.start or day.end <= shift.start]
        spare = sum(min(s.may_start_later + s.may_end_earlier, s.end - s.start - 1) for s in others)
        days.carry.extra[adult.staff_id] = days.carry.extra.get(adult.staff_id, 0) - spare
    return days, day_roster(days.problem, days.work, index, days.carry)


def _by_head_counts(days: Days, roster: DayRoster) -> DayBounds:
    """Bounds of one day as if it were planned alone; none where a break may as well be taken on another day."""
    edges = (roster.day.start, roster.day.end)
    if any(pause.start < edge < pause.end for a in days.problem.staff for pause in a.breaks for edge in edges):
        return DayBounds()
    ground = days.ground()
    made = partial(DayModel, days.problem, ground, roster, Demand(ground, roster), pooled=True)
    pooled = pool_day(made, UNBOUND_SECONDS, days.problem.seed, breaks={})  # only the bounds are asked for
    return pooled.bounds if pooled else DayBounds()


def _settle(days: Days, roster: DayRoster, plan: DayPlan, bounds: DayBounds, polish: bool = True) -> None:
    """Take the day as decided, its routes polished in the light of the duty of earlier days."""
    if polish:
        ground, decided = days.ground(), _with_shifts(roster, plan.shifts)
        plan = polish_day(ground, decided, Demand(ground, decided), plan)
    days.decide(roster, plan, bounds)


def begin(problem: Problem) -> Days:
    work = legal_work(problem)
    return Days(problem, work, facts_of(work), [], [], [])


def remaining(days: Days) -> Iterator[tuple[DayRoster, Ground, Demand]]:
    """The days in order, each with what the earlier ones leave to it."""
    for index in range(len(days.problem.days)):
        ground = days.ground()
        roster = day_roster(days.problem, days.work, index, days.carry)
        yield roster, ground, Demand(ground, roster)


def _refit(parts: Day, plan: DayPlan) -> DayPlan:
    """A plan made as if its day were the first: shifts without hours or rest left for them are as scheduled."""
    roster, ground, _ = parts
    kept = {who: now for who, now in plan.shifts.items() if all(map(_allows, roster.stretches[who], now))}
    if kept.keys() == roster.stretches.keys():
        return plan
    scheduled = {who: tuple(fixed(s.start, s.end) for s in found) for who, found in roster.stretches.items()}
    decided = _with_shifts(roster, scheduled | kept)
    breaks = {
        (pause.staff_id, pause.break_id): start
        for pause in decided.pauses
        for start in pause.starts
        if plan.places[pause.staff_id].get(start) == Place("break", None, pause.break_id)
        and plan.places[pause.staff_id].get(start - 1) != Place("break", None, pause.break_id)
    }
    skeleton = DayPlan(shifts=dict(decided.stretches), combined=plan.combined)
    return complete_day(ground, decided, Demand(ground, decided), skeleton, breaks, rounds=1)


def _allows(was: Stretch, now: Stretch) -> bool:
    starts = was.earliest_start <= now.start <= was.latest_start
    return starts and was.earliest_end <= now.end <= was.latest_end and now.end - now.start <= was.longest


def _plan_day(problem: Problem, day: Day, seconds: float, latest: float) -> Found:
    """The day's plan and bounds; whatever the solver does not answer in time, the routes do."""
    *_, last = _answers(problem, day, seconds, latest)
    return last


def _answers(problem: Problem, parts: Day, seconds: float, latest: float) -> Iterator[Found]:
    """Better and better plans of the day with their bounds; the first may take more than `seconds`, until `latest`."""
    roster, ground, demand = parts
    deadline = time.perf_counter() + seconds
    seed = problem.seed
    in_force = ground.breaks_in_force(roster)
    made = partial(DayModel, problem, ground, roster, demand, pooled=True)
    share = max(POOL_SECONDS, seconds * POOL_SHARE)
    pooled = pool_day(made, share, seed, in_force, seconds >= BOUND_SECONDS, seconds >= FLOW_SECONDS)
    if pooled is None:
        yield greedy_day(ground, roster, demand), DayBounds()
        return
    day, values = DayPlan(places={who: {} for who in roster.stretches}), NOTHING
    if not pooled.heads:  # the first plan before the model is built: it may be all there is time for
        day = _first_day(ground, roster, pooled)
        yield day, pooled.bounds
        if deadline - time.perf_counter() < MODEL_SECONDS:
            return
    m = build(DayModel(problem, ground, roster, demand))
    now = time.perf_counter()
    least = 0.0 if in_force is None else SEARCH_SECONDS
    provable = (deadline - now) * (1 - SEARCH_SHARE) > proof_seconds(m)
    until = min(latest, now + max(least, (deadline - now) * (SEARCH_SHARE if provable else 1.0)))
    for found in search_face(m, day, pooled, until - time.perf_counter(), seed):
        day, values = found
        yield day, pooled.bounds
    if not values:
        if pooled.heads:
            day = _first_day(ground, roster, pooled)
            yield day, pooled.bounds
        for found in search_day(m, day, pooled, in_force is not None, until - time.perf_counter(), seed):
            day, values = found
            yield day, pooled.bounds
    day, values, bounds = prove_day(m, day, values, pooled, deadline - time.perf_counter(), seed)
    if values and deadline - time.perf_counter() >= DUTY_SECONDS:
        counts = DayModel(problem, ground, roster, demand, pooled=True)
        bounds.duty = least_duty(counts, total(values, obligations(m)), total(values, shortage(m)), seed)
    yield day, bounds


def _parts(day: Day) -> tuple[Ground, DayRoster, Demand]:
    roster, ground, demand = day
    return ground, roster, demand


def _first_day(ground: Ground, roster: DayRoster, pooled: Pooled) -> DayPlan:
    """Routes around the breaks, shifts and combined rooms of the head counts."""
    decided = _with_shifts(roster, {who: (fixed(a, b),) for who, (a, b) in pooled.shifts.items()})
    skeleton = DayPlan(shifts=dict(decided.stretches), combined=pooled.combined)
    return complete_day(ground, decided, Demand(ground, decided), skeleton, pooled.breaks, rounds=1)


def _with_shifts(roster: DayRoster, shifts: Mapping[str, tuple[Stretch, ...]]) -> DayRoster:
    """The roster with its flexible shifts decided."""
    stretches = {**roster.stretches, **shifts}
    inside = {who: {t for s in found for t in range(s.start, s.end)} for who, found in stretches.items()}
    pauses = tuple(
        replace(p, starts=tuple(t for t in p.starts if inside[p.staff_id] >= set(range(t, t + p.slots))))
        for p in roster.pauses
    )
    return replace(roster, stretches=stretches, pauses=pauses)

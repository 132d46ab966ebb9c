"""HiGHS at work on one day: minimize and bound; the day in head counts (`pool`) first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import ceil, gcd, inf, isfinite

from optimizer.constraints import CONSTRAINTS
from optimizer.day_model import DayModel
from optimizer.day_values import is_one
from optimizer.goals import cost, haste, obligations, shortage
from optimizer.mip import NOTHING, Answer, Terms, Values
from optimizer.pool import Face, build_flows, build_pool, classes, close_pool, face_of, head_points, pool_points

MOST_LEVELS = 3  # of shortage that flows are asked for, one step above the other
ARRIVAL_SECONDS = 1.0
_LEAST_SECONDS = 0.05


@dataclass(slots=True)
class DayBounds:
    """Per goal what no plan of the day beats that does as well on the goals before it (in the units of `goals`)."""

    goals: dict[str, float] = field(default_factory=dict)
    duty: float = 0.0  # slots of float duty needed at least


@dataclass(slots=True)
class Pooled:
    """The day by classes of movers: the least shortage any plan can have, and where breaks and shifts go.

    `heads` are places (staff, room, t) in which the class of the adult is, as far as flows were found; `level` is what
    they have of the first two goals together; `missing` is the shortage by slot of the head counts; `points` bounds the
    disruption of plans with that level.
    """

    breaks: dict[tuple[str, str], int]
    shifts: dict[str, tuple[int, int]]
    combined: set[tuple[int, int]]
    bounds: DayBounds
    face: Face
    heads: set[tuple[str, str, int]]
    level: float
    missing: Mapping[int, float]
    points: float = 0.0


def build(m: DayModel, constraints: Iterable[Callable[[DayModel], None]] = CONSTRAINTS) -> DayModel:
    """Add the constraints to the variables."""
    for constraint in constraints:
        constraint(m)
    return m


def pool_day(
    make: Callable[[], DayModel],
    seconds: float,
    seed: int,
    breaks: Mapping[tuple[str, str], int] | None = None,
    flows: bool = True,
    whole: bool = True,
) -> Pooled | None:
    """The day by classes of movers: obligations and shortage from head counts, then few changes of room from flows.

    `make` gives an empty pooled model of the day. Where no flow has the shortage of the head counts, the bound rises.
    `breaks`: where a plan in force has them, which is better known than what flows would say. `flows`, `whole`: is
    there time for the relaxation of the flows, and for flows?
    """
    deadline = time.monotonic() + seconds
    m = build_pool(make())
    first = strictly_before(obligations(m), shortage(m))
    relaxed = minimize(m, first, seconds, seed, relaxed=True)
    answer = minimize(m, first, seconds, seed, step_below(first))
    if not answer.values:
        return None
    missed, level = total(answer.values, obligations(m)), total(answer.values, first)
    proven = answer.bound > level - step_below(first) - 1e-6
    bounds = {"obligations": float(round(missed)) if proven else 0.0}
    exact = total(answer.values, shortage(m)) if proven else 0.0 if missed else max(0.0, answer.bound)
    bounds["shortage"] = exact
    face = face_of(m, relaxed.reduced, level - relaxed.bound if proven else inf)
    pooled = _read_pool(m, answer.values, DayBounds(bounds), face, level)
    pooled.heads = set()
    if breaks is not None:
        pooled.breaks = dict(breaks)
        return pooled
    if flows and not m.begin and proven and not missed:  # where shifts may move, flows take longer than they are worth
        _along_flows(make, pooled, partial(face_of, m, relaxed.reduced), relaxed.bound, deadline, seed, whole)
    if m.begin:
        _few_arrivals(m, pooled, level, answer.values, seed)
    return pooled


def _along_flows(
    make: Callable[[], DayModel],
    pooled: Pooled,
    face: Callable[[float], Face],
    relaxed: float,
    deadline: float,
    seed: int,
    whole: bool,
) -> None:
    """Raise the level to what flows need, and take their breaks where flows are found.

    On a tight day already the relaxation of the flows is above the head counts. Then no whole flow is found in time,
    and the level is all that is asked for.
    """
    m = build_flows(make())
    first = first_of(m)
    step = _unit(first) or 1
    bound = minimize(m, first, deadline - time.monotonic(), seed, relaxed=True).bound
    least = ceil(bound / step - 1e-6) * step if isfinite(bound) else 0.0
    tight = least > pooled.level + 1e-3
    for level in [least] if tight or not whole else [pooled.level + turn * step for turn in range(MOST_LEVELS)]:
        if level > pooled.level:
            pooled.level = pooled.bounds.goals["shortage"] = level
            pooled.face = face(level - relaxed)
        left = deadline - time.monotonic()
        if tight or not whole or left < _LEAST_SECONDS or _few_changes(build_flows(make()), pooled, left, seed):
            break


def first_of(m: DayModel) -> Terms:
    """Obligations strictly before shortage."""
    return strictly_before(obligations(m), shortage(m))


def _few_changes(m: DayModel, pooled: Pooled, seconds: float, seed: int) -> bool:
    """Breaks, shifts and combined rooms of the flows with the fewest changes of room; False: no flow has that level."""
    deadline = time.monotonic() + seconds
    first = first_of(m)
    m.row(first, -inf, pooled.level + 0.01)
    close_pool(m, pooled.face)
    urgent, points = strictly_before(haste(m), cost(m)), pool_points(m)
    step = step_below(points)
    values: Values = {}
    stages = [(terms, tolerance) for terms, tolerance in ((urgent, 0.99), (points, step)) if terms]
    for terms, tolerance in stages or [(first, step_below(first))]:
        left = max(_LEAST_SECONDS, deadline - time.monotonic())
        answer = minimize(m, terms, left, seed, tolerance, values)
        if answer.bound == inf and not values:
            return False
        values = answer.values or values
        if not values:
            return True
        m.row(terms, -inf, total(values, terms) + 0.01)
        if terms is points and (not urgent or total(values, urgent) < 0.5):
            met = answer.bound > total(values, points) - step - 1e-6
            pooled.points = total(values, points) if met else max(0.0, answer.bound)
    _take(pooled, m, values)
    pooled.level = total(values, first)
    return True


def _few_arrivals(m: DayModel, pooled: Pooled, level: float, values: Values, seed: int) -> None:
    """Where shifts may move: breaks, shifts and combined rooms of head counts that seldom rise in a room."""
    m.row(first_of(m), -inf, level + 0.01)
    for terms, tolerance in ((strictly_before(haste(m), cost(m)), 0.99), (head_points(m), 2.99)):
        if terms:
            values = minimize(m, terms, ARRIVAL_SECONDS, seed, tolerance, values).values or values
            m.row(terms, -inf, total(values, terms) + 0.01)
    _take(pooled, m, values)
    pooled.heads = set()


def _take(pooled: Pooled, m: DayModel, values: Values) -> None:
    found = _read_pool(m, values, pooled.bounds, pooled.face, pooled.level)
    pooled.breaks, pooled.shifts, pooled.combined = found.breaks, found.shifts, found.combined
    pooled.heads = found.heads


def minimize(
    m: DayModel,
    terms: Terms,
    seconds: float,
    seed: int,
    tolerance: float = 0.0,
    known: Values | None = None,
    relaxed: bool = False,
) -> Answer:
    """A gap below `tolerance` counts as none. Relaxed: choices may be split. Never raises: HiGHS has failed before."""
    return never_raising(lambda hint: m.mip.minimize(terms, seconds, seed, tolerance, hint, relaxed), known or {})


def never_raising(ask: Callable[[Values], Answer], known: Values) -> Answer:
    """What the solver answers with this plan as a hint, else without it, else nothing."""
    try:
        return ask(known)
    except Exception:  # noqa: BLE001 (an error inside the solver is no reason to be without a plan)
        return never_raising(ask, {}) if known else NOTHING  # a hint that breaks a row is taken as an error


def total(values: Values, terms: Terms) -> float:
    return sum(values[var] * price for var, price in terms)


def strictly_before(first: Terms, second: Terms) -> Terms:
    """One objective in which a unit of the first outweighs whatever one adult can do for the second in a day."""
    step = _unit(second) or 1
    weight = step * (ceil(max((price for _, price in second), default=0.0) * 200 / step) + 1)
    return [*((var, price * weight) for var, price in first), *second]


def step_below(terms: Terms) -> float:
    """Just below the smallest difference between two values of the objective."""
    return max(0.01, 0.99 * _unit(terms))


def _unit(terms: Terms) -> int:
    return gcd(*(round(price) for _, price in terms if price))


def missing_by_slot(m: DayModel, values: Values) -> dict[int, float]:
    """Expected adults missing, times severity, in units of the demand."""
    found = dict.fromkeys(m.roster.slots, 0.0)
    for (room, t, k), var in m.short.items():
        found[t] += m.demand.levels[room, t, k] * values.get(var, 0.0)
    for (index, t, k), var in m.joint_short.items():
        found[t] += m.demand.joint_levels(index, t)[k] * values.get(var, 0.0)
    return found


def _read_pool(m: DayModel, values: Values, bounds: DayBounds, face: Face, level: float) -> Pooled:
    breaks = {(who, name): t for (who, name, t), starts in m.pause.items() if is_one(values, starts[0])}
    starts = {who: t for (who, t), var in m.begin.items() if is_one(values, var)}
    ends = {who: t for (who, t), var in m.finish.items() if is_one(values, var)}
    shifts = {who: (starts[who], ends[who]) for who in starts}
    combined = {key for key, var in m.combined.items() if is_one(values, var)}
    heads = {
        (adult.staff_id, room, t)
        for number, members in enumerate(classes(m))
        for adult in members
        for room in m.pool_rooms[number]
        for t in m.roster.slots
        if is_one(values, m.pool.get((number, room, t)))
    }
    return Pooled(breaks, shifts, combined, bounds, face, heads, level, missing_by_slot(m, values))

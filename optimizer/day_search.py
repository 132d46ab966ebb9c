"""A good plan of a day: along the class flows where there are any, then window by window."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from math import inf

from optimizer.day_model import DayModel
from optimizer.day_plan import DayPlan
from optimizer.day_solver import Pooled, first_of, minimize, step_below, total
from optimizer.day_values import as_values, read_day
from optimizer.day_windows import Windows
from optimizer.flow import Path
from optimizer.goals import cost, disruption, haste, obligations, shortage
from optimizer.mip import Terms, Values, Variable
from optimizer.pool import Face, fix_missing

PART_SECONDS = 4.0
WEIGHTS = (1e8, 1e5, 1e3)  # of a step of obligations, shortage and haste against a point
WEIGHTS_WITH_COST = (1e11, 1e8, 1e5)
COST_WEIGHT = 1e3
_LEAST_SECONDS = 0.2


def search_face(
    m: DayModel, day: DayPlan, pooled: Pooled, seconds: float, seed: int
) -> Iterator[tuple[DayPlan, Values]]:
    """Better and better plans of the day along the class flows; `day` tells who is at work.

    First only plans are looked at that have the level of the flows, then those with the least shortage along the flows.
    As rows the first goals are far easier than as high prices.
    """
    if not m.paths or not pooled.heads or seconds < _LEAST_SECONDS:
        return  # nobody may move, or there is nothing to go along
    deadline = time.monotonic() + seconds
    first = first_of(m)
    row = m.row(first, -inf, pooled.level + 0.01)
    close(m, pooled.face)
    fix_missing(m, pooled.face)
    terms = then_together(m)
    best = _along(m, pooled, terms, seconds, seed)
    if not best:
        _reopen(m)
        m.mip.drop(row)
        terms = together(m)
        best = _along(m, pooled, terms, deadline - time.monotonic(), seed)
        row = m.row(first, -inf, total(best, first) + 0.01 if best else inf)
    if best:
        yield read_day(m, day, best), best
        better = _along_relaxation(m, best, terms, total(best, terms), deadline - time.monotonic(), seed)
        if better:
            best = better
            yield read_day(m, day, best), best
        windows = Windows(m, best, terms, deadline - time.monotonic(), seed, _weights(m)[2:], pooled.missing)
        for better in windows.run(total(best, terms)):
            yield read_day(m, day, better), better
    _reopen(m)
    m.mip.drop(row)


def search_day(
    m: DayModel, day: DayPlan, pooled: Pooled, in_force: bool, seconds: float, seed: int
) -> Iterator[tuple[DayPlan, Values]]:
    """Better and better plans, from one that is given."""
    if not m.paths or seconds < _LEAST_SECONDS:
        return
    deadline, terms = time.monotonic() + seconds, together(m)
    known: Values = as_values(m, day)
    close(m, pooled.face, keep=known)
    best = inf
    for as_they_are in (True, False) if in_force else ():  # few changes are wanted: first with the breaks in force
        kept = _fix_breaks(m, pooled.breaks if as_they_are else {})
        better = _along_relaxation(m, known, terms, best, deadline - time.monotonic(), seed)
        _set_high(m, kept.items())
        if better:
            known, best = better, total(better, terms)
            yield read_day(m, day, known), known
    windows = Windows(m, known, terms, deadline - time.monotonic(), seed, _weights(m)[1:], pooled.missing)
    for better in windows.run(best):
        yield read_day(m, day, better), better
    _reopen(m)


def _along(m: DayModel, pooled: Pooled, terms: Terms, seconds: float, seed: int) -> Values:
    """The best plan along the class flows, with their breaks."""
    kept = _fix_breaks(m, pooled.breaks)
    for who, path in m.paths.items():
        used = set(_arcs_along(path, who, pooled))
        for var in (arc.var for steps in path.steps.values() for arc in steps if arc.var not in used):
            kept[var], m.mip.high[var] = m.mip.high[var], 0.0
    best = minimize(m, terms, max(_LEAST_SECONDS, seconds), seed, step_below(terms)).values
    _set_high(m, kept.items())
    return best


def _along_relaxation(m: DayModel, known: Values, terms: Terms, best: float, seconds: float, seed: int) -> Values:
    """The best plan on the arcs of a relaxation and of the known plan, where it has less of the terms than `best`."""
    if seconds < _LEAST_SECONDS:
        return {}
    deadline = time.monotonic() + seconds
    split = minimize(m, terms, seconds, seed, relaxed=True).values
    arcs = [arc.var for path in m.paths.values() for steps in path.steps.values() for arc in steps]
    unused = [var for var in arcs if split.get(var, 0.0) < 1e-6 and known.get(var, 0.0) < 0.5]
    high = [(var, m.mip.high[var]) for var in unused]
    _set_high(m, ((var, 0.0) for var in unused))
    left = max(_LEAST_SECONDS, min(PART_SECONDS, deadline - time.monotonic()))
    found = minimize(m, terms, left, seed, step_below(disruption(m)), known).values if split else {}
    _set_high(m, high)
    return found if found and total(found, terms) < best - 0.5 else {}


def together(m: DayModel) -> Terms:
    """All goals in one, by weights that keep their order in practice; `prove_day` is strict."""
    missed, short, _ = _weights(m)
    stages = ((missed, obligations(m)), (short, shortage(m)))
    return [*_weighted(stages), *then_together(m)]


def then_together(m: DayModel) -> Terms:
    """The goals after the shortage in one."""
    stages = ((_weights(m)[2], haste(m)), (COST_WEIGHT, cost(m)))
    return [*_weighted(stages), *disruption(m)]


def _weights(m: DayModel) -> tuple[float, float, float]:
    return WEIGHTS_WITH_COST if cost(m) else WEIGHTS


def _weighted(stages: Iterable[tuple[float, Terms]]) -> Terms:
    found: Terms = []
    for weight, stage in stages:
        step = max(1.0, step_below(stage))
        found += [(var, weight * price / step) for var, price in stage]
    return found


def close(m: DayModel, face: Face, keep: Values | None = None) -> None:
    """Forbid what no plan has that reaches the pooled optimum, but for what the known plan does."""
    known = keep or {}
    keyed = ((m.present, face.places), (m.pause, face.starts))
    for variables, closed in keyed:
        for key in sorted(closed):
            for var in variables.get(key, ()):
                if known.get(var, 0.0) < 0.5:
                    m.mip.high[var] = 0.0


def _fix_breaks(m: DayModel, breaks: Mapping[tuple[str, str], int]) -> dict[Variable, float]:
    """Breaks of those who never move only where they are given; the upper bounds there were."""
    kept: dict[Variable, float] = {}
    for (who, name, t), starts in m.pause.items():
        if who not in m.paths and (who, name) in breaks and t != breaks[who, name]:
            kept |= {var: m.mip.high[var] for var in starts}
    _set_high(m, ((var, 0.0) for var in kept))
    return kept


def _arcs_along(path: Path, who: str, pooled: Pooled) -> Iterator[Variable]:
    """Arcs of one mover through places and breaks in which the flows have its class."""
    for arc in (arc for steps in path.steps.values() for arc in steps):
        place = arc.place
        if place.break_id is not None:
            if pooled.breaks.get((who, place.break_id)) == arc.tail[0]:
                yield arc.var
        elif place.room_id is None or all(
            (who, place.room_id, t) in pooled.heads for t in range(arc.tail[0], arc.head[0])
        ):
            yield arc.var


def _reopen(m: DayModel) -> None:
    arcs = (arc.var for path in m.paths.values() for steps in path.steps.values() for arc in steps)
    _set_high(m, ((var, 1.0) for var in (*arcs, *m.pause_variables, *m.short.values())))
    for var in m.short.values():
        m.mip.low[var] = 0.0


def _set_high(m: DayModel, bounds: Iterable[tuple[Variable, float]]) -> None:
    for var, high in bounds:
        m.mip.high[var] = high

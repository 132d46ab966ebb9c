"""A good plan of a large day: small MIPs on the few arcs that a relaxation uses, and on all arcs of one mover.

The relaxation knows how floats, breaks and rooms fit together, which no change of one adult at a time finds out; the
arcs it splits the day into are few, so that the best whole plan among them takes a fraction of a second.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from math import inf

from optimizer.day_model import DayModel, Terms, Variable
from optimizer.day_plan import DayPlan
from optimizer.day_solver import Pooled, Values, first_of, minimize, step_below, total
from optimizer.day_values import as_values, read_day
from optimizer.flow import Path
from optimizer.goals import cost, disruption, haste, obligations, shortage
from optimizer.pool import Face, fix_missing

RELAXATIONS = 2  # with the breaks of the class flows, if there are; with all breaks free, and noise
BLUR = 1.5  # points of noise on arcs: another relaxation, other arcs
PART_SECONDS = 4.0
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
    search = _Search(m, pooled, {}, then_together(m), seconds, seed)
    search.along(search.terms)
    if not search.best:
        _reopen(m)
        m.mip.delete_linear_constraint(row)
        search = _Search(m, pooled, {}, together(m), deadline - time.monotonic(), seed)
        search.along(first)
        row = m.row(first, -inf, total(search.best, first) + 0.01 if search.best else inf)
    if search.best:
        yield read_day(m, day, search.best), search.best
        for best in search.run():
            yield read_day(m, day, best), best
    _reopen(m)
    m.mip.delete_linear_constraint(row)


def search_day(m: DayModel, day: DayPlan, pooled: Pooled, seconds: float, seed: int) -> tuple[DayPlan, Values]:
    """A better plan of the day and its values; none when nothing was found."""
    if not m.paths or seconds < _LEAST_SECONDS:
        return day, {}
    known = as_values(m, day)
    close(m, pooled.face, keep=known)
    *_, best = [{}, *_Search(m, pooled, known, together(m), seconds, seed).run()]
    _reopen(m)
    return (read_day(m, day, best) if best else day), best


class _Search:
    """Small MIPs on few arcs: those along the class flows, those the relaxations use, and all of one mover more."""

    def __init__(self, m: DayModel, pooled: Pooled, known: Values, terms: Terms, seconds: float, seed: int) -> None:
        self.m = m
        self.pooled = pooled
        self.known = known
        self.deadline = time.monotonic() + seconds
        self.seed = seed
        self.rng = random.Random(seed)
        self.terms = terms
        self.arcs = {who: [a.var for steps in path.steps.values() for a in steps] for who, path in m.paths.items()}
        self.high = {var: var.upper_bound for own in self.arcs.values() for var in own}
        self.used: set[Variable] = set()
        self.best: Values = {}

    def along(self, terms: Terms) -> None:
        """The best plan along the class flows, with their breaks."""
        kept = _fix_breaks(self.m, self.pooled.breaks)
        used = {var for who, path in self.m.paths.items() for var in _along(path, who, self.pooled)}
        _set_high((var, high if var in used else 0.0) for var, high in self.high.items())
        self.best = minimize(self.m, terms, self._left(), self.seed, step_below(terms)).values
        _set_high(kept.items())

    def run(self) -> Iterator[Values]:
        """Each plan better than the one before."""
        known = self.best or self.known
        self.used = {var for var, high in self.high.items() if high and known.get(var, 0.0) > 0.5}
        for turn in range(RELAXATIONS):
            if self._left() < _LEAST_SECONDS:
                break
            if self._relax(turn):
                yield self.best
        waiting: list[str] = []
        idle = 0  # movers freed in vain since the last gain
        while self.best and idle <= len(self.arcs) and self._left() >= _LEAST_SECONDS:
            waiting = waiting or self.rng.sample(sorted(self.arcs), len(self.arcs))
            idle += 1
            if self._improve(self.arcs[waiting.pop()]):
                idle = 0
                yield self.best

    def _relax(self, turn: int) -> bool:
        """Add the arcs a relaxation uses and look for the best plan among all of them; True when it is better."""
        blur = [(var, self.rng.uniform(0.0, BLUR)) for var in self.high] if turn else []
        kept = _fix_breaks(self.m, self.pooled.breaks) if self.pooled.firm and turn < RELAXATIONS - 1 else {}
        _set_high(self.high.items())
        split = minimize(self.m, [*self.terms, *blur], self._left(), self.seed, relaxed=True).values
        self.used |= {var for var in self.high if split.get(var, 0.0) > 1e-6}
        better = bool(split) and self._improve(())
        _set_high(kept.items())
        return better

    def _improve(self, free: Iterable[Variable], seconds: float = PART_SECONDS) -> bool:
        """The best plan on the arcs used so far and the free ones; True when it is better than the best known."""
        allowed = self.used.union(free)
        _set_high((var, high if var in allowed else 0.0) for var, high in self.high.items())
        left = max(_LEAST_SECONDS, min(seconds, self._left()))
        found = minimize(self.m, self.terms, left, self.seed, 0.5, self.best or self.known).values
        if not found or (self.best and total(found, self.terms) > total(self.best, self.terms) - 0.5):
            return False
        self.best = found
        self.used |= {var for var in self.high if found[var] > 0.5}
        return True

    def _left(self) -> float:
        return self.deadline - time.monotonic()


def together(m: DayModel) -> Terms:
    """All goals in one, by weights that keep their order in practice; `prove_day` is strict."""
    heavy = 1e3 if cost(m) else 1.0
    stages = ((1e8 * heavy, obligations(m)), (1e5 * heavy, shortage(m)))
    return [*_weighted(stages), *then_together(m)]


def then_together(m: DayModel) -> Terms:
    """The goals after the shortage in one."""
    money = cost(m)
    stages = ((1e5 if money else 1e3, haste(m)), (1e3, money))
    return [*_weighted(stages), *disruption(m)]


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
                    var.upper_bound = 0.0


def _fix_breaks(m: DayModel, breaks: Mapping[tuple[str, str], int]) -> dict[Variable, float]:
    """Breaks of those who never move only where they are given; the upper bounds there were."""
    kept: dict[Variable, float] = {}
    for (who, name, t), starts in m.pause.items():
        if who not in m.paths and (who, name) in breaks and t != breaks[who, name]:
            kept |= {var: var.upper_bound for var in starts}
    _set_high((var, 0.0) for var in kept)
    return kept


def _along(path: Path, who: str, pooled: Pooled) -> Iterator[Variable]:
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
    _set_high((var, 1.0) for var in (*arcs, *m.pause_variables, *m.short.values()))
    for var in m.short.values():
        var.lower_bound = 0.0


def _set_high(bounds: Iterable[tuple[Variable, float]]) -> None:
    for var, high in bounds:
        var.upper_bound = high

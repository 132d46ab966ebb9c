"""A plan of a day made better window by window: everybody's time in a window is free, the rest of the day as it is.

Breaks of room staff and the floats who stand in for them must change together, and do so within an hour or two; a
window of that length is a MIP of a fraction of a second. Goal after goal: most of a window's time goes into proving its
last points, so the first windows stop as soon as no less shortage, then no less haste, is to be had in them. Windows
widen as the narrow ones find nothing more.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import inf, nan

import numpy as np

from optimizer.day_model import DayModel
from optimizer.day_solver import missing_by_slot, never_raising, step_below, total
from optimizer.goals import disruption
from optimizer.mip import Parts, Terms, Values, Variable

WIDTHS = (8, 12, 16, 24)  # slots
WINDOW_SECONDS = 4.0
COARSE_SECONDS = 1.0
_LEAST_SECONDS = 0.2


class Windows:
    """The choices of a day by the slots they are about; `known` tells all of them, but for movers it leaves out.

    `coarse`: steps of the terms that the first, narrow windows look for, the largest first. `least`: shortage by slot
    that could do; windows in which most is missing beyond it come first.
    """

    def __init__(
        self,
        m: DayModel,
        known: Values,
        terms: Terms,
        seconds: float,
        seed: int,
        coarse: Sequence[float] = (),
        least: Mapping[int, float] | None = None,
    ) -> None:
        self.m = m
        self.terms = terms
        self.step = step_below(disruption(m)) if disruption(m) else 0.5
        self.deadline = time.monotonic() + seconds
        self.seed = seed
        self.coarse = coarse
        self.least = least or {}
        self.parts = Parts(m.mip, terms)
        self._gains: list[tuple[int, int]] = []
        self._choose(known)
        self._learn(known)

    def run(self, best: float = inf) -> Iterator[Values]:
        """Each plan better than the one before; `best`: what the known plan has of the terms, where that is known."""
        if np.isnan(self.values).any() and (found := self._ask(0, 0, self.step)):
            best = min(best, total(found, self.terms))
            self._choose(found)
            self._learn(found)
            yield found
        for first, end, step in self._windows():
            found = self._ask(first, end, step)
            if found and total(found, self.terms) < best - self.step / 2:
                best = total(found, self.terms)
                self._gains.append((first, end))
                self._learn(found)
                yield found

    def _choose(self, known: Values) -> None:
        """Which columns choose, by slot; those of a path that is not known are free all day, until it is."""
        self.chooses = np.zeros(len(self.m.mip.low), dtype=bool)
        self._about: dict[int, list[Variable]] = defaultdict(list)
        for var, first, end in _choices(self.m, known):
            self.chooses[var] = True
            for t in range(first, max(end, first + 1)):
                self._about[t].append(var)

    def _learn(self, known: Values) -> None:
        self.known = known
        self.missing = missing_by_slot(self.m, known) if self.least else {}
        self.values = np.array([known.get(var, nan) for var in range(len(self.m.mip.low))])
        self.values[self.chooses] = np.rint(np.nan_to_num(self.values[self.chooses]))

    def _windows(self) -> Iterator[tuple[int, int, float]]:
        """Windows and the step of the terms to be looked for there: coarse steps in the narrow ones first."""
        for step in self.coarse:
            yield from ((first, end, step) for first, end in self._sweeps(WIDTHS[:1], again=False))
        yield from ((first, end, self.step) for first, end in self._sweeps(WIDTHS))

    def _sweeps(self, widths: Sequence[int], again: bool = True) -> Iterator[tuple[int, int]]:
        """Windows through the day and such between them, while there are gains; then wider ones. None twice in vain."""
        day = range(self.m.roster.first, self.m.roster.day.end)
        asked: dict[tuple[int, int], int] = {}  # how many gains there were
        for width in widths:
            gains = -1
            while gains < len(self._gains) and (again or gains < 0):
                gains = len(self._gains)
                starts = [*range(day.start, day.stop, width), *range(day.start - width // 2, day.stop, width)]
                while starts:
                    window = max(((first, first + width) for first in starts), key=self._excess)
                    starts.remove(window[0])
                    if self.deadline - time.monotonic() < _LEAST_SECONDS:
                        return
                    if window not in asked or self._near(window, asked[window]):
                        yield window
                        asked[window] = len(self._gains)
            if width >= len(day):
                break

    def _excess(self, window: tuple[int, int]) -> float:
        """What is missing in the window beyond the least."""
        return sum(self.missing.get(t, 0.0) - self.least.get(t, 0.0) for t in range(*window))

    def _near(self, window: tuple[int, int], since: int) -> bool:
        """Has anything changed in or next to the window since so many gains?"""
        reach = self.m.problem.house.change_window_slots
        return any(first < window[1] + reach and window[0] - reach < end for first, end in self._gains[since:])

    def _ask(self, first: int, end: int, step: float) -> Values:
        """The best values with the window's choices free, and whatever follows from them."""
        unknown = np.isnan(self.values)
        free = unknown.copy()
        free[[var for t in range(first, end) for var in self._about[t]]] = True
        free |= self.parts.columns_of(self.parts.rows_of(free)) & ~self.chooses
        values = np.nan_to_num(self.values)
        hint = {int(var): values[var] for var in np.flatnonzero(free & ~unknown)}
        most = COARSE_SECONDS if step > self.step else WINDOW_SECONDS
        left = min(most, self.deadline - time.monotonic())
        ask = partial(self.parts.minimize, free, values, left, self.seed, step)
        found = never_raising(ask, hint).values
        return {**dict(enumerate(values.tolist())), **found} if found else {}


def _choices(m: DayModel, known: Values) -> Iterator[tuple[Variable, int, int]]:
    """Variables that choose, with the slots they are about; none of movers whose path is not known."""
    for path in m.paths.values():
        arcs = [arc for steps in path.steps.values() for arc in steps]
        if any(arc.var in known for arc in arcs):
            yield from ((arc.var, arc.tail[0], arc.head[0]) for arc in arcs)
    for pause in m.roster.pauses:
        if pause.staff_id not in m.paths:
            for t in pause.starts:
                (start,) = m.pause[pause.staff_id, pause.break_id, t]
                yield start, t, t + pause.slots
    for keyed in (m.begin, m.finish, m.combined):
        yield from ((var, t, t + 1) for (_, t), var in keyed.items())

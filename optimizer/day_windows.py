"""A plan of a day made better window by window: everybody's time in a window is free, the rest of the day as it is.

Breaks of room staff and the floats who stand in for them must change together, and do so within an hour or two; a
window of that length is a MIP of a fraction of a second. Windows widen as the narrow ones find nothing more.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import inf

from optimizer.day_model import DayModel, Terms, Variable
from optimizer.day_solver import Values, minimize, step_below, total
from optimizer.goals import disruption

WIDTHS = (8, 12, 16, 24)  # slots
WINDOW_SECONDS = 4.0
_LEAST_SECONDS = 0.2


class Windows:
    """The choices of a day by the slots they are about; `known` tells all of them, but for movers it leaves out."""

    def __init__(self, m: DayModel, known: Values, terms: Terms, seconds: float, seed: int) -> None:
        self.m = m
        self.known = known
        self.terms = terms
        self.step = step_below(disruption(m)) if disruption(m) else 0.5
        self.deadline = time.monotonic() + seconds
        self.seed = seed
        self.high: dict[Variable, float] = {}
        self._gains: list[tuple[int, int]] = []
        self._about: dict[int, list[Variable]] = defaultdict(list)
        for var, first, end in _choices(m, known):
            self.high[var] = var.upper_bound
            for t in range(first, max(end, first + 1)):
                self._about[t].append(var)

    def run(self, best: float = inf) -> Iterator[Values]:
        """Each plan better than the one before; `best`: what the known plan has of the terms, where that is known."""
        self._freeze(self.high)
        try:
            for first, end in self._sweeps():
                found = self._ask(first, end)
                if found and total(found, self.terms) < best - self.step / 2:
                    best, self.known = total(found, self.terms), found
                    self._gains.append((first, end))
                self._freeze(self._free(first, end))
                if self.known is found:
                    yield found
        finally:
            self._open(self.high)

    def _sweeps(self) -> Iterator[tuple[int, int]]:
        """Windows through the day and such between them, while there are gains; then wider ones. None twice in vain."""
        day = range(self.m.roster.first, self.m.roster.day.end)
        asked: dict[tuple[int, int], int] = {}  # how many gains there were
        for width in WIDTHS:
            gains = -1
            while gains < len(self._gains):
                gains = len(self._gains)
                starts = [*range(day.start, day.stop, width), *range(day.start - width // 2, day.stop, width)]
                for window in ((first, first + width) for first in starts):
                    if self.deadline - time.monotonic() < _LEAST_SECONDS:
                        return
                    if window not in asked or self._near(window, asked[window]):
                        yield window
                        asked[window] = len(self._gains)
            if width >= len(day):
                break

    def _near(self, window: tuple[int, int], since: int) -> bool:
        """Has anything changed in or next to the window since so many gains?"""
        reach = self.m.problem.house.change_window_slots
        return any(first < window[1] + reach and window[0] - reach < end for first, end in self._gains[since:])

    def _ask(self, first: int, end: int) -> Values:
        free = self._free(first, end)
        self._open(free)
        hint = {var: self.known.get(var, 0.0) for var in free}
        left = min(WINDOW_SECONDS, self.deadline - time.monotonic())
        return minimize(self.m, self.terms, left, self.seed, self.step, hint).values

    def _free(self, first: int, end: int) -> list[Variable]:
        return list(dict.fromkeys(var for t in range(first, end) for var in self._about[t]))

    def _open(self, choices: Iterable[Variable]) -> None:
        for var in choices:
            var.lower_bound, var.upper_bound = 0.0, self.high[var]

    def _freeze(self, choices: Iterable[Variable]) -> None:
        for var in choices:
            var.lower_bound = var.upper_bound = round(self.known.get(var, 0.0))


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

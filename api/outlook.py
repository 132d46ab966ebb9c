"""The odds ahead for the live loop: from the published short-horizon model where there is one, else from bookings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from api.center import LiveCenter
from evaluator import Risk
from evaluator.expectations import BookedExpectation, Expectation
from evaluator.groups import members_of_groups
from evaluator.lookahead import look_ahead

_SHARE = 0.2  # of the loop's time that further looks may take while events pour in
_ROOMS_AT_ONCE = 3  # looked at before the event loop is given up to others
_AT_LATEST = timedelta(seconds=55)

Rest = Callable[[float], Awaitable[float]]  # given when the piece of work began; answers when the next one begins
ExpectationOf = Callable[[LiveCenter, datetime], "Expectation | None"]  # None: no model for this center


class Outlook:
    """`model`: the expectation of a forecast; where it gives none, bookings and who is present stand in."""

    def __init__(self, model: ExpectationOf | None = None, elapsed: Callable[[], float] = time.perf_counter) -> None:
        self._model, self._elapsed = model, elapsed
        self._looked: dict[str, datetime] = {}
        self._free_from = 0.0
        self.milliseconds = 0.0  # the last look took

    async def risks(self, center: LiveCenter, now: datetime, rest: Rest) -> Sequence[Risk] | None:
        """Odds 15 and 30 minutes ahead: with every event as far as there is time for it, and every minute anyhow.

        Rooms are looked at a few at a time, with a `rest` in between.
        """
        started = self._elapsed()
        looked = self._looked.get(center.center_id)
        if looked is not None and started < self._free_from and now - looked < _AT_LATEST:
            return center.risks
        expectation = self._model(center, now) if self._model else None
        if expectation is None:
            expectation = BookedExpectation(center.state, center.facts, now)
        center.expectation = expectation
        found: dict[tuple[str, datetime], Risk] = {}
        rooms, spent = sorted(members_of_groups(center.state, center.facts, now)), 0.0
        for first in range(0, len(rooms), _ROOMS_AT_ONCE):
            some = rooms[first : first + _ROOMS_AT_ONCE]
            risks = look_ahead(center.state, center.facts, center.book(now), expectation, now, some)
            found |= {(risk.room_id, risk.target): risk for risk in risks}
            spent += self._elapsed() - started
            started = await rest(started)
        self.milliseconds = spent * 1000
        self._looked[center.center_id] = now
        self._free_from = max(self._free_from, started) + spent / _SHARE
        return [found[key] for key in sorted(found)]

"""The next 60 minutes of every room as a band: children expected, and how many the adults then may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from api.center import LiveCenter
from evaluator import Assessment, RoomAssessment
from evaluator.expectations import Ages, BookedExpectation
from reports.charts import BandPoint, band

_STEP_MINUTES = 10
_STEPS = 7  # 0 to 60 minutes
_DRAWS = 100
_MOST = 40  # children beyond which nobody asks


@dataclass(slots=True)
class Bands:
    """Bands as SVG by room, drawn anew once a minute and center, or when a room's count has changed."""

    _drawn: dict[str, tuple[tuple[object, ...], str]] = field(default_factory=dict)

    def of(self, center: LiveCenter, assessment: Assessment, room: RoomAssessment) -> str:
        minute = assessment.at.replace(second=0, microsecond=0)
        key = (minute, len(room.group.children), room.verdict.counted)
        name = f"{center.center_id}/{room.room_id}"
        known = self._drawn.get(name)
        if known is None or known[0] != key:
            known = self._drawn[name] = (key, self._draw(center, assessment.at, room))
        return known[1]

    def _draw(self, center: LiveCenter, now: datetime, room: RoomAssessment) -> str:
        expectation = center.expectation or BookedExpectation(center.state, center.facts, now)
        points = []
        for step in range(_STEPS):
            at = now + timedelta(minutes=step * _STEP_MINUTES)
            draws = [expectation.ages(member, at, _DRAWS) for member in room.group.members]
            crowds = [tuple(age for part in parts for age in part) for parts in zip(*draws, strict=True)]
            sizes = [len(room.group.children)] * 2 if step == 0 else [len(crowd) for crowd in crowds]
            low, middle, high = (float(value) for value in np.quantile(sizes, (0.1, 0.5, 0.9)))
            allowed = _allowed(center, room, crowds, at, _adults_at(center, room, now, at))
            points.append(BandPoint(f"{at.astimezone(center.facts.tz):%H:%M}", low, middle, high, allowed))
        return band(points, f"{room.name}, the next hour")


def _adults_at(center: LiveCenter, room: RoomAssessment, now: datetime, at: datetime) -> int:
    """Adults who count then: those who count now, with the planned changes of the room until then."""

    def planned(instant: datetime) -> int:
        parts = [part for member in room.group.members for part, _ in center.facts.planned_by_room.get(member, ())]
        return sum(part.start <= instant < part.end for part in parts)

    return max(0, room.verdict.counted + planned(at) - planned(now))


def _allowed(
    center: LiveCenter, room: RoomAssessment, crowds: Sequence[Ages], at: datetime, adults: int
) -> float | None:
    """The most children of the ages expected that so many adults may have."""
    center_facts = center.facts.center
    crowd = max(crowds, key=len, default=())
    ages = sorted(crowd, key=lambda age: -1 if age is None else age)
    if not ages:
        return None
    book, local = center.book(at), at.astimezone(center.facts.tz).time()
    activity = room.situation.activity if room.situation is not None else "normal"
    low, high = 0, _MOST
    while low < high:
        middle = (low + high + 1) // 2
        many = [ages[i % len(ages)] for i in range(middle)]
        if book.required(many, local, activity, center_facts.opens, center_facts.closes) <= adults:
            low = middle
        else:
            high = middle - 1
    return float(low)

"""The next 60 minutes of every room: children expected with their 80 % interval, against the adults there will be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from markupsafe import Markup

from api.center import LiveCenter
from evaluator import Assessment, RoomAssessment
from evaluator.expectations import Ages, BookedExpectation, Expectation, ForecastExpectation
from reports.charts import BandPoint, band

_STEP_MINUTES = 10
_STEPS = 7  # 0 to 60 minutes
_DRAWS = 100


@dataclass(frozen=True, slots=True)
class Hour:
    """The picture, and its end in words. `tight`: in one of ten courses the adults do not suffice."""

    svg: Markup
    words: str
    tight: bool


@dataclass(slots=True)
class Bands:
    """Drawn anew once a minute and center, or when a room's count has changed."""

    _drawn: dict[str, tuple[tuple[object, ...], Hour]] = field(default_factory=dict)

    def of(self, center: LiveCenter, assessment: Assessment, room: RoomAssessment) -> Hour:
        minute = assessment.at.replace(second=0, microsecond=0)
        key = (minute, len(room.group.children), room.verdict.counted, type(center.expectation))
        name = f"{center.center_id}/{room.room_id}"
        known = self._drawn.get(name)
        if known is None or known[0] != key:
            known = self._drawn[name] = (key, _hour(center, assessment.at, room))
        return known[1]


def _hour(center: LiveCenter, now: datetime, room: RoomAssessment) -> Hour:
    expectation = center.expectation or BookedExpectation(center.state, center.facts, now)
    points = [_point(center, expectation, room, now, now + timedelta(minutes=n * _STEP_MINUTES)) for n in range(_STEPS)]
    end = points[-1]
    source = "forecast" if isinstance(expectation, ForecastExpectation) else "bookings"
    words = f"At {end.label}: children {_between(end.low, end.middle, end.high)} by the {source}; adults needed "
    words += f"{_between(end.need_low, end.need, end.need_high)}, on shift {end.adults}"
    tight = any(point.need_high > (point.adults or 0) for point in points)
    return Hour(Markup(band(points, f"{room.name}, the next hour")), words, tight)  # noqa: S704  our own SVG


def _point(
    center: LiveCenter, expectation: Expectation, room: RoomAssessment, now: datetime, at: datetime
) -> BandPoint:
    adults, label = _adults_at(center, room, now, at), f"{at.astimezone(center.facts.tz):%H:%M}"
    if at == now:  # known, not expected
        here, need = len(room.group.children), room.verdict.required
        return BandPoint(label, here, here, here, need, need, need, adults)
    draws = [expectation.ages(member, at, _DRAWS) for member in room.group.members]
    crowds = [tuple(age for part in parts for age in part) for parts in zip(*draws, strict=True)]
    required = _required(center, room, at)
    known = {crowd: required(crowd) for crowd in set(crowds)}
    sizes = np.quantile([len(crowd) for crowd in crowds], (0.1, 0.5, 0.9))
    needs = np.quantile([known[crowd] for crowd in crowds], (0.1, 0.5, 0.9), method="inverted_cdf")
    low, middle, high = (float(size) for size in sizes)
    need_low, need, need_high = (int(number) for number in needs)
    return BandPoint(label, low, middle, high, need_low, need, need_high, adults)


def _required(center: LiveCenter, room: RoomAssessment, at: datetime) -> Callable[[Ages], int]:
    """Adults the rules ask for at that time, by the children's ages."""
    place, book, local = center.facts.center, center.book(at), at.astimezone(center.facts.tz).time()
    activity = room.situation.activity if room.situation is not None else "normal"
    return lambda ages: book.required(ages, local, activity, place.opens, place.closes) if ages else 0


def _between(low: float, middle: float, high: float) -> str:
    return f"{middle:.0f}" if round(low) == round(high) else f"{middle:.0f} ({low:.0f} to {high:.0f})"


def _adults_at(center: LiveCenter, room: RoomAssessment, now: datetime, at: datetime) -> int:
    """Adults who count then: those who count now, with the planned changes of the room until then."""

    def planned(instant: datetime) -> int:
        parts = [part for member in room.group.members for part, _ in center.facts.planned_by_room.get(member, ())]
        return sum(part.start <= instant < part.end for part in parts)

    return max(0, room.verdict.counted + planned(at) - planned(now))

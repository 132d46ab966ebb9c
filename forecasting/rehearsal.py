"""Days of the past lived again with a session, minute by minute as their evening before would have: training scenes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.attendance import ABSENT, Floats
from forecasting.hazards import KNOTS, LEFT, PRESENT, WAITING, Chances, chances_of
from forecasting.patterns import Parameters, Patterns
from forecasting.session import Session

REHEARSED_DAYS = 80  # the latest open days, over all centers
SCENES_PER_DAY = 8


@dataclass(frozen=True)
class Scene:
    """A moment of a rehearsed day: chances at KNOTS, and whether each row was there then (NaN: not known)."""

    session: Session
    minute: float
    chances: Chances
    stayed: Floats
    came: Floats


def rehearse(parameters: Parameters, centers: Sequence[Patterns], seed: int = 7) -> Iterator[Scene]:
    """Scenes of the latest days, at minutes spread over the opening hours; the same for the same seed."""
    draw = np.random.default_rng(seed)
    days_each = max(5, REHEARSED_DAYS // max(len(centers), 1))
    for patterns in centers:
        a = patterns.attendance
        for day in np.flatnonzero(a.open_day[: a.future])[20:][-days_each:]:
            span = a.closes - a.opens + 40
            minutes = a.opens - 20 + span * (np.arange(SCENES_PER_DAY) + draw.random(SCENES_PER_DAY)) / SCENES_PER_DAY
            for minute in minutes:
                session = Session(parameters, patterns, day=int(day))
                yield _scene(session, float(minute))


def _scene(s: Session, minute: float) -> Scene:
    a, day = s.patterns.attendance, s.day
    arrive, leave = a.arrive[:, day], a.leave[:, day]
    here, gone = (arrive <= minute) & ~(leave <= minute), leave <= minute
    s.status = np.where(gone, LEFT, np.where(here, PRESENT, WAITING))
    s.came, s.went = np.where(here | gone, arrive, np.nan), np.where(gone, leave, np.nan)
    s.room = np.where(here & (a.room[:, day] >= 0), a.room[:, day], s.home)
    s.told = (a.booked[:, day] == ABSENT) & (a.told_at[:, day] <= minute)
    s.announced = np.where(a.told_at[:, day] <= minute, a.announced_out[:, day], np.nan)
    chances = chances_of(s, minute, minute + KNOTS)
    at = minute + KNOTS
    there = ((arrive[:, None] <= at) & ~(leave[:, None] <= at)).astype(np.float64)
    there[(np.isnan(leave) & ~np.isnan(arrive))[:, None] & (at > s.leave_at[:, None] - 60)] = np.nan
    return Scene(s, minute, chances, there[chances.here], there[chances.waiting])

"""Days of the past lived again with a session, minute by minute as their evening before would have: training scenes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecasting.attendance import ABSENT, Attendance, Floats, Ints
from forecasting.boost import Boost
from forecasting.calibration import SHORT_AHEAD, Calibration, transforms
from forecasting.counting import count_pmf
from forecasting.doubt import TRUSTING
from forecasting.forecast import quantiles
from forecasting.hazards import KNOTS, LEFT, PRESENT, WAITING, Chances, chances_of
from forecasting.patterns import Parameters, Patterns
from forecasting.rooms import placed, raw_pmf
from forecasting.session import Session
from forecasting.week import NODES, presence

REHEARSED_DAYS = 80  # the latest open days, over all centers
SCENES_PER_DAY = 8


@dataclass(frozen=True)
class Scene:
    """A moment of a rehearsed day: chances at KNOTS, and whether each row was there then (NaN: not known).

    The session is the day's and moves on with the next scene.
    """

    session: Session
    minute: float
    chances: Chances
    stayed: Floats
    came: Floats


def rehearse(parameters: Parameters, centers: Sequence[Patterns], seed: int = 7) -> Iterator[Scene]:
    """Scenes of the latest days, at minutes spread over the opening hours; the same for the same seed."""
    draw = np.random.default_rng(seed)
    days_each = max(5, REHEARSED_DAYS // max(len(centers), 1))
    for center in centers:
        patterns, a = replace(center, doubts=TRUSTING), center.attendance  # the record has been mended since
        for day in np.flatnonzero(a.open_day[: a.future])[20:][-days_each:]:
            span = a.closes - a.opens + 40
            minutes = a.opens - 20 + span * (np.arange(SCENES_PER_DAY) + draw.random(SCENES_PER_DAY)) / SCENES_PER_DAY
            session = Session(parameters, patterns, day=int(day))
            for minute in minutes:
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


def calibrate_short(
    parameters: Parameters, centers: Sequence[Patterns], boost: Boost
) -> tuple[Calibration, dict[str, float]]:
    """Calibration of the short horizon on other scenes of the same days than those the boosters learnt from, and
    the scores on the way (before calibration)."""
    result, draw, tally = Calibration.new(SHORT_AHEAD), np.random.default_rng(11), Tally()
    for scene in rehearse(parameters, centers, seed=13):
        s, at = scene.session, scene.minute + KNOTS
        pmf = raw_pmf(s, placed(s, boost.corrected(scene.chances, KNOTS), scene.minute, at))
        actual = actual_counts(s.patterns.attendance, s.day, at, s.leave_at)
        inside = (at >= s.patterns.attendance.opens) & (at <= s.patterns.attendance.closes)
        rooms = len(pmf)
        for knot in np.flatnonzero(inside):
            tally.add(f"{KNOTS[knot]:.0f}min", pmf[:, knot], actual[:, knot])
        pit = transforms(pmf, actual, draw)[:, inside].ravel()
        result = result.seen(pit, np.tile(KNOTS[inside], rooms), np.tile(at[inside], rooms))
    return result, tally.scores()


def calibrate_week(parameters: Parameters, centers: Sequence[Patterns]) -> tuple[Calibration, dict[str, float]]:
    """Calibration of the week ahead: every open day of the last weeks as foreseen 1, 3 or 7 days before; and
    the scores on the way."""
    result, draw, tally = Calibration.new((0.0,)), np.random.default_rng(12), Tally()
    for patterns in centers:
        a, p = patterns.attendance, parameters
        for day in np.flatnonzero(a.open_day[: a.future])[25:][-REHEARSED_DAYS // 2 :]:
            ahead = (1, 3, 7)[int(day) % 3]
            chance = p.show_up.chances(a, patterns.record, int(day), ahead)
            rows = np.flatnonzero((chance > 1e-4) & (patterns.rooms[:, day] >= 0))
            at = np.arange(a.opens + 15, a.closes, 30.0)
            there = presence(p, patterns, int(day), rows, chance[rows], at)
            pmf = count_pmf(there, patterns.rooms[rows, day], len(a.room_ids), np.full(NODES, 1 / NODES))
            actual = actual_counts(a, int(day), at, patterns.leaving.location[:, day])
            minutes = np.tile(at, len(pmf))
            tally.add("week", pmf, actual)
            result = result.seen(transforms(pmf, actual, draw).ravel(), np.zeros(len(minutes)), minutes)
    return result, tally.scores()


class Tally:
    """Mean pinball loss over 0.1, 0.5, 0.9 and the share inside q10..q90, by name."""

    def __init__(self) -> None:
        self._sums: dict[str, Floats] = {}

    def add(self, name: str, pmf: Floats, actual: Ints) -> None:
        levels = np.array([0.1, 0.5, 0.9])
        q = quantiles(pmf, levels.tolist())
        error = actual[..., None] - q
        loss = np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
        inside = (q[..., 0] <= actual) & (actual <= q[..., 2])
        self._sums.setdefault(name, np.zeros(3))[:] += (loss.sum(), inside.sum(), loss.size)

    def scores(self) -> dict[str, float]:
        result = {}
        for name, (loss, inside, n) in self._sums.items():
            result[f"{name} pinball"], result[f"{name} coverage80"] = float(loss / n), float(inside / n)
        return result


def actual_counts(a: Attendance, day: int, at: Floats, usual_leave: Floats) -> Ints:
    """[room, time]: children there in the end; who was never checked out left at the usual time."""
    arrive = a.arrive[:, day]
    leave = np.where(np.isnan(a.leave[:, day]), np.maximum(usual_leave, arrive), a.leave[:, day])
    there = (arrive[:, None] <= at) & (at < leave[:, None]) & (a.room[:, day] >= 0)[:, None]
    result = np.zeros((len(a.room_ids), len(at)), dtype=np.int64)
    np.add.at(result, np.maximum(a.room[:, day], 0), there)
    return result

"""Chances of coming and leaving of every child of a day, given the day so far; shocks shared are left as nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forecasting.attendance import Attendance, Flags, Floats, Ints
from forecasting.counting import nodes
from forecasting.patterns import Parameters, Patterns

WAITING, PRESENT, LEFT = 0, 1, 2
SHIFT_GRID = np.linspace(-3.2, 3.2, 33)
ANNOUNCED_SPREAD = 10.0
SIBLING_MINUTES = 4.0
KNOTS = np.array([15.0, 30.0, 60.0])  # minutes ahead at which the boosted corrections are asked


class DayState(Protocol):
    """What the chances are computed from; arrays per row, minutes of the local day."""

    parameters: Parameters
    patterns: Patterns
    day: int
    status: Ints
    came: Floats
    went: Floats
    room: Ints
    home: Ints
    told: Ints
    announced: Floats
    chance: Floats
    come_at: Floats
    come_spread: Floats
    leave_at: Floats
    leave_spread: Floats
    families: Ints
    weight: Floats


@dataclass(frozen=True)
class Chances:
    """Chances of rows `here` (still here at the times) and `waiting` (come and not gone by the times), per node."""

    here: Ints
    stay: Floats
    stay_weights: Floats
    waiting: Ints
    come: Floats
    come_weights: Floats
    arrival_shift: float
    leaving_shift: float
    leaving_features: Floats  # of `here`, without the horizon
    coming_features: Floats


def chances_of(s: DayState, now: float, at: Floats) -> Chances:
    """Before boosting: from habits, the clock, and the common shifts of the day inferred from everybody so far."""
    p, a = s.parameters, s.patterns.attendance
    waiting = np.flatnonzero((s.status == WAITING) & (s.chance > 1e-4) & (s.home >= 0))
    here = np.flatnonzero((s.status == PRESENT) & (s.room >= 0))
    chance = _still_coming(s, waiting, now)
    alone = _sibling_came(s, waiting, now)
    come_mean, come_sd = _arrival_shift(s, waiting[~alone], chance[~alone], now)
    shift, weight = nodes(come_mean, come_sd)
    come = _arriving(s, waiting, chance, alone, now, at, shift)
    ends, spread = _leaving(s, here)
    leave_mean, leave_sd = _leaving_shift(s, here, ends, spread, now)
    out, out_weight = nodes(leave_mean, leave_sd)
    stay = _staying(s, ends, spread, now, at, out)
    later = s.leave_at[waiting] + p.carry_over * np.maximum(now - s.come_at[waiting], 0)
    wide = np.hypot(s.leave_spread[waiting], p.carry_over * s.come_spread[waiting])
    come *= (1 - p.leaving_shape.cdf((at - later[:, None] - leave_mean) / wide[:, None]))[:, :, None]
    return Chances(
        here, stay, out_weight, waiting, come, weight, come_mean, leave_mean,
        _leaving_features(s, a, here, ends, spread, now, leave_mean),
        _coming_features(s, a, waiting, chance, alone, now, come_mean),
    )  # fmt: skip


def _still_coming(s: DayState, waiting: Ints, now: float) -> Floats:
    """P(comes at all) given what was told by now, before looking at the clock."""
    chance = s.chance[waiting]
    chance = chance / (chance + (1 - chance) * s.parameters.show_up.still_silent(now))
    return np.asarray(np.where(s.told[waiting], s.parameters.show_up.told_comes, chance))


def _sibling_came(s: DayState, waiting: Ints, now: float) -> Flags:
    """Which waiting rows have a sibling that came some minutes ago without them."""
    ahead = s.families[(s.status != WAITING) & (s.families >= 0) & (s.came < now - SIBLING_MINUTES)]
    return np.asarray(np.isin(s.families[waiting], ahead), dtype=bool)


def _arrival_shift(s: DayState, waiting: Ints, chance: Floats, now: float) -> tuple[float, float]:
    """Mean and sd of the day's common delay of arrivals, from who came when and who is not yet here."""
    p = s.parameters
    arrived = np.flatnonzero(~np.isnan(s.came) & ~np.isnan(s.come_at))
    if now < s.patterns.attendance.opens - 30 and not len(arrived):
        return 0.0, p.coming.shift_spread
    shift = SHIFT_GRID * p.coming.shift_spread
    z = (s.came[arrived, None] - s.come_at[arrived, None] - shift) / s.come_spread[arrived, None]
    score = (np.log(p.coming_shape.pdf(z) + 1e-6) * s.weight[arrived, None]).sum(axis=0)
    z = (now - s.come_at[waiting, None] - shift) / s.come_spread[waiting, None]
    score += (np.log(1 - chance[:, None] * p.coming_shape.cdf(z)) * s.weight[waiting, None]).sum(axis=0)
    return _moments(shift, score)


def _leaving(s: DayState, rows: Ints) -> tuple[Floats, Floats]:
    """When rows that came leave, and how surely: habit, carried over from the arrival, or as announced today."""
    late = np.nan_to_num(s.came[rows] - s.come_at[rows])
    ends = s.leave_at[rows] + s.parameters.carry_over * late
    told = ~np.isnan(s.announced[rows])
    return np.where(told, s.announced[rows], ends), np.where(told, ANNOUNCED_SPREAD, s.leave_spread[rows])


def _leaving_shift(s: DayState, here: Ints, ends: Floats, spread: Floats, now: float) -> tuple[float, float]:
    """Mean and sd of the day's common delay of departures, from who left when and who is still here."""
    p = s.parameters
    left = np.flatnonzero((s.status == LEFT) & ~np.isnan(s.went) & np.isnan(s.announced))
    shift = SHIFT_GRID * p.leaving.shift_spread
    gone_at, gone_spread = _leaving(s, left)
    z = (s.went[left, None] - gone_at[:, None] - shift) / gone_spread[:, None]
    score = (np.log(p.leaving_shape.pdf(z) + 1e-5) * s.weight[left, None]).sum(axis=0)
    untold = s.patterns.doubts.untold
    survive = 1 - p.leaving_shape.cdf((now - ends[:, None] - shift) / spread[:, None])
    score += (np.log(survive + untold * (1 - survive)) * s.weight[here, None]).sum(axis=0)
    return _moments(shift, score)


def _moments(shift: Floats, score: Floats) -> tuple[float, float]:
    score = score - 0.5 * SHIFT_GRID**2
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    mean = float(weight @ shift)
    return mean, float(np.sqrt(max(weight @ (shift - mean) ** 2, 0.25)))


def _arriving(s: DayState, rows: Ints, chance: Floats, alone: Flags, now: float, at: Floats, shift: Floats) -> Floats:
    """P(here by each time | not recorded as here now), [row, time, node]: still to come, or here unrecorded."""
    cdf = s.parameters.coming_shape.cdf
    opens, unseen = s.patterns.attendance.opens, s.patterns.doubts.unseen
    center, spread = s.come_at[rows, None] + shift, s.come_spread[rows, None]
    by_now = cdf((now - center) / spread) * (now >= opens)
    by_then = cdf((at[:, None] - center[:, None, :]) / spread[:, None, :])
    by_then = np.where(at[:, None] >= opens, by_then, 0.0)
    together = np.where(alone, s.parameters.together, 0.0)[:, None]  # would have come with the sibling
    by_now = by_now + (1 - by_now) * together
    by_then = by_then + (1 - by_then) * together[:, None, :]
    more = np.maximum(by_then - by_now[:, None, :], 0) + unseen * by_now[:, None, :]
    silent = 1 - chance[:, None] * by_now * (1 - unseen)
    return np.asarray(chance[:, None, None] * more / silent[:, None, :])


def _staying(s: DayState, ends: Floats, spread: Floats, now: float, at: Floats, shift: Floats) -> Floats:
    """P(truly here at each time | recorded as here now), [row, time, node]: the rest left, or left unrecorded."""
    cdf = s.parameters.leaving_shape.cdf
    center = ends[:, None] + shift
    real = 1 - cdf((now - center) / spread[:, None])
    then = 1 - cdf((at[:, None] - center[:, None, :]) / spread[:, None, None])
    recorded = real + s.patterns.doubts.untold * (1 - real)
    return np.asarray(np.minimum(then / recorded[:, None, :], 1.0))


LEAVING_FEATURES = ("ahead", "minute", "to_closing", "present_for", "surprise_now", "spread", "ends_to_closing",
                    "shift", "weekday", "announced")  # fmt: skip
COMING_FEATURES = ("ahead", "minute", "since_opening", "surprise_now", "spread", "chance", "shift", "sibling_came",
                   "weekday", "usual_minute")  # fmt: skip


def _leaving_features(
    s: DayState, a: Attendance, rows: Ints, ends: Floats, spread: Floats, now: float, shift: float
) -> Floats:
    """Columns of LEAVING_FEATURES after the first."""
    one = np.ones(len(rows))
    columns = (now * one, (a.closes - now) * one, now - s.came[rows], (now - ends - shift) / spread, spread,
               a.closes - ends - shift, shift * one, a.days[s.day].weekday() * one,
               ~np.isnan(s.announced[rows]))  # fmt: skip
    return np.column_stack(columns).astype(np.float64)


def _coming_features(
    s: DayState, a: Attendance, rows: Ints, chance: Floats, alone: Flags, now: float, shift: float
) -> Floats:
    """Columns of COMING_FEATURES after the first."""
    one = np.ones(len(rows))
    at, spread = s.come_at[rows], s.come_spread[rows]
    columns = (now * one, (now - a.opens) * one, (now - at - shift) / spread, spread, chance, shift * one, alone,
               a.days[s.day].weekday() * one, at)  # fmt: skip
    return np.column_stack(columns).astype(np.float64)

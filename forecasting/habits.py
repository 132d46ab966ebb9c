"""Each child's own times of day, learnt day by day: what the evening before would have foreseen, and how surely.

One pass forward over the days, so every value is out of sample. A habit leans on what stands behind it as long as it
is young: child -> room -> center -> all centers, or the times booked where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
CLIP = 2.5  # a surprise teaches a habit at most this many spreads
SPREAD_PRIOR = 15.0  # observations the common spread counts for
ROOM_PRIOR, CENTER_PRIOR = 6.0, 4.0


@dataclass(frozen=True)
class Learning:
    """How fast habits are learnt and forgotten, and what holds before anything is known (minutes)."""

    half_life_days: float = 120.0
    own_prior: float = 2.0  # observations the group counts for against the child's own
    weekday_prior: float = 30.0
    usual: float = 485.0  # time of day of somebody of whom nothing at all is known
    usual_spread: float = 45.0
    offset: float = 0.0  # actual less expected time
    spread: float = 12.0  # around a known habit
    shift_spread: float = 8.0  # of the day's common shift


@dataclass(frozen=True)
class Habit:
    """Arrays [row, day] in minutes: the time foreseen, its spread (what is not known of the habit included), and the
    standardized surprise once the day's common shift [day] is taken out (NaN where nothing was observed)."""

    location: Floats
    spread: Floats
    shift: Floats
    surprise: Floats


def learn(observed: Floats, expected: Floats, group: Ints, weekday: Ints, learning: Learning) -> Habit:
    """The habits behind observed[row, day] (NaN: not observed), given expected[row, day] (NaN: nothing booked),
    the rows' group[row] (a room, -1 unknown) and weekday[day] (0 Monday)."""
    rows, days = observed.shape
    location, spread, surprise = np.full((3, rows, days), np.nan)
    shift = np.full(days, np.nan)
    state = _State(rows, int(group.max(initial=-1)) + 2, learning)
    for day in range(days):
        base, uncertain = state.base(expected[:, day], group)
        own = state.own_sum / (state.own_weight + learning.own_prior)
        here = weekday[day]
        week = state.week_sum[:, here] / (state.week_weight[:, here] + learning.weekday_prior)
        location[:, day] = base + own + week
        young = learning.own_prior / (state.own_weight + learning.own_prior)
        scale = state.scale()
        spread[:, day] = np.sqrt(scale**2 * (1 + 1 / (state.own_weight + learning.own_prior)) + young * uncertain**2)
        seen = np.flatnonzero(~np.isnan(observed[:, day]))
        state.forget()
        if len(seen):
            error = observed[seen, day] - location[seen, day]
            shift[day] = common_shift(error, spread[seen, day], learning.shift_spread)
            surprise[seen, day] = (error - shift[day]) / spread[seen, day]
            state.see(seen, here, observed[:, day], expected[:, day], group, error - shift[day], own, week, scale)
    return Habit(location, spread, shift, surprise)


def common_shift(error: Floats, spread: Floats, shift_spread: float) -> float:
    """The day's common shift behind the errors: a robust mean shrunk to none when few are seen."""
    shift = 0.0
    for _ in range(4):
        weight = 1 / (spread**2 * np.maximum(1, np.abs(error - shift) / (1.5 * spread)))
        shift = float((weight * error).sum() / (weight.sum() + 1 / shift_spread**2))
    return shift


def tune(centers: Sequence[tuple[Floats, Floats, Ints, Ints]], start: Learning) -> Learning:
    """The learning rates that foresee best over the centers' (observed, expected, group, weekday), one at a time."""
    best = _with_spreads(centers, start)
    choices = {"half_life_days": (40.0, 120.0, 400.0), "own_prior": (0.5, 2.0, 6.0), "weekday_prior": (6.0, 30.0, 1e9)}
    for name, values in choices.items():
        trials = [Learning(**{**best.__dict__, name: value}) for value in values]
        best = min(trials, key=lambda trial: _error(centers, trial))
    return _with_spreads(centers, best)


def _error(centers: Sequence[tuple[Floats, Floats, Ints, Ints]], learning: Learning) -> float:
    """Mean absolute surprise in minutes over the later half of the days, common shifts taken out."""
    parts = []
    for observed, expected, group, weekday in centers:
        habit = learn(observed, expected, group, weekday, learning)
        half = observed.shape[1] // 2
        parts.append((np.abs(habit.surprise) * habit.spread)[:, half:])
    values = np.concatenate([part[np.isfinite(part)] for part in parts]) if parts else np.zeros(0)
    return float(values.mean()) if len(values) else 0.0


def _with_spreads(centers: Sequence[tuple[Floats, Floats, Ints, Ints]], learning: Learning) -> Learning:
    """The same with spreads, offset and usual time measured on the data (kept where there is none)."""
    values = dict(learning.__dict__)
    observed = [o[np.isfinite(o)] for o, _, _, _ in centers]
    offsets = [(o - e)[np.isfinite(o - e)] for o, e, _, _ in centers]
    if sum(map(len, observed)) >= 30:
        every = np.concatenate(observed)
        values |= {"usual": float(np.median(every)), "usual_spread": float(max(5.0, every.std()))}
    if sum(map(len, offsets)) >= 30:
        values["offset"] = float(np.median(np.concatenate(offsets)))
    now = Learning(**values)
    habits = [learn(*center, now) for center in centers]
    errors = [(h.surprise * h.spread)[np.isfinite(h.surprise)] for h in habits]
    shifts = [h.shift[np.isfinite(h.shift)] for h in habits]
    if sum(map(len, errors)) >= 30:
        values["spread"] = float(max(2.0, 1.2533 * np.abs(np.clip(np.concatenate(errors), -120, 120)).mean()))
    if sum(map(len, shifts)) >= 10:
        every = np.concatenate(shifts)
        values["shift_spread"] = float(np.clip(1.4826 * np.median(np.abs(every)) * 0.5 + every.std() * 0.5, 1.0, 60.0))
    return Learning(**values)


class _State:
    """Running, forgetting sums per row, group and center."""

    def __init__(self, rows: int, groups: int, learning: Learning) -> None:
        self.learning = learning
        self.keep = 0.5 ** (1 / learning.half_life_days)
        self.own_sum, self.own_weight, self.error_sum = np.zeros((3, rows))
        self.week_sum, self.week_weight = np.zeros((2, rows, 7))
        # Per group (the last one: the whole center): times of day and offsets from the booking.
        self.time_sum, self.time_weight, self.offset_sum, self.offset_weight = np.zeros((4, groups + 1))
        self.last_expected = np.full(rows, np.nan)

    def base(self, expected: Floats, group: Ints) -> tuple[Floats, Floats]:
        """What holds before the row's own history speaks, and how unsure that is (sd)."""
        how = self.learning
        expected = np.where(np.isnan(expected), self.last_expected, expected)
        time = _shrunk(self.time_sum, self.time_weight, how.usual)[group]
        offset = _shrunk(self.offset_sum, self.offset_weight, how.offset)[group]
        booked = ~np.isnan(expected)
        return (
            np.where(booked, np.where(booked, expected, 0) + offset, time),
            np.where(booked, how.spread, how.usual_spread),
        )

    def scale(self) -> Floats:
        """Spread of one observation around the row's habit."""
        result: Floats = (self.error_sum + SPREAD_PRIOR * self.learning.spread) / (self.own_weight + SPREAD_PRIOR)
        return np.maximum(result, 1.0)

    def forget(self) -> None:
        for values in (self.own_sum, self.own_weight, self.error_sum, self.week_sum, self.week_weight, self.time_sum,
                       self.time_weight, self.offset_sum, self.offset_weight):  # fmt: skip
            values *= self.keep

    def see(
        self, seen: Ints, weekday: int, observed: Floats, expected: Floats, group: Ints, error: Floats,
        own: Floats, week: Floats, scale: Floats,
    ) -> None:  # fmt: skip
        step = np.clip(error, -CLIP * scale[seen], CLIP * scale[seen])
        self.own_sum[seen] += own[seen] + step
        self.own_weight[seen] += 1
        self.week_sum[seen, weekday] += week[seen] + step
        self.week_weight[seen, weekday] += 1
        self.error_sum[seen] += 1.2533 * np.abs(step)
        told = seen[~np.isnan(expected[seen])]
        self.last_expected[told] = expected[told]
        for target in (group, np.full_like(group, -1)):
            np.add.at(self.time_sum, target[seen], observed[seen])
            np.add.at(self.time_weight, target[seen], 1.0)
            np.add.at(self.offset_sum, target[told], observed[told] - expected[told])
            np.add.at(self.offset_weight, target[told], 1.0)


def _shrunk(sums: Floats, weights: Floats, prior: float) -> Floats:
    """Group means leaning on the center's mean, which leans on the prior; the last entry is the center's."""
    center = (sums[-1] + CENTER_PRIOR * prior) / (weights[-1] + CENTER_PRIOR)
    result: Floats = (sums + ROOM_PRIOR * center) / (weights + ROOM_PRIOR)
    result[-1] = center
    return result

"""Intervals that hold what they promise, learned from the model's own past forecasts.

A raw forecast is (q10, q50, q90). Each past error is measured in units of the raw half interval on its side; the
quantiles of these units say how far each level must lie from the middle (split conformal prediction, refreshed as
errors become known, by time of day and with memory of a few weeks).

Whether a level learned over weeks still fits is seen day by day: each day that covered too little widens the interval a
little, each that covered too much narrows it (adaptive conformal inference, Gibbs and Candes 2021). Where the truth
comes only days after the forecast it would follow what has passed, and is left out.

From a day ahead on whole days err together, and a few weeks of them are few lessons: one holiday among them would
widen all intervals for six weeks. There the raw intervals stand almost as they are, and parts of the day are not told
apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.counts.baselines import LEVELS
from forecasting.counts.grid import Floats, Ints

MEMORY_DAYS = 42  # older errors are forgotten
DAY_BLOCKS = 4  # parts of the day calibrated apart
_PRIOR_DAYS = 10  # how many days of errors weigh as much as the belief below
_PRIOR_LESSONS = 50  # the same from a day ahead on, for each day ahead
_BLOCK_PRIOR_DAYS = 20  # how many days weigh as much as the whole day's factors
_USUAL = {0.05: 1.35, 0.1: 1.0, 0.25: 0.5, 0.5: 0.0, 0.75: 0.5, 0.9: 1.0, 0.95: 1.35}
_FOLLOWED = 0.2  # what a day's missing coverage adds to the logarithm of the width
FOLLOWED_DAYS_AHEAD = 1
_CLOSED_BELOW = 0.5  # a raw q90 below half a person says that nobody is there
_LEAST_WIDTH = 0.25  # persons; a half interval is never taken as narrower


@dataclass(frozen=True)
class Errors:
    """Past forecasts and what happened: slot, part of the day, and error in half intervals below and above."""

    slot: Ints
    block: Ints
    below: Floats
    above: Floats

    @staticmethod
    def none() -> Errors:
        return Errors(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

    @staticmethod
    def of_forecasts(
        raw: Floats, actual: Floats, target: Ints, slots_of_day: int, in_use: npt.NDArray[np.bool_] | None = None
    ) -> Errors:
        """`raw` is (targets, rooms, 3), `actual` and `in_use` (targets, rooms), `target` (targets,). Left out are
        unknown counts, rooms that the forecast holds for closed, and hours in which a room is not in use: their errors
        are covered whatever the interval, and would hide those that matter."""
        scored = ~np.isnan(actual) & ~np.isnan(raw[..., 1]) & (raw[..., 2] > _CLOSED_BELOW)
        if in_use is not None:
            scored &= in_use
        slot = np.repeat(target[:, None], actual.shape[1], axis=1)
        return Errors._of(raw[scored], actual[scored], slot[scored], slots_of_day)

    @staticmethod
    def _of(raw: Floats, actual: Floats, slot: Ints, slots_of_day: int) -> Errors:
        lower, upper = half_widths(raw)
        error = actual - raw[:, 1]
        return Errors(slot, day_block(slot, slots_of_day), -error / lower, error / upper)

    def between(self, first: int, end: int) -> Errors:
        return self.where((self.slot >= first) & (self.slot < end))

    def joined(self, later: Errors) -> Errors:
        return Errors(
            np.concatenate([self.slot, later.slot]),
            np.concatenate([self.block, later.block]),
            np.concatenate([self.below, later.below]),
            np.concatenate([self.above, later.above]),
        )

    def moved(self, slots: int) -> Errors:
        """The same errors on a grid that starts so many slots earlier."""
        return Errors(self.slot + slots, self.block, self.below, self.above)

    def where(self, keep: npt.NDArray[np.bool_]) -> Errors:
        return Errors(self.slot[keep], self.block[keep], self.below[keep], self.above[keep])


def day_block(slot: Ints, slots_of_day: int) -> Ints:
    return np.asarray(slot % slots_of_day * DAY_BLOCKS // slots_of_day, dtype=np.int64)


def half_widths(raw: Floats) -> tuple[Floats, Floats]:
    low, middle, high = (raw[..., k] for k in range(3))
    return np.maximum(middle - low, _LEAST_WIDTH), np.maximum(high - middle, _LEAST_WIDTH)


def factors(errors: Errors, slots_of_day: int, *, days_ahead: int = 0) -> Floats:
    """(blocks, levels): distance of each level from the middle in raw half intervals, from errors of the past."""
    usual = np.array([_USUAL[level] for level in LEVELS])
    if days_ahead:
        return np.tile(_shrunk(errors, usual, slots_of_day, _PRIOR_LESSONS * days_ahead, few=True), (DAY_BLOCKS, 1))
    whole = _shrunk(errors, usual, slots_of_day, _PRIOR_DAYS, few=False)
    rows = []
    for block in range(DAY_BLOCKS):
        own = errors.where(errors.block == block)
        rows.append(_shrunk(own, whole, slots_of_day, _BLOCK_PRIOR_DAYS, few=False))
    return np.stack(rows)


def calibrated(raw: Floats, target: Ints, errors: Errors, slots_of_day: int, *, days_ahead: int = 0) -> Floats:
    """(targets, rooms, levels) from raw (targets, rooms, 3): never crossing, never below zero. `days_ahead`: of a
    horizon by day, else 0."""
    learned = factors(errors, slots_of_day, days_ahead=days_ahead)
    if days_ahead <= FOLLOWED_DAYS_AHEAD:
        learned = learned * followed_width(errors, learned, slots_of_day)
    scale = learned[day_block(target, slots_of_day)][:, None, :]
    lower, upper = half_widths(raw)
    side = np.where(np.array(LEVELS) < 0.5, -lower[..., None], upper[..., None])
    return np.maximum.accumulate(np.clip(raw[..., [1]] + side * scale, 0, None), axis=-1)


def followed_width(errors: Errors, learned: Floats, slots_of_day: int) -> float:
    """What all distances are multiplied with, from how much each past day would have covered, in their order."""
    low, high = LEVELS.index(0.1), LEVELS.index(0.9)
    day, log_width = errors.slot // slots_of_day, 0.0
    for one in np.unique(day):
        its = errors.where(day == one)
        reach = np.exp(log_width) * learned[its.block]
        covered = (its.below <= reach[:, low]) & (its.above <= reach[:, high])
        log_width += _FOLLOWED * (LEVELS[high] - LEVELS[low] - float(covered.mean()))
    return float(np.exp(log_width))


def _shrunk(errors: Errors, prior: Floats, slots_of_day: int, prior_days: float, *, few: bool) -> Floats:
    """Empirical distances, drawn towards `prior` the fewer days they come from (errors of one day hang together).

    `few`: days are the unit that repeats, so the levels are moved outwards as for a sample of so many (conformal
    prediction's correction for n + 1)."""
    if not len(errors.slot):
        return prior
    days = len(np.unique(errors.slot // slots_of_day))
    outward = (days + 1) / days if few else 1.0
    found = [0.0 if level == 0.5 else _distance(errors, level, outward) for level in LEVELS]
    mixed = (days * np.array(found) + prior_days * prior) / (days + prior_days)
    return np.asarray(np.maximum(mixed, 0.0))


def _distance(errors: Errors, level: float, outward: float) -> float:
    side, share = (errors.below, 1 - level) if level < 0.5 else (errors.above, level)
    return float(np.quantile(side, min(1.0, share * outward)))

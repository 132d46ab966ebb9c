"""Forecasts anybody could make, with the same interface as the model: what a model must beat.

last      the last count (carried over at most four missing slots)
snaive    the same slot a week ago
mean4     mean of the same slot in the last four weeks; med4 its median
delta     last plus the mean4 profile's change from the origin to the target

A point becomes quantiles by its own errors of the eight weeks before the test, per room and hour of the day.
"""

from __future__ import annotations

import warnings

import numpy as np

from forecasting.counts.features import Examples, Features, Known, examples
from forecasting.counts.grid import CountGrid, Floats, Horizon, Ints

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
QUANTILE_COLUMNS = tuple(f"q{round(level * 100):02d}" for level in LEVELS)
NAMES = ("last", "snaive", "mean4", "med4", "delta")
ERROR_WEEKS = 8
OPEN_ABOVE = 0.5  # a slot counts as open if it held more people than this on average


def open_slots(grid: CountGrid, start: int) -> Floats:
    """(slots, rooms) of 0 and 1: is the weekly profile of the eight weeks before slot `start` above half a person?"""
    return (profile_before(grid, start) > OPEN_ABOVE).astype(float)


def baselines(grid: CountGrid, features: Features, horizon: Horizon, start: int, end: int) -> dict[str, Floats]:
    """name -> (targets, rooms, levels) for every target slot in [start, end); errors only from before `start`.

    `last` and `delta` are left out from a week ahead on, where they say nothing.
    """
    first = max(0, start - ERROR_WEEKS * grid.week)
    pairs = examples(grid, horizon, first, end)
    profile = profile_before(grid, start)
    is_open = open_slots(grid, start)
    result = {}
    for name, point in _points(grid, features, horizon, pairs, profile).items():
        error = grid.counts[pairs.target] - point
        past = (pairs.target < start)[:, None] & (is_open[pairs.target] > 0)
        spread = error_quantiles(np.where(past, error, np.nan), pairs.target % grid.day * grid.minutes // 60)
        test = pairs.target >= start
        result[name] = np.clip(point[test][..., None] + spread[test], 0, None)
        result[name][..., LEVELS.index(0.5)] = point[test]
    return result


def mean_of(quantiles: Floats) -> Floats:
    """Mean of the distribution that is linear between its quantiles (n, levels) and flat beyond the outermost."""
    inner = ((quantiles[:, 1:] + quantiles[:, :-1]) / 2 * np.diff(LEVELS)).sum(axis=1)
    return np.asarray(inner + LEVELS[0] * quantiles[:, 0] + (1 - LEVELS[-1]) * quantiles[:, -1])


def _points(
    grid: CountGrid, features: Features, horizon: Horizon, pairs: Examples, profile: Floats
) -> dict[str, Floats]:
    known = Known(features, pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean4, med4 = _four_weeks(grid, known, known.last_week, profile)
        week_ago = known.at(grid.counts, known.last_week)
        points = {"snaive": np.where(np.isnan(week_ago), mean4, week_ago), "mean4": mean4, "med4": med4}
        if horizon.steps < grid.week:
            last = known.at(features.carried, pairs.origin)
            before, _ = _four_weeks(grid, known, pairs.origin - grid.week, profile)
            delta = np.clip(last + mean4 - before, 0, None)
            points = {"last": last, "delta": np.where(np.isnan(delta), mean4, delta)} | points
    return points


def _four_weeks(grid: CountGrid, known: Known, slots: Ints, profile: Floats) -> tuple[Floats, Floats]:
    stack = np.stack([known.at(grid.counts, slots - k * grid.week) for k in range(4)])
    usual = profile[slots % grid.week]
    mean, median = np.nanmean(stack, axis=0), np.nanmedian(stack, axis=0)
    return np.where(np.isnan(mean), usual, mean), np.where(np.isnan(median), usual, median)


def profile_before(grid: CountGrid, start: int) -> Floats:
    """(slots, rooms): mean of the same slot of the week over the eight weeks before `start`, NaN if never known."""
    first = max(0, start - ERROR_WEEKS * grid.week)
    slot = np.arange(len(grid.times)) % grid.week
    result = np.full((grid.week, len(grid.rooms)), np.nan)
    total, number = np.zeros_like(result), np.zeros_like(result)
    past = grid.counts[first:start]
    np.add.at(total, slot[first:start], np.nan_to_num(past))
    np.add.at(number, slot[first:start], ~np.isnan(past))
    result[number > 0] = total[number > 0] / number[number > 0]
    return np.asarray(result[slot], dtype=np.float64)


def error_quantiles(error: Floats, hour: Ints) -> Floats:
    """(targets, rooms, levels): quantiles of the room's errors of the same hour; of all hours if it has none."""
    spread = np.zeros((*error.shape, len(LEVELS)))
    for room in range(error.shape[1]):
        everything = error[:, room][~np.isnan(error[:, room])]
        for one in np.unique(hour):
            own = error[hour == one, room]
            own = own[~np.isnan(own)]
            own = own if len(own) else everything
            if len(own):
                spread[hour == one, room] = np.quantile(own, LEVELS)
    return spread

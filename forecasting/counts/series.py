"""Arithmetic of series with unknown values (NaN); slots run along the first axis."""

from __future__ import annotations

import numpy as np

from forecasting.counts.grid import Floats, Ints


def carry(counts: Floats, limit: int) -> Floats:
    """Each unknown count replaced by the last known one, at most `limit` slots old."""
    slots = np.arange(len(counts))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(counts), -limit - 1, slots), axis=0)
    near = slots - last <= limit
    return np.where(near & (last >= 0), np.take_along_axis(counts, np.maximum(last, 0), axis=0), np.nan)


def rolling_mean(series: Floats, length: int) -> Floats:
    """Mean of the known values among the last `length` slots, NaN if none is known."""
    known = ~np.isnan(series)
    total, number = np.cumsum(np.where(known, series, 0.0), axis=0), np.cumsum(known, axis=0)
    total = total - later(total, length, 0.0)
    number = number - later(number, length, 0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def later(series: Floats, slots: int, fill: float = np.nan) -> Floats:
    """The series moved to later times: value at i is the one of i - slots."""
    result = np.full_like(series, fill)
    if slots < len(series):
        result[slots:] = series[: len(series) - slots]
    return result


def mean_of_known(parts: list[Floats]) -> Floats:
    stack = np.stack(parts)
    known = ~np.isnan(stack)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, stack, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)


def weighted(stack: Floats, weights: Floats) -> Floats:
    known = ~np.isnan(stack)
    heavy = np.where(known, weights[:, None, None], 0.0)
    total = heavy.sum(axis=0)
    return np.where(total > 0, (np.where(known, stack, 0.0) * heavy).sum(axis=0) / np.maximum(total, 1e-9), np.nan)


def pick(facts: Floats, slots: Ints) -> Floats:
    inside = (slots >= 0) & (slots < len(facts))
    return np.where(inside, facts[np.clip(slots, 0, len(facts) - 1)], np.nan)

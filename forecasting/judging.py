"""Whole numbers judged fairly: an interval as near its promise as counts allow, and where an outcome fell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.forecast import Floats, Ints, quantiles

SHARE = 0.8
COLUMNS = ("actual", "low80", "high80", "mass80", "below", "upto")
_AT_ONCE = 256  # rows; all intervals of each are held in memory


def judged(pmf: Floats, actual: Floats) -> pd.DataFrame:
    """`COLUMNS` for pmf[row, k] and what then was counted: the whole-number interval of 80 %, the probability it truly
    has, and P(count < actual), P(count <= actual).
    """
    low, high = whole_interval(pmf, SHARE)
    cdf = np.concatenate([np.zeros((len(pmf), 1)), np.cumsum(pmf, axis=1)], axis=1)
    row, most = np.arange(len(pmf)), pmf.shape[1]
    count = np.clip(actual.astype(np.int64), 0, most)
    columns = {
        "actual": actual, "low80": low, "high80": high, "mass80": cdf[row, high + 1] - cdf[row, low],
        "below": cdf[row, count], "upto": cdf[row, np.minimum(count + 1, most)],
    }  # fmt: skip
    return pd.DataFrame(columns, columns=list(COLUMNS))


def whole_interval(pmf: Floats, share: float) -> tuple[Ints, Ints]:
    """[row] lowest and highest count of the interval around the median whose probability is nearest to the share.

    The 10 % and 90 % quantiles of a count hold more than 80 % between them, often far more: they are the best points
    for the pinball loss, not an interval of 80 %.
    """
    parts = [_nearest(pmf[first : first + _AT_ONCE], share) for first in range(0, len(pmf), _AT_ONCE)]
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])


def _nearest(pmf: Floats, share: float) -> tuple[Ints, Ints]:
    size = pmf.shape[1]
    cdf = np.concatenate([np.zeros((len(pmf), 1)), np.cumsum(pmf, axis=1)], axis=1)
    middle = quantiles(pmf, (0.5,))[:, :1]
    at = np.arange(size)
    miss = np.abs(cdf[:, None, 1:] - cdf[:, :-1, None] - share)  # [row, low, high]
    miss += 1e-9 * (at[None, :] - at[:, None])  # of equals the shorter
    miss[np.broadcast_to(((at > middle)[:, :, None]) | ((at < middle)[:, None, :]), miss.shape)] = np.inf
    best = miss.reshape(len(pmf), -1).argmin(axis=1)
    return (best // size).astype(np.int64), (best % size).astype(np.int64)


def transform_share(below: Floats, upto: Floats, low: float, high: float) -> Floats:
    """How much of an outcome's transform, spread evenly over [below, upto], lies in [low, high]: the mean over rows is
    `high - low` when the distributions are right, whole numbers or not.
    """
    inside = np.clip(np.minimum(upto, high) - np.maximum(below, low), 0, None)
    point = ((low <= below) & (below <= high)).astype(float)
    return np.where(upto > below, inside / np.maximum(upto - below, 1e-12), point)

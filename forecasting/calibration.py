"""Conformal calibration: how often the truth fell below what share of the forecast, and the map that mends it.

Counts of randomized probability integral transforms per horizon and part of the day; the calibrated distribution
function is their empirical distribution at the raw one, leaning on the identity while little has been seen. It goes on
learning after release, one outcome at a time, and forgets slowly. A monotone map keeps quantiles from crossing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.attendance import Floats, Ints

BINS = 20
PRIOR = 300.0  # a uniform distribution counts as this many outcomes
MEMORY = 8_000.0  # outcomes after which older ones have faded
SHORT_AHEAD = (15.0, 30.0, 60.0)
PARTS = (10 * 60.0, 15 * 60.0)  # minutes of the day at which the parts begin: morning, midday, evening


@dataclass(frozen=True)
class Calibration:
    """counts[horizon, part, bin] of the transforms; `ahead` are the horizons in minutes."""

    ahead: tuple[float, ...]
    counts: Floats

    @staticmethod
    def new(ahead: tuple[float, ...]) -> Calibration:
        return Calibration(ahead, np.zeros((len(ahead), len(PARTS) + 1, BINS)))

    def levels(self, ahead: Floats, minute: Floats) -> Floats:
        """[time, grid]: values of the map on an even grid of [0, 1] for times so far ahead at minutes of the day."""
        counts = self.counts[self._horizon(ahead), self._part(minute)] + PRIOR / BINS
        total = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
        return np.concatenate([np.zeros((len(total), 1)), total], axis=1)

    def seen(self, transforms: Floats, ahead: Floats, minute: Floats) -> Calibration:
        """The calibration after more outcomes; transforms of forecasts *before* calibration."""
        counts = self.counts.copy()
        bins = np.clip((transforms * BINS).astype(int), 0, BINS - 1)
        np.add.at(counts, (self._horizon(ahead), self._part(minute), bins), 1.0)
        total = counts.sum(axis=2, keepdims=True)
        return Calibration(self.ahead, counts * np.minimum(1.0, MEMORY / np.maximum(total, 1.0)))

    def _horizon(self, ahead: Floats) -> Ints:
        knots = np.array(self.ahead)
        return np.asarray(np.abs(knots[None, :] - np.asarray(ahead)[:, None]).argmin(axis=1), dtype=np.int64)

    def _part(self, minute: Floats) -> Ints:
        return np.searchsorted(np.array(PARTS), minute, side="right").astype(np.int64)


def transforms(pmf: Floats, actual: Ints, draw: np.random.Generator) -> Floats:
    """Randomized transforms of counts: uniform when the pmfs [..., k] are right."""
    cdf = np.cumsum(pmf, axis=-1)
    k = np.clip(actual, 0, pmf.shape[-1] - 1)[..., None]
    high = np.take_along_axis(cdf, k, axis=-1)[..., 0]
    mass = np.take_along_axis(pmf, k, axis=-1)[..., 0]
    return np.asarray(np.clip(high - mass * draw.random(high.shape), 0, 1))

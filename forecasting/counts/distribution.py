"""Whole-number distributions from quantiles: counts are counts, not real numbers.

A forecast's quantiles are points of a continuous distribution, linear between them and exponential beyond.
A count is that distribution rounded, so that P(count >= k) and the whole-number quantiles agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import BadInput
from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS
from forecasting.counts.grid import Floats, Ints

_LEVELS = np.array(LEVELS)
_TAIL = np.log((1 - LEVELS[-3]) / (1 - LEVELS[-1]))  # from the third-outermost level to the outermost, in tail scales
_LEAST_TAIL = 0.05  # persons
_SAME = 1e-9  # persons; quantiles nearer than that are one


@dataclass(frozen=True)
class CountDistribution:
    """One distribution per row of `quantiles` (n, levels), which must not cross."""

    quantiles: Floats

    @staticmethod
    def of(table: pd.DataFrame) -> CountDistribution:
        """Of the rows of a forecast's or a backtest's table; a forecaster that gives fewer levels is refused."""
        quantiles = table[list(QUANTILE_COLUMNS)].to_numpy(dtype=float)
        if np.isnan(quantiles).any():
            raise BadInput("a row has no value for some quantile; keep the rows of models that give all of them")
        if (np.diff(quantiles, axis=1) < 0).any():
            raise BadInput("the quantiles of a row cross; sort them")
        return CountDistribution(quantiles)

    def at_least(self, count: npt.ArrayLike) -> Floats:
        """(n,): P(count >= k) for one k or one per row."""
        edge = np.broadcast_to(np.asarray(count, dtype=float) - 0.5, len(self.quantiles))
        return np.where(edge < 0, 1.0, 1 - self._below(edge))

    def quantile(self, level: float) -> Ints:
        """(n,): the smallest whole number that the count does not exceed with probability `level`."""
        return np.asarray(np.maximum(np.ceil(self._inverse(level) - 0.5 - 1e-9), 0), dtype=np.int64)

    def _below(self, edge: Floats) -> Floats:
        """P(continuous count <= edge)"""
        low, high = self.quantiles[:, :-1], self.quantiles[:, 1:]
        wide = high - low > _SAME
        inside = np.where(wide, (edge[:, None] - low) / np.where(wide, high - low, 1.0), edge[:, None] >= low)
        middle = LEVELS[0] + (np.clip(inside, 0, 1) * np.diff(_LEVELS)).sum(axis=1)
        first, last = self.quantiles[:, 0], self.quantiles[:, -1]
        lower, upper = self._tails()
        under = LEVELS[0] * np.exp(np.minimum(edge - first, 0) / lower)
        over = 1 - (1 - LEVELS[-1]) * np.exp(np.minimum(last - edge, 0) / upper)
        return np.asarray(np.where(edge < first, under, np.where(edge > last, over, middle)))

    def _inverse(self, level: float) -> Floats:
        if not 0 < level < 1:
            raise BadInput(f"a level lies between 0 and 1, {level} does not")
        lower, upper = self._tails()
        if level < LEVELS[0]:
            return np.asarray(self.quantiles[:, 0] + lower * np.log(level / LEVELS[0]))
        if level > LEVELS[-1]:
            return np.asarray(self.quantiles[:, -1] + upper * np.log((1 - LEVELS[-1]) / (1 - level)))
        right = int(np.searchsorted(_LEVELS, level - 1e-12))
        left = max(right - 1, 0)
        share = 0.0 if right == left else (level - LEVELS[left]) / (LEVELS[right] - LEVELS[left])
        return np.asarray(self.quantiles[:, left] * (1 - share) + self.quantiles[:, right] * share)

    def _tails(self) -> tuple[Floats, Floats]:
        """The scales of the exponential tails, from the distance of the outer levels."""
        lower = (self.quantiles[:, 2] - self.quantiles[:, 0]) / _TAIL
        upper = (self.quantiles[:, -1] - self.quantiles[:, -3]) / _TAIL
        return np.maximum(lower, _LEAST_TAIL), np.maximum(upper, _LEAST_TAIL)

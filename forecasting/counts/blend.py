"""A robust linear forecast: the same slot of earlier weeks, as it was and moved to the present level, weighed per room.

It cannot see the calendar, so it reads ordinary days only. The weights are not negative and minimise the absolute
error (iteratively reweighted least squares) with more say for recent weeks; a room with too few examples takes equal
weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from forecasting.counts.grid import Floats

_FEWEST = 500  # examples of a room
_HALF_LIFE_WEEKS = 26
_ROUNDS = 10
_PULL = 1e-3  # towards equal weights, as a share of the mean diagonal
_LEVEL_RANGE = (0.1, 3.0)


@dataclass(frozen=True)
class Blend:
    weights: Floats  # (rooms, candidates)

    def forecast(self, values: dict[str, Floats]) -> Floats:
        """(examples, rooms)"""
        return np.asarray(np.einsum("erc,rc->er", candidates(values), self.weights))


def fit_blend(values: dict[str, Floats], actual: Floats, rows: np.ndarray, age_weeks: Floats) -> Blend:
    """`rows` (examples, rooms) says what may be learned from; `age_weeks` (examples,) how old each is."""
    table = candidates(values)
    count = table.shape[-1]
    weights = np.full((table.shape[1], count), 1 / count)
    for room in range(table.shape[1]):
        own = rows[:, room]
        if own.sum() >= _FEWEST:
            say = np.asarray(0.5 ** (age_weeks[own] / _HALF_LIFE_WEEKS))
            weights[room] = _least_absolute(table[own, room], actual[own, room], say)
    return Blend(weights)


def candidates(values: dict[str, Floats]) -> Floats:
    """(examples, rooms, candidates); where one is unknown, the mean of the weeks stands in."""
    usual = np.where(np.isnan(values["week_mean_4"]), values["week_mean_8"], values["week_mean_4"])
    level = {
        name: np.clip(np.nan_to_num(values[f"level_{name}"], nan=1.0), *_LEVEL_RANGE) for name in ("1d", "7d", "28d")
    }
    smooth, median = values["week_smooth"], values["week_median_8"]
    names = (
        "ordinary_week_1",
        "ordinary_week_2",
        "week_mean_4",
        "week_median_4",
        "week_mean_8",
        "week_median_8",
        "week_ewma",
    )
    parts = [values[name] for name in (*names, "week_smooth", "ordinary_day_1", "day_mean_7")]
    parts += [smooth * level["7d"] ** 0.5, median * level["7d"] ** 0.5, smooth * level["7d"]]
    parts += [smooth * level["1d"] ** 0.5, smooth * level["28d"] ** 0.5]
    return np.stack([np.nan_to_num(np.where(np.isnan(part), usual, part)) for part in parts], axis=-1)


def _least_absolute(table: Floats, actual: Floats, say: Floats) -> Floats:
    count = table.shape[1]
    heavy, weights = say, np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        gram = (table * heavy[:, None]).T @ table
        pull = _PULL * np.trace(gram) / count + 1e-9
        lower = np.linalg.cholesky(gram + pull * np.eye(count))
        aim = (table * heavy[:, None]).T @ actual + pull / count
        weights, _ = nnls(lower.T, np.linalg.solve(lower, aim))
        heavy = say / np.maximum(np.abs(actual - table @ weights), 1.0)
    return np.asarray(weights, dtype=np.float64)

"""A robust linear forecast from the path of the last counts, per room: what a short horizon owes to its recent past.

Counters are noisy; a weighted mean of the last counts and of their distance from the profile tells the present level
better than trees can. Least absolute error by iteratively reweighted least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.counts.grid import Floats

_FEWEST = 500  # examples of a room
_ROUNDS = 6
_RIDGE = 1e-4
_WAVES = 4  # of the time of day
_COUNTS = (
    "count_0", "count_1", "count_2", "count_3", "count_4", "count_6", "count_8", "mean_8", "mean_16", "day_1",
    "day_mean_7", "week_1", "week_mean_4", "week_mean_8", "week_median_8", "week_smooth", "week_mean_8_-2",
    "week_mean_8_-1", "week_mean_8_+1", "week_mean_8_+2",
)  # fmt: skip
_DISTANCES = (
    "surprise_0", "surprise_1", "surprise_2", "surprise_mean_3", "surprise_mean_6", "surprise_mean_12",
    "surprise_mean_24", "change_mean_4", "change_mean_8", "change_median_8", "change_day_1", "change_day_mean_7",
    "site_surprise", "site_step",
)  # fmt: skip


@dataclass(frozen=True)
class Path:
    weights: Floats  # (rooms, terms)

    def forecast(self, values: dict[str, Floats]) -> Floats:
        """(examples, rooms); NaN where the last count is unknown."""
        rooms = range(len(self.weights))
        line = np.stack([_terms(values, room) @ self.weights[room] for room in rooms], axis=-1)
        return np.where(np.isnan(values["count_0"]), np.nan, np.maximum(line, 0))


def fit_path(values: dict[str, Floats], actual: Floats, rows: np.ndarray) -> Path:
    """`rows` (examples, rooms) says what may be learned from. Too few examples: the last count stands."""
    weights = []
    for room in range(actual.shape[1]):
        own = rows[:, room] & ~np.isnan(values["count_0"][:, room])
        terms = _terms(values, room)
        line = np.zeros(terms.shape[1])
        line[0] = 1.0
        weights.append(_least_absolute(terms[own], actual[own, room]) if own.sum() >= _FEWEST else line)
    return Path(np.stack(weights))


def _terms(values: dict[str, Floats], room: int) -> Floats:
    """(examples, terms), the last count first; unknown counts are taken as it, unknown distances as none."""
    last = np.nan_to_num(values["count_0"][:, room])
    columns = []
    for name in (*_COUNTS, *_DISTANCES):
        if name in values:
            column = values[name][:, room]
            columns.append(np.where(np.isnan(column), last if name in _COUNTS else 0.0, column))
    turn = 2 * np.pi * values["day_share"][:, room]
    waves = [wave(k * turn) for k in range(1, _WAVES + 1) for wave in (np.sin, np.cos)]
    return np.stack([*columns, np.ones(len(last)), *waves], axis=-1)


def _least_absolute(terms: Floats, actual: Floats) -> Floats:
    heavy = np.ones(len(actual))
    line: Floats = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        gram = (terms * heavy[:, None]).T @ terms
        gram = gram + _RIDGE * np.diag(np.diag(gram)) + 1e-6 * np.eye(len(gram))
        line = np.asarray(np.linalg.solve(gram, (terms * heavy[:, None]).T @ actual), dtype=np.float64)
        heavy = 1 / np.maximum(np.abs(actual - terms @ line), 1.0)
    return line

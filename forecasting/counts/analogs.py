"""Analog weeks: what the same time of the week held before, as weighted quantiles. Nothing is trained.

A week has the more say the later it was and the nearer its level is to the present one, so a closure or a break tells
nothing of ordinary weeks. Days off are read by nobody here: this forecast has no answer for them (NaN), nor where it
has no past. Kernel-weighted nearest neighbours; a learner like the others, and calm where they follow the last days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.counts.grid import Floats

WEEKS_BACK = 12
BESIDE = {-1: 0.5, 0: 1.0, 1: 0.5}  # say of the slot before, the slot itself and the one after
MOVES = (0.0, 0.5)  # how far the counts are moved to the present level: not at all, by the root of the ratio
_LEVELS = (0.1, 0.5, 0.9)
_HALF_LIFE_WEEKS = 6.0
_LEVEL_BAND = 0.5  # how far off, in logarithms, a level still counts as near
_LEVEL_RANGE = (0.3, 3.0)
_LEAST_SAY = 1e-6  # so that unlike weeks speak where there is no other


@dataclass(frozen=True)
class Analogs:
    move: float

    def speaks(self, values: dict[str, Floats]) -> bool:
        return set(_names(self.move)) <= set(values)

    def forecast(self, values: dict[str, Floats]) -> Floats:
        """(examples, rooms, 3), NaN where there is no answer."""
        return np.stack([values[name] for name in _names(self.move)], axis=-1)


def analog_features(counts: Floats, ratio: Floats, weeks_ago: Floats, beside: Floats) -> dict[str, Floats]:
    """Quantiles of `counts` (analogs, examples, rooms) for each of MOVES, (examples, rooms) each.

    `ratio`: the present level by that of the analog's time, NaN if unknown; `weeks_ago` and `beside` (analogs,)."""
    apart = np.nan_to_num(ratio, nan=1.0)
    near = np.exp(-(np.log(apart) ** 2) / (2 * _LEVEL_BAND**2)) + _LEAST_SAY
    say = near * (beside * 0.5 ** (weeks_ago / _HALF_LIFE_WEEKS))[:, None, None]
    result: dict[str, Floats] = {}
    for move in MOVES:
        quantiles = weighted_quantiles(counts * np.clip(apart, *_LEVEL_RANGE) ** move, say, _LEVELS)
        result |= dict(zip(_names(move), quantiles, strict=True))
    return result


def weighted_quantiles(values: Floats, say: Floats, levels: tuple[float, ...]) -> Floats:
    """(levels, ...) along the first axis of `values` and `say`; unknown values (NaN) have none, all unknown gives NaN.

    The least value that has the level's share of all say at or below it; no value in between is made up."""
    order = np.argsort(values, axis=0)  # NaN last
    ordered = np.take_along_axis(values, order, axis=0)
    heavy = np.cumsum(np.where(np.isnan(ordered), 0.0, np.take_along_axis(say, order, axis=0)), axis=0)
    last = np.maximum((~np.isnan(ordered)).sum(axis=0) - 1, 0)
    places = [np.minimum((heavy < level * heavy[-1]).sum(axis=0), last) for level in levels]
    return np.take_along_axis(ordered, np.stack(places), axis=0)


def _names(move: float) -> list[str]:
    return [f"analog_{move:g}_{level:g}" for level in _LEVELS]

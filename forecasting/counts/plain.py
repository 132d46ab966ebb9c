"""A forecast for files too young to learn from: the best simple forecast with the errors all rooms share.

A few weeks hold too few days for trees, and too few for the errors of each room alone, but the rooms of a site together
say how far the simple forecast was off lately, in units of the square root of the count.
"""

from __future__ import annotations

import numpy as np

from forecasting.counts.analogs import weighted_quantiles
from forecasting.counts.baselines import LEVELS
from forecasting.counts.grid import Floats
from forecasting.counts.learners import base_and_unit
from forecasting.counts.model import Design, alive

HISTORY_DAYS = 28
WIDE = np.array([-2.6, -2.0, -1.1, 0.0, 1.1, 2.0, 2.6])  # quantiles where nothing is known, in root persons
_CANDIDATES = ("count_0", "week_1", "week_median_4", "day_mean_7")
_HALF_LIFE_DAYS = 3.0  # weeks with a holiday among them must fade soon
_SHIFT = 0.5  # how much of the middle's miss is made good; half, since the miss of few days may not last
_PRIOR_DAYS = 3.0  # how many days of errors weigh as much as WIDE
_MOST = 3.0  # root persons; an error beyond it (the day after a holiday) says no more than that it was large


def plain_forecast(past: Design, asked: Design) -> Floats:
    """(asked, rooms, levels), never crossing, from examples whose targets were known at the midnight before each
    origin; with a wide interval where there was none."""
    slots_of_day = asked.week // 7
    midnights = (asked.pairs.origin + 1) // slots_of_day * slots_of_day
    result = np.empty((*asked.actual.shape, len(LEVELS)))
    for midnight in np.unique(midnights):
        now = midnights == midnight
        lately = (past.pairs.target < midnight) & (past.pairs.target >= midnight - HISTORY_DAYS * slots_of_day)
        known = past.where(lately)
        days_ago = (midnight - known.pairs.target) / slots_of_day
        result[now] = _forecast(known, 0.5 ** (days_ago / _HALF_LIFE_DAYS), asked.where(now))
    return result


def _forecast(known: Design, say: Floats, asked: Design) -> Floats:
    rows = ~np.isnan(known.actual) & alive(known.values)
    heavy = np.repeat(say[:, None], known.actual.shape[1], axis=1)[rows]
    errors = {}
    for name in _CANDIDATES:
        if name in asked.values:
            base, unit = base_and_unit(name, known.values)
            errors[name] = np.clip((known.actual - base) / unit, -_MOST, _MOST)[rows]
    best = min(errors, key=lambda name: float(np.abs(errors[name]) @ heavy))
    steps = WIDE.copy()
    if len(heavy):
        days = np.unique(known.pairs.target[rows.any(axis=1)] // (known.week // 7), return_index=True)[1]
        weight = say[rows.any(axis=1)][days].sum()
        steps += weight / (weight + _PRIOR_DAYS) * (weighted_quantiles(errors[best], heavy, LEVELS) - WIDE)
        steps[LEVELS.index(0.5)] *= _SHIFT
    base, unit = base_and_unit(best, asked.values)
    quantiles = np.maximum.accumulate(np.clip(base[..., None] + unit[..., None] * steps, 0, None), axis=-1)
    return np.where(alive(asked.values)[..., None], quantiles, 0.0)

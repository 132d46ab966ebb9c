"""Exponential smoothing by statsforecast, for comparison only (extra `peers`; never needed at run time).

ets     below a day ahead: smoothing of the distance from the weekly profile, without retraining
ses7    from a day ahead on: each slot of the week smoothed over the weeks

A point becomes quantiles by its own errors before the test, per room and hour, as the baselines do.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from forecasting.counts.baselines import LEVELS, error_quantiles, profile_before
from forecasting.counts.features import examples
from forecasting.counts.grid import CARRIED_SLOTS, CountGrid, Floats, Horizon
from forecasting.counts.series import carry

_ERROR_DAYS = 14
_SEEN_DAYS = 14  # of the short smoothing
_SEEN_WEEKS = 10
_KEEPS = 0.3  # weight of the newest week


def smoothing(grid: CountGrid, horizon: Horizon, start: int) -> dict[str, Floats]:
    """name -> (targets, rooms, levels) from slot `start`; none for daily files, whose weekends have no counts."""
    if grid.day == 1:
        return {}
    first = start - _ERROR_DAYS * grid.day
    target = examples(grid, horizon, first, len(grid.times)).target
    by_day = horizon.by_day
    points = np.stack([_points(grid, horizon, first, start, room) for room in range(len(grid.rooms))], axis=-1)
    error = np.where((target < start)[:, None], grid.counts[target] - points, np.nan)
    spread = error_quantiles(error, target % grid.day * grid.minutes // 60)
    test = target >= start
    result = np.clip(points[test][..., None] + spread[test], 0, None)
    result[..., LEVELS.index(0.5)] = points[test]
    return {"ses7" if by_day else "ets": result}


def _points(grid: CountGrid, horizon: Horizon, first: int, start: int, room: int) -> Floats:
    """(targets from `first`,) of one room."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS, SeasonalExponentialSmoothing

    usual = np.nan_to_num(profile_before(grid, start)[:, room])
    known = carry(grid.counts, CARRIED_SLOTS)[:, room]
    series = np.where(np.isnan(known), usual, known)
    if horizon.by_day:
        kind, step, seen = SeasonalExponentialSmoothing(grid.week, _KEEPS), grid.day, _SEEN_WEEKS * grid.week
    else:
        kind, step, seen = AutoETS(model="ANN", season_length=1), 1, _SEEN_DAYS * grid.day
        series = series - usual
    windows = (len(series) - first) // step
    table = pd.DataFrame({"unique_id": "room", "ds": grid.times, "y": series})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = StatsForecast(models=[kind], freq=f"{grid.minutes}min", n_jobs=1).cross_validation(
            df=table, h=horizon.steps, step_size=step, n_windows=windows, refit=horizon.by_day,
            input_size=min(seen, first - horizon.steps),
        )  # fmt: skip
    lead = (found["ds"] - found["cutoff"]) // pd.Timedelta(minutes=grid.minutes)
    answer = found[lead > horizon.steps - step].sort_values("ds")
    said = pd.Series(answer[str(kind)].to_numpy(), index=answer["ds"].to_numpy()).reindex(grid.times[first:])
    return np.asarray(np.maximum(said.to_numpy() + (0 if horizon.by_day else usual[first:]), 0))

"""Other people's forecasters on the same targets, for comparison only (extra `peers`; never needed at run time).

lgbm    LightGBM with quantile loss on the lags of mlforecast, time of day, weekday and days off, trained once before
        the test; and those of `peers_statistical`
"""

from __future__ import annotations

import importlib.util

import lightgbm as lgb
import numpy as np
import pandas as pd

from forecasting.counts.baselines import LEVELS, open_slots
from forecasting.counts.features import examples
from forecasting.counts.grid import CARRIED_SLOTS, CountGrid, Floats, Horizon
from forecasting.counts.learners import RAW_LEVELS
from forecasting.counts.peers_statistical import smoothing
from forecasting.counts.series import carry

_NEEDED = ("mlforecast", "statsforecast")
MISSING = "the peers are left out: mlforecast or statsforecast is not installed; install ratiocast[peers] to see them"


def available() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


def peers(grid: CountGrid, horizon: Horizon, start: int, seed: int) -> dict[str, Floats]:
    """name -> (targets, rooms, levels) from slot `start`; levels a peer does not give are NaN."""
    table = _lagged(grid, horizon)
    inputs = table.drop(columns=["unique_id", "ds", "y", "slot", "is_open"]).to_numpy(np.float32)
    target, slot = table["y"].to_numpy(), table["slot"].to_numpy()
    test = slot >= start
    learn = ~test & table["is_open"].to_numpy() & ~np.isnan(target)
    targets = examples(grid, horizon, start, len(grid.times)).target
    result = np.full((len(targets), len(grid.rooms), len(LEVELS)), np.nan)
    room = pd.Categorical(table["unique_id"], categories=list(grid.rooms)).codes
    for level in RAW_LEVELS:
        settings = {"objective": "quantile", "alpha": level, "num_threads": 1, "seed": seed, "verbose": -1}
        data = lgb.Dataset(inputs[learn], target[learn])
        said = np.asarray(lgb.train(settings, data, 300).predict(inputs[test]))
        result[slot[test] - start, room[test], LEVELS.index(level)] = np.clip(said, 0, None)
    given = [LEVELS.index(level) for level in RAW_LEVELS]
    result[..., given] = np.sort(result[..., given], axis=-1)
    return {"lgbm": result} | smoothing(grid, horizon, start)


def _lagged(grid: CountGrid, horizon: Horizon) -> pd.DataFrame:
    """Long table with the lags that were known at each origin; unknown counts carried, then zero."""
    from mlforecast import MLForecast

    filled = np.nan_to_num(carry(grid.counts, CARRIED_SLOTS))
    slots = np.arange(len(grid.times))
    long = pd.concat(
        pd.DataFrame({"unique_id": room, "ds": grid.times, "y": filled[:, column]})
        for column, room in enumerate(grid.rooms)
    )
    lags = {grid.week * k for k in range(1, 5)}
    if not horizon.by_day or grid.day == 1:
        lags |= {horizon.steps + k for k in range(4)} | {max(grid.day, horizon.steps)}
    else:
        lags = {lag for lag in lags if lag >= horizon.steps}
    forecaster = MLForecast(models=[], freq=f"{grid.minutes}min", lags=sorted(lags), num_threads=1)
    table: pd.DataFrame = forecaster.preprocess(long, dropna=False)
    place = {time: slot for slot, time in zip(slots, grid.times, strict=True)}
    table["slot"] = table["ds"].map(place)
    table["slot_of_day"] = table["slot"] % grid.day
    table["weekday"] = table["ds"].dt.day_of_week
    for name in grid.days_off:
        table[name] = grid.calendar[name][table["slot"]]
    room = pd.Categorical(table["unique_id"], categories=list(grid.rooms)).codes
    table["room"] = room
    table["y"] = grid.counts[table["slot"], room]
    table["is_open"] = open_slots(grid, len(grid.times))[table["slot"], room] > 0
    return table

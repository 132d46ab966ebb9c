"""Rolling-origin backtests of count files: every forecast uses only what its origin knew."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from domain.errors import BadInput
from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS, baselines, mean_of, open_slots
from forecasting.counts.calibration import MEMORY_DAYS, Errors, calibrated
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import CountGrid, Floats, Horizon, duration_minutes, grids, horizon
from forecasting.counts.model import Design, fit
from forecasting.counts.peers import peers
from forecasting.counts.plain import plain_forecast
from forecasting.counts.trained import MODEL_NAME, rehearsal_start
from forecasting.counts.weather import Weather

COLUMNS = ("site", "room", "origin", "target_time", "horizon", *QUANTILE_COLUMNS, "mean", "model", "actual", "is_open")
RETRAIN = "7d"

Progress = Callable[[str], None]


def backtest(
    frame: pd.DataFrame,
    horizons: Sequence[str],
    origins_last: str = "28d",
    *,
    known_ahead: Sequence[str] | None = None,
    country: str = "",
    weather: Weather | None = None,
    retrain: str = "",
    with_peers: bool = False,
    seed: int = 1,
    progress: Progress = lambda _: None,
) -> pd.DataFrame:
    """Forecasts of the last `origins_last` of the frame by the model and every baseline, one row per room and target.

    Columns as in COLUMNS, times in the file's own local wall clock. `actual` is NaN where the count is unknown.
    `is_open`: the weekly profile of the eight weeks before the test is above half a person; scores are taken there.
    The model is trained anew every `retrain` (empty: 7 days), always on counts up to the first origin it serves.
    `with_peers` adds the forecasters of `peers`.
    """
    tables = []
    for grid in grids(frame, known_ahead=known_ahead, country=country, weather=weather):
        features = Features(grid)
        start = len(grid.times) - duration_minutes(origins_last) // grid.minutes
        if start < grid.week:
            raise BadInput(f"{grid.site}: {origins_last} leaves less than a week to learn from; ask for fewer days")
        if not open_slots(grid, start)[start:].any():
            progress(f"{grid.site}: no slot held more than half a person in the eight weeks before; nothing is scored")
        for name in horizons:
            wish = horizon(name, grid.minutes)
            progress(f"{grid.site}, {name} ahead: training and forecasting")
            every = duration_minutes(retrain or RETRAIN)
            found = {MODEL_NAME: _model_forecasts(features, wish, start, every, seed)}
            found |= baselines(grid, features, wish, start, len(grid.times))
            if with_peers:
                found |= peers(grid, wish, start, seed)
            tables += [_table(grid, wish, start, model, quantiles) for model, quantiles in found.items()]
    return pd.concat(tables, ignore_index=True)


def _model_forecasts(features: Features, horizon: Horizon, start: int, retrain_minutes: int, seed: int) -> Floats:
    """(targets, rooms, levels) for the targets from slot `start`; a plain forecast where nothing can be learned."""
    grid = features.grid
    warm = rehearsal_start(grid, start)
    design = Design.of(features, horizon, examples(grid, horizon, 0, len(grid.times)))
    asked = design.where(design.pairs.target >= warm)
    test = asked.pairs.target >= start
    raw = _raw_forecasts(design, asked, start, max(1, retrain_minutes // grid.minutes), seed)
    if np.isnan(raw[test]).any():
        return plain_forecast(design, asked.where(test))
    return _calibrated(grid, asked, raw)[test]


def _raw_forecasts(design: Design, asked: Design, start: int, every: int, seed: int) -> Floats:
    """(asked, rooms, 3). One model serves all origins until the next training."""
    origin, target = asked.pairs.origin, asked.pairs.target
    raw = np.full((*asked.actual.shape, 3), np.nan)
    due = np.where(target < start, 0, 1 + (target - start) // every)
    for turn in np.unique(due):
        now = due == turn
        model = fit(design, int(origin[now].min()), seed)
        if model is not None:
            raw[now] = model.raw(asked.where(now))
    return raw


def _calibrated(grid: CountGrid, asked: Design, raw: Floats) -> Floats:
    """Quantiles by the errors known at the midnight before each origin."""
    pairs, days_ahead = asked.pairs, asked.horizon.days(grid.day)
    errors = Errors.of_forecasts(raw, asked.actual, pairs.target, grid.day, asked.in_use)
    result = np.empty((*raw.shape[:2], len(LEVELS)))
    midnights = (pairs.origin + 1) // grid.day * grid.day
    for midnight in np.unique(midnights):
        now = midnights == midnight
        known = errors.between(int(midnight) - MEMORY_DAYS * grid.day, int(midnight))
        result[now] = calibrated(raw[now], pairs.target[now], known, grid.day, days_ahead=days_ahead)
    return result


def _table(grid: CountGrid, horizon: Horizon, start: int, model: str, quantiles: Floats) -> pd.DataFrame:
    pairs = examples(grid, horizon, start, len(grid.times))
    rooms, slots = len(grid.rooms), len(pairs.target)
    step = pd.Timedelta(minutes=grid.minutes)
    origin = grid.times[0] + pairs.origin * step
    if horizon.by_day and grid.day > 1:
        origin = origin + step  # the midnight that ends the day
    columns: dict[str, object] = {
        "site": grid.site,
        "room": np.tile(np.array(grid.rooms, dtype=object), slots),
        "origin": np.repeat(origin, rooms),
        "target_time": np.repeat(grid.times[pairs.target], rooms),
        "horizon": horizon.name,
    }
    flat = quantiles.reshape(-1, len(LEVELS))
    columns |= {name: flat[:, k] for k, name in enumerate(QUANTILE_COLUMNS)}
    columns["mean"] = mean_of(flat)
    columns["model"] = model
    columns["actual"] = grid.counts[pairs.target].ravel()
    columns["is_open"] = open_slots(grid, start)[pairs.target].ravel() > 0
    return pd.DataFrame(columns)[list(COLUMNS)]

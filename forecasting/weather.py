"""Weather of centers, or any other number of the place and day, from a file: nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import BadInput
from forecasting.covariates import Weather, read_weather, weather_of

Floats = npt.NDArray[np.float64]
EVERYWHERE = ""
DAY_HOURS = (6, 18)  # local hours whose mean stands for a day


@dataclass(frozen=True)
class DailyWeather:
    """One number per covariate and day of a center, as known at an origin; `ahead`: forecasts of days to come too."""

    names: tuple[str, ...]
    values: Mapping[date, Floats]
    ahead: bool

    def seen_from(self, origin: date, day: date, names: Sequence[str]) -> Floats:
        """[name] what the first instant of the day `origin` tells of a day: its forecast, else the readings of the day
        before the origin; NaN where nothing is known."""
        values = self.values.get(day if self.ahead else origin - timedelta(days=1))
        if values is None:
            return np.full(len(names), np.nan)
        return np.array([values[self.names.index(name)] if name in self.names else np.nan for name in names])


NO_WEATHER = DailyWeather((), {}, ahead=False)


@dataclass(frozen=True)
class CenterWeather:
    """By center_id, or EVERYWHERE for all of them."""

    by_center: Mapping[str, Weather]

    def known_on(self, center_id: str, today: date) -> DailyWeather:
        """What was known at the first instant of a center's day: readings of earlier days, or forecasts of all days."""
        found = self.by_center.get(center_id, self.by_center.get(EVERYWHERE))
        if found is None:
            return NO_WEATHER
        at = pd.DatetimeIndex(found.table.index)
        inside = (at.hour >= DAY_HOURS[0]) & (at.hour < DAY_HOURS[1]) | (at == at.normalize()).all()
        use = inside if found.known_ahead else inside & (at < pd.Timestamp(today))
        means = found.table[use].groupby(at[use].date).mean()
        names = tuple(str(name) for name in means)
        return DailyWeather(names, dict(zip(means.index, means.to_numpy(), strict=True)), found.known_ahead)


def read_center_weather(path: Path, *, known_ahead: bool) -> CenterWeather:
    """The CSV file of `covariates.read_weather`, local times of each center; with a column `center_id`, rows of
    several centers.
    """
    try:
        columns = set(pd.read_csv(path, nrows=0).columns)
    except (OSError, ValueError):
        columns = set()  # told by read_weather below
    if "center_id" not in columns:
        return CenterWeather({EVERYWHERE: read_weather(path, known_ahead=known_ahead)})
    frame = pd.read_csv(path, parse_dates=["timestamp"] if "timestamp" in columns else [], dtype={"center_id": str})
    if frame["center_id"].isna().any():
        raise BadInput(f"{path}: 'center_id' must name a center in every row")
    parts = {str(c): rows.drop(columns="center_id") for c, rows in frame.groupby("center_id")}
    return CenterWeather({c: weather_of(rows, path, known_ahead=known_ahead) for c, rows in parts.items()})

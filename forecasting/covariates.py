"""Weather, or any other covariate of the site, from a file: nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import BadInput

PREFIX = "weather_"
_STEPS_VALID = 2  # a value stands for at most so many steps of its file


@dataclass(frozen=True)
class Weather:
    """Numbers by local time. `known_ahead`: they are forecasts that each origin had; if not, only values up to the
    origin are read."""

    table: pd.DataFrame  # indexed by naive local time, one float column per covariate
    known_ahead: bool

    def at(self, times: pd.DatetimeIndex) -> dict[str, npt.NDArray[np.float64]]:
        """name -> one value per time: the latest one at or before it, NaN where there is none lately."""
        steps = np.diff(self.table.index.to_numpy())
        valid = pd.Timedelta(np.median(steps)) * _STEPS_VALID if len(steps) else pd.Timedelta(days=1)
        found = self.table.reindex(times, method="ffill", tolerance=valid)
        return {PREFIX + str(name): found[name].to_numpy(dtype=float) for name in found}


def read_weather(path: Path, *, known_ahead: bool) -> Weather:
    """A CSV file: a column `timestamp` (naive local) and columns of numbers; empty cells are unknown."""
    try:
        frame = pd.read_csv(path, parse_dates=["timestamp"])
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInput(f"{path} is not a file of weather (timestamp, then columns of numbers): {error}") from error
    return weather_of(frame, path, known_ahead=known_ahead)


def weather_of(frame: pd.DataFrame, path: Path, *, known_ahead: bool) -> Weather:
    """The rows of such a file of one place, checked."""
    times = frame.get("timestamp")
    if times is None or not pd.api.types.is_datetime64_dtype(times) or times.isna().any():
        raise BadInput(f"{path}: 'timestamp' must hold local times without a zone, one in every row")
    if frame["timestamp"].duplicated().any():
        raise BadInput(f"{path}: a timestamp stands twice; keep one of the rows")
    table = frame.set_index("timestamp").sort_index()
    wrong = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong or not len(table.columns):
        raise BadInput(
            f"{path}: " + (f"the column '{wrong[0]}' must hold numbers" if wrong else "no column of numbers")
        )
    return Weather(table.astype(float), known_ahead)

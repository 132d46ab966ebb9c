"""Count files as a dense grid: one row per slot of the local wall clock, one column per room, NaN where unknown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import holidays
import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import BadInput
from forecasting.counts.weather import Weather

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_MINUTES = 1440
CARRIED_SLOTS = 4  # a last count stands for at most this many missing slots
_KNOWN_AHEAD = re.compile(r"^(holiday|closed|closure|vacation|term|semester)(_|$)")
_SEASON = re.compile(r"^(term|semester)(_|$)")
_DURATION = re.compile(r"^(\d+)\s*(min|h|d)$")


@dataclass(frozen=True)
class Horizon:
    """How far ahead a target lies: `steps` slots after its origin, or, if `by_day`, `days` days after the day that
    ends at its origin (origin at midnight, every slot of the target day)."""

    name: str
    steps: int
    by_day: bool
    note: str = ""  # how the wish was fitted to the file's grid, if it had to be

    def days(self, slots_of_day: int) -> int:
        """How many days ahead, 0 below a day."""
        return self.steps // slots_of_day if self.by_day else 0


@dataclass(frozen=True)
class CountGrid:
    """Counts of the rooms of one file. `counts[i, r]` is the count of `rooms[r]` at `times[i]`, NaN if unknown."""

    site: str
    rooms: tuple[str, ...]
    times: pd.DatetimeIndex
    minutes: int  # of a slot
    counts: Floats  # (slots, rooms)
    calendar: dict[str, Floats]  # facts known ahead, by name, one value per slot
    weather: dict[str, Floats] = field(default_factory=dict)  # by name, one value per slot
    weather_ahead: bool = False  # each origin knew the weather of its targets

    @property
    def days_off(self) -> tuple[str, ...]:
        """The calendar facts that make a day unlike others; a term lasts too long for that."""
        return tuple(name for name in self.calendar if not _SEASON.match(name))

    @property
    def day(self) -> int:
        """Slots of a day."""
        return DAY_MINUTES // self.minutes

    @property
    def week(self) -> int:
        return 7 * self.day

    def index(self, instant: pd.Timestamp) -> int:
        """The slot that starts at or before the instant; may lie outside the grid."""
        return int((instant - self.times[0]) // pd.Timedelta(minutes=self.minutes))

    def known_at(self, index: int) -> CountGrid:
        """The same grid with every count after slot `index` unknown."""
        counts = self.counts.copy()
        counts[index + 1 :] = np.nan
        return replace(self, counts=counts)

    def of_rooms(self, rooms: Sequence[str]) -> CountGrid:
        """The same grid with these rooms alone, in this order; of a room it does not have nothing is known."""
        counts = np.full((len(self.times), len(rooms)), np.nan)
        for column, room in enumerate(rooms):
            if room in self.rooms:
                counts[:, column] = self.counts[:, self.rooms.index(room)]
        return replace(self, rooms=tuple(rooms), counts=counts)


def read_counts(path: Path) -> pd.DataFrame:
    """A Parquet or CSV file of counts: columns site, room, ts (naive local), count and extras."""
    if not path.is_file():
        raise BadInput(f"there is no file {path}; give the path of a Parquet or CSV file of counts")
    try:
        frame = pd.read_csv(path, parse_dates=["ts"]) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as a file of counts: {error}") from error
    try:
        return checked(frame)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame if it has the columns and kinds of values that are needed; BadInput names column and row if not."""
    missing = [name for name in ("site", "room", "ts", "count") if name not in frame]
    if missing:
        raise BadInput(f"the column '{missing[0]}' is missing; needed are site, room, ts and count")
    if not pd.api.types.is_datetime64_dtype(frame["ts"]):
        raise BadInput("the column 'ts' must hold local times without a zone, for example 2024-04-04 07:15:00")
    for name in ("site", "room"):
        if frame[name].isna().any():
            raise BadInput(f"row {_first(frame[name].isna())}: '{name}' is empty; every count needs its {name}")
    if frame["ts"].isna().any():
        raise BadInput(f"row {_first(frame['ts'].isna())}: 'ts' is empty; every count needs its time")
    if not pd.api.types.is_numeric_dtype(frame["count"]):
        raise BadInput("the column 'count' must hold numbers")
    if (negative := frame["count"] < 0).any():
        raise BadInput(f"row {_first(negative)}: the count is below zero; leave unknown counts out")
    if (endless := np.isinf(frame["count"])).any():
        raise BadInput(f"row {_first(endless)}: the count is infinite; leave unknown counts out")
    if (double := frame.duplicated(["site", "room", "ts"])).any():
        raise BadInput(f"row {_first(double)}: this site, room and time stands twice; keep one of the counts")
    if not frame["count"].notna().any():
        raise BadInput("there is no count in it; give at least one row with a count")
    return frame


def grids(
    frame: pd.DataFrame,
    *,
    minutes: int | None = None,
    through: pd.Timestamp | None = None,
    known_ahead: Sequence[str] | None = None,
    country: str = "",
    weather: Weather | None = None,
) -> list[CountGrid]:
    """One grid per site. `known_ahead` names the columns that are calendar facts; None takes those named holiday,
    closed, closure, vacation, term or semester (also as a prefix before `_`). `country` (ISO code) adds the public
    holidays where the file has no such column. The grid ends with the day of the last row, or of `through` if that
    is later."""
    frame = checked(frame)
    step = minutes or grid_minutes(frame["ts"])
    if known_ahead is None:
        known_ahead = [str(name) for name in frame.columns if _KNOWN_AHEAD.match(str(name))]
    for name in known_ahead:
        if name not in frame:
            raise BadInput(f"there is no column '{name}' to be known ahead")
        if not pd.api.types.is_numeric_dtype(frame[name]) and frame[name].notna().any():
            raise BadInput(f"the column '{name}' must hold numbers: 0 or empty for an ordinary day, 1 for a day off")
    last = max(frame["ts"].max(), through) if through is not None else frame["ts"].max()
    parts = frame.groupby("site", sort=True)
    found = [_grid(str(site), part, step, last, known_ahead, country) for site, part in parts]
    if weather is None:
        return found
    return [replace(grid, weather=weather.at(grid.times), weather_ahead=weather.known_ahead) for grid in found]


def grid_minutes(times: pd.Series[pd.Timestamp]) -> int:
    """The step of the regular grid the times lie on, a divisor of a day; at most one day."""
    minutes = np.unique(times.to_numpy().astype("datetime64[m]").astype(np.int64))
    if len(minutes) < 2:
        return DAY_MINUTES
    step = int(np.gcd.reduce(np.append(np.diff(minutes), DAY_MINUTES)))
    if step < 5 or (minutes % step).any():
        raise BadInput("the times do not lie on a regular grid of at least 5 minutes; round them to one")
    return step


def horizon(name: str, minutes: int) -> Horizon:
    """'15min', '2h' or '7d' on a grid of `minutes`; a wish between two steps takes the shorter one and says so."""
    wish = duration_minutes(name)
    if wish < minutes:
        raise BadInput(f"the horizon {name} is shorter than the file's grid of {minutes} minutes; ask for {minutes}min")
    steps = wish // minutes
    note = (
        ""
        if wish % minutes == 0
        else f"{name} falls between two slots of {minutes} minutes; {steps * minutes}min taken"
    )
    return Horizon(name, steps, wish >= DAY_MINUTES and wish % DAY_MINUTES == 0, note)


def duration_minutes(text: str) -> int:
    match = _DURATION.match(text.strip())
    if not match or int(match[1]) == 0:
        raise BadInput(f"'{text}' is not a span of time; write it as 15min, 2h or 7d")
    return int(match[1]) * {"min": 1, "h": 60, "d": DAY_MINUTES}[match[2]]


def _grid(
    site: str, part: pd.DataFrame, step: int, last: pd.Timestamp, known_ahead: Sequence[str], country: str
) -> CountGrid:
    first, last = part["ts"].min().normalize(), last.normalize() + pd.Timedelta(days=1)
    times = pd.date_range(first, last, freq=f"{step}min", inclusive="left")
    rooms = tuple(sorted(str(room) for room in part["room"].unique()))
    row = ((part["ts"] - first) // pd.Timedelta(minutes=step)).to_numpy()
    column = pd.Categorical(part["room"].astype(str), categories=list(rooms)).codes
    counts = np.full((len(times), len(rooms)), np.nan)
    counts[row, column] = part["count"].to_numpy(dtype=float)
    days = pd.date_range(first, last, freq="D", inclusive="left")
    facts = {
        name: part[name].groupby(part["ts"].dt.normalize()).max().reindex(days).to_numpy(float) for name in known_ahead
    }
    if country and "holiday" not in facts:
        facts["holiday"] = _public_holidays(country, days)
    calendar = {name: np.repeat(values, DAY_MINUTES // step) for name, values in facts.items()}
    return CountGrid(site, rooms, times, step, counts, calendar)


def _public_holidays(country: str, days: pd.DatetimeIndex) -> Floats:
    try:
        known = holidays.country_holidays(country, years=range(days[0].year, days[-1].year + 1))
    except NotImplementedError as error:
        raise BadInput(f"the public holidays of '{country}' are not known; give an ISO code such as US") from error
    return np.array([float(date(day.year, day.month, day.day) in known) for day in days])


def _first(mask: pd.Series[bool]) -> int:
    """The row's number as a person counts them, from 1."""
    return int(np.flatnonzero(mask.to_numpy())[0]) + 1

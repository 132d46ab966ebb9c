"""The day of a center: from midnight to midnight, unless it closes past midnight.

Such a center's day turns while it is shut, so that an evening and its night are one day, as its people live it; round
the clock it turns at the hour of opening. Minutes still count from the midnight of the date the day began on, so 02:00
at night is minute 1560.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import pandas as pd

from domain.time import Interval, as_utc, local_instant, zone
from forecasting.history import time_of

DAY_MINUTES = 1440


@dataclass(frozen=True)
class CenterDay:
    """A day of a center's and the instants that belong to it."""

    date: date
    midnight: datetime  # that begins the date
    span: Interval


def hours(center: pd.Series) -> tuple[float, float]:
    """Minutes of opening and closing since midnight; closing lies beyond 1440 where it is past midnight."""
    opens, closes = minute_of(center["opens"]), minute_of(center["closes"])
    return opens, closes if closes > opens else closes + DAY_MINUTES


def turn_of(center: pd.Series) -> int:
    """Minutes after midnight at which the center's day turns."""
    opens, closes = hours(center)
    return int(opens + closes - DAY_MINUTES) // 2 if closes > DAY_MINUTES else 0


def date_of(local: datetime, turn: int) -> date:
    """The date of the center's day that holds a local time."""
    return (local.replace(tzinfo=None) - timedelta(minutes=turn)).date()


def in_day(minute: float, turn: int) -> float:
    """A minute of the clock as one of the center's day: those before the turn come after midnight."""
    return minute + DAY_MINUTES if minute < turn else minute


def center_day(center: pd.Series, at: datetime) -> CenterDay:
    """The center's day that holds the instant."""
    tz, turn = zone(str(center["timezone"])), turn_of(center)
    first = date_of(as_utc(at).astimezone(tz), turn)
    turns = time(turn // 60, turn % 60)
    span = Interval(local_instant(first, turns, tz), local_instant(first + timedelta(days=1), turns, tz))
    return CenterDay(first, local_instant(first, time(0), tz), span)


def minute_of(value: object) -> float:
    """Minutes since midnight of a local time or its text; NaN for what is missing."""
    at = time_of(value)
    return np.nan if at is None else at.hour * 60 + at.minute + at.second / 60

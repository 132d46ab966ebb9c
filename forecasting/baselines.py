"""The forecasts to beat, with the same interface: a point from a plain rule, spread by the rule's own past errors.

last: the count now. change: the count now plus the mean change of the last four such weekdays. weekday: the count a
week ago. mean4: the mean of the last four such weekdays. bookings: the children booked for that minute times the
room's show rate. Errors are those of the last four weeks, per room and hour of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from domain.time import as_utc
from forecasting.attendance import ABSENT, BOOKED, Attendance, Floats, Ints, attendance_of
from forecasting.center_day import date_of, in_day
from forecasting.expected_rooms import rooms_expected
from forecasting.forecast import Forecast
from forecasting.history import Known
from forecasting.session import SHORT_TIMES, Present
from forecasting.week import WEEK_DAYS, week_times

NAMES = ("last", "change", "weekday", "mean4", "bookings")
ERROR_DAYS = 28
FEWEST_ERRORS = 12


@dataclass(frozen=True)
class Baseline:
    """One rule; `forecast_short` and `forecast_week` as of a trained model."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise BadInput(f"no baseline is called '{self.name}'; there are {', '.join(NAMES)}")

    def session(self, known: Known, center_id: str, ahead_days: int = 0) -> BaselineSession:
        return BaselineSession(self.name, attendance_of(known, center_id, ahead_days))

    def forecast_short(
        self, known: Known, now: datetime, present: Iterable[Present], center_id: str,
        times: Sequence[datetime] | None = None,
    ) -> Forecast:  # fmt: skip
        known.require(now)
        return self.session(known, center_id).refresh(now, present, times)

    def forecast_week(
        self, known: Known, now: datetime, center_id: str, times: Sequence[datetime] | None = None
    ) -> Forecast:
        known.require(now)
        session = self.session(known, center_id, WEEK_DAYS + 1)
        at = week_times(session.attendance, as_utc(now)) if times is None else times
        return session.refresh(now, (), at)


class BaselineSession:
    """A baseline on one center's day; what happened that day before the session plays no part but the count now."""

    def __init__(self, name: str, attendance: Attendance) -> None:
        self.name, self.attendance = name, attendance
        self._days = np.flatnonzero(attendance.open_day[: attendance.future])
        self._rooms = rooms_expected(attendance)
        self._errors: dict[tuple[int, int], list[Floats]] = {}
        self._counts: dict[tuple[int, float], Floats] = {}
        self._rates: dict[tuple[int, int], Floats] = {}

    def refresh(self, now: datetime, present: Iterable[Present], times: Sequence[datetime] | None = None) -> Forecast:
        a = self.attendance
        at = tuple(as_utc(t) for t in times) if times is not None else tuple(now + step for step in SHORT_TIMES)
        rank = {room: n for n, room in enumerate(a.room_ids)}
        count = np.zeros(len(a.room_ids))
        for _, room_id, _ in present:
            if room_id in rank:
                count[rank[room_id]] += 1
        size = int((a.present & a.open_day).sum(axis=0).max(initial=4)) + 8
        pmf = np.zeros((len(a.room_ids), len(at), size))
        minute_now = _minute(a, now)[1]
        for column, target in enumerate(at):
            day, minute = _minute(a, target)
            ahead = max(0.0, round((target - now).total_seconds() / 60))
            pmf[:, column] = self._pmf(self._point(day, minute, minute_now, count, a.future), minute, ahead, size)
        return Forecast(a.center_id, as_utc(now), a.room_ids, at, pmf, f"baseline:{self.name}")

    def counts(self, day: int, minute: float) -> Floats:
        """Recorded children per room on a day index at a minute; who was never checked out stays until closing."""
        if (day, minute) not in self._counts:
            a = self.attendance
            leave = np.where(np.isnan(a.leave[:, day]), a.closes, a.leave[:, day])
            here = (a.arrive[:, day] <= minute) & (minute < leave) & (a.ends_in[:, day] >= 0)
            self._counts[day, minute] = self._by_room(a.ends_in[here, day])
        return self._counts[day, minute]

    def counts_at(self, instant: datetime) -> Floats:
        """Recorded children per room at an instant of a day of the past."""
        day, minute = _minute(self.attendance, instant)
        return (
            self.counts(day, minute) if 0 <= day < len(self.attendance.days) else self._by_room(np.zeros(0, np.int64))
        )

    def _by_room(self, rooms: Ints) -> Floats:
        return np.bincount(rooms, minlength=len(self.attendance.room_ids)).astype(np.float64)

    def _point(self, day: int, minute: float, minute_now: float, now: Floats, origin: int) -> Floats:
        """The rule's point per room for a day index and minute, from days before the index `origin`."""
        a = self.attendance
        if day < len(a.days) and not a.open_day[day]:
            return np.zeros(len(a.room_ids))
        if self.name == "last":
            return now
        if self.name == "bookings":
            return self._booked(day, origin, minute) * self._show_rate(day, origin)
        days = self._days[: np.searchsorted(self._days, min(origin, day))]
        alike = days[(day - days) % 7 == 0][-1 if self.name == "weekday" else -4 :].tolist()
        if not alike:
            return now if self.name == "change" else self._booked(day, origin, minute)
        then = sum((self.counts(d, minute) for d in alike), np.zeros(len(a.room_ids))) / len(alike)
        if self.name == "change":
            before = sum((self.counts(d, minute_now) for d in alike), np.zeros(len(a.room_ids))) / len(alike)
            return np.asarray(np.maximum(now + then - before, 0))
        return np.asarray(then)

    def _expected(self, day: int, origin: int) -> npt.NDArray[np.bool_]:
        """Rows booked on a day as known at the first instant of the day index `origin` (at the session's, if later)."""
        a = self.attendance
        known = (origin - day) * 1440 if origin < a.future else np.inf
        told_later = (a.booked[:, day] == ABSENT) & (a.told_at[:, day] > known)
        return np.asarray(((a.booked[:, day] == BOOKED) | told_later) & (self._rooms[:, day] >= 0))

    def _booked(self, day: int, origin: int, minute: float) -> Floats:
        a, day = self.attendance, min(day, len(self.attendance.days) - 1)
        here = self._expected(day, origin) & (a.expected_in[:, day] <= minute) & (minute < a.expected_out[:, day])
        return self._by_room(self._rooms[here, day])

    def _show_rate(self, day: int, origin: int) -> Floats:
        """Per room: of those booked as far ahead, how many came, over the last twenty open days."""
        rooms = len(self.attendance.room_ids)
        if (day - origin, origin) not in self._rates:
            booked, came = np.full(rooms, 2.0), np.full(rooms, 1.8)
            for past in self._days[self._days < origin][-20:]:
                here = self._expected(int(past), int(past) - (day - origin))
                booked += self._by_room(self._rooms[here, past])
                came += self._by_room(self._rooms[here & self.attendance.present[:, past], past])
            self._rates[(day - origin, origin)] = np.minimum(came / booked, 1.0)
        return self._rates[(day - origin, origin)]

    def _pmf(self, point: Floats, minute: float, ahead: float, size: int) -> Floats:
        errors = self._past_errors(int(minute // 60), int(ahead))
        result = np.zeros((len(point), size))
        for room, value in enumerate(point):
            values = np.clip(np.rint(value + errors[room]), 0, size - 1).astype(int)
            result[room] = np.bincount(values, minlength=size) / len(values)
        return result

    def _past_errors(self, hour: int, ahead: int) -> list[Floats]:
        """Per room: actual less point over the last four weeks, at the quarters of this hour."""
        if (hour, ahead) not in self._errors:
            none = np.zeros(len(self.attendance.room_ids))
            rows = []
            for day in map(int, self._days[self._days >= self.attendance.future - ERROR_DAYS]):
                for minute in range(hour * 60, hour * 60 + 60, 15):
                    then = minute - ahead
                    origin = day + then // 1440
                    if origin < 1:
                        continue
                    now = self.counts(day, then) if then >= 0 else none
                    rows.append(self.counts(day, minute) - self._point(day, minute, then, now, origin))
            if len(rows) < FEWEST_ERRORS:
                rows += [none + e for e in (-4.0, -2.0, -1.0, 0.0, 0.0, 1.0, 2.0, 4.0)]
            self._errors[(hour, ahead)] = list(np.array(rows).T)
        return self._errors[(hour, ahead)]


def _minute(a: Attendance, at: datetime) -> tuple[int, float]:
    local = at.astimezone(a.tz)
    minute = local.hour * 60 + local.minute + local.second / 60
    return (date_of(local, a.turn) - a.days[0]).days, in_day(minute, a.turn)

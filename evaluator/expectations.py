"""Which children each room may hold at an instant ahead: joint draws of ages, from a model or from bookings alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evaluator.facts import CenterFacts
from evaluator.state import CenterState

Ages = tuple[int | None, ...]
Ints = npt.NDArray[np.int64]

SHOW_RATE = 0.92  # of booked children who are not marked absent
ARRIVAL_SD_MINUTES = 18.0  # around the booked time
PICK_UP_SD_MINUTES = 25.0


class Expectation(Protocol):
    """Joint draws: draw i of one room and instant belongs with draw i of every other."""

    model: str

    def ages(self, room_id: str, at: datetime, n: int) -> Sequence[Ages]:
        """Ages in completed months of the children in the room at the instant, n draws."""
        ...

    def drivers(self, room_id: str, at: datetime) -> list[str]:
        """The main reasons in words, the strongest first."""
        ...


class BookedExpectation:
    """The fallback when there is no model: those present stay until about their booked pick-up, those booked come
    about when booked. Independent children, no habits; same inputs and seed, same draws."""

    model = "bookings and who is present"

    def __init__(self, state: CenterState, facts: CenterFacts, now: datetime, seed: int = 0) -> None:
        self._state, self._facts, self._now, self._seed = state, facts, now, seed
        self._day = facts.day_of(now)
        self._drawn: dict[tuple[str, datetime, int], list[Ages]] = {}

    def ages(self, room_id: str, at: datetime, n: int) -> Sequence[Ages]:
        key = (room_id, at, n)
        found = self._drawn.get(key)
        if found is None:
            found = self._drawn[key] = self._ages(room_id, at, n)
        return found

    def _ages(self, room_id: str, at: datetime, n: int) -> list[Ages]:
        day = self._facts.day_of(at)
        by_age = sorted(
            (_order(age := self._facts.child_here(child_id, day).age_months), child_id, age, chance)
            for child_id, chance in self.chances(room_id, at).items()
        )
        if not by_age:
            return [()] * n
        here = np.stack([_uniform(child_id, self._seed, n) < chance for _, child_id, _, chance in by_age], axis=1)
        crowds: dict[bytes, Ages] = {}
        result = []
        for row in np.packbits(here, axis=1):
            key = row.tobytes()
            if key not in crowds:
                present = np.unpackbits(row)[: len(by_age)].tolist()
                crowds[key] = tuple(age for (_, _, age, _), bit in zip(by_age, present, strict=True) if bit)
            result.append(crowds[key])
        return result

    def drivers(self, room_id: str, at: datetime) -> list[str]:
        chances = self.chances(room_id, at)
        coming = sum(p for child_id, p in chances.items() if self._state.child(child_id) is None)
        leaving = sum(1 - p for child_id, p in chances.items() if self._state.child(child_id) is not None)
        said = []
        if coming >= 0.5:
            said.append(f"about {round(coming)} more to arrive")
        if leaving >= 0.5:
            said.append(f"about {round(leaving)} pick-ups")
        return said

    def chances(self, room_id: str, at: datetime) -> Mapping[str, float]:
        """P(child in the room at the instant), for every child who is in it or booked into it."""
        start = self._facts.day_start(self._now)
        result: dict[str, float] = {}
        for child_id in self._state.rooms.get(room_id, ()):
            place = self._state.child(child_id)
            if place is not None and place.since >= start:
                result[child_id] = self._stays(child_id, place.since, at)
        for child_id, due in self._facts.due_arrivals(room_id, self._day):
            if self._state.child(child_id) is None and not self._state.was_in(child_id, start):
                result[child_id] = self._comes(due, at)
        return result

    def _stays(self, child_id: str, came: datetime, at: datetime) -> float:
        out = self._facts.session(child_id, came).ends
        if out is None:
            return 1.0
        still = _above(_minutes(self._now, out) / PICK_UP_SD_MINUTES)
        # Overdue by far: the usual spread says nothing any more; pick-ups then come about every quarter of an hour.
        if still < 0.01:
            return math.exp(-_minutes(at, self._now) / 15)
        return _above(_minutes(at, out) / PICK_UP_SD_MINUTES) / still

    def _comes(self, due: datetime, at: datetime) -> float:
        by_now = 1 - _above(_minutes(self._now, due) / ARRIVAL_SD_MINUTES)
        by_then = 1 - _above(_minutes(at, due) / ARRIVAL_SD_MINUTES)
        return SHOW_RATE * (by_then - by_now) / (1 - SHOW_RATE * by_now)


@lru_cache(maxsize=20_000)
def _uniform(child_id: str, seed: int, n: int) -> npt.NDArray[np.float64]:
    """One uniform per child and draw, the same at every instant, so that paths do not flicker."""
    number = int.from_bytes(child_id.encode()[-8:], "big")
    return np.random.default_rng([seed, number]).random(n)


class BandForecast(Protocol):
    """What is used of `forecasting.Forecast`."""

    @property
    def model(self) -> str: ...
    @property
    def room_ids(self) -> tuple[str, ...]: ...
    @property
    def times(self) -> tuple[datetime, ...]: ...
    @property
    def bands(self) -> tuple[str, ...]: ...
    def samples_by_band(self, n: int, seed: int) -> Ints: ...
    def drivers(self, room_id: str, target_time: datetime) -> list[str]: ...


class ForecastExpectation:
    """A short-horizon forecast as an expectation. Between two of its times the later one is taken.

    A child of a band ('12-17', '60+', 'unknown') counts as the youngest of the band, the stricter reading; without
    bands as the youngest the room is for.
    """

    def __init__(self, forecast: BandForecast, facts: CenterFacts, n: int = 200, seed: int = 0) -> None:
        self.model = forecast.model
        self._forecast, self._facts = forecast, facts
        self._counts = forecast.samples_by_band(n, seed)
        self._rows = {room_id: row for row, room_id in enumerate(forecast.room_ids)}
        self._ages: list[int | None] = [_youngest(band) for band in forecast.bands]

    def ages(self, room_id: str, at: datetime, n: int) -> Sequence[Ages]:
        row = self._rows.get(room_id)
        if row is None:
            return [()] * n
        draws: Any = self._counts[:n, row, self._column(at)].tolist()
        ages = self._ages or [self._room_age(room_id)]
        return [tuple(age for age, count in zip(ages, draw, strict=True) for _ in range(count)) for draw in draws]

    def drivers(self, room_id: str, at: datetime) -> list[str]:
        return self._forecast.drivers(room_id, self._forecast.times[self._column(at)])

    def _column(self, at: datetime) -> int:
        times = self._forecast.times
        return next((index for index, instant in enumerate(times) if instant >= at), len(times) - 1)

    def _room_age(self, room_id: str) -> int | None:
        room = self._facts.rooms.get(room_id)
        return room.age_min_months if room else None


def _order(age: int | None) -> int:
    return -1 if age is None else age


def _youngest(band: str) -> int | None:
    low = band.partition("-")[0].rstrip("+")
    return int(low) if low.isdigit() else None


def _minutes(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds() / 60


def _above(z: float) -> float:
    """P(standard normal > z)."""
    return 0.5 * math.erfc(z / math.sqrt(2))

"""Which children each room may hold at an instant ahead: joint draws of ages, from a model or from bookings alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
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
    about when booked. Independent children, no habits; same inputs and seed, same draws.

    Each room is read from the state once, when it is first asked about or at `read`; from then on the draws need
    the state no more and may be made beside the loop that changes it.
    """

    model = "bookings and who is present"

    def __init__(self, state: CenterState, facts: CenterFacts, now: datetime, seed: int = 0) -> None:
        self._state, self._facts, self._now, self._seed = state, facts, now, seed
        self._day = facts.day_of(now)
        self._rooms: dict[str, Sequence[_Child]] = {}
        self._crowds: dict[tuple[str, date], _Crowds] = {}
        self._drawn: dict[tuple[str, datetime, int], list[Ages]] = {}

    def read(self, room_ids: Iterable[str]) -> None:
        """Take in who is in these rooms and who is due there."""
        for room_id in room_ids:
            self._children(room_id)

    def ages(self, room_id: str, at: datetime, n: int) -> Sequence[Ages]:
        key = (room_id, at, n)
        found = self._drawn.get(key)
        if found is None:
            found = self._drawn[key] = self._crowds_of(room_id, self._facts.day_of(at)).drawn(at, n)
        return found

    def drivers(self, room_id: str, at: datetime) -> list[str]:
        children = self._children(room_id)
        coming = sum(child.chance(at) for child in children if not child.here)
        leaving = sum(1 - child.chance(at) for child in children if child.here)
        said = []
        if coming >= 0.5:
            said.append(f"about {round(coming)} more to arrive")
        if leaving >= 0.5:
            said.append(f"about {round(leaving)} pick-ups")
        return said

    def chances(self, room_id: str, at: datetime) -> Mapping[str, float]:
        """P(child in the room at the instant), for every child who is in it or booked into it."""
        return {child.child_id: child.chance(at) for child in self._children(room_id)}

    def _children(self, room_id: str) -> Sequence[_Child]:
        if room_id not in self._rooms:
            self._rooms[room_id] = [*self._present(room_id), *self._due(room_id)]
        return self._rooms[room_id]

    def _present(self, room_id: str) -> Iterator[_Child]:
        start = self._facts.day_start(self._now)
        for child_id in self._state.rooms.get(room_id, ()):
            place = self._state.child(child_id)
            if place is not None and place.since >= start:
                yield _Present(child_id, self._facts.session(child_id, place.since).ends, self._now)

    def _due(self, room_id: str) -> Iterator[_Child]:
        start = self._facts.day_start(self._now)
        for child_id, due in self._facts.due_arrivals(room_id, self._day):
            if self._state.child(child_id) is None and not self._state.was_in(child_id, start):
                yield _Due(child_id, due, self._now)

    def _crowds_of(self, room_id: str, day: date) -> _Crowds:
        key = (room_id, day)
        if key not in self._crowds:
            children = self._children(room_id)
            ages = [self._facts.child_here(child.child_id, day).age_months for child in children]
            self._crowds[key] = _Crowds(zip(ages, children, strict=True), self._seed)
        return self._crowds[key]


class _Present:
    """A child in the room at `now`, booked until `out`."""

    here = True

    def __init__(self, child_id: str, out: datetime | None, now: datetime) -> None:
        self.child_id, self._out, self._now = child_id, out, now
        self._still = 1.0 if out is None else _above(_minutes(now, out) / PICK_UP_SD_MINUTES)

    def chance(self, at: datetime) -> float:
        """P(still in the room)."""
        if self._out is None:
            return 1.0
        # Overdue by far: the usual spread says nothing any more; pick-ups then come about every quarter of an hour.
        if self._still < 0.01:
            return math.exp(-_minutes(at, self._now) / 15)
        return _above(_minutes(at, self._out) / PICK_UP_SD_MINUTES) / self._still


class _Due:
    """A child booked into the room from `due` on who had not come at `now`."""

    here = False

    def __init__(self, child_id: str, due: datetime, now: datetime) -> None:
        self.child_id, self._due = child_id, due
        self._by_now = 1 - _above(_minutes(now, due) / ARRIVAL_SD_MINUTES)

    def chance(self, at: datetime) -> float:
        """P(come by then)."""
        by_then = 1 - _above(_minutes(at, self._due) / ARRIVAL_SD_MINUTES)
        return SHOW_RATE * (by_then - self._by_now) / (1 - SHOW_RATE * self._by_now)


_Child = _Present | _Due


class _Crowds:
    """Draws of who is in one room on one day. A crowd that is drawn twice is one and the same tuple of ages."""

    def __init__(self, aged: Iterable[tuple[int | None, _Child]], seed: int) -> None:
        by_age = sorted(aged, key=lambda each: (_order(each[0]), each[1].child_id))
        self._ages = [age for age, _ in by_age]
        self._children = [child for _, child in by_age]
        self._seed = seed
        self._uniform: dict[int, npt.NDArray[np.float64]] = {}
        self._known: dict[bytes, Ages] = {}

    def drawn(self, at: datetime, n: int) -> list[Ages]:
        if not self._children:
            return [()] * n
        here = self._uniforms(n) < [child.chance(at) for child in self._children]
        rows = [row.tobytes() for row in np.packbits(here, axis=1)]
        for row in {row for row in rows if row not in self._known}:
            self._known[row] = self._crowd(row)
        return [self._known[row] for row in rows]

    def _uniforms(self, n: int) -> npt.NDArray[np.float64]:
        """One row per draw, one column per child."""
        if n not in self._uniform:
            self._uniform[n] = np.stack([_uniform(child.child_id, self._seed, n) for child in self._children], axis=1)
        return self._uniform[n]

    def _crowd(self, row: bytes) -> Ages:
        """Of the children whose bit is set."""
        bits = np.unpackbits(np.frombuffer(row, np.uint8)).tolist()
        return tuple(age for age, bit in zip(self._ages, bits, strict=False) if bit)


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

"""From a forecast to what the law asks for: adults required per room and slot, in scenarios drawn jointly.

The rulebook is asked for each draw of children by age band, so that an age mix or a rounding rule counts as it will on
the day; a ratio of means would understate both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

import numpy as np
import numpy.typing as npt

import rulebook
from domain.places import Center, NapWindow, Room
from domain.time import local_date, zone
from forecasting import Forecast
from forecasting.frames import BAND_MONTHS, BANDS
from rulebook import Rulebook

Ints = npt.NDArray[np.int64]
DRAWS = 200
SCENARIOS = 5


@dataclass(frozen=True)
class Demand:
    """Adults required: `draws[n, room, slot]` of equal weight, and the few joint courses that stand for them."""

    room_ids: tuple[str, ...]
    slots: tuple[datetime, ...]
    draws: Ints
    children: Ints  # [n, room, slot, band] behind them
    chosen: tuple[int, ...]  # draws that stand for all
    weights: tuple[float, ...]


def demand_of(forecast: Forecast, center: Center, rooms: Sequence[Room], seed: int) -> Demand:
    """Draw the children of every room and slot together and ask the rulebook what each draw requires."""
    children = forecast.samples_by_band(DRAWS, seed)
    law = Law(center)
    by_id = {room.room_id: room for room in rooms}
    required = np.zeros(children.shape[:3], dtype=np.int64)
    for row, room_id in enumerate(forecast.room_ids):
        for column, at in enumerate(forecast.times):
            required[:, row, column] = law.required(children[:, row, column], at, by_id[room_id])
    chosen, weights = _representatives(required)
    return Demand(forecast.room_ids, forecast.times, required, children, chosen, weights)


class Law:
    """The rulebook of a center's state, asked by age bands and remembered: most draws repeat."""

    def __init__(self, center: Center) -> None:
        self._center = center
        self._tz = zone(center.timezone)
        self._known: dict[tuple[object, ...], int] = {}
        self._books: dict[object, Rulebook] = {}
        self._edges: dict[object, tuple[time, ...]] = {}

    def book(self, at: datetime) -> Rulebook:
        day = local_date(at, self._tz)
        if day not in self._books:
            self._books[day] = rulebook.load(self._center.state, day)
        return self._books[day]

    def required(self, bands: Ints, at: datetime, *rooms: Room) -> Ints:
        """Adults required at an instant for each row of children by band, in one room or in rooms joined as one."""
        local = at.astimezone(self._tz).time()
        book = self.book(at)
        activity = "nap" if all(_sleeps(room.nap, local) for room in rooms) else "normal"
        part = self._part_of_day(book, local)
        patterns, where = np.unique(bands, axis=0, return_inverse=True)
        answers = [self._ask(book, tuple(int(n) for n in row), local, part, activity) for row in patterns]
        return np.asarray(answers, dtype=np.int64)[where.reshape(-1)]

    def _ask(self, book: Rulebook, counts: tuple[int, ...], local: time, part: int, activity: str) -> int:
        key = (id(book), counts, part, activity)
        if key not in self._known:
            ages = [age for age, count in zip(_AGES, counts, strict=True) for _ in range(count)]
            center = self._center
            self._known[key] = book.required(ages, local, activity, center.opens, center.closes) if ages else 0
        return self._known[key]

    def _part_of_day(self, book: Rulebook, local: time) -> int:
        """Which stretch between the instants at which the rule may change by itself."""
        if book.on not in self._edges:
            self._edges[book.on] = book.boundaries(self._center.opens, self._center.closes)
        return sum(edge <= local for edge in self._edges[book.on])


# The youngest age of each band, since the youngest child decides; None is an unknown age, the strictest of all.
_AGES: tuple[int | None, ...] = (*BAND_MONTHS, None)
if len(_AGES) != len(BANDS):
    raise AssertionError("every age band needs the age that stands for it")


def quantile(draws: Ints, level: float) -> Ints:
    """The smallest number of adults that suffices in that share of the draws, per room and slot."""
    return np.asarray(np.quantile(draws, level, axis=0, method="inverted_cdf"), dtype=np.int64)


def short_chance(draws: Ints, planned: Ints) -> npt.NDArray[np.float64]:
    """P(required > planned) per room and slot."""
    return np.asarray((draws > planned[None]).mean(axis=0), dtype=np.float64)


def _sleeps(nap: NapWindow | None, local: time) -> bool:
    return nap is not None and nap.start <= local < nap.end


def _representatives(draws: Ints) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """A few whole draws for all: the draws ranked by adult-slots required and cut into equal parts; of each part the
    draw nearest to its mean course, with the part's weight.
    """
    order = np.argsort(draws.sum(axis=(1, 2)), kind="stable")
    chosen, weights = [], []
    for part in np.array_split(order, min(SCENARIOS, len(order))):
        mean = draws[part].mean(axis=0)
        distance = np.abs(draws[part] - mean).sum(axis=(1, 2))
        chosen.append(int(part[int(np.argmin(distance))]))
        weights.append(len(part) / len(order))
    return tuple(chosen), tuple(weights)


def scenario_numbers(demand: Demand, draw: int) -> Mapping[str, tuple[int, ...]]:
    return {room: tuple(int(n) for n in demand.draws[draw, row]) for row, room in enumerate(demand.room_ids)}

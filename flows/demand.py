"""From a forecast to what the law asks for: adults required per room and slot, in scenarios drawn jointly, with the
call-outs of those who are to meet it.

The rulebook is asked for each draw of children by age band, so that an age mix or a rounding rule counts as it will on
the day; a ratio of means would understate both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

import numpy as np
import numpy.typing as npt

from api.center_settings import CenterSettings
from domain.places import Center, NapWindow, Room
from domain.time import local_date, zone
from flows.choices import NOTHING_CHOSEN
from forecasting import Forecast
from forecasting.frames import BAND_MONTHS, BANDS
from forecasting.gaps import Required
from optimizer.problem import Adult, Scenario
from rulebook import ChildHere, Rulebook, Situation

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


def demand_of(forecast: Forecast, law: Law, rooms: Sequence[Room], seed: int) -> Demand:
    """Draw the children of every room and slot together and ask the rulebook what each draw requires."""
    children = forecast.samples_by_band(DRAWS, seed)
    asked = asked_of(law, rooms)
    required = np.zeros(children.shape[:3], dtype=np.int64)
    for row, room_id in enumerate(forecast.room_ids):
        for column, at in enumerate(forecast.times):
            required[:, row, column] = asked(room_id, at, children[:, row, column])
    chosen, weights = _representatives(required)
    return Demand(forecast.room_ids, forecast.times, required, children, chosen, weights)


def asked_of(law: Law, rooms: Sequence[Room]) -> Required:
    """The law as a forecast asks it: room by room."""
    by_id = {room.room_id: room for room in rooms}
    return lambda room_id, at, bands: law.required(bands, at, by_id[room_id])


class Law:
    """The rules a center keeps to, asked by age bands and remembered: most draws repeat.

    The same rulebook as the live board's: the jurisdiction with the center's options and its own policy, the strictest
    governing.
    """

    def __init__(self, center: Center, chosen: CenterSettings = NOTHING_CHOSEN) -> None:
        self._center, self._chosen = center, chosen
        self._tz = zone(center.timezone)
        self._known: dict[tuple[object, ...], int] = {}
        self._books: dict[object, Rulebook] = {}
        self._edges: dict[object, tuple[time, ...]] = {}

    def book(self, at: datetime) -> Rulebook:
        day = local_date(at, self._tz)
        if day not in self._books:
            self._books[day] = self._chosen.book(self._center.state, day)
        return self._books[day]

    def required(self, bands: Ints, at: datetime, *rooms: Room) -> Ints:
        """Adults required at an instant for each row of children by band, in one room or in rooms joined as one."""
        local = at.astimezone(self._tz).time()
        book, activity = self.book(at), _activity(rooms, local)
        part = self._part_of_day(book, local)
        patterns, where = np.unique(bands, axis=0, return_inverse=True)
        answers = [self._ask(book, tuple(int(n) for n in row), local, part, activity) for row in patterns]
        return np.asarray(answers, dtype=np.int64)[where.reshape(-1)]

    def governing(self, bands: Ints, at: datetime, room: Room) -> str:
        """The law or policy that decides for one row of children by band, in words; "" for an empty room."""
        children = tuple(ChildHere(age) for age in _ages(bands.tolist()))
        if not children:
            return ""
        center, local = self._center, at.astimezone(self._tz).time()
        day, activity = local_date(at, self._tz), _activity((room,), local)
        asked = Situation(day, local, children, (), activity, None, center.opens, center.closes)
        found = self.book(at).check(asked).governing
        return f"{found.citation}: {found.value}"

    def _ask(self, book: Rulebook, counts: tuple[int, ...], local: time, part: int, activity: str) -> int:
        key = (id(book), counts, part, activity)
        if key not in self._known:
            ages, center = _ages(counts), self._center
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


def short_chance(draws: Ints, planned: Ints, called_out: float = 0.0) -> npt.NDArray[np.float64]:
    """P(required > those of the planned who come) per room and slot; each calls out with that chance."""
    result = np.zeros(planned.shape)
    for out in range(int(planned.max(initial=0)) + 1):
        ways = np.array([math.comb(n, out) for n in planned.ravel()]).reshape(planned.shape)
        left = np.maximum(planned - out, 0)
        result += ways * called_out**out * (1 - called_out) ** left * (draws > left[None]).mean(axis=0)
    return result


def scenarios_of(demand: Demand, lacking: float) -> tuple[Scenario, ...]:
    """The courses that stand for all draws; after them, if somebody may be lacking, each again with that chance and one
    adult more required wherever somebody is, as if one of each room's own had called out.

    Expected shortage is a sum over rooms and slots, so that the rooms lack theirs at once changes nothing in it.
    """
    courses = [(f"draw {n}", weight, scenario_numbers(demand, n))
               for n, weight in zip(demand.chosen, demand.weights, strict=True)]  # fmt: skip
    if not lacking:
        return tuple(Scenario(name=name, weight=weight, required=dict(numbers)) for name, weight, numbers in courses)
    # The optimizer weighs a missing adult in thousandths, so weights of whole ones keep its bound exact.
    out = [max(round(weight * lacking, 3), 0.001) for _, weight, _ in courses]
    return tuple(
        Scenario(name=name, weight=weight - w, required=dict(numbers))
        for (name, weight, numbers), w in zip(courses, out, strict=True)
    ) + tuple(
        Scenario(name=f"{name}, call-outs", weight=w, required={room: one_more(n) for room, n in numbers.items()})
        for (name, _, numbers), w in zip(courses, out, strict=True)
    )


def one_more(required: Sequence[int]) -> tuple[int, ...]:
    """One adult more wherever somebody is required."""
    return tuple(n + (n > 0) for n in required)


def lacking_chance(adults: Sequence[Adult], rooms: int, called_out: float) -> float:
    """P(one or more of a room's own adults are out on a day), of a room with as many as the mean of all."""
    own = sum(1 for adult in adults if adult.home_room_id is not None and not adult.is_float)
    return float(1 - (1 - called_out) ** (own / rooms))


def governing_rules(demand: Demand, law: Law, rooms: Sequence[Room]) -> dict[str, str]:
    """By room: what decides at its busiest slot, in the draw that nine of ten do not exceed."""
    result = {}
    for room in rooms:
        row = demand.room_ids.index(room.room_id)
        column = int(demand.draws[:, row].mean(axis=0).argmax())
        ranked = np.argsort(demand.draws[:, row, column], kind="stable")
        draw = ranked[int(0.9 * (len(ranked) - 1))]
        result[room.room_id] = law.governing(demand.children[draw, row, column], demand.slots[column], room)
    return result


def _ages(counts: Sequence[int]) -> list[int | None]:
    return [age for age, count in zip(_AGES, counts, strict=True) for _ in range(count)]


def _activity(rooms: Sequence[Room], local: time) -> str:
    """Rooms nap together or not at all."""
    return "nap" if all(_sleeps(room.nap, local) for room in rooms) else "normal"


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

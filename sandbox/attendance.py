"""The true attendance of one center, day by day: who was ill, who stayed away, who came and went when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from domain.time import age_in_months
from sandbox import laws
from sandbox.families import Families
from sandbox.knobs import Knobs
from sandbox.laws import Bools, Floats, Rng

Ints = NDArray[np.int64]


@dataclass(slots=True)
class Health:
    """The state that lasts from day to day. `spell`: days a child has been ill (0: well), by child;
    by room `outbreak`: days an outbreak has lasted (0: none), `outbreak_length`, and `rest`: days spared a new one.
    """

    spell: Ints
    outbreak: Ints
    outbreak_length: Ints
    rest: Ints

    def copy(self) -> Health:
        return Health(self.spell.copy(), self.outbreak.copy(), self.outbreak_length.copy(), self.rest.copy())


@dataclass(slots=True)
class Day:
    """One center's true day. Arrays run over `families` (indices) or `children` (indices) expected on that day.

    Minutes count from local midnight. `arrival` and `departure` are nan for families that stayed away. `visits` are
    (child position, room index, start, end), `end` cut at the departure.
    """

    day: date
    open: bool
    snow: float | None  # minute at which the day was called off
    health: Health  # at the end of this calendar day
    outbreak: Bools  # by room
    center_arrival: float
    center_stay: float
    families: Ints
    children: Ints
    family_position: Ints  # of each child, into `families`
    rooms: Ints  # of each child
    ill: Bools  # of each child, whether or not the family is away anyway
    ill_notice: Floats
    planned: Bools  # of each family
    plan_notice: Floats
    arrival: Floats
    departure: Floats
    message: Floats  # sickness message before an early pick-up, nan: none
    visits: list[tuple[int, int, float, float]]

    @property
    def attends(self) -> Bools:
        """Of each child: was here on this day."""
        if self.snow is not None:
            return np.zeros(len(self.children), dtype=bool)
        return ~self.ill & ~np.isnan(self.arrival[self.family_position])


def first_health(knobs: Knobs) -> Health:
    rooms = len(knobs.layout.rooms)
    return Health(*(np.zeros(size, dtype=np.int64) for size in (0, rooms, rooms, rooms)))


def next_health(rng: Rng, knobs: Knobs, families: Families, before: Health, day: date) -> Health:
    """The state of the next calendar day."""
    outbreak, length, rest = next_outbreaks(rng, knobs, before.outbreak, before.outbreak_length, before.rest)
    spell = np.zeros(len(families.children), dtype=np.int64)
    spell[: len(before.spell)] = before.spell
    here, hazard = hazards(knobs, families, day, outbreak > 0)
    return Health(next_spells(rng, knobs, spell, here, hazard), outbreak, length, rest)


def next_outbreaks(rng: Rng, knobs: Knobs, outbreak: Ints, length: Ints, rest: Ints) -> tuple[Ints, Ints, Ints]:
    """Rooms' outbreaks a day later; arrays of any equal shape."""
    lengths = rng.integers(knobs.outbreak_days[0], knobs.outbreak_days[1] + 1, outbreak.shape)
    running, goes_on = outbreak > 0, (outbreak > 0) & (outbreak < length)
    starts = ~running & (rest == 0) & (rng.random(outbreak.shape) < laws.outbreak_start_rate(knobs))
    ended = running & ~goes_on
    return (
        np.where(goes_on, outbreak + 1, np.where(starts, 1, 0)),
        np.where(starts, lengths, length),
        np.where(ended, knobs.outbreak_gap_days, np.maximum(rest - 1, 0)),
    )


def next_spells(rng: Rng, knobs: Knobs, spell: Ints, here: Bools, hazard: Floats) -> Ints:
    """Children's spells of illness a day later; `hazard` over the children `here` alone, in the last axis."""
    return np.asarray(np.where(rng.random(spell.shape) < illness_chance(knobs, spell, here, hazard), spell + 1, 0))


def illness_chance(knobs: Knobs, spell: Ints, here: Bools, hazard: Floats) -> Floats:
    """P(ill on the next day), given the days already ill."""
    chance = np.zeros(spell.shape)
    going_on = laws.spell_goes_on(knobs)[np.minimum(spell[..., here], len(knobs.illness_days))]
    chance[..., here] = np.where(spell[..., here] > 0, going_on, hazard)
    return chance


def hazards(knobs: Knobs, families: Families, day: date, outbreak: Bools) -> tuple[Bools, Floats]:
    """Which children are enrolled on the day, and their chance of falling ill (of those alone), given rooms' outbreaks
    (in the last axis).
    """
    rooms = [child.room_on(day) for child in families.children]
    here = np.array([room is not None for room in rooms], dtype=bool)
    enrolled = [child for child, room in zip(families.children, rooms, strict=True) if room is not None]
    ages = np.array([age_in_months(child.birth_date, day) for child in enrolled], dtype=np.float64)
    since = np.array([(day - child.since).days for child in enrolled], dtype=np.float64)
    spread = outbreak[..., np.array([room for room in rooms if room is not None], dtype=np.int64)]
    return here, laws.illness_hazard(knobs, day, ages, since, spread)


def expected(families: Families, day: date) -> tuple[Ints, Ints, Ints, Ints]:
    """Families and children booked on the day: families, children, position of each child's family, rooms."""
    children, rooms = [], []
    for index, child in enumerate(families.children):
        if day.isoweekday() in families.families[child.family].weekdays:
            room = child.room_on(day)
            if room is not None:
                children.append(index)
                rooms.append(room)
    owners = np.array([families.children[index].family for index in children], dtype=np.int64)
    unique, position = np.unique(owners, return_inverse=True)
    return unique, np.array(children, dtype=np.int64), position.astype(np.int64), np.array(rooms, dtype=np.int64)


def draw_day(rng: Rng, knobs: Knobs, families: Families, health: Health, day: date, *, is_open: bool) -> Day:
    """The day's truth, given the state of health at its start."""
    unique, children, position, rooms = expected(families, day)
    if not is_open:
        empty = np.zeros(0, dtype=np.int64)
        unique, children, position, rooms = empty, empty, empty, empty
    count = len(unique)
    center_arrival, center_stay = rng.normal(0, knobs.arrival_center_sd), rng.normal(0, knobs.stay_center_sd)
    snowed = is_open and rng.random() < laws.snow_rate(knobs, day)
    snow = float(rng.uniform(5 * 60, 6 * 60)) if snowed else None
    planned = rng.random(count) < laws.planned_rate(knobs, day)
    plan_notice = laws.plan_notices(rng, knobs, count)
    ill = health.spell[children] > 0 if count else np.zeros(0, dtype=bool)
    ill_notice = laws.illness_notices(rng, knobs, len(children))
    means = np.array([families.families[f].arrival for f in unique], dtype=np.float64)
    stays = np.array([families.families[f].stay for f in unique], dtype=np.float64)
    arrival = laws.arrivals(rng, knobs, means + center_arrival)
    departure, message = laws.departures(rng, knobs, arrival, stays + center_stay, stays)
    well = np.zeros(count, dtype=bool)
    np.logical_or.at(well, position, ~ill)
    away = planned | ~well
    for values in (arrival, departure, message):
        values[away] = np.nan
    result = Day(
        day, is_open, snow, health, health.outbreak > 0, center_arrival, center_stay, unique, children, position, rooms,
        ill, ill_notice, planned, plan_notice, arrival, departure, message, [],
    )  # fmt: skip
    result.visits = _visits(rng, knobs, result)
    return result


def next_room(knobs: Knobs, room: int) -> int | None:
    """The room children of this one visit: the next older."""
    oldest = knobs.layout.rooms[room].age_max_months
    return next((r for r, plan in enumerate(knobs.layout.rooms) if plan.age_min_months >= oldest), None)


def _visits(rng: Rng, knobs: Knobs, day: Day) -> list[tuple[int, int, float, float]]:
    """Visits to the next room by children who are there when theirs begins."""
    count = len(day.children)
    chosen = rng.random(count) < knobs.visit_rate
    start = rng.uniform(*laws.VISIT_START, count)
    length = rng.uniform(*laws.VISIT_LENGTH, count)
    attends = day.attends
    result = []
    for child in np.nonzero(chosen & attends)[0]:
        family = day.family_position[child]
        target = next_room(knobs, int(day.rooms[child]))
        if target is not None and day.arrival[family] <= start[child] < day.departure[family]:
            end = min(start[child] + length[child], day.departure[family])
            result.append((int(child), target, float(start[child]), float(end)))
    return result

"""The oracle: what could be known of a room's true headcount by one who knows the process but not the future.

It knows every knob and every parameter of every family (mean arrival and stay, weekdays), the true state of the center
at the origin, and draws the future from the same laws as the simulator. The true state is: who is really here and since
when, who has left, which messages and closures were sent; enrolment decided so far; and hidden health as it stood this
morning: outbreaks running (not how long they will last) and who was ill until yesterday. It does not know what has been
drawn for later but shown no sign yet: today's common shifts of arrival and pick-up (it infers them from the arrivals
and departures so far, exactly), today's unreported absences, tomorrow's anything. No forecaster can score better on
average than this; scored is the *true* headcount at the target instant, as `World.true_headcounts` gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.errors import BadInput, NotFound
from domain.time import local_date, zone
from sandbox import laws
from sandbox.attendance import Day, hazards, illness_chance, next_outbreaks, next_room, next_spells
from sandbox.laws import Bools, Floats, Rng
from sandbox.morning import Known, sample_today
from sandbox.world import LocalDay, World

if TYPE_CHECKING:
    from sandbox.simulation import CenterSimulation

HORIZON_DAYS = 20  # enrolment is decided further ahead than this, so nothing unknown can change it
LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)


class Oracle:
    """Answers by re-simulation: `samples` futures per origin, shared by all rooms and targets; deterministic."""

    def __init__(self, world: World, samples: int = 1000, seed: int = 0) -> None:
        self.world, self.samples, self.seed = world, samples, seed
        self._rooms = {
            room_id: (simulation, index)
            for simulation in world.simulations
            for index, room_id in enumerate(simulation.room_ids)
        }
        self._future: tuple[tuple[str, datetime], _Future] | None = None

    def headcounts(self, room_id: str, origin: datetime, targets: Sequence[datetime]) -> Floats:
        """Joint draws (samples, targets) of the room's true headcount at the target instants, given the origin."""
        if room_id not in self._rooms:
            raise NotFound(f"the world has no room '{room_id}'")
        simulation, room = self._rooms[room_id]
        key = (simulation.center_id, origin)
        if self._future is None or self._future[0] != key:
            rng = np.random.default_rng([self.seed, simulation.number, int(origin.timestamp())])
            self._future = (key, _Future(rng, simulation, origin, self.samples))
        return np.stack([self._future[1].headcount(room, target) for target in targets], axis=1)

    def answer(self, questions: Iterable[tuple[str, datetime, datetime]]) -> list[dict[str, Any]]:
        """Rows with the columns of a forecast table for (room_id, origin, target_time); ask in order of origin."""
        rows = []
        for room_id, origin, target in questions:
            draws = self.headcounts(room_id, origin, [target])[:, 0]
            quantiles = np.quantile(draws, LEVELS, method="inverted_cdf")
            row: dict[str, Any] = {
                "center_id": self._rooms[room_id][0].center_id, "room_id": room_id, "origin": origin,
                "target_time": target, "horizon": target - origin,
            }  # fmt: skip
            row |= {f"q{round(level * 100):02d}": float(q) for level, q in zip(LEVELS, quantiles, strict=True)}
            rows.append(row | {"mean": float(draws.mean()), "model": "oracle"})
        return rows


@dataclass(slots=True)
class _Drawn:
    """A day's children over samples: their home rooms, whether they attend, when they come, go and visit."""

    rooms: np.ndarray[Any, np.dtype[np.int64]]
    targets: np.ndarray[Any, np.dtype[np.int64]]  # rooms visited, -1: none
    attends: Bools
    arrival: Floats
    departure: Floats
    visit_start: Floats
    visit_end: Floats

    def count(self, room: int, minute: float) -> Floats:
        here = self.attends & (self.arrival <= minute) & (minute < self.departure)
        away = here & (self.visit_start <= minute) & (minute < self.visit_end)
        home, guests = self.rooms == room, self.targets == room
        return np.asarray((here & ~away)[:, home].sum(axis=1) + away[:, guests].sum(axis=1), dtype=np.float64)


class _Future:
    """Samples of the days from an origin on; days are drawn when they are asked for, health day by day."""

    def __init__(self, rng: Rng, center: CenterSimulation, origin: datetime, samples: int) -> None:
        self.rng, self.center, self.samples = rng, center, samples
        self.today = local_date(origin, zone(center.knobs.zone_name))
        index = (self.today - center.start).days
        if not 0 <= index < len(center.days):
            raise BadInput(f"the origin {origin.isoformat()} lies outside the simulated days")
        self.minute = LocalDay(self.today, center.knobs.zone_name).minute(origin)
        self.drawn: dict[date, _Drawn | None] = {}
        truth = center.days[index]
        self.outbreak = np.tile(truth.health.outbreak, (samples, 1))
        low = np.maximum(truth.health.outbreak, center.knobs.outbreak_days[0])
        self.length = rng.integers(low, center.knobs.outbreak_days[1] + 1, self.outbreak.shape)
        self.rest = np.tile(truth.health.rest, (samples, 1))
        self.last = self.today
        self.spell = self._begin(truth)

    def headcount(self, room: int, target: datetime) -> Floats:
        day = local_date(target, zone(self.center.knobs.zone_name))
        if day < self.today or (day - self.today).days > HORIZON_DAYS:
            raise BadInput(f"the oracle answers from the origin's day to {HORIZON_DAYS} days later, not {day}")
        drawn = self._day(day)
        if drawn is None:
            return np.zeros(self.samples)
        return drawn.count(room, LocalDay(day, self.center.knobs.zone_name).minute(target))

    def _begin(self, truth: Day) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Draw today given what has been seen; the spells of illness at its end."""
        center = self.center
        before = np.zeros(len(center.families.children), dtype=np.int64)
        known = center.health_before(self.today).spell
        before[: len(known)] = known
        here, hazard = hazards(center.knobs, center.families, self.today, truth.outbreak)
        chance = illness_chance(center.knobs, before, here, hazard)
        ill = self.rng.random((self.samples, len(before))) < chance
        if truth.open and not (truth.snow is not None and truth.snow <= self.minute):
            snow = self._snow(truth.day, self.minute)
            today = sample_today(self.rng, center, truth, Known(self.minute, chance[truth.children]), self.samples)
            self.drawn[self.today] = self._drawn(truth, today.attends & ~snow, today.arrival, today.departure)
            ill[:, truth.children] = today.ill
        else:
            self.drawn[self.today] = None
        return np.where(ill, before + 1, 0)

    def _day(self, day: date) -> _Drawn | None:
        while self.last < day:
            self._advance()
        return self.drawn[day]

    def _advance(self) -> None:
        """Draw the next day's health and attendance."""
        rng, knobs, center = self.rng, self.center.knobs, self.center
        self.last += timedelta(days=1)
        day = self.last
        self.outbreak, self.length, self.rest = next_outbreaks(rng, knobs, self.outbreak, self.length, self.rest)
        here, hazard = hazards(knobs, center.families, day, self.outbreak > 0)
        self.spell = next_spells(rng, knobs, self.spell, here, hazard)
        center.run_to(day + timedelta(days=1))
        truth = center.days[(day - center.start).days]
        if not truth.open:
            self.drawn[day] = None
            return
        ahead = (day - self.today).days
        planned = self._planned(truth, ahead)
        means = np.array([center.families.families[f].arrival for f in truth.families])
        stays = np.array([center.families.families[f].stay for f in truth.families])
        shift = rng.normal(0, knobs.arrival_center_sd, (self.samples, 1))
        arrival = laws.arrivals(rng, knobs, means + shift)
        longer = rng.normal(0, knobs.stay_center_sd, (self.samples, 1))
        departure, _ = laws.departures(rng, knobs, arrival, stays + longer, np.broadcast_to(stays, arrival.shape))
        place = truth.family_position
        attends = (self.spell[:, truth.children] == 0) & ~planned[:, place] & ~self._snow(day, -1.0)
        self.drawn[day] = self._drawn(truth, attends, arrival[:, place], departure[:, place])

    def _planned(self, truth: Day, ahead: int) -> Bools:
        """Families away for another reason than illness, given what was announced by the origin."""
        announced = truth.planned & (truth.plan_notice <= self.minute - 1440 * ahead)
        rate = laws.planned_rate(self.center.knobs, truth.day)
        silent = rate * laws.plan_unreported(self.center.knobs, ahead, self.minute)
        chance = np.where(announced, 1.0, silent / (silent + 1 - rate))
        return np.asarray(self.rng.random((self.samples, len(chance))) < chance)

    def _snow(self, day: date, minute: float) -> Bools:
        """Samples in which the day is called off, given that it was not by this minute."""
        rate = laws.snow_rate(self.center.knobs, day)
        silent = rate * float(np.clip((6 * 60 - minute) / 60, 0, 1))
        return np.asarray(self.rng.random((self.samples, 1)) < silent / (silent + 1 - rate))

    def _drawn(self, truth: Day, attends: Bools, arrival: Floats, departure: Floats) -> _Drawn:
        start, end = self._visits(truth, arrival, departure)
        targets = [next_room(self.center.knobs, int(room)) for room in truth.rooms]
        to = np.array([-1 if room is None else room for room in targets], dtype=np.int64)
        return _Drawn(truth.rooms, to, attends, arrival, departure, start, end)

    def _visits(self, truth: Day, arrival: Floats, departure: Floats) -> tuple[Floats, Floats]:
        """Visits to the next room; those of today that began are known, others given that they have not begun."""
        rng, knobs = self.rng, self.center.knobs
        (first, last), (shortest, longest) = laws.VISIT_START, laws.VISIT_LENGTH
        now = self.minute if truth.day == self.today else -1.0
        after = np.clip(now, first, last)
        # Not begun: still to come, never meant, or meant for a time before the child came (void).
        to_come = (last - after) / (last - first)
        void = np.where(arrival <= now, np.clip((arrival - first) / (last - first), 0, 1), 1 - to_come)
        rate = knobs.visit_rate
        chance = rate * to_come / (rate * to_come + (1 - rate) + rate * void)
        start = np.where(rng.random(arrival.shape) < chance, rng.uniform(after, last, arrival.shape), np.inf)
        start = np.where((arrival <= start) & (start < departure), start, np.inf)
        end = start + rng.uniform(shortest, longest, arrival.shape)
        for child, _, begun, _ in truth.visits:
            if begun <= now:
                least = float(np.clip(now - begun, shortest, longest))
                start[:, child], end[:, child] = begun, begun + rng.uniform(least, longest, self.samples)
                if now - begun > longest or next(v for v in truth.visits if v[0] == child)[3] <= now:
                    end[:, child] = now  # over
        has_target = np.array([next_room(knobs, int(room)) is not None for room in truth.rooms])
        start[:, ~has_target] = np.inf
        return start, np.minimum(end, departure)

"""Simulated centers: `simulate(knobs, seed, start, days)` gives a World, the same for the same arguments.

Every calendar day of every center draws from its own random stream and hands its state to the next, so that a world
that is extended equals one simulated longer at once.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from domain.errors import BadInput
from domain.people import Child
from domain.places import Center, Closure, NapWindow, Room
from domain.time import local_instant, zone
from sandbox import laws
from sandbox.attendance import Day, draw_day, first_health, next_health
from sandbox.bookkeeping import availability_of, bookings_of, shifts_of, staff_records
from sandbox.families import Families
from sandbox.floor import Floor, run_floor
from sandbox.knobs import Knobs
from sandbox.recording import Record
from sandbox.staffing import hire, roster
from sandbox.truth import child_stays, merges_of, presences, record_day
from sandbox.world import LocalDay, Recorded, World

LOOK_AHEAD = 21  # days drawn beyond the end, because bookings, absences and rosters are known ahead

_NAMES = ("Willow", "Juniper", "Maple", "Cedar", "Aspen", "Birch", "Magnolia", "Linden", "Hazel", "Rowan")


def simulate(knobs: Knobs, seed: int, start: date, days: int) -> World:
    """A world of `days` local days from `start`."""
    if days < 1:
        raise BadInput("a simulation needs at least one day")
    simulations = [CenterSimulation(knobs, seed, start, number) for number in range(1, knobs.centers + 1)]
    world = World(knobs, seed, start, 0, simulations)
    for simulation in simulations:
        world.centers.append(simulation.center)
        world.rooms += simulation.rooms
    extend(world, days)
    return world


def extend(world: World, days: int) -> None:
    """Go on for `days` more local days."""
    world.days += days
    for simulation in world.simulations:
        simulation.run_to(world.end + timedelta(days=LOOK_AHEAD))
        _publish(world, simulation)
    for name in ("children", "staff", "shifts", "availability", "bookings", "closures"):
        getattr(world, name).sort(key=lambda row: row.recorded_at)
    world.events.sort(key=lambda event: (event.recorded_at, event.center_id, event.sequence))
    world.true_stays.sort(key=lambda stay: (stay.start, stay.child_id))
    world.faults.sort(key=lambda fault: (fault.happened_at, fault.center_id, fault.subject, fault.kind))
    world.true_merges.sort(key=lambda merge: (merge.start, merge.room_id))
    world.true_presences.sort(key=lambda stay: (stay.start, stay.staff_id))


def _publish(world: World, simulation: CenterSimulation) -> None:
    """What is known by the world's end, and the truth up to there."""
    until = local_instant(world.end, time(0), zone(world.knobs.zone_name))
    world.events += simulation.record.final(until)
    for name, rows in simulation.waiting.items():
        getattr(world, name).extend(row for row in rows if row.recorded_at < until)
        simulation.waiting[name] = [row for row in rows if row.recorded_at >= until]
    while simulation.published < len(simulation.days) and simulation.days[simulation.published].day < world.end:
        day, floor = simulation.days[simulation.published], simulation.floors[simulation.published]
        at = LocalDay(day.day, world.knobs.zone_name)
        world.true_stays += child_stays(simulation, day, at)
        world.true_presences += presences(simulation, floor, at)
        world.true_merges += merges_of(simulation, floor, at)
        simulation.published += 1
    world.faults += [fault for fault in simulation.record.faults if fault.happened_at < until]
    simulation.record.faults = [fault for fault in simulation.record.faults if fault.happened_at >= until]


class CenterSimulation:
    """One center and its state between days."""

    def __init__(self, knobs: Knobs, seed: int, start: date, number: int) -> None:
        self.knobs, self.seed, self.number, self.start = knobs, seed, number, start
        self.center_id = f"c{number:02d}"
        rng = self._stream(start, 0)
        self.center = Center(
            self.center_id, f"{_NAMES[(number - 1) % len(_NAMES)]} House {number}", knobs.state, knobs.zone_name,
            knobs.opens, knobs.closes,
        )  # fmt: skip
        self.families = Families(knobs, rng, start)
        self.workers = hire(rng, knobs)
        self.rooms = _rooms(knobs, self.center_id)
        self.room_ids = [room.room_id for room in self.rooms]
        self.record = Record(self.center_id, knobs, self.room_ids)
        self.health = first_health(knobs)
        self.days: list[Day] = []
        self.floors: list[Floor] = []
        self.published = 0
        self.waiting: dict[str, list[Recorded[Any]]] = {
            name: [] for name in ("children", "staff", "shifts", "availability", "bookings", "closures")
        }
        self._begin(rng)

    def child_id(self, index: int) -> str:
        return f"{self.center_id}-k{index + 1:04d}"

    def staff_id(self, index: int) -> str:
        return f"{self.center_id}-s{index + 1:02d}"

    def run_to(self, end: date) -> None:
        """Draw all days before `end`."""
        while (day := self.start + timedelta(days=len(self.days))) < end:
            self._draw(day)

    def health_before(self, day: date) -> Any:
        """The state at the end of the calendar day before."""
        index = (day - self.start).days - 1
        return self.days[index].health if index >= 0 else first_health(self.knobs)

    def is_open(self, day: date) -> bool:
        return day.isoweekday() <= 5 and day not in laws.holidays_of(day.year)

    def _stream(self, day: date, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.number, day.toordinal(), purpose])

    def _begin(self, rng: np.random.Generator) -> None:
        known = LocalDay(self.start - timedelta(days=30), self.knobs.zone_name).at(12 * 60)
        self.waiting["staff"] += [Recorded(known, member) for member in staff_records(rng, self)]
        for index in range(len(self.families.children)):
            self._child_record(index, known)
        for ahead in range(self.knobs.notice_of_enrolment_days):
            day = self.start - timedelta(days=self.knobs.notice_of_enrolment_days - ahead)
            self._decide(day)

    def _decide(self, day: date) -> None:
        at = LocalDay(day, self.knobs.zone_name).at(12 * 60)
        for index in self.families.decide(self._stream(day, 1), day):
            self._child_record(index, at)

    def _child_record(self, index: int, recorded: datetime) -> None:
        child = self.families.children[index]
        value = Child(
            self.child_id(index), self.center_id, child.birth_date, self.room_ids[child.rooms[-1][1]], child.since,
            child.until, _display_name(index),
        )  # fmt: skip
        if len(child.rooms) > 1 and child.until is None:  # a move takes effect on its day, not when it is decided
            recorded = LocalDay(child.rooms[-1][0], self.knobs.zone_name).at(0)
        self.waiting["children"].append(Recorded(recorded, value))

    def _draw(self, day: date) -> None:
        self._decide(day)
        at = LocalDay(day, self.knobs.zone_name)
        self.health = next_health(self._stream(day, 2), self.knobs, self.families, self.health, day)
        is_open = self.is_open(day)
        truth = draw_day(self._stream(day, 3), self.knobs, self.families, self.health, day, is_open=is_open)
        floor = Floor()
        if is_open:
            self._closures(day, at, snow=truth.snow)
            rng = self._stream(day, 4)
            outbreaks = int(truth.outbreak.sum())
            plan = roster(rng, self.knobs, self.workers, day, outbreaks=outbreaks, snow=truth.snow)
            self.waiting["shifts"] += shifts_of(self, plan, day, at)
            self.waiting["availability"] += availability_of(self, day, at)
            self.waiting["bookings"] += bookings_of(self, truth, at)
            if truth.snow is None:
                counts, first = minute_counts(self.knobs, truth)
                floor = run_floor(self._stream(day, 5), self.knobs, self.workers, plan.duties, counts, first)
                record_day(self._stream(day, 6), self, truth, floor, at)
        elif day.isoweekday() <= 5:
            self._closures(day, at, snow=None)
        self.days.append(truth)
        self.floors.append(floor)

    def _closures(self, day: date, at: LocalDay, *, snow: float | None) -> None:
        reason = laws.holidays_of(day.year).get(day)
        if snow is not None:
            self.waiting["closures"].append(
                Recorded(at.at(snow), Closure(self.center_id, day, None, "Closed because of snow and ice"))
            )
        elif reason:
            known = LocalDay(day - timedelta(days=LOOK_AHEAD - 1), self.knobs.zone_name).at(9 * 60)
            self.waiting["closures"].append(Recorded(known, Closure(self.center_id, day, None, reason)))


def minute_counts(knobs: Knobs, day: Day) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
    """Children truly in each room (row) at each minute from opening, to the last departure."""
    first = knobs.open_minute
    here = np.nonzero(day.attends)[0]
    ends = day.departure[day.family_position[here]]
    last = max(knobs.close_minute, int(ends.max()) + 1 if len(ends) else 0) + 1
    change = np.zeros((len(knobs.layout.rooms), last - first + 1), dtype=np.int64)

    def stay(room: int, start: float, end: float, children: int = 1) -> None:
        change[room, int(start) - first] += children
        change[room, max(int(end), int(start)) - first] -= children

    for child in here:
        family = day.family_position[child]
        stay(int(day.rooms[child]), day.arrival[family], day.departure[family])
    for visitor, room, start, end in day.visits:
        stay(room, start, end)
        stay(int(day.rooms[visitor]), start, end, -1)
    return np.asarray(change.cumsum(axis=1)[:, :-1]), first


def _rooms(knobs: Knobs, center_id: str) -> list[Room]:
    plans = knobs.layout.rooms
    ids = [f"{center_id}-r{index + 1:02d}" for index in range(len(plans))]
    group_of = {index: group for group in knobs.layout.groups for index in group}
    rooms = []
    for index, plan in enumerate(plans):
        near = tuple(ids[i] for i in (index - 1, index + 1) if 0 <= i < len(ids))
        walk = {other: 10 + 15 * abs(i - index) for i, other in enumerate(ids) if i != index}
        together = tuple(ids[i] for i in group_of[index] if i != index)
        nap = NapWindow(time(12, 15), time(14, 30)) if plan.age_min_months < 60 else None
        rooms.append(
            Room(
                ids[index],
                center_id,
                plan.name,
                plan.age_min_months,
                plan.age_max_months,
                plan.places,
                f"{center_id}-s{index * 2 + 1:02d}",
                nap,
                near,
                walk,
                together,
            )
        )
    return rooms


def _display_name(index: int) -> str:
    first = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hal", "Ida", "Jo", "Kai", "Lea", "Max", "Nia", "Oto")
    return f"{first[index % len(first)]} {chr(65 + index // len(first) % 26)}."

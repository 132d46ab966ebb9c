"""Demand as levels: the k-th adult of a room is missed with the weight severity x P(required >= k).

Expected shortage is convex in the number of adults, so one continuous variable per level replaces one per scenario.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import lcm

from optimizer.ground import Ground
from optimizer.problem import Adult, Assignment, Combination, Lock, Problem
from optimizer.roster import DayRoster

MOST_UNITS = 1_000_000
UNITS_OF_OTHERS = 100_000  # where no such number makes them whole: rounded down, so that bounds hold


def units_per_adult(problem: Problem) -> int:
    """Units per expected adult missing for one slot in which every weight x severity is a whole number; thousands."""
    severities = {room.severity for room in problem.rooms}
    prices = {scenario.weight * severity for scenario in problem.scenarios for severity in severities}
    shares = {price: Fraction(price).limit_denominator(MOST_UNITS) for price in prices}
    units = lcm(1000, *(share.denominator for share in shares.values()))
    exact = all(abs(float(share) - price) < 1e-9 * price for price, share in shares.items())
    return units if exact and units <= MOST_UNITS else UNITS_OF_OTHERS


class Demand:
    """levels[room, slot, k] -> weight, for every k above the number of adults who are there whatever is decided."""

    def __init__(self, ground: Ground, roster: DayRoster) -> None:
        self.ground = ground
        self.problem = ground.problem
        self.units = units_per_adult(self.problem)
        self.roster = roster
        self.combinations = [
            (index, item)
            for index, item in enumerate(self.problem.combinations)
            if item.start < roster.day.end and item.end > roster.first
        ]
        self._at_home: dict[tuple[str, int], list[Adult]] = defaultdict(list)
        self._sure: dict[tuple[str, int], int] = defaultdict(int)
        self._joint_sure: dict[tuple[int, int], int] = defaultdict(int)
        self._place_home_staff()
        self._joining = {room for _, item in self.combinations for room in item.rooms}
        self.levels: dict[tuple[str, int, int], float] = {}
        for room in sorted(self.problem.rooms, key=lambda room: room.room_id):
            for t in roster.slots:
                weights = self.weights(room.room_id, t)
                sure = 0 if room.room_id in self._joining else self._sure[room.room_id, t]
                self.levels |= {(room.room_id, t, k): w for k, w in weights.items() if k > sure}
        self._cache: dict[str, list[str]] = {}
        self._ties_of: dict[str, set[str]] = {}
        self._needy = {room for room, _, _ in self.levels}

    def at_home(self, room_id: str, slot: int) -> list[Adult]:
        """Adults who never leave the room but for breaks and the ends of flexible shifts, and count in it."""
        return self._at_home[room_id, slot]

    def weights(self, room_id: str, slot: int) -> dict[int, float]:
        """k -> what missing the k-th adult weighs, in `units`."""
        numbers = [scenario.required[room_id][slot] for scenario in self.problem.scenarios]
        return self._weights(self.ground.rooms[room_id].severity, numbers)

    def most_required(self, room_id: str, slot: int) -> int:
        return max(scenario.required[room_id][slot] for scenario in self.problem.scenarios)

    def rooms_that_matter(self, adult: Adult) -> list[str]:
        """Rooms that may lack somebody this day, and those the adult is tied to; sorted."""
        return self._matter(adult.staff_id)

    def joint_levels(self, index: int, slot: int) -> dict[int, float]:
        item = self.problem.combinations[index]
        severity = max(self.ground.rooms[room].severity for room in item.rooms)
        numbers = [item.required[str(s)][slot - item.start] for s in range(len(self.problem.scenarios))]
        return self._weights(severity, numbers)

    def joint_home(self, item: Combination, slot: int) -> list[Adult]:
        """Home staff of the joined rooms who count in each of them."""
        return [a for room in item.rooms for a in self.at_home(room, slot) if all(map(a.counts_in, item.rooms))]

    def _weights(self, severity: float, numbers: list[int]) -> dict[int, float]:
        chances = list(zip(numbers, (scenario.weight for scenario in self.problem.scenarios), strict=True))
        return {
            k: int(self.units * severity * sum(weight for number, weight in chances if number >= k) + 1e-6)
            for k in range(1, max(numbers) + 1)
        }

    def _place_home_staff(self) -> None:
        for adult in sorted(self.problem.staff, key=lambda adult: adult.staff_id):
            home = adult.home_room_id
            if home is None or self.ground.moves(adult):
                continue
            away = self._possible_absences(adult)
            origin = self.roster.origins.get(adult.staff_id)
            free = origin.busy_until if origin else 0
            for stretch in self.roster.stretches.get(adult.staff_id, ()):
                for t in range(max(free, stretch.earliest_start), stretch.latest_end):
                    if not self.ground.may_be(adult, home, t):
                        continue
                    self._at_home[home, t].append(adult)
                    if stretch.latest_start <= t < stretch.earliest_end and t not in away:
                        self._sure[home, t] += 1

    def _possible_absences(self, adult: Adult) -> set[int]:
        busy: set[int] = set()
        for pause in self.roster.pauses:
            if pause.staff_id == adult.staff_id:
                busy |= {t for start in pause.starts for t in range(start, start + pause.slots)}
        return busy

    def _matter(self, staff_id: str) -> list[str]:
        if staff_id not in self._cache:
            self._cache[staff_id] = sorted(self._ties(self.ground.adults[staff_id]))
        return self._cache[staff_id]

    def _ties(self, adult: Adult) -> set[str]:
        return {room for room in self._needy | self._joining if adult.counts_in(room)} | self._tied(adult)

    def _tied(self, adult: Adult) -> set[str]:
        """Home, where the plan in force or a lock has the adult, and where the day begins."""
        if adult.staff_id not in self._ties_of:
            self._ties_of[adult.staff_id] = self._find_ties(adult)
        return self._ties_of[adult.staff_id]

    def _find_ties(self, adult: Adult) -> set[str]:
        day = self.roster.day
        tied: set[str] = set()
        if adult.home_room_id and adult.counts_in(adult.home_room_id):
            tied.add(adult.home_room_id)
        words: tuple[Assignment | Lock, ...] = (*self.problem.current, *self.problem.locks)
        for item in words:
            if item.staff_id == adult.staff_id and item.room_id and item.start < day.end and item.end > day.start:
                tied.add(item.room_id)
        origin = self.roster.origins.get(adult.staff_id)
        if origin and origin.room_id:
            tied.add(origin.room_id)
        return tied

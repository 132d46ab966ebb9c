"""One day's answer, and the book of head counts from which gains are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from optimizer.demand import Demand
from optimizer.problem import Adult
from optimizer.roster import DayRoster, Place, Stretch
from optimizer.routes import SHORTAGE_WEIGHT, Floats


@dataclass(slots=True)
class DayPlan:
    """Places of everybody at work by slot, shifts as worked, combined rooms as (combination, slot)."""

    places: dict[str, dict[int, Place]] = field(default_factory=dict)
    shifts: dict[str, tuple[Stretch, ...]] = field(default_factory=dict)
    combined: set[tuple[int, int]] = field(default_factory=set)


class Book:
    """Head counts per room and slot as adults are entered and taken out, and what one more adult is worth."""

    def __init__(self, demand: Demand, combined: set[tuple[int, int]]) -> None:
        self.demand = demand
        self.roster: DayRoster = demand.roster
        problem = demand.problem
        size = len(self.roster.slots)
        self.count = {room.room_id: np.zeros(size, dtype=np.int64) for room in problem.rooms}
        self.joint = {index: np.zeros(size, dtype=np.int64) for index, _ in demand.combinations}
        self.over = {(room, t): index for index, t in sorted(combined) for room in problem.combinations[index].rooms}
        self.levels = {room.room_id: self._levels(room.room_id) for room in problem.rooms}

    def enter(self, adult: Adult, places: Mapping[int, Place], sign: int = 1) -> None:
        """Count an adult's places in; sign -1 takes them out again."""
        for slot, place in places.items():
            if place.state != "room" or place.room_id is None or slot < self.roster.first:
                continue
            at = slot - self.roster.first
            if self.demand.ground.may_be(adult, place.room_id, slot):
                self.count[place.room_id][at] += sign
            for index, item in self.demand.combinations:
                if place.room_id in item.rooms and all(map(adult.counts_in, item.rooms)):
                    self.joint[index][at] += sign

    def gains(self, adult: Adult) -> dict[str, Floats]:
        """For each room, per slot from `first`: the price of the shortage that this adult's presence would prevent."""
        result = {}
        for room, levels in self.levels.items():
            if adult.counts_in(room):
                count = np.minimum(self.count[room], levels.shape[1] - 1)
                result[room] = levels[np.arange(len(count)), count] * SHORTAGE_WEIGHT
        for (room, t), index in self.over.items():
            at = t - self.roster.first
            if room in result:
                result[room][at] = self._joint_gain(adult, index, t, int(self.joint[index][at]) + 1) * SHORTAGE_WEIGHT
        return result

    def loss(self, adult: Adult, room: str, slot: int) -> float:
        """Shortage that the adult's presence in the room prevents now: expected adults times severity."""
        at = slot - self.roster.first
        if (index := self.over.get((room, slot))) is not None:
            return self._joint_gain(adult, index, slot, int(self.joint[index][at]))
        if not self.demand.ground.may_be(adult, room, slot):
            return 0.0
        count = int(self.count[room][at])
        levels = self.levels[room]
        return float(levels[at, count - 1]) if 0 < count <= levels.shape[1] else 0.0

    def _joint_gain(self, adult: Adult, index: int, slot: int, number: int) -> float:
        """What the adult is worth as the so manieth of combined rooms."""
        item = self.demand.problem.combinations[index]
        if not all(map(adult.counts_in, item.rooms)):
            return 0.0
        return self.demand.joint_levels(index, slot).get(number, 0.0) / self.demand.units

    def _levels(self, room_id: str) -> Floats:
        """levels[slot, n]: shortage prevented by the (n+1)-th adult; a last column of zeros."""
        most = max((self.demand.most_required(room_id, t) for t in self.roster.slots), default=0)
        levels = np.zeros((len(self.roster.slots), most + 1))
        for t in self.roster.slots:
            for k, weight in self.demand.weights(room_id, t).items():
                levels[t - self.roster.first, k - 1] = weight / self.demand.units
        return levels

"""Who is enrolled: families, children, their rooms, and how that changes (joining, leaving, moving up)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from domain.time import age_in_months
from sandbox.knobs import Knobs
from sandbox.laws import Rng

_FULL_TIME: tuple[int, ...] = (1, 2, 3, 4, 5)


@dataclass(slots=True)
class Family:
    """Siblings come and go together; `arrival` and `stay` are the family's own means in minutes."""

    arrival: float
    stay: float
    weekdays: tuple[int, ...]
    children: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Enrolled:
    """A child by index; `rooms` are (from day, room index), `until` is the last day."""

    family: int
    birth_date: date
    since: date
    rooms: list[tuple[date, int]]
    until: date | None = None

    def room_on(self, day: date) -> int | None:
        if day < self.since or (self.until is not None and day > self.until):
            return None
        return next(room for start, room in reversed(self.rooms) if start <= day or start == self.rooms[0][0])


class Families:
    """The enrolment of one center; `decide` is called once per calendar day, in order."""

    def __init__(self, knobs: Knobs, rng: Rng, start: date) -> None:
        self.knobs = knobs
        self.families: list[Family] = []
        self.children: list[Enrolled] = []
        since = start - timedelta(days=knobs.notice_of_enrolment_days)
        for index, room in enumerate(knobs.layout.rooms):
            for _ in range(room.enrolment):
                age = rng.uniform(max(room.age_min_months, 2), room.age_max_months)
                self._enrol(rng, index, since - timedelta(days=int(rng.integers(0, 500))), _born(start, age))

    def decide(self, rng: Rng, day: date) -> list[int]:
        """Draw what is announced today and takes effect after the notice; the indices of the children concerned."""
        effective = day + timedelta(days=self.knobs.notice_of_enrolment_days)
        changed = self._leave(rng, effective)
        if effective.day == 1:
            changed += self._move_up(effective)
        if effective.isoweekday() == 1:
            changed += self._join(rng, effective)
        return changed

    def _leave(self, rng: Rng, effective: date) -> list[int]:
        draws = rng.random(len(self.children)) < self.knobs.withdrawals_per_month / 30
        leavers = [int(i) for i in np.nonzero(draws)[0] if self.children[i].until is None]
        for index in leavers:
            self.children[index].until = effective
        return leavers

    def _move_up(self, effective: date) -> list[int]:
        changed = []
        plans, counts = self.knobs.layout.rooms, self._counts()
        order = sorted(range(len(self.children)), key=lambda i: (self.children[i].birth_date, i))
        for index in order:
            child = self.children[index]
            room, age = child.rooms[-1][1], age_in_months(child.birth_date, effective)
            if child.until is not None or age < plans[room].age_max_months:
                continue
            fitting = [r for r, plan in enumerate(plans) if plan.age_min_months <= age < plan.age_max_months]
            free = [r for r in fitting if counts[r] < plans[r].places]
            if not fitting and (effective.month == 8 or age >= plans[-1].age_max_months + 3):
                child.until = effective
            elif free:
                target = min(free, key=lambda r: (counts[r], r))
                child.rooms.append((effective, target))
                counts[target] += 1
            else:
                continue
            counts[room] -= 1
            changed.append(index)
        return changed

    def _join(self, rng: Rng, effective: date) -> list[int]:
        changed, counts = [], self._counts()
        for index, room in enumerate(self.knobs.layout.rooms):
            places = max(0, room.enrolment - counts[index])
            joining = int((rng.random(places) < self.knobs.joins_per_open_place_and_week).sum())
            for _ in range(joining):
                age = rng.uniform(max(room.age_min_months, 2), room.age_max_months - 3)
                changed.append(self._enrol(rng, index, effective, _born(effective, age)))
        return changed

    def _counts(self) -> list[int]:
        counts = [0] * len(self.knobs.layout.rooms)
        for child in self.children:
            if child.until is None:
                counts[child.rooms[-1][1]] += 1
        return counts

    def _enrol(self, rng: Rng, room: int, since: date, born: date) -> int:
        index = len(self.children)
        family = self._sibling_family(rng, room, born)
        if family is None:
            family = len(self.families)
            self.families.append(_new_family(rng, self.knobs))
        self.families[family].children.append(index)
        self.children.append(Enrolled(family, born, since, [(since, room)]))
        return index

    def _sibling_family(self, rng: Rng, room: int, born: date) -> int | None:
        """A family with one child here in another room and of another age, now and then."""
        if rng.random() >= self.knobs.sibling_share:
            return None
        candidates = [
            child.family
            for child in self.children
            if child.until is None
            and len(self.families[child.family].children) == 1
            and child.rooms[-1][1] != room
            and abs((child.birth_date - born).days) > 330
        ]
        return int(candidates[int(rng.integers(len(candidates)))]) if candidates else None


def _new_family(rng: Rng, knobs: Knobs) -> Family:
    days = _FULL_TIME
    if rng.random() < knobs.part_time_share:
        count = 2 + int(rng.integers(2))
        days = tuple(sorted(int(d) for d in rng.choice(np.arange(1, 6), count, replace=False)))
    arrival = rng.normal(knobs.arrival_mean, knobs.arrival_family_sd)
    stay = np.clip(rng.normal(knobs.stay_mean, knobs.stay_family_sd), 240, knobs.close_minute - knobs.open_minute)
    return Family(float(np.clip(arrival, knobs.open_minute, knobs.open_minute + 240)), float(stay), days)


def _born(day: date, age_months: float) -> date:
    return day - timedelta(days=int(age_months * 30.4375))

"""The best day of one adult, all others given: a dynamic programme over place, slots since arrival, breaks taken.

Used three ways: one adult after the other it is the greedy planner; round after round it improves a plan; and it
answers a live disruption in milliseconds. No solver is involved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.ground import Ground
from optimizer.problem import Adult
from optimizer.roster import DayRoster, Pause, Place, Stretch

Floats = NDArray[np.float64]
IDLE = -1

# Weights that keep the goals in strict order inside one number (all terms are whole numbers below these steps).
SHORTAGE_WEIGHT = 1e9  # per expected adult and severity
HASTE_WEIGHT = 1e5
POINT_WEIGHT = 1.0
DUTY_WEIGHT = 1e-4
MISSED_WEIGHT = 1e13  # a break missed, or a slot in which the director's word is not kept


@dataclass(frozen=True, slots=True)
class Route:
    """Places by slot, and the price of the route without the shortage it prevents."""

    places: Mapping[int, Place]
    price: float


class Router:
    """Finds routes of one adult in one day against gains[room][slot - first]: what presence there is worth."""

    def __init__(self, ground: Ground, roster: DayRoster, adult: Adult, duty: float) -> None:
        self.ground = ground
        self.roster = roster
        self.adult = adult
        self.duty = duty
        self.house = ground.problem.house
        self.rooms = sorted(room for room in ground.rooms if adult.counts_in(room))
        self.wings = ground.wings

    def best(self, stretch: Stretch, pauses: Sequence[Pause], gains: Mapping[str, Floats]) -> Route:
        """The cheapest path through the stretch; breaks that find no start are missed at a high price."""
        return _Path(self, stretch, pauses, gains).trace()

    @cached_property
    def room_wing(self) -> list[int]:
        return [self.wings.index(self.ground.rooms[room].wing) for room in self.rooms]

    @cached_property
    def lost(self) -> NDArray[np.int64]:
        return np.array([[self.ground.lost_slots(a, b) for b in self.wings] for a in self.wings])

    @cached_property
    def arrival_points(self) -> Floats:
        points = [self.house.move_points + self.strangeness(room) for room in self.rooms]
        return np.array(points, dtype=np.float64)

    def strangeness(self, room: str) -> int:
        """Points for entering a room that the adult does not know."""
        if self.adult.home_room_id == room:
            return 0
        return round(self.house.unfamiliar_points * (1 - self.adult.familiar.get(room, 0.0)))


class _Path:
    """One run: value[t][place, age, mask]. Places: rooms, then one idle place per wing; age: slots since arrival."""

    def __init__(self, router: Router, stretch: Stretch, pauses: Sequence[Pause], gains: Mapping[str, Floats]) -> None:
        self.router = router
        self.pauses = list(pauses)
        origin = router.roster.origins.get(router.adult.staff_id)
        self.comes = origin is not None and stretch.start == router.roster.first
        self.origin = origin if self.comes else None
        self.begin = max(stretch.start, min(origin.busy_until, stretch.end)) if origin and self.comes else stretch.start
        self.end = stretch.end
        self.count = len(router.rooms)
        self.places = self.count + len(router.wings)
        self.oldest = max(router.house.change_window_slots, router.house.min_stay_slots) + 1
        shape = (self.end - self.begin + 1, self.places, self.oldest + 1, 1 << len(self.pauses))
        self.value = np.full(shape, np.inf)
        self.back = np.zeros((*shape, 4), dtype=np.int32)  # t, place, age, mask before
        self.cost = self._slot_costs(gains)
        self.stayable = self._stayable()
        wings = np.array(router.room_wing, dtype=np.int64)
        self.rooms_by_wing = [(wing, np.flatnonzero(wings == wing)) for wing in sorted(set(router.room_wing))]
        self._run()

    def trace(self) -> Route:
        """Follow the cheapest end back to the beginning."""
        last = self.value[self.end - self.begin]
        missing = np.array([bin(~mask & ((1 << len(self.pauses)) - 1)).count("1") for mask in range(last.shape[2])])
        total = last + MISSED_WEIGHT * missing
        place, age, mask = (int(i) for i in np.unravel_index(int(np.argmin(total)), total.shape))
        price = float(total[place, age, mask])
        places: dict[int, Place] = {}
        t = self.end
        while t > self.begin:
            before = [int(i) for i in self.back[t - self.begin, place, age, mask]]
            taken = mask ^ before[3]
            for slot in range(before[0] + self.begin, t):
                if taken:
                    places[slot] = Place("break", None, self.pauses[taken.bit_length() - 1].break_id)
                elif t - before[0] - self.begin > 1 and slot < t - 1:
                    places[slot] = Place("idle")  # on the way to another wing
                else:
                    places[slot] = self._place(place)
            t, place, age, mask = before[0] + self.begin, before[1], before[2], before[3]
        return Route(places, price)

    def _place(self, index: int) -> Place:
        return Place("room", self.router.rooms[index]) if index < self.count else Place("idle")

    def _slot_costs(self, gains: Mapping[str, Floats]) -> Floats:
        """cost[slot, place]: gains lost, changes to the plan in force, duty, words not kept; infinite where one may not
        be."""
        router, ground, adult = self.router, self.router.ground, self.router.adult
        first = router.roster.first
        cost = np.zeros((self.end - self.begin, self.places))
        points = router.house.changed_slot_points * POINT_WEIGHT
        for t in range(self.begin, self.end):
            row = cost[t - self.begin]
            for index, room in enumerate(router.rooms):
                if not ground.may_be(adult, room, t):
                    row[index] = np.inf
                    continue
                gain = gains[room][t - first] if room in gains else 0.0
                row[index] = -gain + points * ground.changes(adult, t, room)
                row[index] += DUTY_WEIGHT * (2 * router.duty + 1) if adult.is_float else 0.0
                row[index] += MISSED_WEIGHT * ground.unmet(adult, t, room)
            row[self.count :] = points * ground.changes(adult, t, None) + MISSED_WEIGHT * ground.unmet(adult, t, None)
        return cost

    def _stayable(self) -> NDArray[np.bool_]:
        """May an adult who comes into the room in the slot stay there for the least stay (or until work ends)?"""
        free = np.isfinite(self.cost[:, : self.count])
        stayable = free.copy()
        for later in range(1, min(self.router.house.min_stay_slots, len(free))):
            stayable[:-later] &= free[later:]
        return stayable

    def _run(self) -> None:
        self._start()
        for step in range(self.end - self.begin):
            for mask in range(self.value.shape[3]):
                if np.isfinite(self.value[step, :, :, mask]).any():
                    self._stay(step, mask)
                    self._move(step, mask)
                    self._breaks(step, mask)

    def _start(self) -> None:
        """Before the first slot: in the origin's room, idle, or (work begins) free to be placed anywhere."""
        origin = self.origin
        if origin is not None and origin.room_id in self.router.rooms:
            self.value[0, self.router.rooms.index(origin.room_id), self.oldest, 0] = 0.0
        elif origin is not None:
            self.value[0, self.count :, self.oldest, 0] = 0.0
        else:
            self.value[0, self.count :, self.oldest, 0] = 0.0
            self._place_first()

    def _place_first(self) -> None:
        if self.begin >= self.end:
            return
        for index, room in enumerate(self.router.rooms):
            price = self.cost[0, index] + self.router.strangeness(room)
            if self.stayable[0, index] and price < self.value[1, index, 1, 0]:
                self.value[1, index, 1, 0] = price
                self.back[1, index, 1, 0] = (0, self.count, self.oldest, 0)

    def _stay(self, step: int, mask: int) -> None:
        now = self.value[step, :, :, mask] + self.cost[step, :, None]
        self._offer(step + 1, slice(1, None), mask, now[:, :-1], step, slice(0, -1), mask)
        self._offer(step + 1, slice(-1, None), mask, now[:, -1:], step, slice(-1, None), mask)

    def _move(self, step: int, mask: int) -> None:
        """Out of a room into idleness of its wing, or into another room, walking first where wings lie apart."""
        router = self.router
        now = self.value[step, :, :, mask].copy()
        now[: self.count, : router.house.min_stay_slots] = np.inf  # not before the least stay is over
        wings = np.array([*router.room_wing, *range(len(router.wings))])
        hasty = np.maximum(0, router.house.change_window_slots - np.arange(self.oldest + 1)) * HASTE_WEIGHT
        for wing in range(len(router.wings)):
            inside = np.flatnonzero(wings == wing)
            if inside.size == 0:
                continue
            here = now[inside]
            self._to_idle(step, mask, wing, inside, here)
            flat = here + hasty
            source, age = np.unravel_index(int(np.argmin(flat)), flat.shape)
            best = float(flat[source, age])
            if not np.isfinite(best):
                continue
            flat[source] = np.inf
            other, other_age = np.unravel_index(int(np.argmin(flat)), flat.shape)
            second = (float(flat[other, other_age]), int(inside[other]), int(other_age))
            self._to_rooms(step, mask, wing, (best, int(inside[source]), int(age)), second)

    def _to_idle(self, step: int, mask: int, wing: int, inside: NDArray[np.int64], here: Floats) -> None:
        idle = self.count + wing
        sources = here.argmin(axis=0)
        prices = here.min(axis=0) + self.cost[step, idle]
        value, back = self.value[step + 1, idle, :, mask], self.back[step + 1, idle, :, mask]
        for age in np.flatnonzero(prices < value[[*range(1, self.oldest + 1), self.oldest]]).tolist():
            older = min(age + 1, self.oldest)
            if prices[age] < value[older]:
                value[older] = prices[age]
                back[older] = (step, inside[sources[age]], age, mask)

    def _to_rooms(
        self, step: int, mask: int, wing: int, best: tuple[float, int, int], second: tuple[float, int, int]
    ) -> None:
        """From the best place of the wing (price, place, age) into every other room; into that one from the second."""
        for other, rooms in self.rooms_by_wing:
            arrive = step + int(self.router.lost[wing, other])
            if arrive >= self.end - self.begin:
                continue
            way = float(self.cost[step:arrive, self.count + other].sum()) if arrive > step else 0.0
            for start, source, age in (best, second):
                targets = rooms[(rooms != best[1]) if source == best[1] else (rooms == best[1])]
                targets = targets[self.stayable[arrive, targets]]
                if targets.size == 0 or not np.isfinite(start):
                    continue
                prices = start + way + self.router.arrival_points[targets] * POINT_WEIGHT + self.cost[arrive, targets]
                better = prices < self.value[arrive + 1, targets, 1, mask]
                won = targets[better]
                if won.size:
                    self.value[arrive + 1, won, 1, mask] = prices[better]
                    self.back[arrive + 1, won, 1, mask] = (step, source, age, mask)

    def _breaks(self, step: int, mask: int) -> None:
        """A break holds the place; it begins only after the least stay."""
        router = self.router
        for bit, pause in enumerate(self.pauses):
            t = step + self.begin
            if mask >> bit & 1 or t not in pause.starts or t + pause.slots > self.end:
                continue
            late = max(0, t - pause.due_by) * HASTE_WEIGHT
            span = range(t, t + pause.slots)
            changed = sum(router.ground.break_changes(router.adult, s) for s in span)
            unmet = sum(router.ground.unmet(router.adult, s, None) for s in span)
            price = late + changed * router.house.changed_slot_points * POINT_WEIGHT + unmet * MISSED_WEIGHT
            now = self.value[step, :, :, mask].copy()
            now[: self.count, : router.house.min_stay_slots] = np.inf
            goal = mask | 1 << bit
            for age in range(self.oldest + 1):
                older = min(age + pause.slots, self.oldest)
                values = now[:, age : age + 1] + price
                from_age = slice(age, age + 1)
                self._offer(step + pause.slots, slice(older, older + 1), goal, values, step, from_age, mask)

    def _offer(
        self, step: int, ages: slice, mask: int, values: Floats, before: int, ages_before: slice, mask_before: int
    ) -> None:
        """Every place keeps itself: take the values that are cheaper, and remember where they come from."""
        known = self.value[step, :, ages, mask]
        better = values < known
        if better.any():
            known[better] = values[better]
            places, columns = np.nonzero(better)
            back = self.back[step, :, ages, mask]
            back[places, columns, 0], back[places, columns, 3] = before, mask_before
            back[places, columns, 1] = places
            back[places, columns, 2] = np.arange(self.oldest + 1)[ages_before][columns]

"""What does not change from day to day: who may be where, wings and walks, the reference for changes."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from math import ceil

from optimizer.problem import Adult, Assignment, Lock, Problem
from optimizer.roster import Carry, DayRoster


class Ground:
    """Fast look-ups over a problem; `carry` tells how many extra slots earlier days have used."""

    def __init__(self, problem: Problem, carry: Carry, scheduled: dict[str, int]) -> None:
        self.problem = problem
        self.carry = carry
        self.scheduled = scheduled
        self.adults = {adult.staff_id: adult for adult in problem.staff}
        self.rooms = {room.room_id: room for room in problem.rooms}
        self.wings = sorted({room.wing for room in problem.rooms}) or [""]
        self._movers = {
            adult.staff_id: adult.can_move or any(_away(lock, adult) for lock in problem.locks)
            for adult in problem.staff
        }
        self._locks = defaultdict[tuple[str, int], list[Lock]](list)
        for lock in problem.locks:
            for t in range(lock.start, lock.end):
                self._locks[lock.staff_id, t].append(lock)
        self._closed = {
            (room.room_id, t) for room in problem.rooms for span in room.closed for t in range(span.start, span.end)
        }
        self._forbidden = {
            (item.staff_id, item.room_id, t) for item in problem.forbids for t in range(item.start, item.end)
        }

    def moves(self, adult: Adult) -> bool:
        return self._movers[adult.staff_id]

    def may_be(self, adult: Adult, room_id: str, slot: int) -> bool:
        """Qualified, room open, not forbidden; who is not movable leaves home only for where a lock says so."""
        return (
            adult.counts_in(room_id)
            and (adult.can_move or room_id == adult.home_room_id or self._sent(adult, room_id, slot))
            and (room_id, slot) not in self._closed
            and (adult.staff_id, room_id, slot) not in self._forbidden
            and (adult.staff_id, None, slot) not in self._forbidden
        )

    def unmet(self, adult: Adult, slot: int, room_id: str | None) -> int:
        """How many of the director's words about the slot are not kept when the adult is there (None: in no room)."""
        return sum(lock.room_id != room_id for lock in self._locks.get((adult.staff_id, slot), ()))

    def _sent(self, adult: Adult, room_id: str, slot: int) -> bool:
        return any(lock.room_id == room_id for lock in self._locks.get((adult.staff_id, slot), ()))

    def stays_home(self, adult: Adult, slot: int) -> bool:
        """Who never moves is at home, counting there or not, unless the room is closed or forbidden."""
        room = adult.home_room_id
        return (
            room is not None
            and (room, slot) not in self._closed
            and (adult.staff_id, room, slot) not in self._forbidden
            and (adult.staff_id, None, slot) not in self._forbidden
        )

    def lost_slots(self, wing: str, other: str) -> int:
        """Whole slots lost on the quickest way between two wings."""
        return self._lost[wing, other]

    @cached_property
    def _lost(self) -> dict[tuple[str, str], int]:
        house = self.problem.house
        lost = {}
        seconds = {(walk.from_wing, walk.to_wing): walk.seconds for walk in self.problem.walks}
        for a in self.wings:
            for b in self.wings:
                way = 0 if a == b else seconds.get((a, b), seconds.get((b, a), house.other_wing_seconds))
                lost[a, b] = 0 if way <= house.walk_free_seconds else ceil(way / (60 * self.problem.slot_minutes))
        for via in self.wings:
            for a in self.wings:
                for b in self.wings:
                    lost[a, b] = min(lost[a, b], lost[a, via] + lost[via, b])
        return lost

    def reference(self, adult: Adult, slot: int) -> Assignment | None:
        """Where the plan in force has the adult in the slot."""
        return self._reference.get((adult.staff_id, slot))

    @cached_property
    def _reference(self) -> dict[tuple[str, int], Assignment]:
        return {(item.staff_id, t): item for item in self.problem.current for t in range(item.start, item.end)}

    def breaks_in_force(self, roster: DayRoster) -> dict[tuple[str, str], int] | None:
        """Starts (staff, break) of the day's breaks that can still be as in the plan in force; None without one."""
        if not any((who, t) in self._reference for who in roster.stretches for t in roster.slots):
            return None
        on_break: dict[tuple[str, str | None], set[int]] = defaultdict(set)
        for (who, t), item in self._reference.items():
            on_break[who, item.break_id].add(t)
        found = {}
        for pause in roster.pauses:
            key = (pause.staff_id, pause.break_id)
            start = next((t for t in pause.starts if on_break[key] >= set(range(t, t + pause.slots))), None)
            if start is not None:
                found[key] = start
        return found

    def changes(self, adult: Adult, slot: int, room_id: str | None) -> bool:
        """Is being there (None: idle) a change to the plan in force, or away from the home room without one?"""
        reference = self.reference(adult, slot)
        if reference is not None:
            return reference.state != "break" and reference.room_id != room_id
        return adult.home_room_id is not None and room_id != adult.home_room_id

    def break_changes(self, adult: Adult, slot: int) -> bool:
        reference = self.reference(adult, slot)
        return reference is not None and reference.state != "break"

    def regular_slots_left(self, adult: Adult) -> int:
        """Extra slots this week before overtime is paid."""
        hours = adult.overtime_after_hours - adult.hours_before
        used = self.scheduled[adult.staff_id] + self.carry.extra.get(adult.staff_id, 0)
        return max(0, int((hours + 1e-9) / self.problem.slot_hours) - used)

    def slot_cents(self, adult: Adult) -> int:
        return round(adult.hourly_cost * self.problem.slot_hours * 100)


def _away(lock: Lock, adult: Adult) -> bool:
    return lock.staff_id == adult.staff_id and lock.room_id != adult.home_room_id

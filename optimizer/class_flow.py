"""Movers of one class as a flow of whole numbers: least stay, breaks and changes of room kept, identities left out.

A class flows through nodes (slot, place); a place is a room, `HUB` (in no room) or `FRESH` (work has just begun). A
break is an arc that holds the place, as often as members of the class start theirs. What one adult has behind it is not
known to the flow: every plan of the day is such a flow, some flows are no plan. Its bounds hold for the day.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from optimizer.flow import FRESH, HUB
from optimizer.mip import Terms, Variable
from optimizer.problem import Adult

if TYPE_CHECKING:
    from optimizer.day_model import DayModel

Node = tuple[int, str]  # slot, place


class ClassFlow:
    """Adds the arcs and rows of one class; `m.pool` are its head counts, `m.class_moves` its changes of room."""

    def __init__(self, m: DayModel, number: int, members: list[Adult]) -> None:
        self.m = m
        self.number = number
        self.members = members
        self.rooms = m.demand.rooms_that_matter(members[0])
        self._balance: dict[Node, Terms] = defaultdict(list)
        self._constant: dict[Node, float] = defaultdict(float)
        self._leaving: dict[int, Terms] = defaultdict(list)
        self._ends: dict[int, float] = defaultdict(float)
        self._there: dict[tuple[str, int], Terms] = defaultdict(list)
        for adult in members:
            self._comes_and_goes(adult)
        working = {t for a in members for s in m.stretches(a) for t in range(m.path_start(a, s), s.latest_end)}
        for t in sorted(working):
            self._onward(t)
            self._breaks(t)
        self._go()
        self._keep()
        self._count()

    def _comes_and_goes(self, adult: Adult) -> None:
        """One unit flows in where each stretch begins and out where it ends."""
        who = adult.staff_id
        for stretch in self.m.stretches(adult):
            first = self.m.path_start(adult, stretch)
            if first >= stretch.latest_end:
                continue
            origin = self.m.roster.origins.get(who)
            if origin is not None and self.m.comes_from(adult, stretch):
                place = origin.room_id if origin.room_id in self.rooms else HUB
                self._constant[first, place or HUB] += 1
            elif stretch.flexible:
                for t in range(stretch.earliest_start, stretch.latest_start + 1):
                    self._balance[t, FRESH].append((self.m.begin[who, t], 1.0))
            else:
                self._constant[first, FRESH] += 1
            if stretch.flexible:
                for t in range(stretch.earliest_end, stretch.latest_end + 1):
                    self._leaving[t].append((self.m.finish[who, t], -1.0))
            else:
                self._ends[stretch.latest_end] += 1

    def _onward(self, t: int) -> None:
        """Stay, leave a room, or enter one for the least stay or until work ends."""
        self._arc((t, HUB), (t + 1, HUB))
        fresh = (t, FRESH) in self._constant or (t, FRESH) in self._balance
        if fresh:
            self._arc((t, FRESH), (t, HUB))
        for room in self.rooms:
            self._arc((t, room), (t, HUB))
            if self._open(room, t):
                self._arc((t, room), (t + 1, room))
            for end in self._stays(t):
                if not all(self._open(room, s) for s in range(t, end)):
                    continue
                self.m.class_moves.append(self._arc((t, HUB), (end, room)))
                if fresh:
                    self._arc((t, FRESH), (end, room))

    def _stays(self, t: int) -> list[int]:
        """Where a stay that begins in the slot may first end."""
        least = t + self.m.problem.house.min_stay_slots
        sooner = [end for end in range(t + 1, least) if end in self._ends or end in self._leaving]
        return [*sooner, min(least, self.m.roster.day.end)] if self.m.roster.day.end not in sooner else sooner

    def _open(self, room: str, t: int) -> bool:
        return t < self.m.roster.day.end and self.m.ground.may_be(self.members[0], room, t)

    def _breaks(self, t: int) -> None:
        """As many of the class go on a break of a length as have one that starts here."""
        starts: dict[int, Terms] = defaultdict(list)
        for adult in self.members:
            for pause in self.m.pauses_of[adult.staff_id]:
                starts[pause.slots] += [
                    (var, -1.0) for var in self.m.pause.get((adult.staff_id, pause.break_id, t), ())
                ]
        for length, terms in sorted(starts.items()):
            if terms:
                held = [self._arc((t, place), (t + length, place), there=False) for place in (*self.rooms, HUB)]
                self.m.row([*terms, *((var, 1.0) for var in held)], 0, 0)

    def _go(self) -> None:
        """Whose work ends leaves from wherever it is."""
        for t in sorted({*self._ends, *self._leaving}):
            gone: Terms = []
            for place in (*self.rooms, HUB):
                var = self.m.share(float(len(self.members)))
                self._balance[t, place].append((var, -1.0))
                gone.append((var, 1.0))
            self.m.row([*gone, *self._leaving[t]], self._ends[t], self._ends[t])

    def _arc(self, tail: Node, head: Node, there: bool = True) -> Variable:
        most, whole = float(len(self.members)), head[1] != HUB  # what flows in no room is whole by the rest
        var = self.m.mip.add(0.0, most, whole)
        self._balance[tail].append((var, -1.0))
        self._balance[head].append((var, 1.0))
        if there and head[1] != HUB:
            for t in range(tail[0], head[0]):
                self._there[head[1], t].append((var, 1.0))
        return var

    def _keep(self) -> None:
        for node in sorted({*self._balance, *self._constant}):
            self.m.row(self._balance[node], -self._constant[node], -self._constant[node])

    def _count(self) -> None:
        """Head counts are whole variables of their own: the solver finds its cuts on them."""
        for (room, t), terms in sorted(self._there.items()):
            if t < self.m.roster.day.end:
                var = self.m.mip.add(0.0, float(len(self.members)), whole=True)
                self.m.pool[self.number, room, t] = var
                self.m.row([*terms, (var, -1.0)], 0, 0)

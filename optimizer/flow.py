"""The day of one mover as a path through a network: places over slots, with the breaks taken so far.

A node is (slot, place, mask of breaks taken); a place is a room, `HUB` (in no room) or `FRESH` (work has just begun).
One unit flows from the beginning of work to its end: staying, entering a room for the least stay, leaving it, taking a
break out of the place that is held meanwhile. With the breaks in the nodes the flow is nearly whole by itself; breaks
merely subtracted from presence could be taken in slices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.mip import Terms, Variable
from optimizer.problem import Adult
from optimizer.roster import Pause, Place, Stretch

if TYPE_CHECKING:
    from optimizer.day_model import DayModel

HUB = ""
FRESH = ">"
END = "."
IDLE = Place("idle")
Node = tuple[int, str, int]  # slot, place, mask


@dataclass(frozen=True, slots=True)
class Arc:
    """A step from node to node, and the place it means for the slots between them (none for leaving a room)."""

    tail: Node
    head: Node
    place: Place
    var: Variable


class Path:
    """The network of one adult: `steps[node]` are the arcs out of it, `origin` the first node (None: `m.begin`)."""

    def __init__(self, m: DayModel, adult: Adult) -> None:
        self.m = m
        self.adult = adult
        self.who = adult.staff_id
        self.pauses = m.pauses_of[self.who]
        self.rooms = m.demand.rooms_that_matter(adult)
        self.steps: dict[Node, list[Arc]] = defaultdict(list)
        self._into: dict[Node, list[Variable]] = defaultdict(list)
        stretches = m.stretches(adult)
        locked = any(m.problem.locks[index].staff_id == self.who for index, _ in m.unmet)
        self._masks = useful_masks(self.pauses, stretches, prune=not locked and not stretches[0].flexible)
        self.origins: list[Node] = []
        before: dict[int, Terms] | None = None
        for stretch in stretches:
            before = self._stretch(stretch, before)

    def _stretch(self, stretch: Stretch, before: dict[int, Terms] | None) -> dict[int, Terms] | None:
        """Arcs and rows of one stretch, slot after slot; the flow into its end by mask (None: one unit, mask 0)."""
        first, end = self.m.path_start(self.adult, stretch), stretch.latest_end
        if first >= end:
            return before
        inflow = self._inflow(stretch, first, before)
        ending: dict[int, Terms] = defaultdict(list)
        for t in range(first, end + 1):
            for mask in sorted(self._masks[t]):
                for node in ((t, place, mask) for place in (FRESH, *self.rooms, HUB)):
                    if node not in inflow and not self._into[node]:
                        continue
                    if t == end and not stretch.flexible:
                        ending[mask] += [(var, 1.0) for var in self._into.pop(node)]  # slots after a gap count on
                        continue
                    self._onward(node, stretch)
                    self._keep(node, inflow.get(node, ([], 0.0)))
            if stretch.flexible and t >= stretch.earliest_end:
                gone = [(var, 1.0) for mask in sorted(self._masks[t]) for var in self._into[t, END, mask]]
                self.m.row([*gone, (self.m.finish[self.who, t], -1.0)], 0, 0)
        return ending

    def _inflow(self, stretch: Stretch, first: int, before: dict[int, Terms] | None) -> dict[Node, tuple[Terms, float]]:
        """Node -> what flows in there: terms and constant."""
        origin = self.m.roster.origins.get(self.who)
        if origin is not None and self.m.comes_from(self.adult, stretch):
            place = origin.room_id if origin.room_id in self.rooms else HUB
            inflow: dict[Node, tuple[Terms, float]] = {(first, place or HUB, 0): ([], 1.0)}
        elif before is not None:
            inflow = {(first, FRESH, mask): (terms, 0.0) for mask, terms in before.items()}
        elif stretch.flexible:
            starts = range(stretch.earliest_start, stretch.latest_start + 1)
            inflow = {(t, FRESH, 0): ([(self.m.begin[self.who, t], 1.0)], 0.0) for t in starts}
        else:
            inflow = {(first, FRESH, 0): ([], 1.0)}
        self.origins += inflow
        return inflow

    def _onward(self, node: Node, stretch: Stretch) -> None:
        """All arcs out of a node."""
        t, place, mask = node
        end = stretch.latest_end
        if stretch.flexible and t >= stretch.earliest_end and place != FRESH:
            self._arc(node, (t, END, mask), IDLE)
        if t == end:
            return
        if place != HUB:
            self._arc(node, (t, HUB, mask), IDLE)
        else:
            self._to(node, (t + 1, HUB, mask), IDLE)
        if place in (HUB, FRESH):
            for room in self.rooms:
                self._enter(node, room, stretch)
        elif self.m.ground.may_be(self.adult, place, t):
            self._to(node, (t + 1, place, mask), Place("room", place))
        if place != FRESH:
            for bit, pause in enumerate(self.pauses):
                if not mask >> bit & 1 and t in pause.starts and t + pause.slots <= end:
                    self._to(node, (t + pause.slots, place, mask | 1 << bit), Place("break", None, pause.break_id))

    def _enter(self, node: Node, room: str, stretch: Stretch) -> None:
        """Into a room for the least stay, or until work ends."""
        t, place, mask = node
        until = min(t + self.m.problem.house.min_stay_slots, stretch.latest_end)
        heads = [(until, room, mask)]
        if stretch.flexible:
            heads += [(end, END, mask) for end in range(max(t + 1, stretch.earliest_end), until)]
        for head in heads:
            open_to = all(self.m.ground.may_be(self.adult, room, s) for s in range(t, head[0]))
            if open_to and (var := self._to(node, head, Place("room", room))) is not None:
                self.m.arrive.setdefault((self.who, room, t), []).append(var)
                if place == HUB:
                    self.m.moves.setdefault((self.who, t), []).append(var)

    def _to(self, tail: Node, head: Node, place: Place) -> Variable | None:
        """An arc over time, if the breaks taken at its head still lead to a good end."""
        if any(head[2] not in self._masks[s] for s in (head[0], *((tail[0] + 1,) if place.state != "break" else ()))):
            return None
        return self._arc(tail, head, place)

    def _arc(self, tail: Node, head: Node, place: Place) -> Variable:
        var = self.m.share() if place == IDLE else self.m.choice()
        self.steps[tail].append(Arc(tail, head, place, var))
        self._into[head].append(var)
        if place.break_id is not None:
            self.m.pause.setdefault((self.who, place.break_id, tail[0]), []).append(var)
        elif place.room_id is not None:
            for t in range(tail[0], head[0]):
                self.m.present.setdefault((self.who, place.room_id, t), []).append(var)
        return var

    def _keep(self, node: Node, inflow: tuple[Terms, float]) -> None:
        """What flows into a node flows out of it."""
        terms, constant = inflow
        out = [(arc.var, 1.0) for arc in self.steps[node]]
        into = [(var, -1.0) for var in self._into[node]] + [(var, -sign) for var, sign in terms]
        self.m.row([*out, *into], constant, constant)


def useful_masks(pauses: Sequence[Pause], stretches: Sequence[Stretch], prune: bool) -> dict[int, set[int]]:
    """By slot: the sets of breaks that can be behind an adult; pruned: that still lead to as few misses as possible."""
    steps = [
        (t, t + pause.slots, 1 << bit)
        for stretch in stretches
        for t in range(stretch.earliest_start, stretch.latest_end)
        for bit, pause in enumerate(pauses)
        if t in pause.starts and t + pause.slots <= stretch.latest_end
    ]
    slots = range(stretches[0].earliest_start, stretches[-1].latest_end + 1)
    reached: dict[int, set[int]] = defaultdict(set)
    reached[slots[0]].add(0)
    by_start: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for start, end, bit in steps:
        by_start[start].append((end, bit))
    for t in slots[:-1]:
        reached[t + 1] |= reached[t]
        for end, bit in by_start[t]:
            reached[end] |= {mask | bit for mask in reached[t] if not mask & bit}
    most = max(mask.bit_count() for mask in reached[slots[-1]])
    useful: dict[int, set[int]] = defaultdict(set)
    useful[slots[-1]] = {mask for mask in reached[slots[-1]] if not prune or mask.bit_count() == most}
    for t in reversed(slots[:-1]):
        useful[t] = reached[t] & useful[t + 1]
        for end, bit in by_start[t]:
            useful[t] |= {mask for mask in reached[t] if not mask & bit and mask | bit in useful[end]}
    return useful

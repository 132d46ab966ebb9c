"""The variables of one day: a path per adult who may move (`flow`), break starts, shift ends, missing adults.

`present`, `arrive`, `moves` and `pause` tell which arcs of the paths mean what; missing adults become whole by
themselves. Keys are sorted everywhere: the same problem is the same matrix.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from optimizer.demand import Demand
from optimizer.flow import Path
from optimizer.ground import Ground
from optimizer.mip import Mip, Terms, Variable
from optimizer.problem import Adult, Problem
from optimizer.roster import DayRoster, Pause, Stretch

Keyed: TypeAlias = dict[tuple[str, str, int], list[Variable]]  # staff, room or break, t: one of them is 1


@dataclass
class DayModel:
    """Variables by sorted keys; staff, room and break are ids, t a slot."""

    problem: Problem
    ground: Ground
    roster: DayRoster
    demand: Demand
    pooled: bool = False  # movers only as head counts per room: see `pool`
    pool: dict[tuple[int, str, int], Variable] = field(default_factory=dict)  # class of movers, room, t
    class_moves: list[Variable] = field(default_factory=list)  # changes of room of any class
    pool_rooms: dict[int, set[str]] = field(default_factory=dict)  # class of movers: where they count
    mip: Mip = field(default_factory=Mip)
    paths: dict[str, Path] = field(default_factory=dict)
    present: Keyed = field(default_factory=dict)
    arrive: Keyed = field(default_factory=dict)  # comes into the room, not merely back from a break
    moves: dict[tuple[str, int], list[Variable]] = field(default_factory=dict)  # arrivals but the first of fresh work
    pause: Keyed = field(default_factory=dict)  # staff, break, t: the break starts
    missed: dict[tuple[str, str], Variable] = field(default_factory=dict)  # staff, break
    begin: dict[tuple[str, int], Variable] = field(default_factory=dict)  # flexible shifts: starts at t
    finish: dict[tuple[str, int], Variable] = field(default_factory=dict)  # ... ends at t
    regular: dict[str, Variable] = field(default_factory=dict)  # extra slots at the normal rate
    overtime: dict[str, Variable] = field(default_factory=dict)
    short: dict[tuple[str, int, int], Variable] = field(default_factory=dict)  # room, t, k-th adult missing
    joint_short: dict[tuple[int, int, int], Variable] = field(default_factory=dict)  # combination, t, k
    combined: dict[tuple[int, int], Variable] = field(default_factory=dict)
    combine: dict[tuple[int, int], Variable] = field(default_factory=dict)  # combining begins
    haste: dict[tuple[str, int], Variable] = field(default_factory=dict)
    unmet: dict[tuple[int, int], Variable] = field(default_factory=dict)  # lock, t

    def __post_init__(self) -> None:
        for adult in self.everyone:
            for stretch in self.stretches(adult):
                if stretch.flexible:
                    _shift_variables(self, adult, stretch)
        _lock_variables(self)
        for adult in () if self.pooled else self.movers:
            self.paths[adult.staff_id] = Path(self, adult)
        for pause in self.roster.pauses:
            _break_variables(self, pause)
        _demand_variables(self)

    @cached_property
    def everyone(self) -> list[Adult]:
        """Those at work, by id."""
        return sorted((a for a in self.problem.staff if a.staff_id in self.roster.stretches), key=lambda a: a.staff_id)

    @cached_property
    def movers(self) -> list[Adult]:
        return [adult for adult in self.everyone if self.ground.moves(adult)]

    @cached_property
    def pauses_of(self) -> dict[str, list[Pause]]:
        found: dict[str, list[Pause]] = {adult.staff_id: [] for adult in self.everyone}
        for pause in self.roster.pauses:
            found[pause.staff_id].append(pause)
        return found

    def stretches(self, adult: Adult) -> tuple[Stretch, ...]:
        return self.roster.stretches[adult.staff_id]

    def path_start(self, adult: Adult, stretch: Stretch) -> int:
        """The first slot still to be decided: after a break that runs as the plan begins."""
        origin = self.roster.origins.get(adult.staff_id)
        return (
            max(stretch.earliest_start, min(origin.busy_until, stretch.latest_end))
            if origin
            else stretch.earliest_start
        )

    def comes_from(self, adult: Adult, stretch: Stretch) -> bool:
        """Is the adult at work just before this stretch is planned? Then its first room is a change, or none."""
        return adult.staff_id in self.roster.origins and stretch.start == self.roster.first

    def breaks_over(self, staff_id: str, slot: int) -> Terms:
        """Break starts of the adult whose break covers the slot."""
        return [
            (var, 1.0)
            for pause in self.pauses_of[staff_id]
            for start in range(slot - pause.slots + 1, slot + 1)
            for var in self.pause.get((staff_id, pause.break_id, start), ())
        ]

    def at_work(self, adult: Adult, slot: int) -> tuple[Terms, float]:
        """1 when the adult is at work in the slot: terms and constant."""
        who = adult.staff_id
        terms: Terms = []
        constant = 0.0
        for stretch in self.stretches(adult):
            if not stretch.earliest_start <= slot < stretch.latest_end:
                continue
            if not stretch.flexible:
                constant += 1
                continue
            terms += [
                (self.begin[who, t], 1.0) for t in range(stretch.earliest_start, stretch.latest_start + 1) if t <= slot
            ]
            terms += [
                (self.finish[who, t], -1.0) for t in range(stretch.earliest_end, stretch.latest_end + 1) if t <= slot
            ]
        return terms, constant

    @cached_property
    def present_in(self) -> dict[tuple[str, int], list[Variable]]:
        found: dict[tuple[str, int], list[Variable]] = {}
        for (_, room, t), arcs in self.present.items():
            found.setdefault((room, t), []).extend(arcs)
        for (_, room, t), var in self.pool.items():
            found.setdefault((room, t), []).append(var)
        return found

    @cached_property
    def pause_variables(self) -> list[Variable]:
        return [var for starts in self.pause.values() for var in starts]

    @cached_property
    def one(self) -> Variable:
        """The constant 1, for prices that do not depend on a choice."""
        return self.mip.add(1.0, 1.0)

    def row(self, terms: Iterable[tuple[Variable, float]], low: float, high: float) -> int:
        """low <= sum of terms <= high."""
        return self.mip.row(terms, low, high)

    def share(self, high: float = 1.0) -> Variable:
        return self.mip.add(0.0, high)

    def choice(self) -> Variable:
        return self.mip.add(0.0, 1.0, whole=True)


def _shift_variables(m: DayModel, adult: Adult, stretch: Stretch) -> None:
    who = adult.staff_id
    for t in range(stretch.earliest_start, stretch.latest_start + 1):
        m.begin[who, t] = m.choice()
    for t in range(stretch.earliest_end, stretch.latest_end + 1):
        m.finish[who, t] = m.choice()
    most = max(0, stretch.longest - (stretch.end - stretch.start))
    m.regular[who] = m.share(min(most, m.ground.regular_slots_left(adult)))
    m.overtime[who] = m.share(most)


def _break_variables(m: DayModel, pause: Pause) -> None:
    who, name = pause.staff_id, pause.break_id
    m.missed[who, name] = m.choice()
    if who not in m.paths:
        for t in pause.starts:
            m.pause[who, name, t] = [m.choice()]


def _demand_variables(m: DayModel) -> None:
    for key in m.demand.levels:
        m.short[key] = m.share()
    for index, combination in m.demand.combinations:
        for t in range(max(combination.start, m.roster.first), min(combination.end, m.roster.day.end)):
            m.combined[index, t] = m.choice()
            m.combine[index, t] = m.share()
            for k in m.demand.joint_levels(index, t):
                m.joint_short[index, t, k] = m.share()


def _lock_variables(m: DayModel) -> None:
    for index, lock in enumerate(m.problem.locks):
        adult = m.ground.adults[lock.staff_id]
        for t in range(max(lock.start, m.roster.first), min(lock.end, m.roster.day.end)):
            if any(stretch.start <= t < stretch.end for stretch in m.roster.stretches.get(adult.staff_id, ())):
                m.unmet[index, t] = m.share()

"""Live reassignment: at most three ways out of a disruption, different in kind, in milliseconds.

Kinds, least disruptive first: a free adult comes; a break waits; an adult moves from a room that can spare one; rooms
combine; somebody stays longer; a substitute is called. None of them makes another room shorter than it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from domain.errors import BadInput
from optimizer.plan import Plan
from optimizer.problem import Adult, Assignment, Name, Part, Problem, Slot

Kind = Literal["free_adult", "later_break", "move", "combine", "stay_longer", "substitute"]
KINDS: tuple[Kind, ...] = ("free_adult", "later_break", "move", "combine", "stay_longer", "substitute")
HORIZON_MINUTES = 120


class Disruption(Part):
    """What happened. Who is gone (call_out, no_show) or which room is short or closes, from `slot` on."""

    kind: Literal["call_out", "no_show", "violation", "predicted_gap", "room_closes"]
    slot: Slot
    staff_id: Name | None = None
    room_id: Name | None = None


class Effect(Part):
    """A room over the next two hours: expected adult-minutes missing before and after."""

    room_id: Name
    missing_before: float
    missing_after: float


class Alternative(Part):
    kind: Kind
    staff_id: Name | None = Field(default=None, description="Who does it; null: nobody moves (combine).")
    from_room_id: Name | None = None
    to_room_id: Name
    start: Slot
    end: Slot
    effects: tuple[Effect, ...]
    walk_seconds: int = 0
    qualified: bool = True
    familiarity: float = 0.0
    duty_minutes_today: int = 0
    people_moved: int
    cost: float = 0.0
    words: str


def reassign(problem: Problem, plan: Plan, disruption: Disruption, most: int = 3) -> tuple[Alternative, ...]:
    """The best alternative of each kind, the best kinds first; empty when the rooms do not lack anybody."""
    view = _View(problem, plan, disruption)
    best: dict[Kind, tuple[tuple[float, ...], Alternative]] = {}
    for room in view.needy_rooms():
        for found in view.alternatives(room):
            gain = sum(effect.missing_before - effect.missing_after for effect in found.effects)
            if gain <= 1e-9:
                continue
            rank = (
                -gain,
                found.cost,
                found.people_moved,
                found.walk_seconds,
                -found.familiarity,
                found.duty_minutes_today,
            )
            if found.kind not in best or (rank, found.staff_id or "") < (
                best[found.kind][0],
                best[found.kind][1].staff_id or "",
            ):
                best[found.kind] = (rank, found)
    ordered = sorted(best.values(), key=lambda item: (round(item[0][0]), KINDS.index(item[1].kind)))
    return tuple(found for _, found in ordered[:most])


class _View:
    """The next two hours as they would be if nothing were done."""

    def __init__(self, problem: Problem, plan: Plan, disruption: Disruption) -> None:
        self.problem = problem
        self.disruption = disruption
        self.adults = {adult.staff_id: adult for adult in problem.staff}
        self.rooms = {room.room_id: room for room in problem.rooms}
        _require_known(problem, disruption, self.adults, self.rooms)
        day = next(day for day in problem.days if day.start <= disruption.slot < day.end)
        self.day = day
        length = max(1, HORIZON_MINUTES // problem.slot_minutes)
        self.window = range(disruption.slot, min(day.end, disruption.slot + length))
        self.at: dict[str, dict[int, Assignment]] = defaultdict(dict)
        self.duty: dict[str, int] = defaultdict(int)
        for item in plan.assignments:
            if item.start < day.end and item.end > day.start:
                self._take(item)
        self.count: dict[tuple[str, int], int] = defaultdict(int)
        for who, places in self.at.items():
            for t, place in places.items():
                if t in self.window and place.room_id and self.may_be(self.adults[who], place.room_id, t):
                    self.count[place.room_id, t] += 1

    def _take(self, item: Assignment) -> None:
        gone = self.disruption
        for t in range(max(item.start, self.day.start), min(item.end, self.day.end)):
            if gone.kind in ("call_out", "no_show") and item.staff_id == gone.staff_id and t >= gone.slot:
                continue
            closed = gone.kind == "room_closes" and item.room_id == gone.room_id and t >= gone.slot
            self.at[item.staff_id][t] = (
                Assignment(staff_id=item.staff_id, start=t, end=t + 1, state="idle") if closed else item
            )
            self.duty[item.staff_id] += self.problem.slot_minutes * (item.state == "room")

    def may_be(self, adult: Adult, room_id: str, slot: int) -> bool:
        closed = any(span.start <= slot < span.end for span in self.rooms[room_id].closed)
        forbidden = any(
            f.staff_id == adult.staff_id and f.start <= slot < f.end and f.room_id in (None, room_id)
            for f in self.problem.forbids
        )
        closes = self.disruption.kind == "room_closes" and room_id == self.disruption.room_id
        return adult.counts_in(room_id) and not closed and not forbidden and not closes

    def missing(self, room_id: str, slot: int, change: int = 0) -> float:
        """Expected adults missing with so many more or fewer there."""
        if self.disruption.kind == "room_closes" and room_id == self.disruption.room_id:
            return 0.0
        count = self.count[room_id, slot] + change
        return sum(s.weight * max(0, s.required[room_id][slot] - count) for s in self.problem.scenarios)

    def needy_rooms(self) -> list[str]:
        """Rooms that lack somebody, the named one first, then by severity x shortage."""
        lack = {
            room_id: room.severity * sum(self.missing(room_id, t) for t in self.window)
            for room_id, room in self.rooms.items()
        }
        named = self.disruption.room_id
        needy = sorted((room for room, value in lack.items() if value > 1e-9), key=lambda room: (-lack[room], room))
        return [named] if named in needy and self.disruption.kind in ("violation", "predicted_gap") else needy[:2]

    def need(self, room: str) -> tuple[int, int]:
        """From the first to the last slot that lacks somebody, at least the least stay."""
        slots = [t for t in self.window if self.missing(room, t) > 1e-9]
        end = max(slots[-1] + 1, slots[0] + self.problem.house.min_stay_slots)
        return slots[0], min(end, self.window.stop)

    def alternatives(self, room: str) -> Iterator[Alternative]:
        start, end = self.need(room)
        for who in sorted(self.adults):
            adult = self.adults[who]
            if not all(self.may_be(adult, room, t) for t in range(start, end)):
                continue
            if who == self.disruption.staff_id and self.disruption.kind in ("call_out", "no_show"):
                continue
            yield from self._of_adult(adult, room, start, end)
        yield from self._combinations(room, start, end)

    def _of_adult(self, adult: Adult, room: str, start: int, end: int) -> Iterator[Alternative]:
        places = self.at.get(adult.staff_id, {})
        states = [places.get(t) for t in range(start, end)]
        first = states[0]
        if all(place is None for place in places.values()) and adult.on_call:
            if all(any(span.start <= t < span.end for span in adult.available) for t in range(start, end)):
                yield self._move("substitute", adult, None, room, start, end)
        elif first is None:
            yield from self._longer(adult, room, start, end)
        elif first.state == "idle":
            until = next(
                (
                    t
                    for t, place in zip(range(start, end), states, strict=True)
                    if place is None or place.state != "idle"
                ),
                end,
            )
            if until - start >= min(self.problem.house.min_stay_slots, end - start):
                yield self._move("free_adult", adult, None, room, start, until)
        elif first.state == "break":
            yield from self._later_break(adult, room, first)
        elif first.room_id != room and adult.can_move:
            same = next(
                (
                    t
                    for t, place in zip(range(start, end), states, strict=True)
                    if place is None or place.room_id != first.room_id
                ),
                end,
            )
            found = self._move("move", adult, first.room_id, room, start, same)
            source = found.effects[1]
            if source.missing_after <= source.missing_before + 1e-9:
                yield found

    def _longer(self, adult: Adult, room: str, start: int, end: int) -> Iterator[Alternative]:
        """Whose shift ended just before and may end later."""
        until = min(end, max((s.end + s.may_end_later for s in adult.shifts if s.end == start), default=0))
        if until > start and start - 1 in self.at[adult.staff_id]:
            worked = len(self.at[adult.staff_id]) + until - start
            if worked * self.problem.slot_hours <= adult.max_hours_day:
                yield self._move("stay_longer", adult, None, room, start, until)

    def _later_break(self, adult: Adult, room: str, item: Assignment) -> Iterator[Alternative]:
        """A break that has not begun and may start later in its window."""
        pause = next((p for p in adult.breaks if p.break_id == item.break_id), None)
        if pause is None or item.start < self.disruption.slot or adult.home_room_id != room:
            return
        places = self.at[adult.staff_id]
        for start in range(item.start + 1, pause.end - pause.slots + 1):
            after = [t for t in range(start, start + pause.slots) if t >= item.end]
            free = all((place := places.get(t)) is not None and place.state != "break" for t in after)
            spared = all(
                t not in self.window or self.missing(room, t, -1) <= self.missing(room, t) + 1e-9 for t in after
            )
            if free and spared:
                yield self._move("later_break", adult, None, room, item.start, min(item.end, start))
                return

    def _combinations(self, room: str, start: int, end: int) -> Iterator[Alternative]:
        for item in self.problem.combinations:
            if room not in item.rooms or not item.start <= start or item.end < end or end - start < item.min_slots:
                continue
            before = sum(self.missing(name, t) for name in item.rooms for t in range(start, end))
            after = 0.0
            for t in range(start, end):
                there = sum(
                    1
                    for who, places in self.at.items()
                    if (place := places.get(t))
                    and place.room_id in item.rooms
                    and all(map(self.adults[who].counts_in, item.rooms))
                )
                numbers = [
                    (s.weight, item.required[str(i)][t - item.start]) for i, s in enumerate(self.problem.scenarios)
                ]
                after += sum(weight * max(0, number - there) for weight, number in numbers)
            minutes = self.problem.slot_minutes
            other = next(name for name in item.rooms if name != room)
            effect = Effect(
                room_id=room, missing_before=round(before * minutes, 3), missing_after=round(after * minutes, 3)
            )
            both = f"{self._room(room)} and {self._room(other)}"
            yield Alternative(
                kind="combine", to_room_id=room, from_room_id=other, start=start, end=end, people_moved=0,
                effects=(effect,),
                words=f"{both} become one room for {(end - start) * minutes} minutes",
            )  # fmt: skip

    def _move(self, kind: Kind, adult: Adult, source: str | None, room: str, start: int, end: int) -> Alternative:
        minutes = self.problem.slot_minutes
        effects = [self._effect(room, start, end, 1)]
        if source:
            effects.append(self._effect(source, start, end, -1))
        extra = (
            (end - start) * self.problem.slot_hours * adult.hourly_cost
            if kind in ("stay_longer", "substitute")
            else 0.0
        )
        familiarity = 1.0 if adult.home_room_id == room else adult.familiar.get(room, 0.0)
        return Alternative(
            kind=kind,
            staff_id=adult.staff_id,
            from_room_id=source,
            to_room_id=room,
            start=start,
            end=end,
            effects=tuple(effects),
            walk_seconds=self._walk(source, room),
            familiarity=familiarity,
            duty_minutes_today=self.duty[adult.staff_id],
            people_moved=0 if kind in ("later_break", "stay_longer") else 1,
            cost=round(extra, 2),
            words=self._words(kind, adult, source, room, (end - start) * minutes),
        )

    def _effect(self, room: str, start: int, end: int, change: int) -> Effect:
        minutes = self.problem.slot_minutes
        before = sum(self.missing(room, t) for t in self.window) * minutes
        after = sum(self.missing(room, t, change if start <= t < end else 0) for t in self.window) * minutes
        return Effect(room_id=room, missing_before=round(before, 3), missing_after=round(after, 3))

    def _walk(self, source: str | None, room: str) -> int:
        if source is None or self.rooms[source].wing == self.rooms[room].wing:
            return 0
        ends = {self.rooms[source].wing, self.rooms[room].wing}
        known = [walk.seconds for walk in self.problem.walks if {walk.from_wing, walk.to_wing} == ends]
        return min(known, default=self.problem.house.other_wing_seconds)

    def _room(self, room_id: str) -> str:
        return self.rooms[room_id].name or room_id

    def _words(self, kind: Kind, adult: Adult, source: str | None, room: str, minutes: int) -> str:
        name, to = adult.name or adult.staff_id, self._room(room)
        origin = self._room(source) if source else ""
        return {
            "free_adult": f"{name} is free and comes to {to} for {minutes} minutes",
            "later_break": f"{name} stays in {to} and takes the break later, still within its window",
            "move": f"{name} moves from {origin}, which can spare one, to {to} for {minutes} minutes",
            "stay_longer": f"{name} stays {minutes} minutes longer, in {to}",
            "substitute": f"{name} is called in for {to}, {minutes} minutes at least",
            "combine": "",
        }[kind]


def _require_known(
    problem: Problem, disruption: Disruption, adults: dict[str, Adult], rooms: Mapping[str, object]
) -> None:
    if disruption.slot >= len(problem.slots):
        raise BadInput(f"field 'slot': {disruption.slot} lies beyond the last slot {len(problem.slots) - 1}")
    if disruption.staff_id is not None and disruption.staff_id not in adults:
        raise BadInput(f"field 'staff_id': '{disruption.staff_id}' is not among the staff")
    if disruption.room_id is not None and disruption.room_id not in rooms:
        raise BadInput(f"field 'room_id': '{disruption.room_id}' is not among the rooms")
    if disruption.kind in ("call_out", "no_show") and disruption.staff_id is None:
        raise BadInput(f"field 'staff_id': a disruption of kind {disruption.kind} needs one")
    if disruption.kind == "room_closes" and disruption.room_id is None:
        raise BadInput("field 'room_id': a disruption of kind room_closes needs one")

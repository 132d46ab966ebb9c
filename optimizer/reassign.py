"""Live reassignment: at most three ways out of a disruption, different in kind, in milliseconds, without a solver.

Kinds, least disruptive first: a free adult comes; a break moves within its window; an adult comes from a room that can
spare one; two adults move on by one; rooms combine; somebody stays longer; a substitute is called. None of them makes
any room shorter than it is, and the independent checker accepts each as a plan of the rest of the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import Field

from domain.errors import BadInput
from domain.time import zone
from optimizer.check import check
from optimizer.edits import add_adult, call_out, close_room, from_now, only_day, only_day_of
from optimizer.plan import Combined, Plan
from optimizer.problem import Adult, Assignment, Name, Part, Problem, Slot
from optimizer.standing import Spots, measured, measured_standing, spots_of
from optimizer.walking import walk_seconds
from optimizer.way import KINDS, Kind, WayOut
from optimizer.ways_out import Floor

HORIZON_MINUTES = 120
_TRIES = 12  # ways shown to the checker at most: a few milliseconds each
_NEEDY_ROOMS = 2


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
    minutes_prevented: float = Field(default=0.0, description="Over the rest of the day, in all rooms.")
    changes: tuple[Assignment, ...] = Field(default=(), description="Who is where instead.")
    words: str


def reassign(problem: Problem, plan: Plan, disruption: Disruption, most: int = 3) -> tuple[Alternative, ...]:
    """The best alternative of each kind, the best kinds first; empty when the rooms do not lack anybody."""
    return tuple(alternative for alternative, _, _ in ways_out(problem, plan, disruption, most))


def ways_out(
    problem: Problem, plan: Plan, disruption: Disruption, most: int = 3
) -> list[tuple[Alternative, Problem, Plan]]:
    """Each alternative with the rest of the day as a problem and as the checked plan once it is carried out.

    Slots of the alternatives are those of `problem`; the problem and plan of the rest have the day's own.
    """
    situation = _situation(problem, plan, disruption)
    found: list[tuple[Alternative, Problem, Plan]] = []
    if situation is None:
        return found
    for way in _ranked(situation, disruption)[:_TRIES]:
        if len(found) < most and way.kind not in {alternative.kind for alternative, _, _ in found}:
            done = _carried_out(situation, way)
            if done is not None:
                found.append((_told(situation, way, done[1]), *done))
    return found


@dataclass(frozen=True)
class _Situation:
    """The rest of the day with the disruption in it; `first`: its first slot in the problem asked about."""

    problem: Problem
    plan: Plan
    spots: Spots
    floor: Floor
    window: range
    first: int


def _situation(problem: Problem, plan: Plan, disruption: Disruption) -> _Situation | None:
    """None where nothing of the day is left."""
    _require_known(problem, disruption)
    index, day = next((i, d) for i, d in enumerate(problem.days) if d.start <= disruption.slot < d.end)
    today, slot = only_day(problem, index), max(disruption.slot - day.start, problem.frozen_until - day.start)
    if slot >= len(today.slots):
        return None
    rest = from_now(today, plan.model_copy(update={"assignments": only_day_of(plan, problem, index)}), slot)
    gone = None
    if disruption.kind in ("call_out", "no_show") and disruption.staff_id:
        gone = disruption.staff_id
        rest = call_out(rest, gone, slot, len(rest.slots))
    elif disruption.kind == "room_closes" and disruption.room_id:
        rest = close_room(rest, disruption.room_id, slot, len(rest.slots))
    measure = measured_standing(rest, _still_combined(rest, plan, day.start))
    current, spots = measure.plan, spots_of(measure.plan.assignments)
    window = range(slot, min(len(rest.slots), slot + max(1, HORIZON_MINUTES // rest.slot_minutes)))
    return _Situation(rest, current, spots, Floor(rest, spots, measure, gone), window, day.start)


def _still_combined(rest: Problem, plan: Plan, first: int) -> Iterable[Combined]:
    """What is left of the rooms combined by the plan."""
    for item in plan.combined:
        start, end = max(item.start - first, rest.frozen_until), min(item.end - first, len(rest.slots))
        windows = [
            c for c in rest.combinations if c.rooms == item.rooms and c.start <= start < end <= c.end
        ]  # fmt: skip
        if windows and (end - start >= windows[0].min_slots or end == windows[0].end):
            yield Combined(rooms=item.rooms, start=start, end=end)


def _ranked(situation: _Situation, disruption: Disruption) -> list[WayOut]:
    """What prevents most in the next two hours first, to a quarter of an hour; then the least disruptive."""
    floor, window = situation.floor, situation.window

    def rank(way: WayOut) -> tuple[float | str, ...]:
        soon = way.gain
        if way.kind not in ("combine", "move_break"):
            soon = floor.gain(way.room_id, way.start, max(way.start, min(way.end, window.stop)))
        adult = _who(situation, way)
        return (
            -round(soon), KINDS.index(way.kind), -round(way.gain), way.cost,
            walk_seconds(situation.problem, way.source, way.room_id),
            -_familiarity(adult, way.room_id), _duty(situation, adult), adult.staff_id if adult else way.source or "",
            way.start,
        )  # fmt: skip

    ways = [way for room in _needy_rooms(situation, disruption) for way in floor.ways(room, window)]
    return _few_of_each(sorted((way for way in ways if way.gain > 1e-9), key=rank))


def _few_of_each(ways: list[WayOut]) -> list[WayOut]:
    """Enough of each kind to replace one that the checker refuses."""
    seen: dict[str, int] = {}
    few = []
    for way in ways:
        seen[way.kind] = seen.get(way.kind, 0) + 1
        if seen[way.kind] <= _TRIES // 3:
            few.append(way)
    return few


def _needy_rooms(situation: _Situation, disruption: Disruption) -> list[str]:
    """Rooms that lack somebody, the named one alone, else by severity x shortage."""
    lack = {
        room.room_id: room.severity * sum(situation.floor.missing(room.room_id, t) for t in situation.window)
        for room in situation.problem.rooms
    }
    needy = sorted((room for room, value in lack.items() if value > 1e-9), key=lambda room: (-lack[room], room))
    if disruption.kind in ("violation", "predicted_gap") and disruption.room_id is not None:
        return [room for room in needy if room == disruption.room_id]
    return needy[:_NEEDY_ROOMS]


def _carried_out(situation: _Situation, way: WayOut) -> tuple[Problem, Plan] | None:
    """The rest of the day with the way taken; None if the checker refuses it or some room would be worse off."""
    problem = add_adult(situation.problem, way.called) if way.called else situation.problem
    spots = {who: dict(mine) for who, mine in situation.spots.items()}
    for who, mine in spots_of(way.changes).items():
        spots.setdefault(who, {}).update(mine)
    combined = (*situation.plan.combined, *([way.joined] if way.joined else []))
    known = None if way.called else situation.floor.measure
    plan = measured(problem, spots, combined, [way.longer] if way.longer else [], known).plan
    before = {(short.room_id, short.slot): short.expected for short in situation.plan.shortages}
    joined = way.joined.rooms if way.joined else ()
    for short in plan.shortages:
        if short.room_id not in joined and short.expected > before.get((short.room_id, short.slot), 0.0) + 1e-6:
            return None
    if plan.goal("obligations").value > situation.plan.goal("obligations").value or _missing(plan) >= _missing(
        situation.plan
    ):
        return None
    return (problem, plan) if not check(problem, plan) else None


def _told(situation: _Situation, way: WayOut, after: Plan) -> Alternative:
    problem, adult = situation.problem, _who(situation, way)
    minutes, first = problem.slot_minutes, situation.first
    rooms = dict.fromkeys(item.room_id for item in way.changes if item.room_id)
    touched = dict.fromkeys([way.room_id, *rooms, *filter(None, (way.source, way.second_source))])
    effects = tuple(
        Effect(
            room_id=room,
            missing_before=_missing(situation.plan, room, situation.window) * minutes,
            missing_after=_missing(after, room, situation.window) * minutes,
        )
        for room in touched
    )
    return Alternative(
        kind=way.kind,
        staff_id=adult.staff_id if adult else None,
        from_room_id=way.source,
        to_room_id=way.room_id,
        start=way.start + first,
        end=way.end + first,
        effects=effects,
        walk_seconds=walk_seconds(problem, way.source, way.room_id),
        familiarity=_familiarity(adult, way.room_id),
        duty_minutes_today=_duty(situation, adult),
        people_moved=0 if way.kind in ("move_break", "stay_longer") else len({item.staff_id for item in way.changes}),
        cost=way.cost,
        minutes_prevented=round((_missing(situation.plan) - _missing(after)) * minutes, 3),
        changes=tuple(
            item.model_copy(update={"start": item.start + first, "end": item.end + first}) for item in way.changes
        ),
        words=_words(situation, way, adult),
    )


def _missing(plan: Plan, room_id: str | None = None, window: range | None = None) -> float:
    """Expected adult-slots missing."""
    shorts = (short for short in plan.shortages if room_id in (None, short.room_id))
    return round(sum(short.expected for short in shorts if window is None or short.slot in window), 6)


def _who(situation: _Situation, way: WayOut) -> Adult | None:
    return situation.floor.measure.adults[way.changes[0].staff_id] if way.changes else None


def _familiarity(adult: Adult | None, room_id: str) -> float:
    if adult is None:
        return 0.0
    return 1.0 if adult.home_room_id == room_id else adult.familiar.get(room_id, 0.0)


def _duty(situation: _Situation, adult: Adult | None) -> int:
    """Minutes in rooms today, done and planned."""
    mine = situation.spots.get(adult.staff_id, {}) if adult else {}
    return situation.problem.slot_minutes * sum(spot.state == "room" for spot in mine.values())


def _words(situation: _Situation, way: WayOut, adult: Adult | None) -> str:
    problem = situation.problem
    names = {room.room_id: room.name or room.room_id for room in problem.rooms}
    people = {each.staff_id: each.name or each.staff_id for each in problem.staff}
    name, to = people[adult.staff_id] if adult else "", names[way.room_id]
    origin = names.get(way.source or "", "")
    span = f"{_clock(problem, way.start)} to {_clock(problem, way.end)}"
    if way.kind == "chain":
        other = people[way.changes[-1].staff_id]
        place = f"comes from {names[way.second_source]}" if way.second_source else "is free"
        return f"{name} moves from {origin} to {to}, {span}; {other} {place} and takes {name}'s place"
    later = way.changes[-1] if way.changes else None
    return {
        "free_adult": f"{name} is free and comes to {to}, {span}",
        "move_break": f"{name} stays in {to}; the break is at {_clock(problem, later.start) if later else ''} instead",
        "move": f"{name} moves from {origin}, which can spare one, to {to}, {span}",
        "combine": f"{to} and {origin} become one room, {span}",
        "stay_longer": f"{name} stays longer, in {to}, {span}",
        "substitute": f"{name} is called in for {to}, {span}",
    }[way.kind]


def _clock(problem: Problem, slot: int) -> str:
    """Local time at which the slot begins, also of the one after the last."""
    at = problem.slots[slot - 1] + timedelta(minutes=problem.slot_minutes) if slot else problem.slots[0]
    return at.astimezone(zone(problem.timezone)).strftime("%H:%M")


def _require_known(problem: Problem, disruption: Disruption) -> None:
    if disruption.slot >= len(problem.slots):
        raise BadInput(f"field 'slot': {disruption.slot} lies beyond the last slot {len(problem.slots) - 1}")
    if disruption.staff_id is not None and all(disruption.staff_id != each.staff_id for each in problem.staff):
        raise BadInput(f"field 'staff_id': '{disruption.staff_id}' is not among the staff")
    if disruption.room_id is not None and all(disruption.room_id != each.room_id for each in problem.rooms):
        raise BadInput(f"field 'room_id': '{disruption.room_id}' is not among the rooms")
    if disruption.kind in ("call_out", "no_show") and disruption.staff_id is None:
        raise BadInput(f"field 'staff_id': a disruption of kind {disruption.kind} needs one")
    if disruption.kind == "room_closes" and disruption.room_id is None:
        raise BadInput("field 'room_id': a disruption of kind room_closes needs one")

"""Who could help a room now by a simple rule: the best three moves of an adult that leave no other room short.

Greedy over everybody in the building and over this moment alone: idle floats first, then adults another room can
spare, then breaks that could end early. What the reassignment of `optimizer` falls back on, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from api.center import LiveCenter
from api.suggestions import Alternative, Effect, Step
from domain.time import floor_slot
from evaluator import RoomAssessment
from rulebook import AdultHere, Verdict

KINDS = ("move_float", "move_spare", "end_break_early")  # least disruption first
BEST = 3
_LASTS = timedelta(minutes=60)


def suggest(center: LiveCenter, room_id: str, now: datetime) -> list[Alternative]:
    """The best three, or fewer. Only adults who would count in the room are named."""
    assessment = center.assessment
    if assessment is None or room_id not in assessment.rooms:
        return []
    target, moves = assessment.rooms[room_id], _moves_today(center, now)
    found = [
        alternative
        for staff_id in sorted({each for ids in center.state.staffed.values() for each in ids})
        if (alternative := _move(center, target, staff_id, moves.get(staff_id, []), now)) is not None
    ]
    return sorted(found, key=_disruption)[:BEST]


def _disruption(each: Alternative) -> tuple[bool, int, bool, int, bool, int, str]:
    return (
        not each.solves, KINDS.index(each.kind), not each.is_float, each.walk_seconds, not each.familiar,
        each.moves_today, each.staff_id or "",
    )  # fmt: skip


def _moves_today(center: LiveCenter, now: datetime) -> dict[str, list[str]]:
    """The rooms each adult came to today, in the order in which it became known."""
    start, found = center.facts.day_start(now), defaultdict[str, list[str]](list)
    for event in center.state.events():
        if (
            event.staff_id
            and event.room_id
            and event.event_type in ("clock_in", "room_move")
            and event.happened_at >= start
        ):
            found[event.staff_id].append(event.room_id)
    return found


def _move(
    center: LiveCenter, target: RoomAssessment, staff_id: str, rooms_today: Sequence[str], now: datetime
) -> Alternative | None:
    place = center.state.adult(staff_id)
    if place is None or place.room_id in target.group.members or place.state == "stepped_out":
        return None
    if place.since < center.facts.day_start(now) or target.situation is None:
        return None
    kind = "end_break_early" if place.state == "on_break" else "move_spare" if place.room_id else "move_float"
    adult = replace(center.facts.adult_here(staff_id, center.facts.day_of(now)), state="in_room", away_seconds=0)
    building = target.situation.building
    if building is not None and place.state == "on_break":
        building = replace(building, adults=building.adults + 1)
    after = center.book(now).check(
        replace(target.situation, adults=(*target.situation.adults, adult), building=building)
    )
    if after.counted <= target.verdict.counted:
        return None  # would not count here
    effects = [_effect(target.room_id, target.verdict, after)]
    if kind == "move_spare" and place.room_id is not None:
        left = _room_left(center, place.room_id, staff_id, now)
        if left is None:
            return None
        effects.append(left)
    return _alternative(center, target, kind, adult, place.room_id, after, effects, rooms_today, now)


def _alternative(
    center: LiveCenter, target: RoomAssessment, kind: str, adult: AdultHere, from_room: str | None, after: Verdict,
    effects: list[Effect], rooms_today: Sequence[str], now: datetime,
) -> Alternative:  # fmt: skip
    facts, staff_id = center.facts, adult.staff_id
    shift = facts.shift_at(staff_id, now)
    end = floor_slot(now + _LASTS + timedelta(minutes=14, seconds=59))
    if shift is not None:
        end = min(end, shift.end)
    source = facts.rooms.get(from_room or "")
    walk = source.walk_seconds.get(target.room_id, 60) if source else 0
    member = facts.staff.get(staff_id)
    name = facts.display(staff_id)
    where = {
        "move_float": "is free",
        "move_spare": f"can be spared in {facts.room_name(from_room or '')}",
        "end_break_early": "is on a break that could end early",
    }[kind]
    outcome = "the room is within its ratio then" if after.compliant else f"still short of {after.deficit} then"
    shift_id, version = (shift.shift_id, shift.version) if shift else (None, None)
    return Alternative(
        kind, staff_id, name, from_room, target.room_id, now, end, walk,
        bool(member and member.home_room_id == target.room_id) or target.room_id in rooms_today,
        max(0, len(rooms_today) - 1), bool(member and member.is_float), after.compliant, tuple(effects),
        (Step(staff_id, "room", target.room_id, now, end, shift_id, version),),
        f"{name} {where}: move to {target.name}; {outcome}. (By a simple rule that looks at this moment alone.)",
        shift_id=shift_id, shift_version=version, method="simple rule",
    )  # fmt: skip


def _room_left(center: LiveCenter, room_id: str, staff_id: str, now: datetime) -> Effect | None:
    """The room without them; None if it would be short, or worse than it is."""
    assert center.assessment is not None  # noqa: S101  `suggest` has looked
    room = center.assessment.room_of(room_id)
    if room.situation is None:
        return None
    rest = tuple(adult for adult in room.situation.adults if adult.staff_id != staff_id)
    after = center.book(now).check(replace(room.situation, adults=rest))
    if not after.compliant:
        return None
    return _effect(room_id, room.verdict, after)


def _effect(room_id: str, before: Verdict, after: Verdict) -> Effect:
    return Effect(room_id, before.required, before.counted, after.required, after.counted)

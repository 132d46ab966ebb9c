"""What moving adults at this moment does to the rooms, by the rulebook and the people who are really there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from api.center import LiveCenter
from domain.errors import NotFound
from rulebook import Verdict

Verdicts = Mapping[str, tuple[Verdict, Verdict]]  # by room: as it is, and with the adults moved


def moved_now(center: LiveCenter, moves: Mapping[str, str], now: datetime) -> Verdicts | None:
    """`moves`: adult -> room. None if one of them is not there to be moved or not known."""
    seen, facts = center.assessment, center.facts
    if seen is None:
        return None
    found: dict[str, tuple[Verdict, Verdict]] = {}
    sources: dict[str, str | None] = {}
    for staff_id in moves:
        place = center.state.adult(staff_id)
        if place is None or place.since < facts.day_start(now) or place.state != "in_room":
            return None
        sources[staff_id] = place.room_id
    try:
        rooms = {seen.room_of(room).room_id for room in (*moves.values(), *filter(None, sources.values()))}
    except NotFound:
        return None
    for room_id in sorted(rooms):
        room = seen.rooms[room_id]
        if room.situation is None:
            return None
        coming = [s for s, to in moves.items() if to in room.group.members and sources[s] not in room.group.members]
        staying = [adult for adult in room.situation.adults if adult.staff_id not in moves or adult.staff_id in coming]
        staying += [
            facts.adult_here(s, facts.day_of(now)) for s in coming if all(s != adult.staff_id for adult in staying)
        ]
        after = center.book(now).check(replace(room.situation, adults=tuple(staying)))
        found[room_id] = (room.verdict, after)
    return found


def helps(found: Verdicts | None, room_id: str) -> bool:
    """One more adult counts in the room, and no other room is short by it or shorter than it was."""
    if found is None or room_id not in found:
        return False
    before, after = found[room_id]
    others = (pair for other, pair in found.items() if other != room_id)
    return after.counted > before.counted and all(
        left.compliant or (not was.compliant and left.deficit <= was.deficit) for was, left in others
    )

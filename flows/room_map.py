"""Where rooms lie: side by side in a wing, or a walk apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.places import Room
from optimizer import problem as coverage


def wings_of(rooms: Sequence[Room]) -> dict[str, str]:
    """Rooms that lie side by side, directly or through others, form a wing; it is named after its first room."""
    wing = {room.room_id: room.room_id for room in rooms}
    for room in rooms:
        for other in room.adjacent_room_ids:
            if other in wing:
                joined = {wing[room.room_id], wing[other]}
                wing = {key: min(joined) if value in joined else value for key, value in wing.items()}
    return wing


def walks_between(rooms: Sequence[Room], wings: Mapping[str, str]) -> tuple[coverage.Walk, ...]:
    """The longest walk told between rooms of two wings."""
    longest: dict[tuple[str, str], int] = {}
    for room in rooms:
        for other, seconds in room.walk_seconds.items():
            pair = (wings[room.room_id], wings.get(other, ""))
            if pair[1] and pair[0] != pair[1]:
                longest[pair] = max(longest.get(pair, 0), seconds)
    return tuple(
        coverage.Walk(from_wing=start, to_wing=end, seconds=seconds)
        for (start, end), seconds in sorted(longest.items())
    )

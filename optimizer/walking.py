"""How long a walk between wings takes, for the checker and for live moves; the planner reckons on its own."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from optimizer.problem import Problem, Walk


def lost_slots(problem: Problem, wing: str, other: str) -> int:
    """Whole slots of the quickest way between wings (shortest paths over whole slots)."""
    wings = frozenset({room.wing for room in problem.rooms} | {wing, other})
    house = problem.house
    return _ways(wings, problem.walks, house.other_wing_seconds, house.walk_free_seconds, problem.slot_minutes)[
        wing, other
    ]


def walk_seconds(problem: Problem, source: str | None, room_id: str) -> int:
    """From one room to another; 0 within a wing or from no room."""
    wing = {room.room_id: room.wing for room in problem.rooms}
    if source is None or wing[source] == wing[room_id]:
        return 0
    known = [w.seconds for w in problem.walks if {w.from_wing, w.to_wing} == {wing[source], wing[room_id]}]
    return min(known, default=problem.house.other_wing_seconds)


@lru_cache(maxsize=64)
def _ways(
    wings: frozenset[str], walks: tuple[Walk, ...], unknown: int, free: int, slot_minutes: int
) -> dict[tuple[str, str], int]:
    seconds = {(w.to_wing, w.from_wing): w.seconds for w in walks}
    seconds |= {(w.from_wing, w.to_wing): w.seconds for w in walks}
    best = {}
    for a in wings:
        for b in wings:
            way = 0 if a == b else seconds.get((a, b), unknown)
            best[a, b] = 0 if way <= free else ceil(way / (60 * slot_minutes))
    for via in wings:
        for a in wings:
            for b in wings:
                best[a, b] = min(best[a, b], best[a, via] + best[via, b])
    return best

"""The center's own word on who floats and how far its rooms lie apart, in the problem of a week."""

from __future__ import annotations

from evaluator import CenterFacts
from optimizer import Problem
from optimizer.problem import Walk


def as_chosen(problem: Problem, facts: CenterFacts) -> Problem:
    """The same problem with the floats and walks as they are now: the center's settings over what the platform says."""
    staff = tuple(
        adult.model_copy(update={"is_float": facts.staff[adult.staff_id].is_float})
        if adult.staff_id in facts.staff
        else adult
        for adult in problem.staff
    )
    wings = {room.room_id: room.wing for room in problem.rooms}
    told = {
        (start, end): seconds
        for start, room in facts.rooms.items()
        for end, seconds in room.walk_seconds.items()
        if start != end and {start, end} <= wings.keys()
    }
    # The planner counts walks between wings alone: a long one inside a wing makes every room a wing of its own.
    free = problem.house.walk_free_seconds
    split = any(wings[start] == wings[end] and seconds > free for (start, end), seconds in told.items())
    if split:
        near = {(one, other): 0 for one in wings for other in wings if one != other and wings[one] == wings[other]}
        told, wings = near | told, {room_id: room_id for room_id in wings}
    longest: dict[tuple[str, str], int] = {}
    for (start, end), seconds in told.items():
        pair = (wings[start], wings[end])
        if pair[0] != pair[1]:
            longest[pair] = max(longest.get(pair, 0), seconds)
    walks = tuple(Walk(from_wing=one, to_wing=other, seconds=s) for (one, other), s in sorted(longest.items()))
    rooms = tuple(room.model_copy(update={"wing": wings[room.room_id]}) for room in problem.rooms)
    return problem.model_copy(update={"staff": staff, "rooms": rooms, "walks": walks})

"""Why: one sentence per assignment and per shortage, from head counts and requirements alone."""

from __future__ import annotations

from optimizer.measure import Measure
from optimizer.problem import Assignment, Lock, Problem


def reasons_for(problem: Problem, measure: Measure, assignments: tuple[Assignment, ...]) -> tuple[Assignment, ...]:
    """Each assignment with its reason."""
    return tuple(item.model_copy(update={"reason": _reason(problem, measure, item)}) for item in assignments)


def prevented(problem: Problem, measure: Measure, item: Assignment) -> float:
    """Expected adults missing (person-slots) in the room if this adult were not there, beyond those missing anyway."""
    adult = measure.adults[item.staff_id]
    total = 0.0
    for t in range(max(item.start, problem.frozen_until), item.end):
        room = item.room_id or ""
        joined = measure.joined_over.get((room, t))
        rooms = joined.rooms if joined else (room,)
        if not measure.may_be(adult, room, t) or not all(adult.rooms is None or name in adult.rooms for name in rooms):
            continue
        count = measure.counts.get((rooms[0], t), 0)
        numbers = zip(problem.scenarios, measure.required(rooms[0], t), strict=True)
        total += sum(scenario.weight for scenario, number in numbers if number >= count)
    return total


def _reason(problem: Problem, measure: Measure, item: Assignment) -> str:
    adult = measure.adults[item.staff_id]
    if item.end <= problem.frozen_until:
        return "already happened"
    if item.state == "break":
        return f"break {item.break_id}, where the room misses least" if item.break_id else "break"
    if item.state == "idle":
        return "free: no room would gain by it within the least stay"
    if item.room_id == adult.home_room_id:
        return "home room"
    names = {room.room_id: room.name or room.room_id for room in problem.rooms}
    saved = prevented(problem, measure, item) * problem.slot_minutes
    needed = max(max(measure.required(item.room_id or "", t)) for t in range(item.start, item.end))
    away = _on_break(measure, item)
    why = f"{', '.join(away)} on break" if away else f"up to {needed} adults are required"
    if saved < 1e-9:
        return f"stays in {names[item.room_id or '']} between two needs: leaving would be one more change"
    return f"{names[item.room_id or '']}: {why}; without this {saved:.0f} adult-minutes would be expected to be missing"


def _on_break(measure: Measure, item: Assignment) -> list[str]:
    found = []
    for who, places in sorted(measure.at.items()):
        adult = measure.adults[who]
        if adult.home_room_id == item.room_id and who != item.staff_id:
            states = [places[t].state for t in range(item.start, item.end) if t in places]
            if "break" in states:
                found.append(adult.name or who)
    return found


def why_unmet(measure: Measure, word: Lock, slot: int) -> str:
    """Why the director's word is not kept in the slot."""
    adult, place = measure.adults[word.staff_id], measure.at[word.staff_id].get(slot)
    if place is None:
        return "not at work then"
    if word.room_id is not None and not adult.counts_in(word.room_id):
        return "not qualified"
    if word.room_id is not None and not measure.may_be(adult, word.room_id, slot):
        return "the room is closed or forbidden then"
    if place.state == "break":
        return "on a break"
    return "another word, a walk or the least stay stands against it"


def why_short(measure: Measure, room_id: str, slot: int) -> str:
    """Why nobody else stands in the room, by counting what the others do in that slot."""
    qualified = [a for a in measure.adults.values() if (a.rooms is None or room_id in a.rooms) and not a.on_call]
    movable = [adult for adult in qualified if measure.moves(adult) or adult.home_room_id == room_id]
    places = {adult.staff_id: measure.at[adult.staff_id].get(slot) for adult in movable}
    here = [who for who, place in places.items() if place and place.room_id == room_id]
    on_break = [who for who, place in places.items() if place and place.state == "break"]
    elsewhere = [who for who, place in places.items() if place and place.room_id not in (None, room_id)]
    idle = [who for who, place in places.items() if place and place.state == "idle"]
    off = [who for who, place in places.items() if place is None]
    if not movable:
        return "nobody is qualified for this room"
    parts = []
    if on_break:
        parts.append(f"{len(on_break)} on break")
    if elsewhere:
        parts.append(f"{len(elsewhere)} needed more in other rooms")
    if idle:
        parts.append(f"{len(idle)} held by walking, least stay or a lock")
    if off:
        parts.append(f"{len(off)} not at work or out of hours")
    start = f"{len(here)} here" if here else "nobody here"
    return (
        f"{start}; of the other qualified adults: {', '.join(parts)}" if parts else f"{start}; no other qualified adult"
    )

"""Where a room is short: what is likelier than a shortage and would excuse it. Rules as in `evaluator.doubts`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from evaluator.doubts import Doubt, Finding, Look, Rule

MOMENT = timedelta(minutes=5)  # how long an adult who steps out is away


def nobody_left_in_the_building(look: Look) -> Iterator[Finding]:
    """Children without any adult in the whole building: more likely collected and not checked out."""
    if not look.group.places:
        return
    start = look.facts.day_start(look.now)
    here = [look.state.adult(staff_id) for staff_ids in look.state.staffed.values() for staff_id in staff_ids]
    if any(place is not None and place.since >= start for place in here):
        return
    gone = [left for staff_id in look.facts.staff if (left := look.state.left_at(staff_id)) and left >= start]
    if gone:
        sentence = "every adult has clocked out; the children may have been collected and not checked out"
        yield Doubt(
            "nobody_left_in_the_building", sentence, max(gone), 0.9, tuple(sorted(look.group.places)),
            unnamed_children=look.group.unidentified, together=True,
        )  # fmt: skip


def free_adult_may_have_come(look: Look) -> Iterator[Finding]:
    """A float who is logged in no room may stand in this one: now and then a move is not logged."""
    start = look.facts.day_start(look.now)
    free = []
    for staff_id in look.state.staffed.get(None, ()):
        place, member = look.state.adult(staff_id), look.facts.staff.get(staff_id)
        if place and place.since >= start and place.state == "in_room" and member and member.role not in _OFFICE:
            free.append(staff_id)
    if free:
        since = max((place.state_since for place in look.group.staff_places.values()), default=start)
        since = max([since, *(place.moved for place in look.group.places.values())])
        names = " or ".join(look.facts.display(staff_id) for staff_id in sorted(free))
        sentence = f"{names}, logged in no room, may have come without being moved here"
        yield Doubt("free_adult_may_have_come", sentence, since, 0.05, missing_staff_ids=tuple(sorted(free)))


def neighbour_may_have_come(look: Look) -> Iterator[Finding]:
    """Children and nobody logged with them, while a room next door has more than one adult."""
    if look.group.in_room or not look.group.places:
        return
    near = {room_id for member in look.group.members if (room := look.facts.rooms.get(member)) for room_id in
            (*room.adjacent_room_ids, *room.combines_with)} - set(look.group.members)  # fmt: skip
    start = look.facts.day_start(look.now)
    helpers = []
    for room_id in sorted(near):
        there = [
            s
            for s in look.state.staffed.get(room_id, ())
            if (p := look.state.adult(s)) and p.state == "in_room" and p.since >= start
        ]
        helpers += there if len(there) > 1 else []
    if helpers:
        since = max(place.moved for place in look.group.places.values())
        since = max([since, *(place.state_since for place in look.group.staff_places.values())])
        sentence = "no adult is logged here while a room next door has more than one; a move may not have been logged"
        yield Doubt("neighbour_may_have_come", sentence, since, 0.3, missing_staff_ids=tuple(sorted(helpers)))


def return_not_logged(look: Look) -> Iterator[Finding]:
    """Stepped out and, by the record, still away when everybody is back: the return is late or was not logged."""
    for staff_id, place in look.group.staff_places.items():
        back = place.state_since + MOMENT
        if place.state != "stepped_out":
            continue
        if look.now < back:
            yield back
        else:
            sentence = f"{look.facts.display(staff_id)} stepped out and may be back without having been logged"
            yield Doubt("return_not_logged", sentence, back, 0.6, missing_staff_ids=(staff_id,))


# Rules that speak only where a room is short: what is more likely than that, and would excuse it.
RULES_WHEN_SHORT: tuple[Rule, ...] = (
    free_adult_may_have_come, neighbour_may_have_come, return_not_logged, nobody_left_in_the_building,
)  # fmt: skip

_OFFICE = frozenset({"Director", "Assistant Director", "Cook", "Admin"})

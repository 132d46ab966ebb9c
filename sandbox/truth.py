"""One drawn day told twice: as the true stays of children and adults, and as the events the platform recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sandbox.attendance import Day
from sandbox.floor import Floor, Move
from sandbox.laws import Rng
from sandbox.world import LocalDay, TrueMerge, TruePresence, TrueStay

if TYPE_CHECKING:
    from sandbox.simulation import CenterSimulation

_NAP = (12 * 60 + 15, 14 * 60 + 30)
_STATES = {"break_start": "break", "step_out": "step_out"}


def child_stays(center: CenterSimulation, day: Day, at: LocalDay) -> list[TrueStay]:
    visits = {child: (room, start, end) for child, room, start, end in day.visits}
    result: list[TrueStay] = []
    for position in np.nonzero(day.attends)[0]:
        place = int(day.family_position[position])
        child, home = center.child_id(int(day.children[position])), center.room_ids[int(day.rooms[position])]
        arrival, departure = float(day.arrival[place]), float(day.departure[place])
        parts = [(home, arrival, departure)]
        if int(position) in visits:
            room, start, end = visits[int(position)]
            parts = [(home, arrival, start), (center.room_ids[room], start, end), (home, end, departure)]
        result += [
            TrueStay(center.center_id, child, room_id, at.at(start), at.at(end))
            for room_id, start, end in parts
            if at.at(end) > at.at(start)
        ]
    return result


def presences(center: CenterSimulation, floor: Floor, at: LocalDay) -> list[TruePresence]:
    result: list[TruePresence] = []
    last: dict[int, Move] = {}
    for move in floor.moves:
        before = last.get(move.worker)
        if before is not None and before.action != "clock_out" and at.at(move.minute) > at.at(before.minute):
            state = _STATES.get(before.action) or ("idle" if before.room is None else "in_room")
            room = center.room_ids[before.room] if before.room is not None else None
            staff = center.staff_id(move.worker)
            result.append(TruePresence(center.center_id, staff, room, at.at(before.minute), at.at(move.minute), state))
        last[move.worker] = move
    return result


def merges_of(center: CenterSimulation, floor: Floor, at: LocalDay) -> list[TrueMerge]:
    ids = center.room_ids
    return [
        TrueMerge(
            center.center_id,
            ids[merge.rooms[0]],
            tuple(ids[r] for r in merge.rooms),
            at.at(merge.start),
            at.at(merge.end),
        )
        for merge in floor.merges
    ]


def record_day(rng: Rng, center: CenterSimulation, day: Day, floor: Floor, at: LocalDay) -> None:
    """Write the day's events into the center's record."""
    _record_rooms(rng, center, floor, at)
    visits = {child: (room, start, end) for child, room, start, end in day.visits}
    for position in np.nonzero(day.attends)[0]:
        _record_child(rng, center, day, int(position), visits.get(int(position)), at)
    workers = sorted({move.worker for move in floor.moves})
    for worker in workers:
        _record_adult(rng, center, [move for move in floor.moves if move.worker == worker], at)


def _record_child(
    rng: Rng, center: CenterSimulation, day: Day, position: int, visit: tuple[int, float, float] | None, at: LocalDay
) -> None:
    record, ids, knobs = center.record, center.room_ids, center.knobs
    child = center.child_id(int(day.children[position]))
    home, place = int(day.rooms[position]), int(day.family_position[position])
    arrival, departure = at.at(float(day.arrival[place])), at.at(float(day.departure[place]))
    believed = home
    if rng.random() < knobs.fault(knobs.missed_check_in):
        record.forgotten(rng, at, "check_in", arrival, child_id=child, room_id=ids[home])
    else:
        believed = record.placed(rng, knobs.wrong_room, at, "check_in", arrival, home, child_id=child)
    if visit is not None:
        room, start, end = visit
        moves = [(start, believed, room)] + ([(end, room, home)] if end < float(day.departure[place]) else [])
        for minute, origin, target in moves:
            fields = {"child_id": child, "from_room_id": ids[origin], "room_id": ids[target]}
            if not record.missed(rng, knobs.unlogged_move, at, "room_transfer", at.at(minute), **fields):
                believed = target
    record.missed(rng, knobs.missed_check_out, at, "check_out", departure, child_id=child, room_id=ids[believed])


def _record_adult(rng: Rng, center: CenterSimulation, moves: list[Move], at: LocalDay) -> None:
    record, ids, knobs = center.record, center.room_ids, center.knobs
    staff, believed = center.staff_id(moves[0].worker), None
    for move in moves:
        when, room = at.at(move.minute), move.room
        place = {"room_id": ids[room]} if room is not None else {}
        came_from: dict[str, str] = {"from_room_id": ids[believed]} if believed is not None else {}
        if move.action == "clock_in" and room is not None:
            believed = record.placed(rng, knobs.wrong_room_adults, at, "clock_in", when, room, staff_id=staff)
        elif move.action == "clock_in":
            record.logged(rng, "clock_in", when, staff_id=staff)
        elif move.action == "clock_out":
            record.missed(rng, knobs.forgotten_clock_out, at, "clock_out", when, staff_id=staff)
        elif move.action == "room_move":
            fields = {"staff_id": staff, **place, **came_from}
            if not record.missed(rng, knobs.unlogged_move_adults, at, "room_move", when, **fields):
                believed = room
        elif move.logged:
            record.logged(
                rng, move.action, when, staff_id=staff, **({"room_id": ids[believed]} if believed is not None else {})
            )


def _record_rooms(rng: Rng, center: CenterSimulation, floor: Floor, at: LocalDay) -> None:
    ids = center.room_ids
    for merge in floor.merges:
        rooms = tuple(ids[r] for r in merge.rooms)
        center.record.plain("rooms_combined", at.at(merge.start), room_id=rooms[0], room_ids=rooms)
        center.record.plain("rooms_split", at.at(merge.end), room_id=rooms[0], room_ids=rooms)
    for index, room in enumerate(center.rooms):
        if room.nap is not None:
            start, end = _NAP[0] + rng.uniform(-3, 8), _NAP[1] + rng.uniform(-8, 5)
            center.record.plain("nap_start", at.at(start), room_id=ids[index])
            center.record.plain("nap_end", at.at(end), room_id=ids[index])

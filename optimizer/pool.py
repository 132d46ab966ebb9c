"""The day with movers as head counts: a smaller question whose answer bounds the shortage and places the breaks.

Movers who may be in the same rooms are one class. First they are counted slot by slot: least stay, changes of room and
walking are left out, so no plan of the day has less shortage than the best head counts. Then each class is a flow
(`class_flow`), which keeps the least stay and counts changes of room: its breaks are those of a good plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from optimizer.class_flow import ClassFlow
from optimizer.constraints import (
    combining_rules,
    cover_or_shortage,
    each_break_once,
    hours_of_work,
    joint_cover,
    one_place_at_a_time,
    shifts_begin_and_end_once,
)
from optimizer.day_model import DayModel
from optimizer.mip import Terms, Variable
from optimizer.problem import Adult

CONSTRAINTS = (
    one_place_at_a_time,
    shifts_begin_and_end_once,
    hours_of_work,
    each_break_once,
    cover_or_shortage,
    joint_cover,
    combining_rules,
)


@dataclass(frozen=True, slots=True)
class Face:
    """What all plans share that reach the pooled optimum.

    Never: places (staff, room, t), starts of breaks (staff, break, t) and adults missing (room, t, k) whose reduced
    cost in the relaxation exceeds the distance to the optimum. Always: adults missing whose reduced cost is as far
    below zero.
    """

    places: frozenset[tuple[str, str, int]]
    starts: frozenset[tuple[str, str, int]]
    covered: frozenset[tuple[str, int, int]]
    missing: frozenset[tuple[str, int, int]]


def face_of(m: DayModel, reduced: Mapping[Variable, float], distance: float) -> Face:
    dear = distance + 1e-6
    places = {
        (adult.staff_id, room, t)
        for number, members in enumerate(classes(m))
        for adult in members
        for room in m.demand.rooms_that_matter(adult)
        for t in m.roster.slots
        if (var := m.pool.get((number, room, t))) is not None and reduced.get(var, 0.0) > dear
    }
    starts = {key for key, (var,) in m.pause.items() if reduced.get(var, 0.0) > dear}
    covered = {key for key, var in m.short.items() if reduced.get(var, 0.0) > dear}
    missing = {key for key, var in m.short.items() if reduced.get(var, 0.0) < -dear}
    return Face(frozenset(places), frozenset(starts), frozenset(covered), frozenset(missing))


def close_pool(m: DayModel, face: Face) -> None:
    """Forbid in a pooled model what the face forbids."""
    for number, members in enumerate(classes(m)):
        who = members[0].staff_id
        for key in ((number, room, t) for other, room, t in face.places if other == who):
            if key in m.pool:
                m.mip.high[m.pool[key]] = 0.0
    for staff_break in sorted(face.starts):
        for var in m.pause.get(staff_break, ()):
            m.mip.high[var] = 0.0
    fix_missing(m, face)


def fix_missing(m: DayModel, face: Face) -> None:
    """Adults who are never missing, and who always are."""
    for key in face.covered & m.short.keys():
        m.mip.high[m.short[key]] = 0.0
    for key in face.missing & m.short.keys():
        m.mip.low[m.short[key]] = 1.0


def build_pool(m: DayModel) -> DayModel:
    """A pooled DayModel with its constraints: movers counted slot by slot."""
    for number, members in enumerate(classes(m)):
        _head_counts(m, number, members)
    for constraint in CONSTRAINTS:
        constraint(m)
    return m


def build_flows(m: DayModel) -> DayModel:
    """A pooled DayModel with its constraints: each class of movers a flow."""
    for number, members in enumerate(classes(m)):
        m.pool_rooms[number] = set(m.demand.rooms_that_matter(members[0]))
        ClassFlow(m, number, members)
    for constraint in CONSTRAINTS:
        constraint(m)
    return m


def pool_points(m: DayModel) -> Terms:
    """Points as far as class flows show them: changes of room, shifts moved, rooms combined, breaks changed."""
    house = m.problem.house
    terms: Terms = [(var, float(house.move_points)) for var in m.class_moves]
    terms += [(var, float(house.combine_points)) for var in m.combine.values()]
    for adult in m.everyone:
        for stretch in m.stretches(adult):
            if stretch.flexible:
                moved = [var for (who, t), var in m.begin.items() if who == adult.staff_id and t != stretch.start]
                moved += [var for (who, t), var in m.finish.items() if who == adult.staff_id and t != stretch.end]
                terms += [(var, float(house.shift_change_points)) for var in moved]
    for pause in m.roster.pauses:
        for t in pause.starts:
            changed = sum(m.ground.break_changes(m.ground.adults[pause.staff_id], s) for s in range(t, t + pause.slots))
            if changed:
                (start,) = m.pause[pause.staff_id, pause.break_id, t]
                terms.append((start, float(house.changed_slot_points * changed)))
    return terms


def head_points(m: DayModel) -> Terms:
    """The same for head counts, whose changes of room are only seen where a room gets more than it had."""
    terms = pool_points(m)
    before: dict[tuple[str, int], Terms] = defaultdict(list)
    for (_, room, t), var in m.pool.items():
        before[room, t].append((var, 1.0))
    for (room, t), now in before.items():
        more = m.share(inf)
        m.row([(more, 1.0), *((var, -1.0) for var, _ in now), *before.get((room, t - 1), [])], 0, inf)
        terms.append((more, float(m.problem.house.move_points)))
    return terms


def classes(m: DayModel) -> list[list[Adult]]:
    """Movers by what they may do: same rooms, and nobody named in a lock or forbidden anything."""
    found: dict[tuple[object, ...], list[Adult]] = defaultdict(list)
    named = {item.staff_id for item in (*m.problem.forbids, *m.problem.locks)}
    for adult in m.movers:
        rooms = m.demand.rooms_that_matter(adult)
        qualified = tuple(adult.counts_in(room) for room in rooms)
        key = (adult.staff_id,) if adult.staff_id in named else ("", *rooms, qualified)
        found[key].append(adult)
    return [found[key] for key in sorted(found, key=str)]


def _head_counts(m: DayModel, number: int, members: list[Adult]) -> None:
    """In a slot a class is in rooms at most as often as its members are at work and not on a break."""
    m.pool_rooms[number] = set(m.demand.rooms_that_matter(members[0]))
    for t in m.roster.slots:
        working = [adult for adult in members if any(s.earliest_start <= t < s.latest_end for s in m.stretches(adult))]
        rooms = [room for room in m.demand.rooms_that_matter(members[0]) if m.ground.may_be(members[0], room, t)]
        if not working or not rooms:
            continue
        row: Terms = []
        for room in rooms:
            m.pool[number, room, t] = m.mip.add(0.0, float(len(working)), whole=True)
            row.append((m.pool[number, room, t], 1.0))
        there = 0.0
        for adult in working:
            terms, constant = m.at_work(adult, t)
            origin = m.roster.origins.get(adult.staff_id)
            there += 0 if origin and t < origin.busy_until else constant
            row += [(var, -sign) for var, sign in terms] + m.breaks_over(adult.staff_id, t)
        m.row(row, -inf, there)

"""The goals as expressions of a day: one goal, one function, integer prices. `planner` takes them in strict order."""

from __future__ import annotations

from optimizer.day_model import DayModel
from optimizer.ground import Ground
from optimizer.mip import Terms


def obligations(m: DayModel) -> Terms:
    """Breaks missed and locked slots unmet."""
    return [(var, 1.0) for var in (*m.missed.values(), *m.unmet.values())]


def shortage(m: DayModel) -> Terms:
    """Expected adults missing, times severity, in units of the demand."""
    terms = [(var, m.demand.levels[key]) for key, var in m.short.items()]
    for (index, t, k), var in m.joint_short.items():
        terms.append((var, m.demand.joint_levels(index, t)[k]))
    return terms


def haste(m: DayModel) -> Terms:
    """Windows with more than one change of room, and slots by which breaks are late."""
    terms: Terms = [(var, 1.0) for var in m.haste.values()]
    for pause in m.roster.pauses:
        late = [t for t in pause.starts if t > pause.due_by]
        arcs = ((t, var) for t in late for var in m.pause.get((pause.staff_id, pause.break_id, t), ()))
        terms += [(var, float(t - pause.due_by)) for t, var in arcs]
    return terms


def cost(m: DayModel) -> Terms:
    """Cents for slots beyond the schedule, dearer beyond the overtime limit."""
    terms: Terms = []
    for who, var in m.regular.items():
        cents = m.ground.slot_cents(m.ground.adults[who])
        terms.append((var, float(cents)))
        terms.append((m.overtime[who], float(round(cents * m.ground.adults[who].overtime_factor))))
    return terms


def disruption(m: DayModel) -> Terms:
    """Points of `House`: changes of room, strangers, slots changed, shifts moved, rooms combined."""
    house = m.problem.house
    terms: Terms = []
    for (who, room, _), arcs in m.arrive.items():
        terms += [(var, float(unfamiliar_points(m.ground, who, room))) for var in arcs]
    terms += [(var, float(house.move_points)) for arcs in m.moves.values() for var in arcs]
    terms += _changed_slots(m)
    for adult in m.everyone:
        for stretch in m.stretches(adult):
            if stretch.flexible:
                moved = [var for (who, t), var in m.begin.items() if who == adult.staff_id and t != stretch.start]
                moved += [var for (who, t), var in m.finish.items() if who == adult.staff_id and t != stretch.end]
                terms += [(var, float(house.shift_change_points)) for var in moved]
    terms += [(var, float(house.combine_points)) for var in m.combine.values()]
    return [(var, points) for var, points in terms if points]


def unfamiliar_points(ground: Ground, staff_id: str, room_id: str) -> int:
    """0 in the home room, else by the lack of familiarity."""
    adult = ground.adults[staff_id]
    if adult.home_room_id == room_id:
        return 0
    return round(ground.problem.house.unfamiliar_points * (1 - adult.familiar.get(room_id, 0.0)))


def _changed_slots(m: DayModel) -> Terms:
    """Slots that differ from the reference; where it is a room, being there is what saves the points."""
    points = float(m.problem.house.changed_slot_points)
    terms: Terms = []
    for adult in m.everyone:
        who = adult.staff_id
        rooms = m.demand.rooms_that_matter(adult) if m.ground.moves(adult) else []
        for t in m.roster.slots:
            there = [(room, var) for room in rooms for var in m.present.get((who, room, t), ())]
            idle_changes = bool(rooms) and m.ground.changes(adult, t, None)
            if idle_changes:
                at_work, constant = m.at_work(adult, t)
                terms += [(var, points * sign) for var, sign in at_work] + [(m.one, points * constant)]
            for room, var in there:
                terms.append((var, points * (m.ground.changes(adult, t, room) - idle_changes)))
            on_break = points * (m.ground.break_changes(adult, t) - idle_changes)
            terms += [(var, on_break) for var, _ in m.breaks_over(who, t)]
    return terms

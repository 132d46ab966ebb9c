"""One constraint, one function. Each adds its rows to a DayModel and is tested alone."""

from __future__ import annotations

from collections import defaultdict
from math import inf

from optimizer.day_model import DayModel
from optimizer.mip import Terms
from optimizer.problem import Adult
from optimizer.roster import Stretch


def one_place_at_a_time(m: DayModel) -> None:
    """Who never moves takes one break at a time, and only while at work. A mover's path is in one place anyway."""
    for adult in m.everyone:
        if adult.staff_id in m.paths:
            continue
        for stretch in m.stretches(adult):
            for t in range(stretch.earliest_start, stretch.latest_end):
                breaks = m.breaks_over(adult.staff_id, t)
                terms, constant = m.at_work(adult, t)
                if breaks:
                    m.row([*breaks, *((var, -sign) for var, sign in terms)], -inf, constant)


def shifts_begin_and_end_once(m: DayModel) -> None:
    """A flexible shift starts once and ends once."""
    for adult, stretch in _flexible(m):
        who = adult.staff_id
        m.row([(m.begin[who, t], 1) for t in range(stretch.earliest_start, stretch.latest_start + 1)], 1, 1)
        m.row([(m.finish[who, t], 1) for t in range(stretch.earliest_end, stretch.latest_end + 1)], 1, 1)


def hours_of_work(m: DayModel) -> None:
    """A flexible shift stays within the hours of day and week; what exceeds the schedule is extra, then overtime."""
    for adult, stretch in _flexible(m):
        who = adult.staff_id
        length: Terms = [(m.finish[who, t], t) for t in range(stretch.earliest_end, stretch.latest_end + 1)]
        length += [(m.begin[who, t], -t) for t in range(stretch.earliest_start, stretch.latest_start + 1)]
        m.row(length, 1, stretch.longest)
        m.row([*length, (m.regular[who], -1), (m.overtime[who], -1)], -inf, stretch.end - stretch.start)


def each_break_once(m: DayModel) -> None:
    """Every break that is due starts once, or is missed."""
    for pause in m.roster.pauses:
        who, name = pause.staff_id, pause.break_id
        starts = [(var, 1.0) for t in pause.starts for var in m.pause.get((who, name, t), ())]
        m.row([*starts, (m.missed[who, name], 1)], 1, 1)


def walking_takes_time(m: DayModel) -> None:
    """Between rooms of distant wings lie as many slots in no room as the walk takes."""
    for adult in m.movers:
        rooms = m.demand.rooms_that_matter(adult)
        for wing in m.ground.wings:
            inside = [room for room in rooms if m.ground.rooms[room].wing == wing]
            lost = {room: m.ground.lost_slots(m.ground.rooms[room].wing, wing) for room in rooms}
            for ago in range(1, max(lost.values(), default=0) + 1):
                far = [room for room in rooms if lost[room] >= ago]
                for stretch in m.stretches(adult):
                    _apart(m, adult, stretch, inside, far, ago)


def one_change_per_window(m: DayModel) -> None:
    """More than one change of room within `change_window_slots` is haste; only a shortage may ask for it."""
    width = m.problem.house.change_window_slots
    for adult in m.movers:
        who = adult.staff_id
        for stretch in m.stretches(adult):
            for t in range(m.path_start(adult, stretch), stretch.latest_end - 1):
                slots = [s for s in range(t, min(t + width, stretch.latest_end)) if (who, s) in m.moves]
                if len(slots) > 1:
                    m.haste[who, t] = m.share(width)
                    window = [(var, 1.0) for s in slots for var in m.moves[who, s]]
                    m.row([*window, (m.haste[who, t], -1)], -inf, 1)


def cover_or_shortage(m: DayModel) -> None:
    """Adults in the room plus adults missing reach what the room may require, unless it is combined with another."""
    joined = _combined_over(m)
    levels: dict[tuple[str, int], Terms] = defaultdict(list)
    for (room, t, _), var in m.short.items():
        levels[room, t].append((var, 1.0))
    for (room, t), missing in levels.items():
        terms, constant = _adults_in(m, room, t)
        most = m.demand.most_required(room, t)
        elsewhere = [(var, float(most)) for var, _ in joined.get((room, t), [])]
        m.row([*terms, *missing, *elsewhere], most - constant, inf)


def joint_cover(m: DayModel) -> None:
    """Combined rooms need together what their combination requires; who counts must count in each of them."""
    for (index, t), combined in m.combined.items():
        item = m.problem.combinations[index]
        levels = m.demand.joint_levels(index, t)
        if not levels:
            continue
        terms: Terms = [(m.joint_short[index, t, k], 1.0) for k in levels]
        constant = 0.0
        for adult in m.demand.joint_home(item, t):
            at_work, sure = m.at_work(adult, t)
            terms += at_work + [(var, -1.0) for var, _ in m.breaks_over(adult.staff_id, t)]
            constant += sure
        for adult in m.movers:
            if all(map(adult.counts_in, item.rooms)):
                terms += [term for room in item.rooms for term in _here(m, adult.staff_id, room, t, 1.0)]
        for number, rooms in m.pool_rooms.items():
            if rooms >= set(item.rooms):
                terms += [(var, 1.0) for room in item.rooms if (var := m.pool.get((number, room, t))) is not None]
        m.row([*terms, (combined, -float(max(levels)))], -constant, inf)


def combining_rules(m: DayModel) -> None:
    """A room is in one combination at a time; combining lasts `min_slots`, unless its window ends."""
    for members in _combined_over(m).values():
        if len(members) > 1:
            m.row(members, -inf, 1)
    for (index, t), combined in m.combined.items():
        before: Terms = [(m.combined[index, t - 1], -1.0)] if (index, t - 1) in m.combined else []
        m.row([(combined, 1.0), *before, (m.combine[index, t], -1.0)], -inf, 0)
        least = m.problem.combinations[index].min_slots
        starts = [(m.combine[index, s], 1.0) for s in range(t - least + 1, t + 1) if (index, s) in m.combine]
        m.row([*starts, (combined, -1.0)], -inf, 0)


def locks(m: DayModel) -> None:
    """The director's word is kept, or the slot is reported as unmet."""
    for (index, t), unmet in m.unmet.items():
        lock = m.problem.locks[index]
        adult = m.ground.adults[lock.staff_id]
        if not m.ground.moves(adult):
            breaks = m.breaks_over(adult.staff_id, t)
            stays = lock.room_id == adult.home_room_id and m.ground.stays_home(adult, t)
            m.row([*breaks, (unmet, -1.0)] if stays else [(unmet, -1.0)], -inf, 0 if stays else -1)
        elif lock.room_id is None:
            rooms = m.demand.rooms_that_matter(adult)
            m.row([(unmet, -1.0), *(x for room in rooms for x in _here(m, adult.staff_id, room, t, 1.0))], -inf, 0)
        else:
            m.row([(unmet, 1.0), *_here(m, adult.staff_id, lock.room_id, t, 1.0)], 1, inf)


CONSTRAINTS = (
    one_place_at_a_time,
    shifts_begin_and_end_once,
    hours_of_work,
    each_break_once,
    walking_takes_time,
    one_change_per_window,
    cover_or_shortage,
    joint_cover,
    combining_rules,
    locks,
)


def _flexible(m: DayModel) -> list[tuple[Adult, Stretch]]:
    return [(adult, stretch) for adult in m.everyone for stretch in m.stretches(adult) if stretch.flexible]


def _here(m: DayModel, who: str, room: str, t: int, sign: float) -> Terms:
    return [(var, sign) for var in m.present.get((who, room, t), ())]


def _apart(m: DayModel, adult: Adult, stretch: Stretch, inside: list[str], far: list[str], ago: int) -> None:
    """Nobody arrives inside who was in a far room so many slots ago."""
    who = adult.staff_id
    begin = m.path_start(adult, stretch)
    origin = m.roster.origins.get(who) if m.comes_from(adult, stretch) else None
    for t in range(begin, stretch.latest_end):
        coming = [(var, 1.0) for room in inside for var in m.arrive.get((who, room, t), ())]
        if not coming:
            continue
        there = [term for room in far for term in _here(m, who, room, t - ago, 1.0)] if t - ago >= begin else []
        from_far = origin is not None and origin.room_id in far and t - ago == begin - 1
        if there or from_far:
            m.row([*coming, *there], -inf, 0 if from_far else 1)


def _adults_in(m: DayModel, room: str, t: int) -> tuple[Terms, float]:
    """Everyone who counts in the room: terms and the number who are there for sure."""
    terms: Terms = [(var, 1.0) for var in m.present_in.get((room, t), [])]
    constant = 0.0
    for adult in m.demand.at_home(room, t):
        at_work, sure = m.at_work(adult, t)
        terms += at_work + [(var, -1.0) for var, _ in m.breaks_over(adult.staff_id, t)]
        constant += sure
    return terms, constant


def _combined_over(m: DayModel) -> dict[tuple[str, int], Terms]:
    found: dict[tuple[str, int], Terms] = defaultdict(list)
    for (index, t), var in m.combined.items():
        for room in m.problem.combinations[index].rooms:
            found[room, t].append((var, 1.0))
    return found

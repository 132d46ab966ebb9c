"""What happens if nothing is done: the plan in force as a plan the checker accepts.

Reality keeps no rules: a plan in force may have people where they do not count, breaks in pieces, stays too short to be
any use. What cannot stand becomes time in no room; nobody is moved to where nobody wanted them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from optimizer.measure import Measure
from optimizer.plan import GOALS, Combined, Goal, Issue, Plan, ShiftChange, Shortage
from optimizer.problem import Adult, Assignment, Break, Problem
from optimizer.walking import lost_slots

METHOD = "standing"


class Spot(NamedTuple):
    """One slot of one adult."""

    state: str
    room_id: str | None = None
    break_id: str | None = None


Spots = dict[str, dict[int, Spot]]  # by adult and slot
_IDLE = Spot("idle")


def standing(problem: Problem, combined: Iterable[Combined] = ()) -> Plan:
    """The plan in force (`current`) from `frozen_until` on, made legal with as little change as that takes."""
    return measured_standing(problem, combined).plan


def measured_standing(problem: Problem, combined: Iterable[Combined] = ()) -> Measure:
    empty = Measure(problem, _draft(problem, {}, (), (), problem.input_hash))
    spots = {adult.staff_id: _spots_of(empty, adult) for adult in problem.staff}
    return measured(problem, spots, tuple(combined), known=empty)


def measured(
    problem: Problem,
    spots: Mapping[str, Mapping[int, Spot]],
    combined: Sequence[Combined] = (),
    shift_changes: Sequence[ShiftChange] = (),
    known: Measure | None = None,
) -> Measure:
    """The document with its measure: goals, and everything that is short or not kept is told.

    `known`: a measure of another plan of the same problem, whose hash and hours of work are not reckoned again.
    """
    problem_hash = known.plan.problem_hash if known else problem.input_hash
    measure = Measure(problem, _draft(problem, spots, combined, shift_changes, problem_hash))
    if known:
        measure.work = known.work
    values = measure.goals()
    told = {
        "goals": tuple(Goal(name=name, value=round(values[name], 6)) for name in GOALS),
        "shortages": tuple(_shortages(measure)),
        "issues": tuple(_issues(measure)),
    }
    measure.plan = measure.plan.model_copy(update=told)
    return measure


def spots_of(assignments: Iterable[Assignment]) -> Spots:
    found: Spots = {}
    for item in assignments:
        spot = Spot(item.state, item.room_id, item.break_id)
        found.setdefault(item.staff_id, {}).update(dict.fromkeys(range(item.start, item.end), spot))
    return found


def _draft(
    problem: Problem,
    spots: Mapping[str, Mapping[int, Spot]],
    combined: Sequence[Combined],
    shift_changes: Sequence[ShiftChange],
    problem_hash: str,
) -> Plan:
    return Plan(
        center_id=problem.center_id,
        label=problem.label,
        problem_hash=problem_hash,
        status="feasible",
        method=METHOD,
        seed=problem.seed,
        seconds=0,
        goals=(),
        assignments=tuple(_assignments(problem, spots)),
        combined=tuple(combined),
        shift_changes=tuple(shift_changes),
    )


def _assignments(problem: Problem, spots: Mapping[str, Mapping[int, Spot]]) -> list[Assignment]:
    """Runs of equal spots, cut where a day or the frozen part ends."""
    cuts = {day.end for day in problem.days} | {problem.frozen_until}
    return [item for who in sorted(spots) for item in runs_of(who, spots[who], cuts)]


def runs_of(staff_id: str, spots: Mapping[int, Spot], cuts: AbstractSet[int] = frozenset()) -> Iterator[Assignment]:
    """One adult's runs of equal spots, in order of time; none reaches over a cut."""
    start = None
    for t in sorted(spots):
        if start is None or spots.get(t - 1) != spots[t] or t in cuts:
            start = t
        if spots.get(t + 1) != spots[t] or t + 1 in cuts:
            state, room_id, break_id = spots[t]
            yield Assignment(
                staff_id=staff_id, start=start, end=t + 1, state=state, room_id=room_id, break_id=break_id,  # type: ignore[arg-type]
            )  # fmt: skip


def _shortages(measure: Measure) -> Iterable[Shortage]:
    weights = [scenario.weight for scenario in measure.problem.scenarios]
    for (room_id, t), expected in sorted(measure.expected_shortages.items(), key=lambda item: (item[0][1], item[0][0])):
        count, required = measure.counts.get((room_id, t), 0), measure.required(room_id, t)
        chance = sum(weight for weight, number in zip(weights, required, strict=True) if number > count)
        yield Shortage(
            room_id=room_id, slot=t, expected=round(expected, 6), chance=round(chance, 6), worst=max(required) - count
        )


def _issues(measure: Measure) -> Iterable[Issue]:
    problem = measure.problem
    for who, name in measure.missed_breaks:
        slot = next(pause.start for pause in measure.adults[who].breaks if pause.break_id == name)
        yield Issue(kind="missed_break", staff_id=who, slot=slot, text=f"the break {name} of {who} is not taken")
    for (who, name), late in sorted(measure.late_breaks.items()):
        text = f"the break {name} of {who} starts {late * problem.slot_minutes} minutes late"
        yield Issue(kind="late_break", staff_id=who, slot=measure.breaks_taken[who, name][0], text=text)
    for index, slot in (*measure.unmet_locks, *measure.idle_locks):
        who = problem.locks[index].staff_id
        yield Issue(kind="lock", staff_id=who, slot=slot, text=f"{who} is not where the director asked")


def _spots_of(measure: Measure, adult: Adult) -> dict[int, Spot]:
    problem, who, work = measure.problem, adult.staff_id, measure.work[adult.staff_id]
    found = {}
    for t in sorted(t for t in work if t < problem.frozen_until):
        fact = measure.before[who, t]
        found[t] = Spot(fact.state, fact.room_id, fact.break_id)
    planned = sorted(t for t in work if t >= problem.frozen_until)
    pauses = _pauses(measure, adult, set(planned))
    moves = measure.moves(adult)
    for t in planned:
        if t in pauses:
            found[t] = Spot("break", None, pauses[t])
            continue
        was = measure.before.get((who, t))
        room_id = adult.home_room_id
        if moves and was is not None and was.state != "break":
            room_id = was.room_id
        elif moves and t - 1 in found and found[t - 1].state != "break":
            room_id = found[t - 1].room_id
        stands = room_id is not None and measure.may_be(adult, room_id, t)
        found[t] = Spot("room", room_id) if stands else _IDLE
    if moves:
        _settle(measure.problem, found, planned)
    return found


def _pauses(measure: Measure, adult: Adult, planned: set[int]) -> dict[int, str]:
    """Slot -> break. The rest of one that runs, then each that is due, whole and as near as can be to where it was."""
    who, frozen = adult.staff_id, measure.problem.frozen_until
    found: dict[int, str] = {}
    slots = [t for t in range(len(measure.problem.slots)) if (who, t) in measure.before]
    for pause in sorted(adult.breaks, key=lambda pause: (pause.start, pause.break_id)):
        mine = [t for t in slots if measure.before[who, t].break_id == pause.break_id]
        taken = [t for t in mine if t < frozen]
        if taken and taken[-1] == frozen - 1:
            t = frozen
            while t < taken[0] + pause.slots and t in planned:
                found[t] = pause.break_id
                t += 1
        elif not taken and (who, pause.break_id) in measure.due:
            start = _start(measure, pause, planned - found.keys(), mine)
            if start is not None:
                found |= dict.fromkeys(range(start, start + pause.slots), pause.break_id)
    return found


def _start(measure: Measure, pause: Break, free: set[int], wanted: Sequence[int]) -> int | None:
    due_by = pause.end - pause.slots
    day = next(day for day in measure.problem.days if day.start <= due_by < day.end)
    possible = [
        t
        for t in free
        if max(day.start, pause.start) <= t and t + pause.slots <= day.end and free >= set(range(t, t + pause.slots))
    ]
    first = wanted[0] if wanted else pause.start
    return min(possible, key=lambda t: (max(0, t - due_by), abs(t - first), t), default=None)


def _settle(problem: Problem, found: dict[int, Spot], planned: Sequence[int]) -> None:
    """Time for the walk before a room in another wing; stays shorter than the least become time in no room."""
    wings = {room.room_id: room.wing for room in problem.rooms}
    held: str | None = None
    left: tuple[str | None, int] = (None, 0)
    for t in planned:
        if t - 1 not in found or not problem.joined(t):
            held, left = None, (None, 0)
        elif t == planned[0]:
            held, left = _held_before(problem, found, t)
        spot = found[t]
        if spot.state == "break":
            continue
        if spot.room_id is not None and spot.room_id != held:
            lost = 0 if left[0] is None else lost_slots(problem, wings[left[0]], wings[spot.room_id])
            on_the_way = left[0] is not None and t - left[1] - 1 < lost
            if on_the_way or not _long_enough(problem, found, t):
                found[t] = spot = _IDLE
        held = spot.room_id
        if held is not None:
            left = (held, t)


def _held_before(problem: Problem, found: Mapping[int, Spot], slot: int) -> tuple[str | None, tuple[str | None, int]]:
    t = slot - 1
    while t in found and found[t].state == "break" and problem.joined(t):
        t -= 1
    room_id = found[t].room_id if t in found else None
    return room_id, (room_id, t)


def _long_enough(problem: Problem, found: Mapping[int, Spot], start: int) -> bool:
    """Whether the stay that begins here lasts its least time, or to the end of work."""
    for t in range(start + 1, start + problem.house.min_stay_slots):
        if t not in found or not problem.joined(t) or any(day.start == t for day in problem.days):
            return True
        if found[t] != found[start]:
            return False
    return True

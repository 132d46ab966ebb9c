"""The independent checker: is this plan an answer to this problem? It shares no code with the model or the planners.

`check` returns one sentence per fault; an empty list accepts the plan. No plan is stored or shown without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from optimizer.measure import Measure, Run
from optimizer.plan import GOALS, Plan
from optimizer.problem import Adult, Problem
from optimizer.walking import lost_slots

_TOLERANCE = 1e-3


def check(problem: Problem, plan: Plan) -> list[str]:
    """Faults of the plan, in words; none: accepted."""
    if plan.problem_hash != problem.input_hash or plan.center_id != problem.center_id:
        return ["the plan answers another problem: its hash differs"]
    faults = list(_references(problem, plan))
    if faults:
        return faults
    measure = Measure(problem, plan)
    for rule in (_facts, _work, _rooms, _breaks, _stays, _walks, _combinations, _reports, _goals):
        faults += rule(measure)
    return faults


def _references(problem: Problem, plan: Plan) -> Iterator[str]:
    staff = {adult.staff_id for adult in problem.staff}
    rooms = {room.room_id for room in problem.rooms}
    taken: set[tuple[str, int]] = set()
    for item in plan.assignments:
        if item.staff_id not in staff or (item.room_id is not None and item.room_id not in rooms):
            yield f"unknown adult or room in the assignment of {item.staff_id} from slot {item.start}"
        if (item.state == "room") != (item.room_id is not None):
            yield f"{item.staff_id} from slot {item.start}: '{item.state}' does not go with room {item.room_id}"
        if item.end > len(problem.slots):
            yield f"{item.staff_id} is planned beyond the last slot"
        span = {(item.staff_id, t) for t in range(item.start, item.end)}
        if span & taken:
            yield f"{item.staff_id} is in two places in slot {min(t for _, t in span & taken)}"
        taken |= span


def _facts(measure: Measure) -> Iterator[str]:
    problem = measure.problem
    for adult in problem.staff:
        for t in range(problem.frozen_until):
            fact, place = measure.before.get((adult.staff_id, t)), measure.at[adult.staff_id].get(t)
            if (fact is None) != (place is None) or (
                fact and place and (fact.state, fact.room_id) != (place.state, place.room_id)
            ):
                yield f"{adult.staff_id}: slot {t} is a fact and was changed"


def _work(measure: Measure) -> Iterator[str]:
    """Everybody is placed exactly when at work; moved shifts stay within what was allowed."""
    problem = measure.problem
    plan = measure.plan
    for adult in problem.staff:
        expected = measure.work[adult.staff_id]
        for change in (change for change in plan.shift_changes if change.staff_id == adult.staff_id):
            was, now = (set(range(span.start, span.end)) for span in (change.was, change.becomes))
            if not was <= expected:
                yield f"{adult.staff_id}: the shift changed at slot {change.was.start} is not scheduled so"
            expected = (expected - was) | now
            yield from _shift_change(adult, was, now)
        placed = set(measure.at[adult.staff_id])
        if placed != expected:
            odd, empty = sorted(placed - expected)[:5], sorted(expected - placed)[:5]
            yield f"{adult.staff_id}: placed but not at work in slots {odd}, at work but not placed in {empty}"
        if any(change.staff_id == adult.staff_id for change in plan.shift_changes):
            yield from _limits(problem, adult, expected)


def _shift_change(adult: Adult, was: set[int], now: set[int]) -> Iterator[str]:
    shift = next((s for s in adult.shifts if s.end == max(was) + 1), None)
    if shift is None:
        yield f"{adult.staff_id}: no shift ends at slot {max(was) + 1}"
        return
    start, end = min(now) - min(was), max(now) - max(was)
    if not -shift.may_start_earlier <= start <= shift.may_start_later:
        yield f"{adult.staff_id}: the start of the shift may not move by {start} slots"
    if not -shift.may_end_earlier <= end <= shift.may_end_later:
        yield f"{adult.staff_id}: the end of the shift may not move by {end} slots"
    gone = {t for span in adult.absences for t in range(span.start, span.end)}
    open_to = {t for span in adult.available for t in range(span.start, span.end)}
    if now & gone or (adult.available and (now - was) - open_to):
        yield f"{adult.staff_id}: the moved shift lies outside the availability"


def _limits(problem: Problem, adult: Adult, work: set[int]) -> Iterator[str]:
    hours = problem.slot_minutes / 60
    if len(work) * hours + adult.hours_before > adult.max_hours_week + 1e-9:
        yield f"{adult.staff_id}: more than {adult.max_hours_week:g} hours in the week"
    ended = None
    for day in problem.days:
        today = [t for t in sorted(work) if day.start <= t < day.end]
        if not today:
            continue
        if len(today) * hours > adult.max_hours_day + 1e-9:
            yield f"{adult.staff_id}: more than {adult.max_hours_day:g} hours on {day.day}"
        fresh = not (today[0] - 1 in work and problem.joined(today[0]))
        planned = fresh and today[0] >= problem.frozen_until
        if ended and planned and problem.slots[today[0]] - ended < timedelta(hours=adult.rest_hours):
            yield f"{adult.staff_id}: less than {adult.rest_hours:g} hours of rest before {day.day}"
        ended = problem.slots[today[-1]] + timedelta(minutes=problem.slot_minutes)


def _rooms(measure: Measure) -> Iterator[str]:
    """Movers are where they may be; who never moves is at home, on a break, or idle because home is closed to them."""
    problem = measure.problem
    for who, places in measure.at.items():
        adult = measure.adults[who]
        for t, place in places.items():
            if t < problem.frozen_until:
                continue
            if measure.moves(adult):
                if place.room_id is not None and not measure.may_be(adult, place.room_id, t):
                    yield f"{who} may not be in {place.room_id} in slot {t}: not qualified, closed or forbidden"
                if not adult.can_move and place.room_id not in (None, adult.home_room_id, *measure.words(who, t)):
                    yield f"{who} is not movable, and nobody has said that they be in {place.room_id} in slot {t}"
            elif place.room_id not in (None, adult.home_room_id):
                yield f"{who} never leaves {adult.home_room_id}, but is in {place.room_id} in slot {t}"
            elif place.state == "idle" and adult.home_room_id and measure.may_be(adult, adult.home_room_id, t):
                yield f"{who} is idle in slot {t} and could be in {adult.home_room_id}"


def _breaks(measure: Measure) -> Iterator[str]:
    """Whole, unbroken, inside the window; else reported as missed or late."""
    problem = measure.problem
    plan = measure.plan
    reported = {(issue.kind, issue.staff_id) for issue in plan.issues}
    lengths = {(adult.staff_id, p.break_id): p for adult in problem.staff for p in adult.breaks}
    for key, slots in measure.breaks_taken.items():
        if slots[-1] < problem.frozen_until:
            continue
        pause = lengths.get(key)
        if pause is None or slots != list(range(slots[0], slots[0] + len(slots))):
            yield f"{key[0]}: the break {key[1]} is unknown or in pieces"
        elif slots[0] >= problem.frozen_until and (len(slots) != pause.slots or key not in measure.due):
            yield f"{key[0]}: the break {key[1]} takes {len(slots)} slots, not {pause.slots}, or was not due"
        elif slots[0] >= problem.frozen_until and slots[0] < pause.start:
            yield f"{key[0]}: the break {key[1]} begins before its window"
    for who, name in measure.missed_breaks:
        if ("missed_break", who) not in reported:
            yield f"{who}: the break {name} is missed and not reported"
    for who, name in measure.late_breaks:
        if ("late_break", who) not in reported:
            yield f"{who}: the break {name} is late and not reported"


def _stays(measure: Measure) -> Iterator[str]:
    problem = measure.problem
    least = problem.house.min_stay_slots
    for run, start, room, _ in measure.arrivals:
        if not measure.moves(run.adult):
            continue
        for t in range(start, min(start + least, run.end)):
            if measure.at[run.adult.staff_id][t].room_id != room:
                yield f"{run.adult.staff_id} comes into {room} in slot {start} and leaves before {least} slots are over"
                break


def _walks(measure: Measure) -> Iterator[str]:
    problem = measure.problem
    wing = {room.room_id: room.wing for room in problem.rooms}
    if len(set(wing.values())) < 2:
        return
    last: dict[int, tuple[Run, int, str]] = {}
    for run in measure.runs:
        if run.held is not None:
            last[id(run)] = (run, run.was_at, run.held)
        for t in range(run.start, run.end):
            room = measure.at[run.adult.staff_id][t].room_id
            if room is None:
                continue
            if id(run) in last:
                _, left, held = last[id(run)]
                needs = lost_slots(problem, wing[held], wing[room])
                if room != held and t - left - 1 < needs and measure.moves(run.adult):
                    yield f"{run.adult.staff_id} walks from {held} to {room} before slot {t}, which takes {needs} slots"
            last[id(run)] = (run, t, room)


def _combinations(measure: Measure) -> Iterator[str]:
    problem = measure.problem
    plan = measure.plan
    seen: set[tuple[str, int]] = set()
    for chosen in plan.combined:
        item = next(
            (
                c
                for c in problem.combinations
                if c.rooms == chosen.rooms and c.start <= chosen.start and chosen.end <= c.end
            ),
            None,
        )
        if item is None or chosen.start < problem.frozen_until:
            yield f"the rooms {', '.join(chosen.rooms)} may not be combined from slot {chosen.start} to {chosen.end}"
        elif chosen.end - chosen.start < item.min_slots and chosen.end < _window_end(problem, item.end, chosen.start):
            yield f"the rooms {', '.join(chosen.rooms)} are combined for less than {item.min_slots} slots"
        span = {(room, t) for room in chosen.rooms for t in range(chosen.start, chosen.end)}
        if span & seen:
            yield f"a room is in two combinations at slot {min(t for _, t in span & seen)}"
        seen |= span


def _window_end(problem: Problem, end: int, slot: int) -> int:
    return min(end, next(day.end for day in problem.days if day.start <= slot < day.end))


def _reports(measure: Measure) -> Iterator[str]:
    """Every shortage and every unmet lock is told, and none that is not there."""
    problem = measure.problem
    plan = measure.plan
    told = {(short.room_id, short.slot): short.expected for short in plan.shortages}
    for key, expected in measure.expected_shortages.items():
        if abs(told.pop(key, 0.0) - expected) > _TOLERANCE:
            yield f"the shortage in {key[0]}, slot {key[1]} is {expected:.3f}; the plan says otherwise"
    if told:
        yield f"the plan reports shortages that are not there: {sorted(told)[:3]}"
    unmet = {problem.locks[index].staff_id for index, _ in (*measure.unmet_locks, *measure.idle_locks)}
    if unmet - {issue.staff_id for issue in plan.issues if issue.kind == "lock"}:
        yield f"locks of {sorted(unmet)} are unmet and not reported"


def _goals(measure: Measure) -> Iterator[str]:
    plan = measure.plan
    values = measure.goals()
    if tuple(goal.name for goal in plan.goals) != GOALS:
        yield f"the goals must be {GOALS}, in this order"
        return
    for goal in plan.goals:
        if abs(goal.value - values[goal.name]) > _TOLERANCE * max(1.0, abs(values[goal.name])):
            yield f"the goal {goal.name} is {values[goal.name]:.4f}, the plan says {goal.value:.4f}"
        if goal.bound is not None and goal.bound > goal.value + _TOLERANCE:
            yield f"the bound of {goal.name} is above its value"

"""The part of a day still to be planned: stretches of work, breaks due, where everybody comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from optimizer.plan import Issue
from optimizer.problem import Adult, Break, Day, Problem, Shift
from optimizer.work import Work, mask_of

LATE_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Unbroken work of one adult in one day, [start, end), and how far each end may be moved."""

    start: int
    end: int
    earliest_start: int
    latest_start: int
    earliest_end: int
    latest_end: int
    longest: int  # slots

    @property
    def flexible(self) -> bool:
        return (self.earliest_start, self.earliest_end) != (self.latest_start, self.latest_end)


def fixed(start: int, end: int) -> Stretch:
    """Work of which neither end may be moved."""
    return Stretch(start, end, start, start, end, end, end - start)


@dataclass(frozen=True, slots=True)
class Pause:
    """A break that is due this day, and the slots at which it may start."""

    staff_id: str
    break_id: str
    slots: int
    starts: tuple[int, ...]
    due_by: int  # last start inside the window; later ones are late


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an adult is as the planned part of the day begins: in a room or idle; on a break until `busy_until`."""

    room_id: str | None
    busy_until: int


@dataclass(frozen=True, slots=True)
class Place:
    """One slot of one adult. room: counts there; break: of that id; idle: at work in no room."""

    state: str
    room_id: str | None = None
    break_id: str | None = None


@dataclass(slots=True)
class Carry:
    """What facts and earlier days have decided: places by slot, slots worked beyond the schedule, ends of work."""

    places: dict[str, dict[int, Place]] = field(default_factory=dict)
    extra: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)  # end slot of the last stretch worked


@dataclass(frozen=True, slots=True)
class DayRoster:
    day: Day
    first: int  # first slot still to be planned
    stretches: Mapping[str, tuple[Stretch, ...]]
    pauses: tuple[Pause, ...]
    origins: Mapping[str, Origin]
    hopeless: tuple[Issue, ...]  # breaks that can no longer be taken

    @property
    def slots(self) -> range:
        return range(self.first, self.day.end)


def day_roster(problem: Problem, work: Work, index: int, carry: Carry) -> DayRoster:
    """The part of a day that is still to be planned."""
    day = problem.days[index]
    first = max(day.start, min(problem.frozen_until, day.end))
    stretches, pauses, hopeless = {}, [], []
    origins = {}
    for adult in sorted(problem.staff, key=lambda adult: adult.staff_id):
        found = _stretches(problem, work, adult, day, first, carry)
        if not found:
            continue
        stretches[adult.staff_id] = found
        origin = _origin(problem, work, adult, first, carry)
        if origin:
            origins[adult.staff_id] = origin
        for pause in sorted(adult.breaks, key=lambda pause: pause.break_id):
            if _day_of_break(problem, work, adult, pause) != index or _taken(work, adult, pause):
                continue
            planned = _pause(adult, pause, found, first, origin)
            if planned:
                pauses.append(planned)
            else:
                text = f"the break {pause.break_id} of {adult.name or adult.staff_id} can no longer be taken this day"
                hopeless.append(Issue(kind="missed_break", staff_id=adult.staff_id, slot=first, text=text))
    return DayRoster(day, first, stretches, tuple(pauses), origins, tuple(hopeless))


def _stretches(problem: Problem, work: Work, adult: Adult, day: Day, first: int, carry: Carry) -> tuple[Stretch, ...]:
    worked = work.at_work[adult.staff_id]
    runs: list[tuple[int, int]] = []
    for slot in range(first, day.end):
        if worked[slot] and runs and runs[-1][1] == slot and problem.joined(slot):
            runs[-1] = (runs[-1][0], slot + 1)
        elif worked[slot]:
            runs.append((slot, slot + 1))
    if len(runs) == 1 and (shift := _movable_shift(adult, day, first, runs[0])):
        return (_flexible(problem, work, adult, day, shift, carry, first),)
    return tuple(fixed(a, b) for a, b in runs)


def _movable_shift(adult: Adult, day: Day, first: int, run: tuple[int, int]) -> Shift | None:
    """The one shift behind the run, if it is whole (but for its frozen part) and may be moved."""
    here = [shift for shift in adult.shifts if shift.start < day.end and day.start < shift.end]
    if len(here) != 1:
        return None
    shift = here[0]
    whole = shift.end == run[1] and max(shift.start, first) == run[0] and shift.start >= day.start
    moves = shift.may_start_earlier + shift.may_start_later + shift.may_end_earlier + shift.may_end_later
    return shift if whole and moves and shift.end <= day.end else None


def _flexible(problem: Problem, work: Work, adult: Adult, day: Day, shift: Shift, carry: Carry, first: int) -> Stretch:
    worked = work.at_work[adult.staff_id]
    inside = mask_of(len(problem.slots), adult.available or [day], adult.absences)
    start, end = max(shift.start, first), shift.end
    scheduled = sum(worked)
    budget = _whole_slots(problem, adult.max_hours_week - adult.hours_before) - scheduled
    budget -= carry.extra.get(adult.staff_id, 0)
    budget = min(budget, _whole_slots(problem, adult.max_hours_day) - sum(worked[day.start : day.end]))
    earliest, latest = start, end
    if shift.start >= first:
        lowest = max(first, shift.start - shift.may_start_earlier, _rested_from(problem, adult, carry, day, first))
        while earliest > lowest and inside[earliest - 1] and problem.joined(earliest):
            earliest -= 1
    highest = min(day.end, shift.end + shift.may_end_later, _must_end_by(problem, work, adult, day))
    while latest < highest and inside[latest] and problem.joined(latest):
        latest += 1
    goes_on = end == day.end < len(worked) and worked[end] and problem.joined(end)  # a gap there would need a rest
    earliest_end = end if goes_on else max(earliest + 1, end - shift.may_end_earlier)
    continues = shift.start < first or (first == start and problem.joined(first) and worked[first - 1])
    latest_start = start if continues else min(start + shift.may_start_later, latest - 1)
    longest = end - start + max(0, budget)
    return Stretch(start, end, earliest, latest_start, earliest_end, latest, longest)


def _whole_slots(problem: Problem, hours: float) -> int:
    return int((hours + 1e-9) / problem.slot_hours)


def _rested_from(problem: Problem, adult: Adult, carry: Carry, day: Day, first: int) -> int:
    """The first slot of the day at which the rest since the last work is over."""
    length = timedelta(minutes=problem.slot_minutes)
    ended = adult.last_end
    if adult.staff_id in carry.ends:
        ended = problem.slots[carry.ends[adult.staff_id] - 1] + length
    if ended is None:
        return first
    free = ended + timedelta(hours=adult.rest_hours)
    return next((slot for slot in range(first, day.end) if problem.slots[slot] >= free), day.end)


def _must_end_by(problem: Problem, work: Work, adult: Adult, day: Day) -> int:
    """The last end of work that leaves the rest before the next scheduled slot of a later day."""
    worked = work.at_work[adult.staff_id]
    following = next((slot for slot in range(day.end, len(worked)) if worked[slot]), None)
    if following is None:
        return day.end
    limit = problem.slots[following] - timedelta(hours=adult.rest_hours)
    length = timedelta(minutes=problem.slot_minutes)
    return next(
        (slot for slot in range(day.end, day.start, -1) if problem.slots[slot - 1] + length <= limit), day.start
    )


def _origin(problem: Problem, work: Work, adult: Adult, first: int, carry: Carry) -> Origin | None:
    """The room before the first slot; of a break, the room it was taken out of, so that going back is no change."""
    places = carry.places.get(adult.staff_id, {})
    slot = first - 1
    if not problem.joined(first) or slot not in places:
        return None
    while slot in places and places[slot].state == "break":
        slot = slot - 1 if problem.joined(slot) else -1
    room_id = places[slot].room_id if slot in places else None
    return Origin(room_id, _break_ends(work, adult, first))


def facts_of(work: Work) -> Carry:
    """What is decided before anything is planned."""
    places = {
        who: {slot: Place(fact.state, fact.room_id, fact.break_id) for slot, fact in facts.items()}
        for who, facts in work.facts.items()
    }
    ends = {who: max(found) + 1 for who, found in places.items() if found}
    return Carry(places, {}, ends)


def _break_ends(work: Work, adult: Adult, first: int) -> int:
    """End of the break that runs as the plan begins, else `first`."""
    fact = work.facts[adult.staff_id].get(first - 1)
    pause = next((p for p in adult.breaks if fact and fact.state == "break" and p.break_id == fact.break_id), None)
    if pause is None:
        return first
    began = first
    while (earlier := work.facts[adult.staff_id].get(began - 1)) and earlier.break_id == pause.break_id:
        began -= 1
    end = first
    worked = work.at_work[adult.staff_id]
    while end < min(began + pause.slots, len(worked)) and worked[end]:
        end += 1
    return end


def _day_of_break(problem: Problem, work: Work, adult: Adult, pause: Break) -> int | None:
    """The first day on which the adult is at work for at least the break's length inside its window; None: not due."""
    worked = work.at_work[adult.staff_id]
    for index, day in enumerate(problem.days):
        if sum(worked[max(pause.start, day.start) : max(0, min(pause.end, day.end))]) >= pause.slots:
            return index
    return None


def _taken(work: Work, adult: Adult, pause: Break) -> bool:
    return any(fact.break_id == pause.break_id for fact in work.facts[adult.staff_id].values())


def _pause(
    adult: Adult, pause: Break, stretches: tuple[Stretch, ...], first: int, origin: Origin | None
) -> Pause | None:
    begin = max(first, origin.busy_until if origin else first)
    possible = [
        slot
        for stretch in stretches
        for slot in range(max(begin, stretch.earliest_start), stretch.latest_end - pause.slots + 1)
    ]
    due_by = pause.end - pause.slots
    starts = [slot for slot in possible if pause.start <= slot <= due_by]
    starts = starts or [slot for slot in possible if slot > due_by][:LATE_CHOICES]
    return Pause(adult.staff_id, pause.break_id, pause.slots, tuple(starts), due_by) if starts else None

"""What a plan is worth, read from its assignments alone; shares no code with the model or the planners."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from math import inf

from optimizer.plan import Plan
from optimizer.problem import Adult, Assignment, Combination, Problem


@dataclass(frozen=True)
class Run:
    """Unbroken work of an adult in one day from the first planned slot, [start, end), and the room held before."""

    adult: Adult
    start: int
    end: int
    continues: bool
    held: str | None
    was_at: int  # last slot in that room


class Measure:
    """Goal values and head counts of a plan of a problem."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        self.plan = plan
        self.adults = {adult.staff_id: adult for adult in problem.staff}
        self.at: dict[str, dict[int, Assignment]] = defaultdict(dict)
        for item in plan.assignments:
            for slot in range(item.start, item.end):
                self.at[item.staff_id][slot] = item
        self.before = {(item.staff_id, t): item for item in problem.current for t in range(item.start, item.end)}
        self.planned = range(problem.frozen_until, len(problem.slots))

    def goals(self) -> dict[str, float]:
        """Value by goal, in the units of `plan.Goal`; facts before `frozen_until` count for fairness alone."""
        return {
            "obligations": float(len(self.missed_breaks) + len(self.unmet_locks)),
            "shortage": sum(self.severity(room, t) * short for (room, t), short in self.expected_shortages.items()),
            "haste": float(self.hasty_windows + sum(self.late_breaks.values())),
            "cost": sum(change.cost for change in self.plan.shift_changes),
            "disruption": float(self.disruption),
            "fairness": sum(hours**2 for hours in self.duty_hours.values()),
        }

    def may_be(self, adult: Adult, room_id: str, slot: int) -> bool:
        """Qualified, room open, not forbidden."""
        who, barred = adult.staff_id, self._barred
        if barred and not barred.isdisjoint({(room_id, slot), (who, None, slot), (who, room_id, slot)}):
            return False
        return adult.rooms is None or room_id in adult.rooms

    @cached_property
    def _barred(self) -> set[tuple[str | int | None, ...]]:
        """Closed rooms as (room, slot), forbidden places as (staff, room or None, slot)."""
        closed = {(r.room_id, t) for r in self.problem.rooms for span in r.closed for t in range(span.start, span.end)}
        return closed | {(f.staff_id, f.room_id, t) for f in self.problem.forbids for t in range(f.start, f.end)}

    def severity(self, room_id: str, slot: int) -> float:
        joined = self.joined_over.get((room_id, slot))
        names = joined.rooms if joined else (room_id,)
        return max(room.severity for room in self.problem.rooms if room.room_id in names)

    @cached_property
    def joined_over(self) -> dict[tuple[str, int], Combination]:
        """Room and slot -> the combination in force; its shortage stands under its first room."""
        found = {}
        for chosen in self.plan.combined:
            item = next(
                (
                    c
                    for c in self.problem.combinations
                    if c.rooms == chosen.rooms and c.start <= chosen.start and chosen.end <= c.end
                ),
                None,
            )
            if item:
                found.update({(room, t): item for room in item.rooms for t in range(chosen.start, chosen.end)})
        return found

    @cached_property
    def counts(self) -> dict[tuple[str, int], int]:
        """Adults who count, by room and planned slot; of combined rooms under the first."""
        found: dict[tuple[str, int], int] = defaultdict(int)
        for who, places in self.at.items():
            adult = self.adults[who]
            for slot, place in places.items():
                if (
                    place.room_id is None
                    or slot < self.problem.frozen_until
                    or not self.may_be(adult, place.room_id, slot)
                ):
                    continue
                joined = self.joined_over.get((place.room_id, slot))
                if joined is None:
                    found[place.room_id, slot] += 1
                elif all(adult.rooms is None or room in adult.rooms for room in joined.rooms):
                    found[joined.rooms[0], slot] += 1
        return found

    def required(self, room_id: str, slot: int) -> Sequence[int]:
        """Per scenario; zero for a room that is combined under another."""
        joined = self.joined_over.get((room_id, slot))
        if joined is None:
            return self._apart[room_id][slot]
        if joined.rooms[0] != room_id:
            return [0] * len(self.problem.scenarios)
        return [joined.required[str(s)][slot - joined.start] for s in range(len(self.problem.scenarios))]

    @cached_property
    def _apart(self) -> dict[str, list[tuple[int, ...]]]:
        """By room and slot, per scenario, while no room is combined."""
        scenarios = self.problem.scenarios
        return {
            room.room_id: list(zip(*(scenario.required[room.room_id] for scenario in scenarios), strict=True))
            for room in self.problem.rooms
        }

    @cached_property
    def expected_shortages(self) -> dict[tuple[str, int], float]:
        """Expected number of adults missing, where there is any."""
        found = {}
        for room in self.problem.rooms:
            for t in self.planned:
                count, required = self.counts.get((room.room_id, t), 0), self.required(room.room_id, t)
                if max(required) <= count:
                    continue
                short = sum(
                    scenario.weight * max(0, number - count)
                    for scenario, number in zip(self.problem.scenarios, required, strict=True)
                )
                if short > 1e-12:
                    found[room.room_id, t] = short
        return found

    def moves(self, adult: Adult) -> bool:
        return adult.can_move or adult.staff_id in self._locked_away

    def words(self, staff_id: str, slot: int) -> list[str | None]:
        """Where the director has said that the adult be in the slot."""
        locks = self.problem.locks
        return [word.room_id for word in locks if word.staff_id == staff_id and word.start <= slot < word.end]

    @cached_property
    def _locked_away(self) -> set[str]:
        return {w.staff_id for w in self.problem.locks if w.room_id != self.adults[w.staff_id].home_room_id}

    @cached_property
    def _joins(self) -> list[bool]:
        """By slot: does it follow its predecessor without a gap?"""
        return [self.problem.joined(slot) for slot in range(len(self.problem.slots))]

    @cached_property
    def runs(self) -> list[Run]:
        found = []
        for who, places in sorted(self.at.items()):
            for day in self.problem.days:
                first = max(day.start, self.problem.frozen_until)
                slots = [t for t in range(first, day.end) if t in places]
                starts = [t for t in slots if t - 1 not in places or t == first or not self._joins[t]]
                for start in starts:
                    end = start
                    while end < day.end and end in places and (end == start or self._joins[end]):
                        end += 1
                    found.append(self._run(self.adults[who], start, end))
        return found

    def _run(self, adult: Adult, start: int, end: int) -> Run:
        places = self.at[adult.staff_id]
        continues = self._joins[start] and start - 1 in places
        slot = start - 1
        while continues and slot in places and places[slot].state == "break":
            slot = slot - 1 if self._joins[slot] else -1
        held = places[slot].room_id if continues and slot in places else None
        return Run(adult, start, end, continues, held, slot)

    @cached_property
    def arrivals(self) -> list[tuple[Run, int, str, bool]]:
        """Run, slot, room, and whether it is a change of room (the first room of fresh work is none)."""
        found = []
        for run in self.runs:
            held = run.held
            places = self.at[run.adult.staff_id]
            for t in range(run.start, run.end):
                place = places[t]
                if place.state == "break":
                    continue
                if place.room_id is not None and place.room_id != held:
                    found.append((run, t, place.room_id, run.continues or t > run.start))
                held = place.room_id
        return found

    @cached_property
    def hasty_windows(self) -> int:
        width = self.problem.house.change_window_slots
        changes: dict[int, list[int]] = defaultdict(list)
        for run, t, _, change in self.arrivals:
            if change and self.moves(run.adult):
                changes[id(run)].append(t)
        hasty = 0
        for run in self.runs:
            mine = changes.get(id(run), ())
            if len(mine) > 1:
                hasty += sum(max(0, sum(s <= t < s + width for t in mine) - 1) for s in range(run.start, run.end))
        return hasty

    @cached_property
    def breaks_taken(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for who, places in self.at.items():
            for t in sorted(places):
                item = places[t]
                if item.state == "break" and item.break_id:
                    found[who, item.break_id].append(t)
        return found

    @cached_property
    def missed_breaks(self) -> list[tuple[str, str]]:
        """Breaks due (so many scheduled slots of work in the window on one day) and not taken."""
        return sorted(key for key in self.due if key not in self.breaks_taken)

    @cached_property
    def late_breaks(self) -> dict[tuple[str, str], int]:
        """Slots by which breaks that start in the plan are late."""
        found = {}
        for key, due_by in self.due.items():
            start = self.breaks_taken.get(key, [-1])[0]
            if start >= self.problem.frozen_until and start > due_by:
                found[key] = start - due_by
        return found

    @cached_property
    def work(self) -> dict[str, set[int]]:
        """The slots of legal scheduled work by adult."""
        return {adult.staff_id: _scheduled_work(self.problem, adult) for adult in self.problem.staff}

    @cached_property
    def due(self) -> dict[tuple[str, str], int]:
        """(staff, break) -> last start inside the window."""
        found = {}
        for adult in self.problem.staff:
            work = self.work[adult.staff_id]
            for pause in adult.breaks:
                for day in self.problem.days:
                    inside = [t for t in range(max(pause.start, day.start), min(pause.end, day.end)) if t in work]
                    if len(inside) >= pause.slots and day.end > self.problem.frozen_until:
                        found[adult.staff_id, pause.break_id] = pause.end - pause.slots
                        break
                    if len(inside) >= pause.slots:
                        break
        return found

    @cached_property
    def unmet_locks(self) -> list[tuple[int, int]]:
        """(lock, slot) in which a scheduled adult is not where the director said."""
        found = []
        for index, item in enumerate(self.problem.locks):
            work = self.work[item.staff_id]
            for t in range(max(item.start, self.problem.frozen_until), item.end):
                place = self.at[item.staff_id].get(t)
                if t in work and (place.room_id if place else None) != item.room_id:
                    found.append((index, t))
        return found

    @cached_property
    def idle_locks(self) -> list[tuple[int, int]]:
        """(lock, slot) in which an adult shall be in a room and is not at work."""
        return [
            (index, t)
            for index, item in enumerate(self.problem.locks)
            for t in range(max(item.start, self.problem.frozen_until), item.end)
            if item.room_id and t not in self.at[item.staff_id] and t not in self.work[item.staff_id]
        ]

    @cached_property
    def duty_hours(self) -> dict[str, float]:
        """Float duty by float: the last weeks and this plan."""
        return {
            adult.staff_id: adult.duty_before
            + self.problem.slot_hours * sum(place.state == "room" for place in self.at[adult.staff_id].values())
            for adult in self.problem.staff
            if adult.is_float
        }

    @cached_property
    def disruption(self) -> int:
        """Points of `House`."""
        house = self.problem.house
        points = 0
        for run, _, room, change in self.arrivals:
            if self.moves(run.adult):
                points += house.move_points * change + self._strangeness(run.adult, room)
        points += house.changed_slot_points * sum(
            self._changed(run.adult, t) for run in self.runs for t in range(run.start, run.end)
        )
        for moved in self.plan.shift_changes:
            ends = (moved.was.start != moved.becomes.start) + (moved.was.end != moved.becomes.end)
            points += house.shift_change_points * ends
        return points + house.combine_points * len(self.plan.combined)

    def _strangeness(self, adult: Adult, room: str) -> int:
        if room == adult.home_room_id:
            return 0
        return round(self.problem.house.unfamiliar_points * (1 - adult.familiar.get(room, 0.0)))

    def _changed(self, adult: Adult, slot: int) -> bool:
        place, was = self.at[adult.staff_id][slot], self.before.get((adult.staff_id, slot))
        if place.state == "break":
            return was is not None and was.state != "break" and not self._runs_on(adult, slot)
        if not self.moves(adult):
            return False
        if was is not None:
            return was.state != "break" and was.room_id != place.room_id
        return adult.home_room_id is not None and place.room_id != adult.home_room_id

    def _runs_on(self, adult: Adult, slot: int) -> bool:
        """Is the slot the rest of a break that began before the plan?"""
        name = self.at[adult.staff_id][slot].break_id
        return self.breaks_taken.get((adult.staff_id, name or ""), [inf])[0] < self.problem.frozen_until


def _scheduled_work(problem: Problem, adult: Adult) -> set[int]:
    """Slots of legal scheduled work: facts, then shifts minus absences while hours last and after the rest."""
    facts = {t for item in problem.current if item.staff_id == adult.staff_id for t in range(item.start, item.end)}
    worked = {t for t in facts if t < problem.frozen_until}
    wished = {t for shift in adult.shifts for t in range(shift.start, shift.end)}
    wished -= {t for gone in adult.absences for t in range(gone.start, gone.end)}
    day_of = {t: day.start for day in problem.days for t in range(day.start, day.end)}
    slots_on = Counter(day_of[t] for t in worked)
    hours = problem.slot_minutes / 60
    for t in sorted(t for t in wished if t >= problem.frozen_until):
        today = slots_on[day_of[t]]
        if (today + 1) * hours > adult.max_hours_day + 1e-9:
            continue
        if adult.hours_before + (len(worked) + 1) * hours > adult.max_hours_week + 1e-9:
            continue
        if not today and not (t - 1 in worked and problem.joined(t)) and not _rested(problem, adult, worked, t):
            continue
        worked.add(t)
        slots_on[day_of[t]] += 1
    return worked


def _rested(problem: Problem, adult: Adult, worked: set[int], slot: int) -> bool:
    ended = problem.slots[max(worked)] + timedelta(minutes=problem.slot_minutes) if worked else adult.last_end
    return ended is None or problem.slots[slot] - ended >= timedelta(hours=adult.rest_hours)

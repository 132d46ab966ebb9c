"""Who is at work when: shifts minus absences, cut to the legal hours and rests, overruled by facts.

The rule of the cut: slots are worked in order; a slot beyond the hours of the day or the week, or before the rest is
over, is not worked. Slots before `frozen_until` are facts: worked exactly where `current` places the adult.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from optimizer.plan import Issue
from optimizer.problem import Adult, Assignment, Problem, Span


@dataclass(frozen=True, slots=True)
class Work:
    """at_work[staff_id][slot]; what was cut; the day of each slot; facts[staff_id][slot] before `frozen_until`."""

    at_work: Mapping[str, list[bool]]
    cuts: tuple[Issue, ...]
    facts: Mapping[str, Mapping[int, Assignment]]


def legal_work(problem: Problem) -> Work:
    """The rule of the cut, applied to every adult."""
    facts: dict[str, dict[int, Assignment]] = {adult.staff_id: {} for adult in problem.staff}
    for item in problem.current:
        for slot in range(item.start, min(item.end, problem.frozen_until)):
            facts[item.staff_id][slot] = item
    day_of = [index for index, day in enumerate(problem.days) for _ in range(day.start, day.end)]
    issues: list[Issue] = []
    at_work = {
        adult.staff_id: _worked(problem, adult, facts[adult.staff_id], day_of, issues) for adult in problem.staff
    }
    return Work(at_work, tuple(issues), facts)


def _worked(
    problem: Problem, adult: Adult, facts: Mapping[int, Assignment], day_of: list[int], issues: list[Issue]
) -> list[bool]:
    wanted = mask_of(len(problem.slots), adult.shifts, adult.absences)
    worked = [False] * len(problem.slots)
    per_day = [0] * len(problem.days)
    total, ended, ended_day = 0, adult.last_end, -1
    length, rest = timedelta(minutes=problem.slot_minutes), timedelta(hours=adult.rest_hours)
    for slot, start in enumerate(problem.slots):
        day = day_of[slot]
        if slot < problem.frozen_until:
            worked[slot] = slot in facts
        elif wanted[slot]:
            follows = problem.joined(slot) and worked[slot - 1]
            hours_left = _fits(problem, adult.max_hours_day, per_day[day] + 1) and _fits(
                problem, adult.max_hours_week - adult.hours_before, total + 1
            )
            rested = follows or ended is None or ended_day == day or start >= ended + rest
            worked[slot] = hours_left and rested
            _note_cut(adult, slot, hours_left, rested, issues)
        if worked[slot]:
            per_day[day] += 1
            total += 1
            ended, ended_day = start + length, day
    return worked


def _note_cut(adult: Adult, slot: int, hours_left: bool, rested: bool, issues: list[Issue]) -> None:
    if hours_left and rested:
        return
    kind: Literal["rest_cut", "hours_cut"] = "rest_cut" if hours_left else "hours_cut"
    last = issues[-1] if issues else None
    if last and (last.kind, last.staff_id) == (kind, adult.staff_id) and last.slot >= slot - 96:
        return
    why = "hours are used up" if kind == "hours_cut" else "rest between shifts is not over"
    name = adult.name or adult.staff_id
    issues.append(Issue(kind=kind, staff_id=adult.staff_id, slot=slot, text=f"{name} does not work here: the {why}"))


def _fits(problem: Problem, hours: float, slots: int) -> bool:
    return slots * problem.slot_hours <= hours + 1e-9


def mask_of(size: int, spans: Iterable[Span], holes: Iterable[Span]) -> list[bool]:
    mask = [False] * size
    for span in spans:
        mask[span.start : span.end] = [True] * (span.end - span.start)
    for hole in holes:
        mask[hole.start : hole.end] = [False] * (hole.end - hole.start)
    return mask

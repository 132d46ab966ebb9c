"""From decided days to the document: assignments, changes, shortages, goals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from optimizer.demand import units_per_adult
from optimizer.fairness import least_fairness
from optimizer.measure import Measure
from optimizer.plan import GOALS, Combined, Goal, Issue, Plan, ShiftChange, Shortage
from optimizer.problem import Assignment, Problem, Span
from optimizer.reasons import reasons_for, why_short, why_unmet
from optimizer.roster import Place

if TYPE_CHECKING:
    from optimizer.planner import Days


def assemble(
    problem: Problem, days: Days, status: Literal["optimal", "feasible", "fallback"], method: str, seconds: float
) -> Plan:
    """The plan with its measured goals, bounds, reasons and issues."""
    draft = Plan(
        center_id=problem.center_id,
        label=problem.label,
        problem_hash=problem.input_hash,
        status="feasible",
        method=method,
        seed=problem.seed,
        seconds=round(seconds, 3),
        goals=(),
        assignments=tuple(_assignments(problem, days)),
        shift_changes=tuple(_shift_changes(problem, days)),
        combined=tuple(_combined(problem, days)),
    )
    measure = Measure(problem, draft)
    values = measure.goals()
    bounds = _bounds(problem, days, values)
    goals = tuple(Goal(name=name, value=round(values[name], 6), bound=bounds[name]) for name in GOALS)
    proven = all(goal.gap == 0 for goal in goals[:-1])
    short = tuple(
        Shortage(
            room_id=room,
            slot=t,
            expected=round(expected, 6),
            chance=round(_chance(problem, measure, room, t), 6),
            worst=max(measure.required(room, t)) - measure.counts.get((room, t), 0),
            reason=why_short(measure, room, t),
        )
        for (room, t), expected in sorted(measure.expected_shortages.items(), key=lambda item: (item[0][1], item[0][0]))
    )
    return draft.model_copy(
        update={
            "status": "fallback" if status == "fallback" else "optimal" if proven else "feasible",
            "goals": goals,
            "assignments": reasons_for(problem, measure, draft.assignments),
            "shortages": short,
            "issues": tuple(_issues(problem, days, measure)),
        }
    )


def _assignments(problem: Problem, days: Days) -> list[Assignment]:
    found: list[Assignment] = []
    ends = {day.end for day in problem.days} | {problem.frozen_until}
    for who in sorted(days.carry.places):
        places = days.carry.places[who]
        run: list[int] = []
        for t in sorted(places):
            if run and (t != run[-1] + 1 or places[t] != places[run[0]] or t in ends):
                found.append(_assignment(who, places[run[0]], run))
                run = []
            run.append(t)
        if run:
            found.append(_assignment(who, places[run[0]], run))
    return found


def _assignment(who: str, place: Place, run: list[int]) -> Assignment:
    return Assignment(
        staff_id=who,
        start=run[0],
        end=run[-1] + 1,
        state=place.state,  # type: ignore[arg-type]
        room_id=place.room_id,
        break_id=place.break_id,
    )


def _shift_changes(problem: Problem, days: Days) -> list[ShiftChange]:
    """Moved shifts in order of time; extra slots are dearer once the weekly hours of overtime are reached."""
    adults = {adult.staff_id: adult for adult in problem.staff}
    scheduled = {who: sum(worked) for who, worked in days.work.at_work.items()}
    extra = dict.fromkeys(scheduled, 0)
    changes = []
    for roster, plan in zip(days.rosters, days.plans, strict=True):
        for who, stretches in sorted(plan.shifts.items()):
            was, now = roster.stretches[who], stretches
            if [(s.start, s.end) for s in was] == [(s.start, s.end) for s in now]:
                continue
            adult = adults[who]
            more = max(0, (now[0].end - now[0].start) - (was[0].end - was[0].start))
            limit = int((adult.overtime_after_hours - adult.hours_before + 1e-9) / problem.slot_hours)
            regular = min(more, max(0, limit - scheduled[who] - extra[who]))
            extra[who] += (now[0].end - now[0].start) - (was[0].end - was[0].start)
            cents = round(adult.hourly_cost * problem.slot_hours * 100)
            total = regular * cents + (more - regular) * round(cents * adult.overtime_factor)
            changes.append(
                ShiftChange(
                    staff_id=who,
                    was=Span(start=was[0].start, end=was[0].end),
                    becomes=Span(start=now[0].start, end=now[0].end),
                    cost=total / 100,
                )
            )
    return changes


def _combined(problem: Problem, days: Days) -> list[Combined]:
    found: list[Combined] = []
    for plan in days.plans:
        keys = sorted(plan.combined)
        for index, t in keys:
            rooms = problem.combinations[index].rooms
            if (index, t - 1) in plan.combined and found and found[-1].rooms == rooms and found[-1].end == t:
                found[-1] = Combined(rooms=rooms, start=found[-1].start, end=t + 1)
            else:
                found.append(Combined(rooms=rooms, start=t, end=t + 1))
    return found


def _issues(problem: Problem, days: Days, measure: Measure) -> list[Issue]:
    name = {adult.staff_id: adult.name or adult.staff_id for adult in problem.staff}
    issues = list(days.work.cuts)
    for who, pause in measure.missed_breaks:
        day = next(p for a in problem.staff if a.staff_id == who for p in a.breaks if p.break_id == pause)
        text = f"the break {pause} of {name[who]} finds no place any more"
        issues.append(Issue(kind="missed_break", staff_id=who, slot=day.start, text=text))
    for (who, pause), late in sorted(measure.late_breaks.items()):
        start = measure.breaks_taken[who, pause][0]
        text = f"the break {pause} of {name[who]} starts {late * problem.slot_minutes} minutes late"
        issues.append(Issue(kind="late_break", staff_id=who, slot=start, text=text))
    seen = set()
    for index, t in (*measure.unmet_locks, *measure.idle_locks):
        if index not in seen:
            seen.add(index)
            lock = problem.locks[index]
            place = f"in {lock.room_id}" if lock.room_id else "free"
            text = f"{name[lock.staff_id]} cannot be {place} as asked: {why_unmet(measure, lock, t)}"
            issues.append(Issue(kind="lock", staff_id=lock.staff_id, slot=t, text=text))
    return issues


def _chance(problem: Problem, measure: Measure, room: str, t: int) -> float:
    count = measure.counts.get((room, t), 0)
    numbers = zip(problem.scenarios, measure.required(room, t), strict=True)
    return sum(scenario.weight for scenario, number in numbers if number > count)


def _bounds(problem: Problem, days: Days, values: dict[str, float]) -> dict[str, float]:
    """Bounds add up over the days; no goal is below zero."""
    units = {"shortage": float(units_per_adult(problem)), "cost": 100.0}
    found: dict[str, float] = {}
    for name in GOALS[:-1]:
        bound = sum(day.goals.get(name, 0.0) for day in days.bounds) / units.get(name, 1.0)
        met = values[name] - bound <= 1e-3 + 1e-6 * abs(values[name])
        found[name] = round(values[name], 6) if met else round(bound, 6)
    fair = least_fairness(problem, days.duty_before(), days.able(), sum(day.duty for day in days.bounds))
    found["fairness"] = min(round(fair, 6), round(values["fairness"], 6))
    return found

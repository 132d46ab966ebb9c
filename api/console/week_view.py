"""A week's plan as the page shows it: one day as rows of turns, shortages in words, numbers beside last week's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.time import zone
from evaluator import CenterFacts
from optimizer import Assignment, Plan, Problem
from optimizer.plan import Shortage
from optimizer.problem import Day, Lock

_NAME = re.compile(r"([\w.-]*\w)")  # as the ids of adults are written
_BREAK = re.compile(r"\bbreak \S+-\d{8}-\d+")  # a break by its id
MENTIONED = 0.05  # chance of a shortage from which it is shown
GOAL_WORDS = {  # what each goal is to people, and what its figure counts
    "obligations": ("Breaks and your words", "breaks missed and words not kept, in points"),
    "shortage": ("Nobody missing", "quarter hours an adult is missing, expected; infants count twice"),
    "haste": ("No hurry", "second changes of room within the hour, quarter hours a break is late"),
    "cost": ("Few extra hours", "their cost"),
    "disruption": ("Few changes", "points for moves, unfamiliar rooms, joined rooms"),
    "fairness": ("Fair turns", "squared hours of the floats"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One block of the grid, columns from 1; `start` and `end` are slots of the problem."""

    staff_id: str
    name: str
    room_id: str
    text: str
    hint: str
    lane: int
    first: int
    last: int
    start: int
    end: int
    hue: int
    kind: str  # room | break | idle
    locked: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Columns in which an adult may be missing."""

    first: int
    last: int
    hint: str
    percent: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Columns in which a room is one with others."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    name: str
    lanes: int
    turns: tuple[Turn, ...]
    gaps: tuple[Gap, ...]
    joined: tuple[Joined, ...] = ()


@dataclass(frozen=True, slots=True)
class ShortTime:
    """Neighbouring slots of one room in which somebody may be missing; `slot` is the worst of them. `worst`: most
    adults missing in a course the plan is made for; 0 where it has none missing and only the odds tell of a gap."""

    room_id: str
    slot: int
    day: str
    room: str
    start: str
    end: str
    percent: int
    worst: int
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    what: str
    before: str
    now: str


def named(problem: Problem, plan: Plan, facts: CenterFacts) -> tuple[Problem, Plan]:
    """Both with the names people know each other by, in the plan's reasons too."""
    staff = tuple(adult.model_copy(update={"name": facts.display(adult.staff_id)}) for adult in problem.staff)
    names = {adult.staff_id: adult.name for adult in staff}

    def said(reason: str) -> str:
        return _NAME.sub(lambda found: names.get(found[1], found[0]), _BREAK.sub("break", reason))

    told = {
        "assignments": tuple(each.model_copy(update={"reason": said(each.reason)}) for each in plan.assignments),
        "shortages": tuple(each.model_copy(update={"reason": said(each.reason)}) for each in plan.shortages),
        "issues": tuple(
            each.model_copy(update={"text": f"{_weekday(problem, each.slot)}: {said(each.text)}"})
            for each in plan.issues
        ),
    }
    return problem.model_copy(update={"staff": staff}), plan.model_copy(update=told)


def _weekday(problem: Problem, slot: int) -> str:
    return f"{next((each for each in problem.days if slot < each.end), problem.days[-1]).day:%A}"


def clock(problem: Problem, slot: int) -> str:
    """The local time at which a slot begins (or the one before it ends)."""
    if slot < len(problem.slots) and (slot == 0 or problem.joined(slot)):
        at = problem.slots[slot]
    else:
        at = problem.slots[slot - 1] + timedelta(minutes=problem.slot_minutes)
    return f"{at.astimezone(zone(problem.timezone)):%H:%M}"


def starts(problem: Problem, day: Day) -> list[str]:
    return [clock_of(problem.slots[slot], problem) for slot in range(day.start, day.end)]


def clock_of(at: datetime, problem: Problem) -> str:
    return f"{at.astimezone(zone(problem.timezone)):%H:%M}"


def rows_by_room(problem: Problem, plan: Plan, day: Day) -> list[Row]:
    """Who of those who move is where; the rooms' own staff are where they always are."""
    moving = {adult.staff_id for adult in problem.staff if adult.can_move or adult.on_call}
    away = {adult.staff_id: adult.home_room_id for adult in problem.staff}
    rows = []
    for room in problem.rooms:
        here = [
            each for each in _today(plan, day)
            if each.state == "room" and each.room_id == room.room_id and each.staff_id in moving
            and (away[each.staff_id] != room.room_id or _float(problem, each.staff_id))
        ]  # fmt: skip
        turns, lanes = _turns(problem, day, here)
        joined = _joined(problem, plan, day, room.room_id)
        rows.append(Row(room.room_id, room.name or room.room_id, lanes, turns, gaps(plan, day, room.room_id), joined))
    return rows


def rows_by_person(problem: Problem, plan: Plan, day: Day) -> list[Row]:
    today = _today(plan, day)
    rows = []
    for adult in problem.staff:
        mine = [each for each in today if each.staff_id == adult.staff_id]
        if mine:
            turns, lanes = _turns(problem, day, mine, by_person=True)
            rows.append(Row(adult.staff_id, adult.name or adult.staff_id, lanes, turns, ()))
    return rows


def gaps(plan: Plan, day: Day, room_id: str) -> tuple[Gap, ...]:
    return tuple(
        Gap(
            run[0].slot - day.start + 1, run[-1].slot - day.start + 2,
            f"{_worst_of(run)}chance {max(s.chance for s in run):.0%}. {run[0].reason}",
            round(max(s.chance for s in run) * 100),
        )
        for run in _runs(s for s in plan.shortages if s.room_id == room_id and day.start <= s.slot < day.end)
    )  # fmt: skip


def _worst_of(run: Sequence[Shortage]) -> str:
    worst = max(each.worst for each in run)
    return f"up to {worst} missing, " if worst else ""


def _joined(problem: Problem, plan: Plan, day: Day, room_id: str) -> tuple[Joined, ...]:
    names = {room.room_id: room.name or room.room_id for room in problem.rooms}
    return tuple(
        Joined(
            each.start - day.start + 1, each.end - day.start + 1,
            f"one with {' and '.join(names[other] for other in each.rooms if other != room_id)}",
        )
        for each in plan.combined
        if room_id in each.rooms and day.start <= each.start < day.end
    )  # fmt: skip


def people(problem: Problem, plan: Plan) -> list[tuple[str, str]]:
    """Id and name of everybody the plan has something for."""
    working = {each.staff_id for each in plan.assignments}
    return [(adult.staff_id, adult.name or adult.staff_id) for adult in problem.staff if adult.staff_id in working]


def dates(problem: Problem) -> str:
    first, last = problem.days[0].day, problem.days[-1].day
    return f"{first:%-d %B} to {last:%-d %B %Y}" if first != last else f"{first:%-d %B %Y}"


def short_times(problem: Problem, plan: Plan) -> list[ShortTime]:
    rooms = {room.room_id: room.name or room.room_id for room in problem.rooms}
    found: list[ShortTime] = []
    for day in problem.days:
        today: list[tuple[int, ShortTime]] = []
        for room_id in rooms:
            mine = [s for s in plan.shortages if s.room_id == room_id and day.start <= s.slot < day.end]
            for run in _runs(mine):
                worst = max(run, key=lambda s: (s.expected, s.chance))
                short = ShortTime(
                    room_id, worst.slot, f"{day.day:%A}", rooms[room_id], clock(problem, run[0].slot),
                    clock(problem, run[-1].slot + 1), round(max(s.chance for s in run) * 100),
                    max(s.worst for s in run), worst.reason,
                )  # fmt: skip
                today.append((run[0].slot, short))
        found += [short for _, short in sorted(today, key=lambda each: each[0])]
    return found


def lock_words(problem: Problem, lock: Lock, *, forbid: bool) -> str:
    rooms = {room.room_id: room.name or room.room_id for room in problem.rooms}
    names = {adult.staff_id: adult.name or adult.staff_id for adult in problem.staff}
    day = next(day for day in problem.days if day.start <= lock.start < day.end)
    place = rooms.get(lock.room_id or "", "no room")
    verb = "not in" if forbid else "in"
    span = f"{clock(problem, lock.start)} to {clock(problem, lock.end)}"
    return f"{names.get(lock.staff_id, lock.staff_id)} {verb} {place}, {day.day:%A} {span}"


def compare(now: tuple[Problem, Plan], before: tuple[Problem, Plan] | None) -> list[Compared]:
    """The week in numbers, beside the week before where there is one."""

    def figures(pair: tuple[Problem, Plan]) -> dict[str, str]:
        problem, plan = pair
        hours = problem.slot_hours
        moves = sum(1 for each in plan.assignments if each.state == "room" and _float(problem, each.staff_id))
        return {
            "Expected shortage, adult-hours": f"{sum(s.expected for s in plan.shortages) * hours:.1f}",
            "Turns of floats": str(moves),
            "Float duty, hours": f"{sum(duty(problem, plan).values()):.1f}",
            "Shifts changed": str(len(plan.shift_changes)),
            "Times rooms are combined": str(len(plan.combined)),
            "Breaks missed or late": str(sum(1 for issue in plan.issues if "break" in issue.kind)),
        }

    mine, theirs = figures(now), figures(before) if before else {}
    return [Compared(what, theirs.get(what, "–"), value) for what, value in mine.items()]


def duty(problem: Problem, plan: Plan) -> dict[str, float]:
    """Hours of float duty per person who floats."""
    hours: dict[str, float] = {adult.staff_id: 0.0 for adult in problem.staff if adult.is_float}
    for each in plan.assignments:
        if each.state == "room" and each.staff_id in hours:
            hours[each.staff_id] += (each.end - each.start) * problem.slot_hours
    return hours


def changed(before: Plan, after: Plan) -> int:
    """Slots of adults that differ between two plans of one week."""

    def places(plan: Plan) -> set[tuple[str, int, str, str | None]]:
        return {
            (each.staff_id, slot, each.state, each.room_id)
            for each in plan.assignments
            for slot in range(each.start, each.end)
        }

    return len(places(after) - places(before))


def _today(plan: Plan, day: Day) -> list[Assignment]:
    return [each for each in plan.assignments if day.start <= each.start < day.end]


def _float(problem: Problem, staff_id: str) -> bool:
    adult = problem.adult(staff_id)
    return adult.is_float or adult.on_call or adult.home_room_id is None


def _turns(
    problem: Problem, day: Day, assignments: Sequence[Assignment], *, by_person: bool = False
) -> tuple[tuple[Turn, ...], int]:
    rooms = {room.room_id: (number, room.name or room.room_id) for number, room in enumerate(problem.rooms)}
    people = {adult.staff_id: (number, adult.name or adult.staff_id) for number, adult in enumerate(problem.staff)}
    locks = defaultdict(list)
    for lock in problem.locks:
        locks[lock.staff_id].append(lock)
    busy: list[int] = []
    turns = []
    for each in sorted(assignments, key=lambda a: (a.start, a.staff_id)):
        lane = next((number for number, until in enumerate(busy) if until <= each.start), len(busy))
        busy[lane : lane + 1] = [each.end]
        room_number, room = rooms.get(each.room_id or "", (len(rooms), ""))
        number, name = people[each.staff_id]
        place = {"break": "break", "idle": "free"}.get(each.state, room)
        locked = any(
            k.start < each.end and each.start < k.end and k.room_id == each.room_id for k in locks[each.staff_id]
        )
        span = f"{clock(problem, each.start)} to {clock(problem, each.end)}"
        turns.append(
            Turn(
                each.staff_id, name, each.room_id or "", place if by_person else name,
                f"{name}: {place}, {span}{', locked' if locked else ''}. {each.reason}".strip(), lane,
                each.start - day.start + 1, each.end - day.start + 1, each.start, each.end,
                ((room_number if by_person else number) * 137) % 360, each.state, locked,
            )
        )  # fmt: skip
    return tuple(turns), max(1, len(busy))


def _runs(shortages: Iterable[Shortage]) -> list[list[Shortage]]:
    runs: list[list[Shortage]] = []
    for each in sorted((s for s in shortages if s.chance >= MENTIONED), key=lambda s: s.slot):
        if runs and runs[-1][-1].slot == each.slot - 1 and runs[-1][-1].reason == each.reason:
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs

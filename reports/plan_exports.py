"""A coverage plan as others take it: CSV, calendar per person (ICS), PDF on one page a day, pictures and text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event

from domain.time import Interval, zone
from optimizer import Assignment, Goal, Plan, Problem
from optimizer.problem import Day
from reports.charts import Block, plan_grid
from reports.pdf import Page, write_pdf

MENTIONED = 0.05  # odds of a shortage from which a picture marks it
CSV_COLUMNS = ("date", "start", "end", "staff_id", "name", "doing", "room_id", "room", "reason")


_BETTER = {  # what a plan nearer to the bound of a goal would have
    "obligations": "more breaks and wishes kept",
    "haste": "fewer hurried changes of room",
    "cost": "fewer extra hours",
    "disruption": "fewer moves",
    "fairness": "fairer turns",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One assignment in words and local times."""

    day: date
    start: datetime
    end: datetime
    staff_id: str
    name: str
    doing: str  # room | break | idle
    room_id: str
    room: str
    reason: str


def turns(problem: Problem, plan: Plan) -> list[Turn]:
    """The plan's assignments by (start, name)."""
    tz = zone(problem.timezone)
    names = _names(problem)
    rooms = {room.room_id: room.name or room.room_id for room in problem.rooms}
    found = [
        Turn(
            day=_start(problem, each).astimezone(tz).date(),
            start=_start(problem, each).astimezone(tz),
            end=_end(problem, each).astimezone(tz),
            staff_id=each.staff_id,
            name=names[each.staff_id],
            doing=each.state,
            room_id=each.room_id or "",
            room=rooms.get(each.room_id or "", ""),
            reason=each.reason,
        )
        for each in plan.assignments
    ]
    return sorted(found, key=lambda turn: (turn.start, turn.name, turn.staff_id))


def plan_csv(problem: Problem, plan: Plan) -> str:
    """One row per assignment; local times; columns `CSV_COLUMNS`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for turn in turns(problem, plan):
        row = (
            turn.day.isoformat(), f"{turn.start:%H:%M}", f"{turn.end:%H:%M}", turn.staff_id, turn.name, turn.doing,
            turn.room_id, turn.room, turn.reason,
        )  # fmt: skip
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def plan_ics(problem: Problem, plan: Plan, staff_id: str, made_at: datetime) -> bytes:
    """One person's week as a calendar; an updated plan replaces the entries it made before."""
    calendar = Calendar()
    calendar.add("prodid", "-//Ratiocast//coverage plan//EN")
    calendar.add("version", "2.0")
    for turn in turns(problem, plan):
        if turn.staff_id != staff_id:
            continue
        entry = Event()
        start = turn.start.astimezone(UTC)
        entry.add("uid", f"{plan.label}-{staff_id}-{start:%Y%m%dT%H%M}@ratiocast")
        entry.add("sequence", plan.version)
        entry.add("dtstamp", made_at.astimezone(UTC))
        entry.add("dtstart", start)
        entry.add("dtend", turn.end.astimezone(UTC))
        entry.add("summary", title(turn))
        calendar.add_component(entry)
    return bytes(calendar.to_ical())


def plan_pdf(problem: Problem, plan: Plan) -> bytes:
    """A page per day: who is where when, then what remains short."""
    every = turns(problem, plan)
    pages = []
    for day in problem.days:
        hours = Interval(problem.slots[day.start], problem.slots[day.end - 1] + timedelta(minutes=problem.slot_minutes))
        today = [turn for turn in every if turn.start in hours]  # also those after midnight
        rows = [(f"{t.start:%H:%M} - {t.end:%H:%M}", t.name, title(t), t.reason) for t in today]
        rules = [f"{room.name or room.room_id} by {room.rule}." for room in problem.rooms if room.rule]
        sentences = [f"{len(rows)} assignments; {proof(plan)}.", *rules, *_gaps(problem, plan, day)]
        heading = f"Coverage plan {plan.label}, {day.day:%A %d %B %Y}"
        pages.append(Page(heading, sentences, ("time", "who", "where", "why"), rows))
    return write_pdf(pages, footer=f"Plan {plan.label} version {plan.version}, problem {plan.problem_hash[:12]}")


def plan_picture(problem: Problem, plan: Plan, day_index: int, *, by: str = "room") -> str:
    """One day as SVG: rows are rooms (`by='room'`, shortages hatched) or people (`by='person'`)."""
    day = problem.days[day_index]
    tz = zone(problem.timezone)
    columns = [f"{problem.slots[slot].astimezone(tz):%H:%M}" for slot in range(day.start, day.end)]
    today = [each for each in plan.assignments if day.start <= each.start < day.end]
    draw = _by_person if by == "person" else _by_room
    rows, blocks = draw(problem, plan, today, day)
    return plan_grid(rows, columns, blocks, f"Plan by {by}, {day.day:%A %d %B}")


def title(turn: Turn) -> str:
    return {"break": "Break", "idle": "Free (float)"}.get(turn.doing) or turn.room


def proof(plan: Plan) -> str:
    """What a better plan could still save people, in words; the figures are those of `plan.goals`."""
    how = f"(found in {plan.seconds:.0f} s)"
    if plan.status == "optimal":
        return f"proven, no plan does better on any goal {how}"
    unproven = [goal for goal in plan.goals if goal.gap != 0]
    said = [_less_short(next((goal for goal in unproven if goal.name == "shortage"), None))]
    if perhaps := [_BETTER[goal.name] for goal in unproven if goal.name in _BETTER]:
        said.append(f"one with {' or '.join(filter(None, (', '.join(perhaps[:-1]), perhaps[-1])))} may exist")
    return f"{'; '.join(said)} {how}"


def _less_short(shortage: Goal | None) -> str:
    """`shortage`: the goal where it is not proven best."""
    if shortage is None:
        return "no plan leaves less short"
    if shortage.gap is None:
        return "how much less short a better plan could leave is not known"
    return f"a better plan could leave at most {math.ceil(shortage.gap * 100)} % less short"


def _by_room(problem: Problem, plan: Plan, today: Sequence[Assignment], day: Day) -> tuple[list[str], list[Block]]:
    """Movable adults only: the room's own staff are where they always are."""
    colours = {adult.staff_id: number for number, adult in enumerate(problem.staff) if adult.can_move}
    names = _names(problem)
    rows: list[str] = []
    blocks: list[Block] = []
    for room in problem.rooms:
        here = [each for each in today if each.room_id == room.room_id and each.staff_id in colours]
        lanes = _lanes([each for each in here if each.state == "room"])
        for number, lane in enumerate(lanes):
            for each in lane:
                name = names[each.staff_id]
                place = (len(rows) + number, each.start - day.start, each.end - day.start)
                blocks.append(Block(*place, name, f"{name}. {each.reason}", colours[each.staff_id]))
        for short in plan.shortages:
            if short.room_id == room.room_id and day.start <= short.slot < day.end and short.chance >= MENTIONED:
                worst = f"{short.worst} missing at worst, " if short.worst else ""
                hint = f"{worst}chance {short.chance:.0%}. {short.reason}"
                at = short.slot - day.start
                blocks.append(Block(len(rows), at, at + 1, "!", hint, 0, short=True))
        rows += [room.name or room.room_id] + [""] * (len(lanes) - 1)
    return rows, blocks


def _by_person(problem: Problem, _: Plan, today: Sequence[Assignment], day: Day) -> tuple[list[str], list[Block]]:
    rooms = {room.room_id: (number, room.name or room.room_id) for number, room in enumerate(problem.rooms)}
    other = {"break": "break", "idle": "free"}
    working = {each.staff_id for each in today}
    people = [adult.staff_id for adult in problem.staff if adult.staff_id in working]
    blocks = []
    for each in today:
        colour, text = rooms.get(each.room_id or "", (len(rooms), other.get(each.state, "")))
        place = (people.index(each.staff_id), each.start - day.start, each.end - day.start)
        blocks.append(Block(*place, text, f"{text}. {each.reason}", colour))
    names = _names(problem)
    return [names[person] for person in people], blocks


def _gaps(problem: Problem, plan: Plan, day: Day) -> list[str]:
    tz = zone(problem.timezone)
    rooms = {room.room_id: room.name or room.room_id for room in problem.rooms}
    return [
        f"Short: {rooms[s.room_id]} at {problem.slots[s.slot].astimezone(tz):%H:%M}, chance {s.chance:.0%}. {s.reason}"
        for s in plan.shortages
        if day.start <= s.slot < day.end
    ]


def _names(problem: Problem) -> dict[str, str]:
    return {adult.staff_id: adult.name or adult.staff_id for adult in problem.staff}


def _lanes(assignments: Sequence[Assignment]) -> list[list[Assignment]]:
    """Overlapping assignments side by side: first lane that is free."""
    lanes: list[list[Assignment]] = []
    for each in sorted(assignments, key=lambda a: (a.start, a.staff_id)):
        free = next((lane for lane in lanes if lane[-1].end <= each.start), None)
        if free is None:
            lanes.append([each])
        else:
            free.append(each)
    return lanes


def _start(problem: Problem, assignment: Assignment) -> datetime:
    return problem.slots[assignment.start]


def _end(problem: Problem, assignment: Assignment) -> datetime:
    return problem.slots[assignment.end - 1] + timedelta(minutes=problem.slot_minutes)


def _harmless(cell: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell

"""A call-out solved: the day's problem and plan, what it changes for whom, and the shifts as they would become.

What is asked for and not approved yet is kept in memory (`api.console.callouts`), what was approved in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from api.console.absence import Absence
from domain.people import Segment, Shift
from domain.time import Interval, format_instant
from evaluator import CenterFacts
from optimizer import Assignment, Plan, Problem


@dataclass(frozen=True, slots=True)
class Change:
    """One stretch of one adult's day that is to be different; instants in UTC."""

    staff_id: str
    name: str
    start: datetime
    end: datetime
    was: str
    becomes: str


@dataclass(slots=True)
class CallOut:
    """`outcome` is empty until it was approved; then what became of each shift, in words."""

    call_out_id: str
    center_id: str
    day: date
    staff_id: str
    name: str
    absence: Absence
    basis: tuple[str, ...]  # what demand and plan in force rest on, in words
    problem: Problem
    plan: Plan
    changes: tuple[Change, ...]
    missing_hours_before: float  # adult-hours short because of the absence, if nothing is changed
    missing_hours_after: float
    asked_to_work: tuple[str, ...]  # substitutes to call in and shifts to lengthen, in words
    outcome: list[str] = field(default_factory=list)


def changes_of(problem: Problem, plan: Plan, absent: str) -> tuple[Change, ...]:
    """What is different from the plan in force, by time; the one who is out is not listed."""
    names = {adult.staff_id: adult.name or adult.staff_id for adult in problem.staff}
    rooms = {room.room_id: room.name or room.room_id for room in problem.rooms}
    before, after = _places(problem.current), _places(plan.assignments)
    found: list[Change] = []
    for staff_id in sorted(names):
        if staff_id == absent:
            continue
        run: list[int] = []
        for slot in [*range(len(problem.slots)), None]:
            key = (staff_id, slot)
            differs = (
                slot is not None and before.get(key) != after.get(key) and not _same(before.get(key), after.get(key))
            )
            goes_on = run and slot is not None and differs and slot == run[-1] + 1
            goes_on = goes_on and _pair(before, after, staff_id, slot) == _pair(before, after, staff_id, run[0])
            if run and not goes_on:
                was, becomes = _pair(before, after, staff_id, run[0])
                start = problem.slots[run[0]]
                end = problem.slots[run[-1]] + timedelta(minutes=problem.slot_minutes)
                found.append(Change(staff_id, names[staff_id], start, end, _words(was, rooms), _words(becomes, rooms)))
                run = []
            if differs and slot is not None:
                run.append(slot)
    return tuple(sorted(found, key=lambda change: (change.start, change.name)))


def missing_hours_of(problem: Problem, absent: str) -> float:
    """Expected adult-hours that this absence alone would leave short if nothing is changed."""
    there: dict[tuple[str, int], int] = {}
    gone: set[tuple[str, int]] = set()
    for each in problem.current:
        if each.state == "room" and each.room_id:
            slots = {(each.room_id, slot) for slot in range(max(each.start, problem.frozen_until), each.end)}
            gone |= slots if each.staff_id == absent else set()
            for place in slots:
                there[place] = there.get(place, 0) + 1
    missing = sum(
        scenario.weight for scenario in problem.scenarios for room_id, slot in gone
        if scenario.required[room_id][slot] >= there[room_id, slot]
    )  # fmt: skip
    return round(missing * problem.slot_hours, 2)


def short_hours(problem: Problem, plan: Plan) -> float:
    """Expected adult-hours that remain short under the plan."""
    return round(sum(each.expected for each in plan.shortages) * problem.slot_hours, 2)


def to_ask(problem: Problem, plan: Plan, facts: CenterFacts) -> tuple[str, ...]:
    """Who is to be asked to come, or to work longer: no program changes that by itself."""

    def starts(slot: int) -> str:
        return f"{problem.slots[slot].astimezone(facts.tz):%H:%M}"

    def ends(slot: int) -> str:
        return f"{(problem.slots[slot - 1] + timedelta(minutes=problem.slot_minutes)).astimezone(facts.tz):%H:%M}"

    words = []
    for adult in problem.staff:
        mine = [each for each in plan.assignments if each.staff_id == adult.staff_id]
        if adult.on_call and mine:
            first, last = min(each.start for each in mine), max(each.end for each in mine)
            words.append(f"call in {adult.name} from {starts(first)} to {ends(last)}")
    for change in plan.shift_changes:
        name, was, becomes = problem.adult(change.staff_id).name, change.was, change.becomes
        if becomes.start != was.start:
            words.append(f"ask {name} to come at {starts(becomes.start)} instead of {starts(was.start)}")
        if becomes.end != was.end:
            words.append(f"ask {name} to stay until {ends(becomes.end)} instead of {ends(was.end)}")
    return tuple(words)


def new_segments(shift: Shift, problem: Problem, plan: Plan) -> tuple[Segment, ...] | None:
    """The shift's segments under the plan; None if they stay as they are. What lies outside the planned slots stays,
    and so does work at a desk where the plan has the adult in no room."""
    pieces: list[Segment] = []
    for each in plan.assignments:
        if each.staff_id != shift.staff_id:
            continue
        end = problem.slots[each.end - 1] + timedelta(minutes=problem.slot_minutes)
        span = Interval(problem.slots[each.start], end).intersection(shift.interval)
        if span is not None and each.state == "idle":
            pieces += _freed(shift, span)
        elif span is not None:
            pieces.append(Segment(span.start, span.end, each.state, each.room_id))
    parts = merged(overlaid(shift.segments, pieces))
    return None if parts == merged(shift.segments) else parts


def _freed(shift: Shift, span: Interval) -> Iterator[Segment]:
    """The rooms and breaks of the shift that the span takes the adult out of."""
    for part in shift.segments:
        if part.kind in ("room", "break") and (freed := span.intersection(Interval(part.start, part.end))) is not None:
            yield Segment(freed.start, freed.end, "float")


def overlaid(segments: Sequence[Segment], pieces: Sequence[Segment]) -> list[Segment]:
    """The pieces in front, what is left of the segments behind them."""
    left = list(segments)
    for piece in pieces:
        cut: list[Segment] = []
        for each in left:
            if each.end <= piece.start or piece.end <= each.start:
                cut.append(each)
                continue
            if each.start < piece.start:
                cut.append(Segment(each.start, piece.start, each.kind, each.room_id))
            if piece.end < each.end:
                cut.append(Segment(piece.end, each.end, each.kind, each.room_id))
        left = cut
    return sorted([*left, *pieces], key=lambda each: each.start)


def audited(call_out: CallOut) -> dict[str, Any]:
    """What the audit log keeps: ids and times, no names."""
    return {
        "staff_id": call_out.staff_id,
        "absent_from": format_instant(call_out.absence.interval.start),
        "absent_until": format_instant(call_out.absence.interval.end),
        "problem": call_out.plan.problem_hash,
        "status": call_out.plan.status,
        "changes": [
            {"staff_id": each.staff_id, "start": each.start.isoformat(), "end": each.end.isoformat()}
            for each in call_out.changes
        ],
    }


Place = tuple[str, str | None]


def _places(assignments: Iterable[Assignment]) -> dict[tuple[str, int | None], Place]:
    return {
        (each.staff_id, slot): (each.state, each.room_id)
        for each in assignments
        for slot in range(each.start, each.end)
    }


def _same(one: Place | None, other: Place | None) -> bool:
    """A float without a room and no entry at all are the same to people."""
    nowhere = (None, ("idle", None))
    return one in nowhere and other in nowhere


def _pair(
    before: dict[tuple[str, int | None], Place], after: dict[tuple[str, int | None], Place], staff_id: str, slot: int
) -> tuple[Place | None, Place | None]:
    return before.get((staff_id, slot)), after.get((staff_id, slot))


def _words(place: Place | None, rooms: dict[str, str]) -> str:
    if place is None or place[0] == "idle":
        return "free"
    return "break" if place[0] == "break" else rooms.get(place[1] or "", "")


def merged(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """In their order; what goes on in one place is one segment."""
    result: list[Segment] = []
    for each in sorted(segments, key=lambda part: part.start):
        last = result[-1] if result else None
        if last is not None and last.end == each.start and (last.kind, last.room_id) == (each.kind, each.room_id):
            result[-1] = Segment(last.start, each.end, last.kind, last.room_id)
        else:
            result.append(each)
    return tuple(result)

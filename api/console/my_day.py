"""My day: where one adult is to be now and next, when their breaks are, and the week as a calendar to take along."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from api.agreed import Agreement
from api.center import LiveCenter
from api.console.callout_plan import merged
from api.console.frame import Visit, Visiting
from api.day_problem import slots_ahead
from api.in_force import in_force
from api.plan_files import PlanFiles
from domain.people import Shift
from domain.time import SLOT, Interval
from flows.staffing import Grid
from optimizer.problem import Adult
from reports.days import day_at, day_span

router = APIRouter(prefix="/my-day")
Reader = Annotated[Visit, Depends(Visiting("plans.read"))]
ME_COOKIE = "ratiocast_me"  # who looks from this device, so that the next look needs no choice


@dataclass(frozen=True, slots=True)
class Turn:
    """One place for one stretch of the day, local times; `kind` is that of a shift's segment."""

    start: datetime
    end: datetime
    kind: str
    place: str


@router.get("")
async def my_day(visit: Reader, who: Annotated[str, Query(max_length=64)] = "") -> Response:
    center, today = visit.center, day_at(visit.center.facts, visit.now)
    people = _people(center, day_span(center.facts, today))
    me = _me(visit, people, who)
    agreed = await visit.service.agreements.of(center.center_id, today)
    planned = any(adult.staff_id == me for problem, _ in agreed.plans for adult in problem.staff)
    turns = (_planned_turns(visit, me, agreed.plans) if planned else _turns_of_shifts(visit, me)) if me else []
    answer = visit.page(
        "my_day.html", people=people, me=me, name=people.get(me, ""), turns=turns,
        now=next((turn for turn in turns if turn.start <= visit.now < turn.end), None),
        next=next((turn for turn in turns if turn.start > visit.now), None),
        breaks=[turn for turn in turns if turn.kind == "break"], out=_out(visit, agreed.away.get(me), today),
        seen=_seen(visit, me),
        weeks=await asyncio.to_thread(_weeks, visit, me) if me and not visit.in_place else [],
        at=visit.local(visit.now),
        planned=planned,
    )  # fmt: skip
    if me:
        answer.set_cookie(ME_COOKIE, me, max_age=31_536_000, httponly=True, samesite="lax")
    return answer


def _people(center: LiveCenter, day: Interval) -> dict[str, str]:
    """Names by id of those with a shift on the day."""
    ids = {each.staff_id for each in center.facts.shifts if each.start < day.end and each.end > day.start}
    return dict(sorted(((key, center.facts.display(key)) for key in ids), key=lambda pair: (pair[1], pair[0])))


def _me(visit: Visit, people: dict[str, str], who: str) -> str:
    """Who was chosen, now or before on this device, else whoever bears the name of the account; empty for nobody."""
    same = next((key for key, name in people.items() if name.casefold() == visit.person.name.casefold()), "")
    return next((key for key in (who, visit.request.cookies.get(ME_COOKIE, ""), same) if key in people), "")


def _turns_of_shifts(visit: Visit, me: str) -> list[Turn]:
    """To the minute, as the platform has them."""
    facts, words = visit.center.facts, _words(visit, me)
    day = day_span(facts, day_at(facts, visit.now))
    parts = [
        part for shift in facts.shifts_by_staff.get(me, ()) if shift.status == "scheduled" and shift.start in day
        for part in shift.segments
    ]  # fmt: skip
    return [
        Turn(visit.local(part.start), visit.local(part.end), part.kind, words.get(part.kind) or place)
        for part in merged(parts)
        for place in (facts.room_name(part.room_id) if part.room_id else words["float"],)
    ]


def _planned_turns(visit: Visit, me: str, plans: Sequence[Agreement]) -> list[Turn]:
    """In whole quarter hours, as plans have them."""
    words = _words(visit, me)
    facts, today = visit.center.facts, day_at(visit.center.facts, visit.now)
    grid = Grid(slots_ahead(facts, today, day_span(facts, today).start))
    shifts = [each for each in facts.shifts if each.staff_id == me]
    mine = in_force(grid, shifts, plans, [Adult(staff_id=me)])
    places: list[tuple[int, int, str, str]] = [
        (each.start, each.end, each.state, words.get(each.state) or facts.room_name(each.room_id or ""))
        for each in mine if each.state != "idle"
    ]  # fmt: skip
    busy = {slot for start, end, _, _ in places for slot in range(start, end)}
    desk = _desk(grid, shifts) - busy
    free = {slot for each in mine for slot in range(each.start, each.end)} - busy - desk
    for slots, kind in ((desk, "admin"), (free, "float")):
        places += [(start, end, kind, words[kind]) for start, end in _runs(slots)]
    return [
        Turn(visit.local(grid.slots[start]), visit.local(grid.slots[end - 1] + SLOT), kind, place)
        for start, end, kind, place in sorted(places)
    ]


def _words(visit: Visit, me: str) -> dict[str, str]:
    """What is not a room, by the kind of the turn."""
    member = visit.center.facts.staff.get(me)
    desk = without_a_room(member.role if member else "").capitalize()
    return {"break": "Break", "float": "Free: wherever you are needed", "admin": desk}


def without_a_room(role: str) -> str:
    """Where somebody works whose shift is in no room and who does not float."""
    return "kitchen" if role.casefold() == "cook" else "office"


def _out(visit: Visit, absence: Interval | None, today: date) -> str:
    """How long somebody is called out, in words; empty for nobody."""
    if absence is None:
        return ""
    whole, start, end = day_span(visit.center.facts, today), visit.local(absence.start), visit.local(absence.end)
    if absence.start <= whole.start and absence.end >= whole.end:
        return "today"
    if absence.start <= whole.start:
        return f"until {end:%H:%M}"
    return f"from {start:%H:%M} on" if absence.end >= whole.end else f"from {start:%H:%M} to {end:%H:%M}"


def _desk(grid: Grid, shifts: Sequence[Shift]) -> set[int]:
    """Slots of desk work; plans of rooms know nothing of it."""
    desk = [Interval(part.start, part.end) for shift in shifts if shift.status == "scheduled"
            for part in shift.segments if part.kind == "admin"]  # fmt: skip
    return {slot for each in desk for span in grid.inside(each) for slot in range(span.start, span.end)}


def _runs(slots: set[int]) -> Iterator[tuple[int, int]]:
    """Slots that follow each other, as [start, end)."""
    for start in sorted(slot for slot in slots if slot - 1 not in slots):
        yield start, next(end for end in range(start + 1, start + len(slots) + 1) if end not in slots)


def _seen(visit: Visit, me: str) -> str:
    """The room the record has them in now; empty where they are in none."""
    place = visit.center.state.adult(me) if me else None
    if place is None or place.state != "in_room" or place.since < visit.center.facts.day_start(visit.now):
        return ""
    return visit.center.facts.room_name(place.room_id or "")


def _weeks(visit: Visit, me: str) -> list[str]:
    """This week and the next, where there is a plan that has something for them."""
    files = PlanFiles(visit.service.settings.data_dir, visit.center.center_id)
    found = []
    for ahead in (timedelta(0), timedelta(days=7)):
        year, number, _ = (day_at(visit.center.facts, visit.now) + ahead).isocalendar()
        shown = files.shown(f"{year}-W{number:02d}")
        if shown is not None and any(each.staff_id == me for each in shown.plan.assignments):
            found.append(f"{year}-W{number:02d}")
    return found

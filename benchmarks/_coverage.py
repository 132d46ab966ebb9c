"""A week's coverage problem of a simulated center, posed day by day as the console poses a call-out."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import rulebook
from api.day_problem import DayFacts, pose_day
from connectors.platform import PlatformClient
from domain.time import iso_week_start, local_instant
from evaluator import BookedExpectation, CenterFacts, CenterState
from optimizer import Assignment, Problem
from optimizer.problem import Adult, Day, Scenario


def week_problem(platform: PlatformClient, center_id: str, week: str) -> Problem:
    """All open days of the week in one problem; bookings and shifts as the platform tells them."""
    center = next(each for each in platform.centers() if each.center_id == center_id)
    rooms, children, staff = (read(center_id) for read in (platform.rooms, platform.children, platform.staff))
    tz, monday, days = ZoneInfo(center.timezone), iso_week_start(week), []
    for number in range(7):
        day = monday + timedelta(days=number)
        start, end = (local_instant(day + timedelta(days=n), time(0), tz) for n in (0, 1))
        shifts = platform.shifts(center_id, start, end)
        facts = CenterFacts.of(center, rooms, children, staff, shifts, platform.bookings(center_id, start, end))
        book = rulebook.load(center.state, day)
        now = start + timedelta(hours=4)
        booked = BookedExpectation(CenterState(center_id), facts, now)
        known = DayFacts(facts, book, shifts, platform.availability(center_id, start, end), booked)
        posed = pose_day(known, day, now, {}, week)
        if posed is not None:
            days.append(posed)
    return _joined(days, week)


def _joined(days: list[Problem], week: str) -> Problem:
    """The days one behind the other."""
    first, slots, staff, current, spans = days[0], [], dict[str, Adult](), list[Assignment](), list[Day]()
    courses: list[dict[str, tuple[int, ...]]] = [{} for _ in first.scenarios]
    for part in days:
        shift = len(slots)
        slots += part.slots
        spans += [day.model_copy(update={"start": shift, "end": shift + len(part.slots)}) for day in part.days]
        current += [_later(each, shift) for each in part.current]
        for course, scenario in zip(courses, part.scenarios, strict=True):
            for room_id, numbers in scenario.required.items():
                course[room_id] = (*course.get(room_id, ()), *numbers)
        for adult in part.staff:
            staff[adult.staff_id] = _with_day(staff.get(adult.staff_id), adult, shift)
    body = first.model_dump() | {
        "label": week, "slots": slots, "days": [day.model_dump() for day in spans],
        "staff": [adult.model_dump() for adult in staff.values()], "current": [],
        "scenarios": [
            Scenario(name=s.name, weight=s.weight, required=course).model_dump()
            for s, course in zip(first.scenarios, courses, strict=True)
        ],
    }  # fmt: skip
    return Problem.model_validate(body)


def _with_day(known: Adult | None, adult: Adult, by: int) -> Adult:
    moved = {
        name: tuple(_later(each, by) for each in getattr(adult, name)) for name in ("shifts", "available", "breaks")
    }
    before = {name: getattr(known, name) if known else () for name in moved}
    return adult.model_copy(update={name: (*before[name], *parts) for name, parts in moved.items()})


def _later(part: Assignment, by: int) -> Assignment:
    return part.model_copy(update={"start": part.start + by, "end": part.end + by})

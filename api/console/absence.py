"""How long somebody is out: all day, until a time (a late start), or from a time on (leaves early)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from domain.errors import BadInput
from domain.time import Interval, local_instant
from evaluator import CenterFacts
from reports.days import day_span

How = Literal["day", "until", "from"]


@dataclass(frozen=True, slots=True)
class Absence:
    """`interval` lies within the center's day; `words` follow a name: "until 11:00"."""

    interval: Interval
    words: str


def absence_of(facts: CenterFacts, day: date, now: datetime, staff_id: str, how: How, at: str) -> Absence:
    """BadInput where the time is missing, over, or outside the person's hours."""
    whole = day_span(facts, day)
    if how == "day":
        return Absence(Interval(whole.start, whole.end), "for the rest of the day" if whole.start < now else "all day")
    instant = local_instant(day, _time(at), facts.tz)
    if instant < whole.start:  # after midnight, where the center is open then
        instant = local_instant(day + timedelta(days=1), _time(at), facts.tz)
    if instant <= now:
        raise BadInput(f"{at} is over; give a time to come")
    hours = [each for each in facts.shifts_by_staff.get(staff_id, ()) if whole.start <= each.start < whole.end]
    if not any(each.start < instant < each.end for each in hours):
        raise BadInput(f"{at} lies outside the hours of {facts.display(staff_id)}; say 'all day', or another time")
    if how == "until":
        return Absence(Interval(whole.start, instant), f"until {at}")
    return Absence(Interval(instant, whole.end), f"from {at} on")


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise BadInput("give the time as 11:00") from error

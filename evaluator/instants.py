"""The next instant at which a verdict can change without an event: no polling grid."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Protocol

from domain.time import local_instant
from evaluator.facts import AFTER_A_NIGHT, CenterFacts
from evaluator.headcounts import STEPPED_OUT
from evaluator.state import CenterState
from rulebook import Situation, Verdict

SHORT_ABSENCE_SECONDS = (300, 1200)  # the graces of short absences known in the rules (Head Start, Kansas)


class Book(Protocol):
    """What the evaluator asks of a rulebook (`rulebook.load(...)`)."""

    def check(self, situation: Situation) -> Verdict: ...

    def boundaries(self, opens: time, closes: time) -> Sequence[time]:
        """Local times at which an answer may change by itself."""
        ...


def next_instant(
    state: CenterState, facts: CenterFacts, book: Book, now: datetime, members: Collection[str]
) -> datetime | None:
    """The earliest such instant after `now` for these rooms; when trust changes is each room's `next_doubt`."""
    return min((each for each in _instants(state, facts, book, now, members) if each > now), default=None)


def nap_over(facts: CenterFacts, room_id: str, since: datetime) -> datetime:
    """When a nap that nobody ends is over by the room's window; without a window after three hours."""
    room = facts.rooms.get(room_id)
    if room is None or room.nap is None:
        return since + timedelta(hours=3)
    ends = local_instant(facts.day_of(since), room.nap.end, facts.tz)
    return ends if ends > since else since


def rule_period(facts: CenterFacts, book: Book, now: datetime) -> tuple[date, int]:
    """The span of the day in which the rules alone change no answer: between two of their own boundaries."""
    day = facts.day_of(now)
    return day, bisect_right(_of_the_day(facts, book, day), now)


def _instants(
    state: CenterState, facts: CenterFacts, book: Book, now: datetime, members: Collection[str]
) -> Iterator[datetime]:
    yield from _of_the_day(facts, book, facts.day_of(now))
    yield facts.day_start(now) + timedelta(days=1)
    if service := facts.service(now):
        yield service.end + AFTER_A_NIGHT
    for room_id in members:
        count = state.headcount(room_id, now, facts.day_start(now))
        if count is not None and count.staff_ids is not None:  # who was not seen is away for a short while
            yield count.happened_at + STEPPED_OUT
            yield from (count.happened_at + timedelta(seconds=seconds) for seconds in SHORT_ABSENCE_SECONDS)
        nap = state.nap(room_id)
        if nap is not None:
            yield nap_over(facts, room_id, nap.since)
        for staff_id in state.staffed.get(room_id, ()):
            place = state.adult(staff_id)
            if place is not None and place.state == "stepped_out":
                yield from (place.state_since + timedelta(seconds=seconds) for seconds in SHORT_ABSENCE_SECONDS)
            shift = facts.shift_at(staff_id, now)
            if shift is not None:
                yield shift.end
                for part in shift.segments:
                    yield part.start
                    yield part.end


def _of_the_day(facts: CenterFacts, book: Book, day: date) -> tuple[datetime, ...]:
    """The rules' own boundaries today and tomorrow, and midnight (birthdays, credentials, dated values)."""
    found = facts.instants_of_day.get((book, day))
    if found is None:
        tomorrow = day + timedelta(days=1)
        at = [local_instant(tomorrow, time(0), facts.tz)]
        for boundary in book.boundaries(facts.center.opens, facts.center.closes):
            at += [local_instant(day, boundary, facts.tz), local_instant(tomorrow, boundary, facts.tz)]
        found = facts.instants_of_day[book, day] = tuple(sorted(at))
    return found

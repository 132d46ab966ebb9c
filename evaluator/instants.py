"""The next instant at which a verdict can change without an event: no polling grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Protocol

from domain.time import local_instant
from evaluator.facts import CenterFacts
from evaluator.state import CenterState

SHORT_ABSENCE_SECONDS = (300, 1200)  # the graces of short absences known in the rules (Head Start, Kansas)


class Boundaries(Protocol):
    def boundaries(self, opens: time | None, closes: time | None) -> Iterable[time]:
        """Local times at which an answer may change by itself."""
        ...


def next_instant(state: CenterState, facts: CenterFacts, book: object, now: datetime) -> datetime | None:
    """The earliest such instant after `now`, of the whole center; when trust changes is each room's `next_doubt`."""
    return min((each for each in _instants(state, facts, book, now) if each > now), default=None)


def nap_over(facts: CenterFacts, room_id: str, since: datetime) -> datetime:
    """When a nap that nobody ends is over by the room's window; without a window after three hours."""
    room = facts.rooms.get(room_id)
    if room is None or room.nap is None:
        return since + timedelta(hours=3)
    ends = local_instant(facts.day_of(since), room.nap.end, facts.tz)
    return ends if ends > since else since


def _instants(state: CenterState, facts: CenterFacts, book: object, now: datetime) -> Iterator[datetime]:
    day = facts.day_of(now)
    tomorrow = day + timedelta(days=1)
    yield from _rule_boundaries(facts, book, day)
    yield local_instant(tomorrow, time(0), facts.tz)  # birthdays, credentials, dated rules
    yield facts.day_start(now) + timedelta(days=1)
    for room_id in facts.rooms:
        nap = state.nap(room_id)
        if nap is not None:
            yield nap_over(facts, room_id, nap.since)
    for staff_ids in state.staffed.values():
        for staff_id in staff_ids:
            place = state.adult(staff_id)
            if place is not None and place.state == "stepped_out":
                yield from (place.state_since + timedelta(seconds=seconds) for seconds in SHORT_ABSENCE_SECONDS)
            shift = facts.shift_at(staff_id, now)
            if shift is not None:
                yield shift.end
                yield from (part.start for part in shift.segments)
                yield from (part.end for part in shift.segments)


def _rule_boundaries(facts: CenterFacts, book: object, day: date) -> Iterator[datetime]:
    boundaries = getattr(book, "boundaries", None)
    if boundaries is None:
        return
    for at in boundaries(facts.center.opens, facts.center.closes):
        yield local_instant(day, at, facts.tz)
        yield local_instant(day + timedelta(days=1), at, facts.tz)

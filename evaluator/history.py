"""The past decided anew: a room's verdicts by what is known now; incidents are amended by it, never rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.events import Event, effective
from domain.time import Interval, format_instant
from evaluator.assessment import Assessment, assess
from evaluator.facts import CenterFacts
from evaluator.incidents import Change, Incident
from evaluator.instants import Book
from evaluator.observations import Observation
from evaluator.state import CenterState

AROUND = timedelta(minutes=30)  # how far beyond an incident its review looks
MATERIAL = timedelta(minutes=1)  # a smaller difference of times is none


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch [start, end) in which a room's numbers did not change."""

    start: datetime
    end: datetime
    compliant: bool
    children: int
    required: int
    counted: int
    deficit: int


def timeline(
    state: CenterState, facts: CenterFacts, book: Book, room_id: str, start: datetime, end: datetime,
    known_at: datetime | None = None,
) -> list[Span]:  # fmt: skip
    """The room's spans over [start, end) by what is known now, or by what was known at `known_at`.

    The state must still remember the day (`forget_before`).
    """
    spans: list[Span] = []
    told = (event for event in state.events() if known_at is None or event.recorded_at <= known_at)
    counts = (each for each in state.observations() if known_at is None or each.recorded_at <= known_at)
    for begins, ends, seen in walk(facts, book, told, counts, Interval(start, end), (room_id,)):
        _append(spans, seen, room_id, begins, ends)
    return spans


def walk(
    facts: CenterFacts, book: Book, events: Iterable[Event], observations: Iterable[Observation], interval: Interval,
    rooms: Sequence[str] | None = None, *, doubt_all: bool = True,
) -> Iterator[tuple[datetime, datetime, Assessment]]:  # fmt: skip
    """(start, end, assessment) stretches that fill the interval: from event to event and between them at every instant
    a verdict changes by itself. `events` begin early enough to know who is there at the start; in any order.
    `doubt_all` as for `assess`.
    """
    changes: list[Event | Observation] = sorted(
        [*effective(events), *observations], key=lambda change: change.happened_at
    )
    state = CenterState(facts.center.center_id)
    at, position = interval.start, 0
    while at < interval.end:
        while position < len(changes) and changes[position].happened_at <= at:
            _take(state, changes[position])
            position += 1
        seen = assess(state, facts, book, at, rooms, doubt_all=doubt_all)
        instants = [interval.end, *([seen.next_instant] if seen.next_instant else [])]
        if position < len(changes):
            instants.append(changes[position].happened_at)
        until = min(instant for instant in instants if instant > at)
        yield at, until, seen
        at = until


def violations(spans: Sequence[Span]) -> list[tuple[datetime, datetime, int]]:
    """(start, end, greatest deficit) of each unbroken stretch out of ratio."""
    result: list[tuple[datetime, datetime, int]] = []
    for span in spans:
        if span.compliant:
            continue
        if result and result[-1][1] == span.start:
            start, _, deficit = result[-1]
            result[-1] = (start, span.end, max(deficit, span.deficit))
        else:
            result.append((span.start, span.end, span.deficit))
    return result


def amend(incident: Incident, state: CenterState, facts: CenterFacts, book: Book, now: datetime) -> Change | None:
    """What late or corrected events change about an incident of a shortage; None if they change nothing that matters.

    The incident keeps every line of its history; the amendment is one more, with the stretches as known now.
    """
    if incident.matter not in ("shortage", "group_size"):
        return None
    ended = incident.resolved_at or now
    spans = timeline(state, facts, book, incident.room_id, incident.opened_at - AROUND, min(now, ended + AROUND))
    found = [stretch for stretch in violations(spans) if stretch[0] <= ended and incident.opened_at <= stretch[1]]
    facts_now: dict[str, Any] = {
        "stretches": [
            {"start": format_instant(start), "end": format_instant(end), "deficit": deficit}
            for start, end, deficit in found
        ]
    }
    before = _last_amendment(incident)
    if before == facts_now or (before is None and _agrees(incident, found, ended)):
        return None
    sentence = _sentence(found)
    after = incident.with_entry(now, "amended", sentence, facts=facts_now)
    return Change("amended", after, incident, sentence)


def _take(state: CenterState, change: Event | Observation) -> None:
    if isinstance(change, Observation):
        state.observe(change)
    else:
        state.apply(change)


def _append(spans: list[Span], seen: Assessment, room_id: str, start: datetime, end: datetime) -> None:
    room = seen.room_of(room_id)
    verdict = room.verdict
    new = Span(
        start, end, verdict.compliant, len(room.group.children), verdict.required, verdict.counted, verdict.deficit
    )
    if spans and _numbers(spans[-1]) == _numbers(new):
        spans[-1] = Span(spans[-1].start, end, *_numbers(new))
    else:
        spans.append(new)


def _numbers(span: Span) -> tuple[bool, int, int, int, int]:
    return (span.compliant, span.children, span.required, span.counted, span.deficit)


def _last_amendment(incident: Incident) -> dict[str, Any] | None:
    return next((dict(entry.facts) for entry in reversed(incident.history) if entry.kind == "amended"), None)


def _agrees(incident: Incident, found: list[tuple[datetime, datetime, int]], ended: datetime) -> bool:
    if not found:
        return False
    start, end = found[0][0], found[-1][1]
    return abs(start - incident.opened_at) <= MATERIAL and abs(end - ended) <= MATERIAL


def _sentence(found: list[tuple[datetime, datetime, int]]) -> str:
    if not found:
        return "by what is known now the room was in order all the time"
    stretches = " and ".join(f"from {format_instant(start)} to {format_instant(end)}" for start, end, _ in found)
    return f"by what is known now it lasted {stretches}"

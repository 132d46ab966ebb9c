"""What was so in every room, second by second, recomputed from the raw events: the ground of every report.

The same fold and the same check as the live evaluator, run over a finished (or running) day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter

from domain.events import Event, effective
from domain.time import Interval
from evaluator import CenterFacts, CenterState, Observation, RoomAssessment, assess, walk
from evaluator.assessment import Book


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in which nothing about a room changed. `group` names the rooms it was combined with, if any."""

    room_id: str
    start: datetime
    end: datetime
    group: tuple[str, ...]
    children: int
    required: int
    counted: int
    deficit: int
    group_over: int
    compliant: bool
    doubts: tuple[str, ...]
    rests_on_doubt: bool  # not compliant, but would be if the doubted counts are wrong
    present: tuple[str, ...]  # staff ids whose event places them here, counted or not
    sentence: str
    citation: str
    reference: str
    confidence: str
    cause: str  # why it was not compliant, in words; empty while it was

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


_STATE = attrgetter(*(field.name for field in fields(Span) if field.name not in ("start", "end")))


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction that reaches into the day: what was said first, what holds now, when that became known (local)."""

    event_id: str
    recorded_at: datetime
    was: str
    becomes: str


def day_timeline(
    facts: CenterFacts,
    book: Book,
    events: Iterable[Event],
    observations: Iterable[Observation],
    interval: Interval,
    *,
    known_at: datetime | None = None,
    doubt_all: bool = True,
) -> list[Span]:
    """Spans of every room within the interval, by (room, start), without gaps.

    `events`: those of the day and, for who may still be there, of the day before. `known_at`: only what had been
    recorded by then counts; None: everything known today, corrections included. `doubt_all` False: the doubts of spans
    in compliance are left out, which changes no number.
    """
    told = [each for each in events if known_at is None or each.recorded_at <= known_at]
    counts = [each for each in observations if known_at is None or each.recorded_at <= known_at]
    spans: list[Span] = []
    for start, end, assessment in walk(facts, book, told, counts, interval, doubt_all=doubt_all):
        spans += [_span(room_id, assessment.room_of(room_id), start, end) for room_id in sorted(facts.rooms)]
    return _merged(spans)


def violations(spans: Sequence[Span]) -> list[list[Span]]:
    """Runs of neighbouring spans of one room that were out of compliance, by start; a combined group is told once.

    Minutes that rest on a doubtful count are runs of their own: they are not mixed with those beyond doubt.
    """
    found: list[list[Span]] = []
    for span in spans:
        if span.compliant or (span.group and span.room_id != span.group[0]):
            continue
        last = found[-1][-1] if found else None
        goes_on = last is not None and (last.room_id, last.end, last.rests_on_doubt) == (
            span.room_id, span.start, span.rests_on_doubt,
        )  # fmt: skip
        if goes_on:
            found[-1].append(span)
        else:
            found.append([span])
    return sorted(found, key=lambda run: (run[0].start, run[0].room_id))


def room_at(
    facts: CenterFacts,
    book: Book,
    events: Iterable[Event],
    observations: Iterable[Observation],
    room_id: str,
    instant: datetime,
    *,
    known_at: datetime | None = None,
) -> RoomAssessment:
    """One room at one instant; NotFound names the rooms there are."""
    state = CenterState(facts.center.center_id)
    told = (each for each in events if known_at is None or each.recorded_at <= known_at)
    for event in effective(told):
        if event.happened_at <= instant:
            state.apply(event)
    for observation in observations:
        if observation.happened_at <= instant and (known_at is None or observation.recorded_at <= known_at):
            state.observe(observation)
    return assess(state, facts, book, instant).room_of(room_id)


def corrections(
    events: Sequence[Event], interval: Interval, facts: CenterFacts, *, name_children: bool = True
) -> list[Correction]:
    """Corrections whose original or whose outcome lies in the interval, in the order they became known.

    People are named where names are stored, children only if `name_children`; times are the center's.
    """
    words = _Words(facts, name_children)
    by_id = {event.event_id: event for event in events}
    found = []
    for event in events:
        if event.event_type != "correction" or not event.supersedes:
            continue
        original = by_id.get(event.supersedes)
        if event.happened_at in interval or (original is not None and original.happened_at in interval):
            becomes = "never happened" if event.voided else words.of(_as_corrected(event, original))
            was = words.of(original) if original else f"event {event.supersedes}, which was not received"
            found.append(Correction(event.event_id, event.recorded_at.astimezone(facts.tz), was, becomes))
    return sorted(found, key=lambda each: (each.recorded_at, each.event_id))


def _span(room_id: str, room: RoomAssessment, start: datetime, end: datetime) -> Span:
    verdict = room.verdict
    alone = room.group.members == (room_id,) or len(room.group.members) <= 1
    members = () if alone else (room.room_id, *(each for each in room.group.members if each != room.room_id))
    governing = verdict.governing
    return Span(
        room_id=room_id, start=start, end=end, group=members, children=verdict.group_size, required=verdict.required,
        counted=verdict.counted, deficit=verdict.deficit, group_over=verdict.group_over, compliant=verdict.compliant,
        doubts=room.trust.reasons, rests_on_doubt=room.rests_on_doubt,
        present=tuple(adult.staff_id for adult in room.group.adults),
        sentence=verdict.sentence, citation=governing.citation, reference=governing.reference,
        confidence=governing.confidence, cause="" if verdict.compliant else room.root_cause.sentence,
    )  # fmt: skip


def _merged(spans: Sequence[Span]) -> list[Span]:
    result: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.room_id, each.start)):
        last = result[-1] if result else None
        if last is not None and last.end == span.start and _STATE(last) == _STATE(span):
            result[-1] = replace(last, end=span.end)
        else:
            result.append(span)
    return result


def _as_corrected(event: Event, original: Event | None) -> Event:
    """What is true now, with what the correction leaves as it was."""
    if original is None:
        return replace(event, event_type=event.corrected_type or "correction")
    return replace(
        event, event_type=event.corrected_type or original.event_type, child_id=event.child_id or original.child_id,
        staff_id=event.staff_id or original.staff_id, room_id=event.room_id or original.room_id,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Words:
    facts: CenterFacts
    name_children: bool

    def of(self, event: Event) -> str:
        where = f" in {self.facts.room_name(event.room_id)}" if event.room_id else ""
        at = event.happened_at.astimezone(self.facts.tz)
        return f"{event.event_type.replace('_', ' ')} of {self._who(event)}{where}, {at:%a %-d %b %H:%M:%S}"

    def _who(self, event: Event) -> str:
        if event.child_id:
            child = self.facts.children.get(event.child_id)
            name = child.display_name if child and self.name_children else None
            return name or f"child {event.child_id}"
        return self.facts.display(event.staff_id) if event.staff_id else "the room"

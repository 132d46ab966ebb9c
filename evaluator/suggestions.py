"""The best ways out of a shortage, first form: greedy over qualified, available adults who leave no room short.

Least disruption first: a free float, then an adult another room can spare, then rooms combined legally, then a
substitute. The optimizer's reassignment stands behind the same port (`Reassigner`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from domain.time import format_instant
from evaluator import codec
from evaluator.assessment import Assessment, RoomAssessment, assess
from evaluator.facts import CenterFacts
from evaluator.instants import Book
from evaluator.state import CenterState
from rulebook import Combined, Situation, Verdict

KINDS = ("move", "combine", "call_substitute")  # least disruptive first
UNKNOWN_WALK_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way out. Equal situations give equal ids. `reasons` speak for it or against it, in words."""

    suggestion_id: str
    kind: str
    room_id: str  # the room that is short
    sentence: str
    reasons: tuple[str, ...]
    staff_id: str | None = None
    from_room_id: str | None = None  # None: in no room's count, or not in the building
    with_room_id: str | None = None  # the other room to combine with
    walk_seconds: int = 0
    deficit_before: int = 0
    deficit_after: int = 0
    source_headroom: int | None = None  # adults the other room can still spare afterwards
    familiar: bool = False
    moves_today: int = 0


class Reassigner(Protocol):
    """The port. At most `limit` suggestions, best first; none makes another room worse."""

    def __call__(
        self, state: CenterState, facts: CenterFacts, book: Book, room_id: str, now: datetime, *,
        on_call: Sequence[str] = (), limit: int = 3,
    ) -> list[Suggestion]: ...  # fmt: skip


def suggest(
    state: CenterState, facts: CenterFacts, book: Book, room_id: str, now: datetime, *,
    on_call: Sequence[str] = (), limit: int = 3,
) -> list[Suggestion]:  # fmt: skip
    """`on_call`: staff not here who may be asked to come now (their availability is the caller's to know)."""
    seen = assess(state, facts, book, now)
    room = seen.room_of(room_id)
    found = [*_moves(state, facts, book, seen, room, now), *_combinations(facts, book, seen, room, now)]
    found += _substitutes(state, facts, book, room, on_call, now)
    return sorted(found, key=_disruption)[:limit]


def suggestion_to_json(suggestion: Suggestion) -> dict[str, Any]:
    return dict(codec.to_json(suggestion))


def suggestion_from_json(data: object) -> Suggestion:
    return codec.from_json(Suggestion, data)


def _disruption(suggestion: Suggestion) -> tuple[object, ...]:
    """Solved before eased; free before spared; near, familiar and seldom moved first; the id breaks ties."""
    return (
        suggestion.deficit_after > 0, KINDS.index(suggestion.kind), suggestion.from_room_id is not None,
        not suggestion.familiar, suggestion.walk_seconds // 30, suggestion.moves_today, suggestion.walk_seconds,
        suggestion.suggestion_id,
    )  # fmt: skip


def _moves(
    state: CenterState, facts: CenterFacts, book: Book, seen: Assessment, room: RoomAssessment, now: datetime
) -> Iterator[Suggestion]:
    start = facts.day_start(now)
    for source_id, staff_ids in sorted(state.staffed.items(), key=lambda each: each[0] or ""):
        source = None if source_id is None else seen.room_of(source_id)
        for staff_id in sorted(staff_ids):
            place = state.adult(staff_id)
            if place is None or place.since < start or place.state != "in_room" or source is room:
                continue
            after = _with(book, facts, room, staff_id, now)
            if after is None or (source is not None and _worse_without(book, source, staff_id)):
                continue
            yield _move(state, facts, room, source, staff_id, after, now)


def _move(
    state: CenterState, facts: CenterFacts, room: RoomAssessment, source: RoomAssessment | None, staff_id: str,
    after: Verdict, now: datetime,
) -> Suggestion:  # fmt: skip
    member = facts.staff.get(staff_id)
    been = {part.room_id for shift in facts.shifts_by_staff.get(staff_id, ()) for part in shift.segments}
    home = member.home_room_id if member else None
    familiar = bool(({home} | been | state.rooms_worked(staff_id)) & set(room.group.members))
    moves = state.moves_today(staff_id, facts.day_start(now))
    walk = 0
    reasons = ["knows the room" if familiar else "new to the room", f"moved {moves} times today"]
    if source is not None:
        place = facts.rooms.get(source.room_id)
        walk = place.walk_seconds.get(room.room_id, UNKNOWN_WALK_SECONDS) if place else UNKNOWN_WALK_SECONDS
        spare = source.verdict.counted - source.verdict.required - 1
        reasons.append(f"{source.name} keeps {source.verdict.counted - 1} of {source.verdict.required} required")
        reasons.append(f"{walk} seconds on foot")
    else:
        spare = None
        reasons.append("is free now, in no room's count")
    if after.deficit:
        reasons.append(f"still {after.deficit} short afterwards")
    sentence = f"Move {facts.display(staff_id)} from {source.name if source else 'no room'} to {room.name}"
    return Suggestion(
        _id("move", room, now, staff_id), "move", room.room_id, sentence, tuple(reasons), staff_id,
        source.room_id if source else None, None, walk, room.verdict.deficit, after.deficit, spare, familiar, moves,
    )  # fmt: skip


def _combinations(
    facts: CenterFacts, book: Book, seen: Assessment, room: RoomAssessment, now: datetime
) -> Iterator[Suggestion]:
    combine = getattr(book, "combine", None)
    mine = facts.rooms.get(room.room_id)
    if combine is None or mine is None or room.situation is None:
        return
    for other_id in mine.combines_with:
        other = seen.rooms.get(other_id)
        if other is None or other.situation is None or other is room or not other.group.children:
            continue
        joined: Combined = combine([room.situation, other.situation])
        if joined.allowed and joined.verdict.compliant:
            yield Suggestion(
                _id("combine", room, now, other_id), "combine", room.room_id, f"Combine {room.name} and {other.name}",
                (joined.reason,), with_room_id=other_id, deficit_before=room.verdict.deficit,
            )  # fmt: skip


def _substitutes(
    state: CenterState, facts: CenterFacts, book: Book, room: RoomAssessment, on_call: Sequence[str], now: datetime
) -> Iterator[Suggestion]:
    for staff_id in sorted(on_call):
        here = state.adult(staff_id)
        if here is not None and here.since >= facts.day_start(now):
            continue
        after = _with(book, facts, room, staff_id, now)
        if after is not None:
            yield Suggestion(
                _id("call_substitute", room, now, staff_id), "call_substitute", room.room_id,
                f"Call {facts.display(staff_id)} in for {room.name}", ("is not in the building; may be asked to come",),
                staff_id, deficit_before=room.verdict.deficit, deficit_after=after.deficit,
            )  # fmt: skip


def _with(book: Book, facts: CenterFacts, room: RoomAssessment, staff_id: str, now: datetime) -> Verdict | None:
    """The room with this adult; None if that does not help (who does not count there is no help)."""
    situation = _question(room)
    adults = (*situation.adults, facts.adult_here(staff_id, facts.day_of(now)))
    after = book.check(replace(situation, adults=adults))
    # A room that is only about to be short has no deficit yet: there one more counted adult is the help.
    helps = after.deficit < room.verdict.deficit or (not room.verdict.deficit and after.counted > room.verdict.counted)
    return after if helps else None


def _worse_without(book: Book, source: RoomAssessment, staff_id: str) -> bool:
    situation = _question(source)
    rest = tuple(adult for adult in situation.adults if adult.staff_id != staff_id)
    left = book.check(replace(situation, adults=rest))
    alone = bool(situation.children) and not any(adult.state == "in_room" for adult in rest)
    return not left.compliant or alone


def _question(room: RoomAssessment) -> Situation:
    assert room.situation is not None  # noqa: S101 - assess always sets it
    return room.situation


def _id(kind: str, room: RoomAssessment, now: datetime, other: str) -> str:
    text = "\x1f".join((kind, room.room_id, format_instant(now), other))
    return "sug_" + hashlib.sha256(text.encode()).hexdigest()[:20]

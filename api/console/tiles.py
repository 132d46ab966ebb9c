"""What a room's tile shows, from its assessment: headroom, who counts and who does not, trust, odds ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from api.center import LiveCenter
from evaluator import Assessment, Risk, RoomAssessment
from evaluator.assessment import napping

_MENTIONED = 0.05  # odds from which a risk is shown at all


@dataclass(frozen=True, slots=True)
class Person:
    """An adult of the room; `why_not` is empty if they count."""

    staff_id: str
    name: str
    role: str
    state: str
    why_not: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Odds:
    when: str
    percent: int
    sentence: str
    tone: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One room, or several combined ones. `tone` is good, warn, bad, doubt or plain; `state` says the same in words."""

    room_id: str
    name: str
    headroom: str
    state: str
    tone: str
    children: int
    unidentified: int
    counted: int
    required: int
    marks: tuple[str, ...]
    trust: str
    doubts: tuple[str, ...]
    people: tuple[Person, ...]
    odds: tuple[Odds, ...]
    sentence: str
    rule: str
    verified: bool
    notes: tuple[str, ...]
    room_for: tuple[str, ...]


def tiles(center: LiveCenter, assessment: Assessment, only: Iterable[str] | None = None) -> list[Tile]:
    """By age of the children the rooms are for; `only` these rooms, or all."""
    wanted = assessment.rooms.keys() if only is None else assessment.rooms.keys() & set(only)
    found = [tile_of(center, assessment.rooms[room_id], assessment.at) for room_id in wanted]
    ages = {room_id: room.age_min_months for room_id, room in center.facts.rooms.items()}
    return sorted(found, key=lambda tile: (ages.get(tile.room_id, 0), tile.name))


def tile_of(center: LiveCenter, room: RoomAssessment, at: datetime) -> Tile:
    verdict, group = room.verdict, room.group
    tone, state = state_of(room)
    governing = verdict.governing
    return Tile(
        room_id=room.room_id,
        name=room.name,
        headroom=f"+{verdict.spare}" if verdict.spare > 0 else str(verdict.spare).replace("-", "−"),
        state=state,
        tone=tone,
        children=len(group.children),
        unidentified=group.unidentified,
        counted=verdict.counted,
        required=verdict.required,
        marks=_marks(center, room, at),
        trust=_trust(center, room),
        doubts=room.trust.reasons,
        people=_people(center, room),
        odds=_odds(center, room),
        sentence=verdict.sentence,
        rule=f"{governing.value} ({governing.citation})",
        verified=governing.confidence == "primary",
        notes=(*verdict.notes, *room.trust.notes),
        room_for=tuple(f"{entry.band}: {entry.more:+d} ({entry.limited_by})" for entry in verdict.headroom),
    )


def state_of(room: RoomAssessment) -> tuple[str, str]:
    """Tone and words of a room: bad, doubt, warn, good or plain (empty)."""
    verdict, group = room.verdict, room.group
    if not verdict.compliant:
        if verdict.deficit:
            words = f"{verdict.deficit} adult{'s' if verdict.deficit > 1 else ''} short"
        elif verdict.group_over:
            words = f"group {verdict.group_over} too large"
        else:
            words = "ages or ranks not allowed together" if verdict.breaches else "too few adults in the building"
        if room.rests_on_doubt:
            return "doubt", f"{words}, if the count is true: please count"
        return ("warn", f"{words} while somebody is out for a moment") if room.if_back else ("bad", words)
    if room.if_doubts_hurt:
        return "doubt", "please count"
    if not group.children:
        return "plain", "empty"
    return ("warn", "full") if verdict.spare <= 0 else ("good", f"room for {verdict.spare} more")


def _marks(center: LiveCenter, room: RoomAssessment, at: datetime) -> tuple[str, ...]:
    found = []
    if len(room.group.members) > 1:
        found.append("combined rooms")
    naps = [since for member in room.group.members if (since := napping(center.state, center.facts, member, at))]
    if naps:
        found.append(f"nap since {min(naps).astimezone(center.facts.tz):%H:%M}")
    if room.situation is not None and room.situation.activity not in ("normal", "nap"):
        found.append(room.situation.activity)
    return tuple(found)


def _trust(center: LiveCenter, room: RoomAssessment) -> str:
    if room.trust.doubtful:
        return "count in doubt"
    if room.trust.confirmed_at is not None:
        return f"counted by a person at {room.trust.confirmed_at.astimezone(center.facts.tz):%H:%M}"
    return "count agrees with the events"


def _people(center: LiveCenter, room: RoomAssessment) -> tuple[Person, ...]:
    why = {entry.staff_id: entry for entry in room.verdict.uncounted}
    people = []
    for adult in room.group.adults:
        entry = why.get(adult.staff_id)
        people.append(
            Person(
                adult.staff_id, center.facts.display(adult.staff_id), adult.role, adult.state.replace("_", " "),
                entry.reason if entry else "", entry.citation if entry else "",
            )
        )  # fmt: skip
    for staff_id, reason in room.group.adults_aside.items():
        people.append(Person(staff_id, center.facts.display(staff_id), "", "set aside", reason, ""))
    return tuple(people)


def _odds(center: LiveCenter, room: RoomAssessment) -> tuple[Odds, ...]:
    threshold = center.policy.risk_threshold

    def said(risk: Risk) -> Iterator[Odds]:
        when = f"{risk.target.astimezone(center.facts.tz):%H:%M}"
        for odds, words in (
            (risk.odds, risk.sentence.removeprefix(f"at {when}: ")),
            (risk.group_odds, "a group too large, or of ages to be kept apart"),
        ):
            if odds >= _MENTIONED:
                tone = "bad" if odds >= threshold else "warn" if odds >= threshold / 2 else "plain"
                yield Odds(when, round(odds * 100), words, tone)

    return tuple(each for risk in center.risks or () if risk.room_id == room.room_id for each in said(risk))

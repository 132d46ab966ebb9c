"""From assessments and odds to what is the matter with a room now: at most one condition per room and matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from evaluator.assessment import RoomAssessment
from evaluator.policy import Policy


@dataclass(frozen=True, slots=True)
class Risk:
    """The odds that a room will lack an adult at one instant ahead."""

    room_id: str
    target: datetime
    horizon_minutes: int
    odds: float  # P(required > counted)
    cause: str  # as RootCause.code
    sentence: str  # the cause in words
    source: str  # name of the forecast that was used
    mean_children: float = 0.0
    mean_required: float = 0.0
    mean_counted: float = 0.0
    group_odds: float = 0.0  # P(group too large, or of ages to be kept apart)


@dataclass(frozen=True)
class Condition:
    """What an incident is about, while it lasts."""

    matter: str  # shortage | group_size | outlook | count
    cause: str  # key of Policy.grace_seconds
    severity: str
    sentence: str
    root_cause: str  # a `causes.Code`
    doubtful: bool
    room: RoomAssessment
    odds: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """All numbers the check used, as JSON; worked out only when something is to be written or said."""
        return {**self.room.to_json(), **self.odds}


def conditions(
    room: RoomAssessment, risks: Iterable[Risk], policy: Policy, watched: frozenset[str] = frozenset()
) -> dict[str, Condition]:
    """By matter. `watched`: matters with an open incident; an open outlook holds down to `risk_clear`, one of a group
    is watched as 'group_outlook'."""
    found: dict[str, Condition] = {}
    for condition in (_shortage(room, policy), _group_size(room), _count(room)):
        if condition is not None:
            found[condition.matter] = condition
    if "shortage" not in found:
        outlook = _outlook(room, tuple(risks), policy, watched)
        if outlook is None and "group_size" not in found:
            outlook = _group_outlook(room, tuple(risks), policy, watched)
        if outlook is not None:
            found["outlook"] = outlook
    return found


def premises(rooms: Iterable[RoomAssessment]) -> Condition | None:
    """Fewer adults in the building than its number of children needs; any room's verdict tells."""
    for room in rooms:
        missing = room.verdict.premises_deficit
        if missing:
            sentence = (
                f"the building needs {room.verdict.premises_required} adults by head count; {missing} are missing"
            )
            name = {"name": "The building", "room_id": ""}
            return Condition(
                "premises", "ratio", "violation", sentence, "unknown", doubtful=False, room=room, odds=name
            )
    return None


def _shortage(room: RoomAssessment, policy: Policy) -> Condition | None:
    verdict = room.verdict
    nobody = bool(room.group.children) and not room.group.in_room
    if not verdict.deficit and not (nobody and not verdict.compliant):
        return None
    if room.if_back:
        return Condition("shortage", "step_out", "soft", verdict.sentence, "step_out", room.rests_on_doubt, room)
    infants = any(child.age_months is None or child.age_months < policy.infant_months for child in room.group.children)
    cause = "nobody" if nobody else "ratio"
    severity = "critical" if nobody or infants else "violation"
    return Condition("shortage", cause, severity, _with_cause(room), room.root_cause.code, room.rests_on_doubt, room)


def _group_size(room: RoomAssessment) -> Condition | None:
    verdict = room.verdict
    if not verdict.group_over and not verdict.breaches:
        return None
    sentence = verdict.sentence if verdict.group_over else "; ".join(verdict.breaches)
    return Condition("group_size", "group_size", "violation", sentence, room.root_cause.code, room.rests_on_doubt, room)


def _count(room: RoomAssessment) -> Condition | None:
    """A headcount is asked for only where the answer could turn a compliant verdict; ten seconds are ten seconds."""
    if not room.verdict.compliant or not room.if_doubts_hurt:
        return None
    return Condition(
        "count",
        "count",
        "approaching",
        "; ".join(room.trust.reasons),
        "doubtful_count",
        doubtful=True,
        room=room,
    )


def _outlook(
    room: RoomAssessment, risks: tuple[Risk, ...], policy: Policy, watched: frozenset[str]
) -> Condition | None:
    worst = max(risks, key=lambda risk: (risk.odds, -risk.horizon_minutes), default=None)
    if worst is not None and worst.odds >= (policy.risk_clear if "outlook" in watched else policy.risk_threshold):
        return _warning(room, worst, worst.odds, worst.cause, worst.sentence)
    if policy.tell_headroom and room.group.children and room.verdict.compliant and room.verdict.spare <= 0:
        return Condition(
            "outlook", "headroom", "approaching", "the room is full: no more children with the adults counted now",
            "full", room.trust.doubtful, room,
        )  # fmt: skip
    return None


def _group_outlook(
    room: RoomAssessment, risks: tuple[Risk, ...], policy: Policy, watched: frozenset[str]
) -> Condition | None:
    worst = max(risks, key=lambda risk: (risk.group_odds, -risk.horizon_minutes), default=None)
    least = policy.risk_clear if "group_outlook" in watched else policy.risk_threshold
    if worst is None or worst.group_odds < least:
        return None
    sentence = f"too many children, or of ages to be kept apart, {worst.sentence}"
    return _warning(room, worst, worst.group_odds, "group_too_large", sentence)


def _warning(room: RoomAssessment, risk: Risk, odds: float, cause: str, sentence: str) -> Condition:
    facts = {
        "odds": round(odds, 3), "target": risk.target.isoformat().replace("+00:00", "Z"),
        "horizon_minutes": risk.horizon_minutes, "forecast": risk.source,
        "expected_children": round(risk.mean_children, 1), "expected_required": round(risk.mean_required, 1),
        "expected_counted": round(risk.mean_counted, 1), "because": sentence,
    }  # fmt: skip
    return Condition("outlook", "outlook", "approaching", sentence, cause, room.trust.doubtful, room, facts)


def _with_cause(room: RoomAssessment) -> str:
    because = room.root_cause.sentence
    return f"{room.verdict.sentence} Cause: {because}." if because else room.verdict.sentence

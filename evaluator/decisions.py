"""What follows from an assessment: incidents open, worsen, ease and resolve; messages are named, each with its reason.

Pure: the same incidents, assessment, odds, policy and `now` give the same changes, with the same ids. Storing and
sending follow elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.time import format_instant
from evaluator import texts
from evaluator.assessment import Assessment, RoomAssessment
from evaluator.conditions import Condition, Risk, conditions, premises
from evaluator.incidents import MATTERS, PREMISES, Change, Incident, incident_id
from evaluator.policy import Policy, rank
from evaluator.telling import all_clear, clear_after, tell, timers

_MUTES = {"shortage": ("outlook", "count", "group_size")}  # the first mutes the others of the same room
_GROUP = "group_too_large"  # the cause of a warning that is not of a shortage


def decide(
    incidents: Iterable[Incident], assessment: Assessment, risks: Sequence[Risk] | None, policy: Policy, now: datetime
) -> list[Change]:
    """The changes that are due at `now`, by room and matter.

    `incidents`: those open, and those of kind 'count' resolved lately (a room is not asked again at once); others are
    ignored. `risks` None: the odds were not looked at, warnings stay as they are. Rooms which the assessment does not
    cover are left alone.
    """
    mine = [incident for incident in incidents if incident.center_id == assessment.center_id]
    open_by = {(each.room_id, each.matter): each for each in mine if each.is_open}
    changes: list[Change] = []
    for room_id in sorted(_covered(assessment, open_by)):
        room = assessment.rooms.get(room_id)
        watched = frozenset(_watched(open_by[room_id, each]) for each in MATTERS if (room_id, each) in open_by)
        found = _found(room, risks, policy, watched)
        if (
            room is not None
            and "count" in found
            and "count" not in watched
            and _asked_lately(mine, room_id, policy, now)
        ):
            del found["count"]
        changes += _room(assessment.center_id, room_id, room, found, open_by, policy, now, odds_known=risks is not None)
    return changes + _premises(assessment, open_by.get(("", PREMISES)), policy, now)


def next_decision(incidents: Iterable[Incident], now: datetime) -> datetime | None:
    """The next instant at which `decide` has something to do although nothing happens."""
    instants = (instant for incident in incidents if incident.is_open for instant in timers(incident))
    return min((instant for instant in instants if instant > now), default=None)


def _covered(assessment: Assessment, open_by: dict[tuple[str, str], Incident]) -> set[str]:
    """Rooms to decide on: those assessed, and those that are no group of their own any more."""
    inside = {member for room in assessment.rooms.values() for member in room.group.members}
    open_rooms = {room_id for room_id, _ in open_by if room_id}
    gone = open_rooms if assessment.complete else open_rooms & inside
    return set(assessment.rooms) | gone


def _premises(assessment: Assessment, before: Incident | None, policy: Policy, now: datetime) -> list[Change]:
    condition = premises(assessment.rooms.values())
    if condition is not None:
        change = _holds(assessment.center_id, "", before, condition, policy, None, now)[1]
    elif before is not None and assessment.rooms:
        change = _gone(before, None, now)[1]
    else:
        change = None
    return [change] if change is not None else []


def _found(
    room: RoomAssessment | None, risks: Sequence[Risk] | None, policy: Policy, watched: frozenset[str]
) -> dict[str, Condition]:
    if room is None:
        return {}
    return conditions(room, [risk for risk in risks or () if risk.room_id == room.room_id], policy, watched)


def _asked_lately(incidents: list[Incident], room_id: str, policy: Policy, now: datetime) -> bool:
    since = now - timedelta(seconds=policy.count_again_seconds)
    return any(each.room_id == room_id and each.matter == "count" and each.opened_at > since for each in incidents)


def _room(
    center_id: str, room_id: str, room: RoomAssessment | None, found: dict[str, Condition],
    open_by: dict[tuple[str, str], Incident], policy: Policy, now: datetime, *, odds_known: bool,
) -> list[Change]:  # fmt: skip
    changes: list[Change] = []
    strongest: Incident | None = None
    for matter in MATTERS:
        before, condition = open_by.get((room_id, matter)), found.get(matter)
        if before is None and condition is None:
            continue
        if matter == "outlook" and condition is None and not odds_known and (room is None or room.verdict.compliant):
            continue
        if before is not None and matter == "outlook" and (gives_way := _gives_way(before, found)):
            changes.append(_over_at_once(before, gives_way, now))
            before = None
            if condition is None:
                continue
        if (
            before is not None
            and condition is not None
            and matter == "outlook"
            and not _same_outlook(before, condition)
        ):
            condition = None  # a warning of another kind waits until this one is withdrawn
        muted_by = strongest.incident_id if strongest and matter in _MUTES.get(strongest.matter, ()) else None
        if condition is not None:
            after, change = _holds(center_id, room_id, before, condition, policy, muted_by, now)
        else:
            assert before is not None  # noqa: S101 - one of the two is there
            after, change = _gone(before, room, now)
        if after.is_open and matter in _MUTES and after.severity != "soft":
            strongest = after
        if change is not None:
            changes.append(change)
    return changes


def _watched(incident: Incident) -> str:
    return "group_outlook" if incident.matter == "outlook" and incident.root_cause == _GROUP else incident.matter


def _same_outlook(before: Incident, condition: Condition) -> bool:
    return (before.root_cause == _GROUP) == (condition.root_cause == _GROUP)


def _gives_way(outlook: Incident, found: dict[str, Condition]) -> str:
    """Why a warning ends at once; empty: it does not."""
    of_group = outlook.root_cause == _GROUP
    if "shortage" in found or (of_group and "group_size" in found):
        return "what was warned of has come true and goes on as an incident of its own"
    if of_group and "outlook" in found and not _same_outlook(outlook, found["outlook"]):
        return "adults may be missing, which is warned of instead"
    return ""


def _over_at_once(before: Incident, sentence: str, now: datetime) -> Change:
    after = before.with_entry(now, "resolved", sentence, status="resolved", resolved_at=now)
    return Change("resolved", after, before, sentence)


def _holds(
    center_id: str, room_id: str, before: Incident | None, condition: Condition, policy: Policy, muted_by: str | None,
    now: datetime,
) -> tuple[Incident, Change | None]:  # fmt: skip
    incident = before or _opened(center_id, room_id, condition, policy, now)
    kind = "opened" if before is None else "noted"
    if before is not None:
        incident = _updated(before, condition, now)
    incident = replace(incident, muted_by=muted_by, clear_since=None)
    severity, why = _severity(incident, condition, now)
    if severity != incident.severity:
        rises = rank(severity) > rank(incident.severity)
        kind = ("escalated" if rises else "eased") if before else kind
        incident = incident.with_entry(
            now, "escalated" if rises else "eased", f"now {severity}: {why}", facts=condition.facts, severity=severity,
            peak_severity=max(incident.peak_severity, severity, key=rank),
        )  # fmt: skip
    incident, told, reason = tell(incident, condition, now)
    if told and kind == "noted":
        kind = incident.history[-1].kind
    change = Change(kind, incident, before, reason or why, told)
    return incident, change if before is None or before != incident else None


def _opened(center_id: str, room_id: str, condition: Condition, policy: Policy, now: datetime) -> Incident:
    incident = Incident(
        incident_id(center_id, room_id, condition.matter, now), center_id, room_id, condition.matter, condition.cause,
        condition.severity, "open", now, policy, condition.root_cause, condition.facts, condition.severity,
        condition_since=now, doubtful_since=now if condition.doubtful else None,
    )  # fmt: skip
    return incident.with_entry(now, "opened", condition.sentence, facts=condition.facts)


def _updated(before: Incident, condition: Condition, now: datetime) -> Incident:
    """The condition still holds, or holds again within the hysteresis."""
    incident = replace(before, cause=condition.cause)
    if condition.cause == "step_out" != before.cause:
        incident = replace(incident, condition_since=now)  # who has just gone has a grace of their own
    if incident.root_cause == "unknown":
        incident = replace(incident, root_cause=condition.root_cause)
    if condition.doubtful and before.doubtful_since is None:
        sentence = "the count became doubtful"
        return incident.with_entry(now, "doubted", sentence, facts=condition.facts, doubtful_since=now)
    if not condition.doubtful and before.doubtful_since is not None:
        sentence = "it no longer rests on a doubtful count"
        return incident.with_entry(now, "confirmed", sentence, facts=condition.facts, doubtful_since=None)
    return incident


def _severity(incident: Incident, condition: Condition, now: datetime) -> tuple[str, str]:
    """A short absence past its grace is a violation; a violation that lasts is critical."""
    since = incident.condition_since or now
    policy = incident.policy
    severity, why = condition.severity, condition.sentence
    if severity == "soft" and now >= since + policy.grace("step_out"):
        severity, why = "violation", "the short absence has outlasted its grace"
    if severity == "violation" and now >= since + timedelta(seconds=policy.critical_after_seconds):
        severity, why = "critical", f"it has lasted since {format_instant(since)}"
    return severity, why


def _gone(before: Incident, room: RoomAssessment | None, now: datetime) -> tuple[Incident, Change | None]:
    """The condition does not hold: after the hysteresis the incident resolves."""
    since = before.clear_since or now
    if now < since + clear_after(before):
        after = replace(before, clear_since=since)
        return after, None if after == before else Change("noted", after, before, "the condition is gone for now")
    withdrawn = before.matter == "outlook"
    kind = "withdrawn" if withdrawn else "resolved"
    sentence = texts.resolution(before, room)
    facts = room.to_json() if room is not None else {}
    after = before.with_entry(
        now, kind, sentence, facts=facts, status="resolved", resolved_at=since, withdrawn=withdrawn
    )
    return after, Change(kind, after, before, sentence, all_clear(after, sentence, now))

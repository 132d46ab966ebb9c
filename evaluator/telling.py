"""Whether somebody is to be told now, who, and why: grace, doubt, mute, snooze, acknowledgement, ladder, repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from evaluator import texts
from evaluator.conditions import Condition
from evaluator.incidents import Incident, Message, message
from evaluator.policy import Target, rank

_KIND_OF = {"outlook": "warning", "count": "please_count"}


def tell(incident: Incident, condition: Condition, now: datetime) -> tuple[Incident, tuple[Message, ...], str]:
    """The incident with what was told noted, the messages, and the reason; no messages: nobody is to be told now."""
    route = route_of(incident, now)
    if _silent(incident, route, now):
        return incident, (), ""
    since = incident.condition_since or now
    if incident.told_severity is None or _weight(route) > _weight(incident.told_severity):
        return _first(incident, condition, route, since, now)
    if incident.status == "acknowledged":
        return incident, (), ""
    told_at, last = incident.told_at or now, incident.last_told_at or now
    ladder = incident.policy.route(route).ladder
    if incident.rungs_told < len(ladder) and now >= told_at + timedelta(
        seconds=ladder[incident.rungs_told].after_seconds
    ):
        rung = ladder[incident.rungs_told]
        reason = f"nobody has acknowledged it within {texts.duration(rung.after_seconds)}"
        after = incident.with_entry(
            now, "escalated", reason, facts=condition.facts, status="escalated", rungs_told=incident.rungs_told + 1,
            last_told_at=now,
        )  # fmt: skip
        return after, _messages(after, "escalation", route, rung.targets, condition, reason, now), reason
    repeat = incident.policy.route(route).repeat_seconds
    if repeat is not None and now >= last + timedelta(seconds=repeat):
        reason = f"still open and not acknowledged, {texts.duration((now - since).total_seconds())} on"
        after = incident.with_entry(now, "repeated", reason, facts=condition.facts, last_told_at=now)
        return (
            after,
            _messages(after, "repeat", route, incident.policy.route(route).targets, condition, reason, now),
            reason,
        )
    return incident, (), ""


def all_clear(incident: Incident, sentence: str, now: datetime) -> tuple[Message, ...]:
    """Whoever was told is told that it is over; nobody else."""
    told = incident.told_severity
    if told is None or incident.muted_by or (incident.matter == "count" and _answered(incident)):
        return ()
    route = incident.policy.route(told)
    targets = [*route.targets, *(target for rung in route.ladder[: incident.rungs_told] for target in rung.targets)]
    kind = "withdrawal" if incident.matter in ("outlook", "count") else "all_clear"
    title = texts.over_title(incident)
    held = incident.policy.quiet_until(now, told)
    return tuple(
        message(incident, kind, told, target, title=title, body=sentence, reason=sentence, not_before=held)
        for target in dict.fromkeys(targets)
        if target.outlet != "sms" or told == "critical"
    )


def route_of(incident: Incident, now: datetime) -> str:
    """The severity by which an incident is routed now: a doubtful violation asks for a headcount first."""
    if incident.matter == "count":
        return "please_count"
    doubtful = incident.doubtful_since is not None and now < _believed_at(incident)
    return "please_count" if doubtful and rank(incident.severity) >= rank("violation") else incident.severity


def clear_after(incident: Incident) -> timedelta:
    """The hysteresis: how long the condition must be gone before the incident is over."""
    policy = incident.policy
    return timedelta(seconds=policy.risk_clear_seconds if incident.matter == "outlook" else policy.clear_seconds)


def timers(incident: Incident) -> Iterator[datetime]:
    """Every instant at which this incident may need a decision by itself, past ones included."""
    policy, since = incident.policy, incident.condition_since or incident.opened_at
    if incident.clear_since is not None:
        yield incident.clear_since + clear_after(incident)
        return
    yield _due(incident, "please_count")
    yield _due(incident, incident.severity)
    yield since + policy.grace("step_out")
    yield since + timedelta(seconds=policy.critical_after_seconds)
    if incident.doubtful_since is not None:
        yield _believed_at(incident)
    if incident.snoozed_until is not None:
        yield incident.snoozed_until
    if incident.status == "acknowledged" or incident.told_severity is None:
        return
    route = policy.route(incident.told_severity)
    if incident.told_at is not None and incident.rungs_told < len(route.ladder):
        yield incident.told_at + timedelta(seconds=route.ladder[incident.rungs_told].after_seconds)
    if incident.last_told_at is not None and route.repeat_seconds is not None:
        yield incident.last_told_at + timedelta(seconds=route.repeat_seconds)


def _believed_at(incident: Incident) -> datetime:
    """When a doubtful shortage nobody counted is treated as true: so long after it began, whenever it was doubted."""
    since = incident.condition_since or incident.opened_at
    return since + timedelta(seconds=incident.policy.count_patience_seconds)


def _silent(incident: Incident, route: str, now: datetime) -> bool:
    if incident.muted_by is not None:
        return True
    if incident.snoozed_until is not None and now < incident.snoozed_until:
        return rank(incident.severity) <= rank(incident.snoozed_severity or incident.severity)
    if incident.status == "acknowledged":
        return rank(incident.severity) <= rank(incident.acknowledged_severity or incident.severity)
    return not incident.policy.route(route).targets


def _first(
    incident: Incident, condition: Condition, route: str, since: datetime, now: datetime
) -> tuple[Incident, tuple[Message, ...], str]:
    """The first message of this severity, once the grace of its cause is over."""
    if now < _due(incident, route) and not _just_counted(incident, condition, now):
        return incident, (), ""
    kind = "please_count" if route == "please_count" else _KIND_OF.get(incident.matter, "alert")
    reason = _why(incident, route, since, now)
    worse = incident.told_severity is not None
    first = incident.policy.route(route)
    # Where nobody is logged with the children, the room has nobody to ask: the next ones are asked at once.
    rungs = first.ladder[:1] if route == "please_count" and incident.cause == "nobody" else ()
    after = incident.with_entry(
        now, "escalated" if worse else "told", reason, facts=condition.facts, told_severity=route, told_at=now,
        last_told_at=now, rungs_told=len(rungs), status="escalated" if worse else incident.status,
    )  # fmt: skip
    targets = [*first.targets, *(target for rung in rungs for target in rung.targets)]
    return after, _messages(after, kind, route, targets, condition, reason, now), reason


def _just_counted(incident: Incident, condition: Condition, now: datetime) -> bool:
    """Whether a person has just seen that the room is short: then there is nothing to wait for."""
    counted = condition.room.trust.confirmed_at
    return incident.matter == "shortage" and incident.cause != "step_out" and counted is not None and counted >= now


def _why(incident: Incident, route: str, since: datetime, now: datetime) -> str:
    lasted = texts.duration((now - since).total_seconds())
    if route == "please_count":
        return "the count is doubtful, so please count before anybody is alarmed; the clock is running"
    if incident.told_severity == "please_count" and incident.doubtful_since is None:
        return "the count is no longer doubtful, and it is true"
    if incident.told_severity == "please_count":
        return "nobody has counted in time, so it is treated as true"
    if incident.told_severity is not None:
        return f"it has become {route}"
    if incident.matter == "outlook":
        return "the odds of a gap are above the center's threshold"
    if now < _due(incident, route):
        return "a headcount has just found it"
    return f"it has lasted {lasted}, longer than the grace for this cause" if since < now else "this cause has no grace"


def _due(incident: Incident, route: str) -> datetime:
    """When the first message of this route may go. A short absence is noted after the grace 'soft'; once it has
    outlasted its own grace it is a violation, with a violation's grace on top."""
    since, policy = incident.condition_since or incident.opened_at, incident.policy
    if route == "please_count":
        return since + min(policy.grace("please_count"), policy.grace(incident.cause))
    if incident.cause == "step_out":
        return since + (policy.grace("soft") if route == "soft" else policy.grace("step_out") + policy.grace("ratio"))
    return since + policy.grace(incident.cause)


def _messages(
    incident: Incident,
    kind: str,
    route: str,
    targets: Iterable[Target],
    condition: Condition,
    reason: str,
    now: datetime,
) -> tuple[Message, ...]:
    title, body = texts.title(incident, route, condition), texts.body(incident, route, condition, now)
    held = incident.policy.quiet_until(now, route)
    return tuple(
        message(incident, kind, route, target, title=title, body=body, reason=reason, not_before=held)
        for target in targets
    )


def _answered(incident: Incident) -> bool:
    last = incident.history[-1].facts if incident.history else {}
    confirmed = (last.get("trust") or {}).get("confirmed_at") if last else None
    return confirmed is not None


def _weight(route: str) -> float:
    """please_count stands between a soft note and a violation."""
    return rank("soft") + 0.5 if route == "please_count" else float(rank(route))

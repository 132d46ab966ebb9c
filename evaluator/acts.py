"""What people do with an incident: acknowledge, snooze, review, note an action. Each gives a Change with its reason."""

from __future__ import annotations

from datetime import datetime

from domain.errors import BadInput, Conflict
from domain.time import format_instant
from evaluator.incidents import Change, Incident

LABELS = ("useful", "false_alarm", "missed")


def acknowledge(incident: Incident, actor: str, now: datetime) -> Change:
    """Somebody has taken it on: no more escalation or repeats until it gets worse. Doing it twice changes nothing."""
    _must_be_open(incident)
    if incident.status == "acknowledged":
        return Change("acknowledged", incident, incident, f"already acknowledged by {incident.acknowledged_by}")
    after = incident.with_entry(
        now, "acknowledged", f"{actor} has taken it on", actor, status="acknowledged", acknowledged_at=now,
        acknowledged_by=actor, acknowledged_severity=incident.severity,
    )  # fmt: skip
    return Change("acknowledged", after, incident, f"{actor} acknowledged")


def snooze(incident: Incident, actor: str, until: datetime, now: datetime) -> Change:
    """No messages until then, unless the incident becomes more severe than it is now."""
    _must_be_open(incident)
    if until <= now:
        raise BadInput(f"a snooze must end in the future, not at {format_instant(until)}")
    after = incident.with_entry(
        now, "snoozed", f"{actor} wants quiet until {format_instant(until)}", actor, snoozed_until=until,
        snoozed_severity=incident.severity,
    )  # fmt: skip
    return Change("snoozed", after, incident, f"{actor} snoozed until {format_instant(until)}")


def review(incident: Incident, actor: str, label: str, now: datetime, note: str = "") -> Change:
    """A person's judgement afterwards: useful, false_alarm or missed. It may be given again; the last holds."""
    if label not in LABELS:
        raise BadInput(f"'{label}' is no label of an incident; use one of {', '.join(LABELS)}")
    status = incident.status if incident.is_open else "reviewed"
    sentence = f"{actor} says: {label.replace('_', ' ')}" + (f" ({note})" if note else "")
    after = incident.with_entry(now, "reviewed", sentence, actor, status=status, review=label)
    return Change("reviewed", after, incident, sentence)


def note_action(incident: Incident, actor: str, sentence: str, now: datetime) -> Change:
    """What was done about it (a move approved, a substitute called), for the explanation."""
    after = incident.with_entry(now, "action", sentence, actor)
    return Change("action", after, incident, sentence)


def _must_be_open(incident: Incident) -> None:
    if not incident.is_open:
        raise Conflict(f"the incident {incident.incident_id} is {incident.status} already; nothing was changed")

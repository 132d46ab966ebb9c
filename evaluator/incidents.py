"""Incidents: one per room and matter, with its whole history. Immutable; a change gives a new one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.time import format_instant
from evaluator import codec
from evaluator.policy import Policy, Target

MATTERS = ("shortage", "group_size", "outlook", "count")  # of one room, the strongest first
PREMISES = "premises"  # of the whole building; its incidents carry room_id ""
OPEN = frozenset({"open", "escalated", "acknowledged"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an incident's history; `facts` are those the check itself used."""

    at: datetime
    kind: str  # opened | told | escalated | repeated | eased | acknowledged | snoozed | doubted | confirmed
    #            | withdrawn | resolved | reviewed | amended | action
    sentence: str
    actor: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent, to whom and by which class of outlet. Equal decisions give equal ids."""

    message_id: str
    incident_id: str
    center_id: str
    room_id: str
    kind: str  # alert | warning | please_count | escalation | repeat | all_clear | withdrawal
    severity: str  # approaching | soft | violation | critical | please_count
    audience: str
    outlet: str
    title: str
    body: str
    reason: str  # why this message, why now
    not_before: datetime | None = None  # held back by quiet hours until then


@dataclass(frozen=True, slots=True)
class Incident:
    """status: open, escalated, acknowledged, resolved, reviewed, in this order; some may be skipped."""

    incident_id: str
    center_id: str
    room_id: str  # of combined rooms the target; "" for the whole building
    matter: str  # shortage | group_size | outlook | count | premises
    cause: str  # what the grace depends on: nobody | ratio | step_out | group_size | headroom | outlook | count
    severity: str
    status: str
    opened_at: datetime  # when the condition began, as known at opening
    policy: Policy  # in force at opening; stays
    root_cause: str = "unknown"
    facts: Mapping[str, Any] = field(default_factory=dict)  # the latest facts of the check
    peak_severity: str = "approaching"
    condition_since: datetime | None = None  # of the present spell; None while clear
    clear_since: datetime | None = None  # hysteresis: gone since
    doubtful_since: datetime | None = None  # the violation rests on a doubtful count
    told_severity: str | None = None  # of the last message; None: nobody was told
    told_at: datetime | None = None
    last_told_at: datetime | None = None  # repeats included
    rungs_told: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_severity: str | None = None
    snoozed_until: datetime | None = None
    snoozed_severity: str | None = None
    resolved_at: datetime | None = None
    withdrawn: bool = False
    review: str = ""  # false_alarm | useful | missed, by a person
    muted_by: str | None = None  # a stronger incident of the same room
    history: tuple[Entry, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def with_entry(
        self,
        at: datetime,
        kind: str,
        sentence: str,
        actor: str = "",
        facts: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Incident:
        """A copy with one more line of history and the given fields changed."""
        return replace(self, history=(*self.history, Entry(at, kind, sentence, actor, facts or {})), **changes)


@dataclass(frozen=True, slots=True)
class Change:
    """One incident's next state, why, and what is to be sent because of it. `before` None: newly opened."""

    kind: str  # as Entry.kind, the weightiest of what happened
    incident: Incident
    before: Incident | None
    reason: str
    messages: tuple[Message, ...] = ()


def incident_id(center_id: str, room_id: str, matter: str, opened_at: datetime) -> str:
    """The same opening gets the same id, so that a decision taken twice after a restart is one incident."""
    return "inc_" + _digest(center_id, room_id, matter, format_instant(opened_at))


def message(incident: Incident, kind: str, severity: str, target: Target, **texts: Any) -> Message:
    """`texts`: title, body, reason, not_before."""
    number = sum(entry.kind in ("told", "escalated", "repeated") for entry in incident.history)
    identity = _digest(incident.incident_id, kind, severity, target.audience, target.outlet, str(number))
    return Message(
        f"msg_{identity}", incident.incident_id, incident.center_id, incident.room_id, kind, severity,
        target.audience, target.outlet, **texts,
    )  # fmt: skip


def incident_to_json(incident: Incident) -> dict[str, Any]:
    return dict(codec.to_json(incident))


def incident_from_json(data: object) -> Incident:
    """BadInput names the field that is wrong."""
    return codec.from_json(Incident, data)


def message_to_json(message: Message) -> dict[str, Any]:
    return dict(codec.to_json(message))


def message_from_json(data: object) -> Message:
    return codec.from_json(Message, data)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]

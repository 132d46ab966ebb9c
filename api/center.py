"""One center while the service runs: its folded events, its facts, its open incidents and what was shown last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from api.center_settings import CenterSettings, Mode
from domain.events import Event
from evaluator import Assessment, CenterFacts, CenterState, Incident, Observation, Policy, Risk, assess
from evaluator.expectations import Expectation
from evaluator.incidents import incident_from_json
from rulebook import Rulebook
from storage.ledger.incidents import IncidentRow
from storage.settings import Settings

REMEMBERED = timedelta(days=2)  # events older than this are left to the ledger
LATE = timedelta(minutes=2)  # what happened longer ago than this before it arrived changes decisions already made
_COUNT_MEMORY = timedelta(hours=6)  # answered headcounts `decide` wants to know of


@dataclass(slots=True)
class LiveCenter:
    """Changed by the event loop only, decisions under `lock`."""

    center_id: str
    state: CenterState
    facts: CenterFacts
    settings: CenterSettings
    settings_version: int
    installation: Settings
    incidents: dict[str, tuple[Incident, int]] = field(default_factory=dict)  # with the version in the ledger
    risks: Sequence[Risk] | None = None
    expectation: Expectation | None = None  # of the children to come, as looked ahead with last
    assessment: Assessment | None = None
    shown: dict[str, Any] = field(default_factory=dict)  # by room, as published last
    looks: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # by room, what `shown` was made of
    recorded: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # by room, as kept in `verdicts` last
    reread: set[str] = field(default_factory=set)
    late_from: datetime | None = None
    deadline: datetime | None = None
    dirty: bool = True
    trouble: str = ""  # why this center cannot be judged now, as a sentence
    _policy: Policy | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def mode(self) -> Mode:
        return self.settings.mode_in(self.installation)

    @property
    def policy(self) -> Policy:
        """The policy in force, worked out once per version of the settings."""
        version = f"{self.center_id}/{self.settings_version}"
        if self._policy is None or self._policy.version != version:
            self._policy = self.settings.policy_in(self.installation, self.facts.center.timezone, version)
        return self._policy

    def is_due(self, now: datetime) -> bool:
        """Whether a decision is to be taken, or is being taken and stored."""
        return self.dirty or self.lock.locked() or (self.deadline is not None and self.deadline <= now)

    def book(self, now: datetime) -> Rulebook:
        """The rules in force today; UnknownRule if there are none for this center."""
        return self.settings.book(self.facts.center.state, self.facts.day_of(now))

    def rule_version(self, now: datetime) -> str:
        """Which rules a decision was made by: code, day of their last change, settings of the center."""
        book = self.book(now)
        return f"{book.code}@{book.on.isoformat()}/{self.settings_version}"

    def apply(self, events: Iterable[Event]) -> None:
        for event in events:
            done = self.state.apply(event)
            self.reread |= done.reread
            late = done.late_from
            if done.changed and self.assessment and event.happened_at < self.assessment.at - LATE:
                late = min(late or event.happened_at, event.happened_at)
            self._note(done.changed, late)

    def observe(self, observation: Observation) -> None:
        done = self.state.observe(observation)
        self._note(done.changed, done.late_from)

    def assess(self, now: datetime) -> Assessment:
        self.assessment = assess(self.state, self.facts, self.book(now), now)
        return self.assessment

    def open_incidents(self) -> list[Incident]:
        return [incident for incident, _ in self.incidents.values() if incident.is_open]

    def known_incidents(self) -> list[Incident]:
        return [incident for incident, _ in self.incidents.values()]

    def remember(self, incident: Incident, version: int) -> None:
        self.incidents[incident.incident_id] = (incident, version)

    def forget_old(self, now: datetime) -> None:
        """Keep what is open, and headcounts answered lately (a room is not asked again at once)."""
        since = now - _COUNT_MEMORY
        self.incidents = {
            key: (incident, version)
            for key, (incident, version) in self.incidents.items()
            if incident.is_open or (incident.matter == "count" and incident.opened_at > since)
        }

    def restore(self, rows: Iterable[IncidentRow]) -> None:
        for row in rows:
            self.remember(incident_from_json(row.body), row.version)

    def _note(self, changed: bool, late_from: datetime | None) -> None:
        self.dirty = self.dirty or changed
        if late_from is not None:
            self.late_from = late_from if self.late_from is None else min(self.late_from, late_from)

"""The live loop: events and the instants at which a verdict changes by itself become decisions, stored and published.

One task for all centers of this service. A center is looked at when something arrived, when its deadline has come, and
every minute for the odds ahead; there is no polling grid beyond that minute.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from api.bus import Bus
from api.center import REMEMBERED, LiveCenter
from api.decisions import Decision, store
from api.facts import FactsSource
from api.outlook import Outlook
from api.routing import outgoing
from api.views import incident_for_people, look_of, room_view
from api.waiting import wait_until
from domain.errors import Conflict, RatiocastError, StoreError
from domain.events import Event
from domain.time import Clock, format_instant
from evaluator import Assessment, Change, Incident, amend, decide, next_decision
from evaluator.incidents import incident_from_json
from storage.ledger import Connection, Ledger
from storage.ledger.incidents import IncidentRow, VerdictRow, find_incidents, read_incident
from storage.ledger.outbox import Outgoing

log = logging.getLogger("ratiocast.live")
LOOK_AHEAD_EVERY = timedelta(minutes=1)
_FACTS_EVERY = timedelta(hours=1)
_AMENDED = 50  # incidents looked at again because of one late event
_LONGEST_REST = 0.05  # seconds
_USUAL_DELAY = 0.01  # seconds until a delivery is on disk: at that the loop has half of the time
_CALM_AFTER = 0.1  # seconds without a delivery: the loop need not make room for more
_AFTER_TROUBLE = timedelta(seconds=5)

Afterwards = Callable[[LiveCenter, Sequence[Change], datetime], None]  # proposals are made from what changed


class LiveLoop:
    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        bus: Bus,
        facts: FactsSource,
        outlook: Outlook,
        sent: Callable[[], None],
        afterwards: Afterwards,
        delay: Callable[[], float],
    ) -> None:
        """`delay`: seconds that deliveries wait now until they are on disk."""
        self._ledger, self._clock, self._bus, self._facts = ledger, clock, bus, facts
        self._outlook, self._sent, self._afterwards, self._delay = outlook, sent, afterwards, delay
        self.centers: dict[str, LiveCenter] = {}
        self.slowest_step = 0.0  # seconds from a center's turn to its decisions on disk
        self.slowest_piece = 0.0  # seconds for which such a step held the event loop at once
        self._last_arrival = -math.inf
        self._wake = asyncio.Event()
        self._facts_read: dict[str, datetime] = {}
        self._facts_tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, center: LiveCenter, facts_read: datetime | None) -> None:
        self.centers[center.center_id] = center
        if facts_read is not None:
            self._facts_read[center.center_id] = facts_read
        self._wake.set()

    def arrived(self, events: Iterable[Event]) -> None:
        """Fold new events; the loop decides right after."""
        self._last_arrival = time.perf_counter()
        for event in events:
            if (center := self.centers.get(event.center_id)) is not None:
                center.apply((event,))
        self._wake.set()

    def touch(self, center_id: str) -> None:
        """Something about the center changed beside its events: look at it now."""
        if (center := self.centers.get(center_id)) is not None:
            center.dirty = True
            self._wake.set()

    async def run(self) -> None:
        while True:
            now = self._clock.now()
            due = [c for c in self.centers.values() if c.dirty or (c.deadline is not None and c.deadline <= now)]
            for center in due:
                await self.step(center)
            if not due:
                deadlines = [c.deadline for c in self.centers.values() if c.deadline is not None]
                await wait_until(self._clock, min(deadlines, default=None), self._wake)

    async def step(self, center: LiveCenter) -> None:
        """Assess a center now, decide, store, publish."""
        started = time.perf_counter()
        async with center.lock:
            now, center.dirty = self._clock.now(), False
            self._refresh_facts(center, now)
            try:
                await self._judge(center, now)
                await self._amend(center, now)
                center.trouble = ""
            except Conflict as error:
                log.info("decided anew: %s", error)
                await self._reload(center)
                center.dirty = True
            except (RatiocastError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                self._in_trouble(center, error, now)
        self.slowest_step = max(self.slowest_step, time.perf_counter() - started)

    async def record(
        self, center: LiveCenter, change: Change, *, actor: str, correlation_id: str = "", now: datetime
    ) -> Incident:
        """Store and publish what a person did with an incident. The caller holds the center's lock."""
        version = center.incidents.get(change.incident.incident_id, (None, None))[1]
        if version is None:
            row = await self._ledger.aread(lambda c: read_incident(c, change.incident.incident_id))
            version = row.version
        await self._store(center, [change], {change.incident.incident_id: version}, [], now, actor, correlation_id)
        center.dirty = True
        self._wake.set()
        return change.incident

    async def incident(self, incident_id: str) -> Incident:
        """An incident as it stands, open or not. NotFound if there is none."""
        for center in self.centers.values():
            if incident_id in center.incidents:
                return center.incidents[incident_id][0]
        row = await self._ledger.aread(lambda c: read_incident(c, incident_id))
        return incident_from_json(row.body)

    def close(self) -> None:
        for task in self._facts_tasks.values():
            task.cancel()

    async def _judge(self, center: LiveCenter, now: datetime) -> None:
        started = time.perf_counter()
        assessment = center.assess(now)
        started = await self._rest(started)
        center.risks = await self._outlook.risks(center, now, self._rest)
        started = time.perf_counter()
        changes = decide(center.known_incidents(), assessment, center.risks, center.policy, now)
        rows = self._verdict_rows(center, assessment, now)
        await self._rest(started)
        if changes or rows:
            versions = {key: version for key, (_, version) in center.incidents.items()}
            await self._store(center, changes, versions, rows, now, "service", "")
        await self._show(center, assessment)
        center.forget_old(now)
        minute = now + LOOK_AHEAD_EVERY
        timer = next_decision(center.open_incidents(), now)
        center.deadline = min(at for at in (minute, timer, assessment.next_instant) if at is not None)
        if changes:
            self._afterwards(center, changes, now)

    async def _rest(self, started: float) -> float:
        """Deliveries come first: while some arrive, the event loop is theirs after a piece of work, for as long as the
        piece took if they are on disk as fast as usual, and the longer the more they have to wait."""
        now = time.perf_counter()
        self.slowest_piece = max(self.slowest_piece, now - started)
        they_come = now - self._last_arrival < _CALM_AFTER
        rest = (now - started) * self._delay() / _USUAL_DELAY
        await asyncio.sleep(min(rest, _LONGEST_REST) if they_come else 0)
        return time.perf_counter()

    async def _amend(self, center: LiveCenter, now: datetime) -> None:
        """Incidents that are over and whose time late or corrected events have changed get one more line each."""
        since, center.late_from = center.late_from, None
        if since is None:
            return
        rows = await self._ledger.aread(lambda c: find_incidents(c, center.center_id, since=since, limit=_AMENDED))
        for row in (row for row in rows if row.closed_at is not None):
            change = amend(incident_from_json(row.body), center.state, center.facts, center.book(now), now)
            if change is not None:
                versions = {row.incident_id: row.version}
                await self._store(center, [change], versions, [], now, "service", "")

    async def _store(
        self,
        center: LiveCenter,
        changes: Sequence[Change],
        versions: dict[str, int],
        rows: Sequence[VerdictRow],
        now: datetime,
        actor: str,
        correlation_id: str,
    ) -> None:
        decisions = [
            Decision(change, versions.get(change.incident.incident_id, 0), self._rows(center, change, now))
            for change in changes
        ]
        rule_version = center.rule_version(now)
        stored = await self._ledger.awrite(
            lambda connection: store(
                connection, decisions, rows, now, actor=actor, correlation_id=correlation_id, rule_version=rule_version
            )
        )
        for change in changes:
            center.remember(change.incident, stored[change.incident.incident_id])
            self._bus.publish(center.center_id, "incident", incident_for_people(change.incident))
        for row in rows:
            center.recorded[row.room_id] = _recorded(row)
        if any(decision.messages for decision in decisions):
            self._sent()

    def _rows(self, center: LiveCenter, change: Change, now: datetime) -> list[Outgoing]:
        buttons = []
        if change.incident.is_open:
            buttons = [{"action": "acknowledge", "label": "Acknowledge", "value": change.incident.incident_id}]
        return outgoing(
            change.messages, center.settings, center.facts, center.installation, now, shadow=center.mode == "shadow",
            buttons=buttons,
        )  # fmt: skip

    def _verdict_rows(self, center: LiveCenter, assessment: Assessment, now: datetime) -> list[VerdictRow]:
        """One row per room whose counts, trust or odds differ from those kept last."""
        odds = {(risk.room_id, risk.horizon_minutes): round(risk.odds, 2) for risk in center.risks or ()}
        rule_version = center.rule_version(now)
        rows = []
        for room_id, room in assessment.rooms.items():
            verdict = room.verdict
            body = {
                "compliant": verdict.compliant,
                "deficit": verdict.deficit,
                "group_over": verdict.group_over,
                "odds": {str(minutes): odds.get((room_id, minutes)) for minutes in (15, 30)},
            }
            row = VerdictRow(
                center.center_id, room_id, now, len(room.group.children), verdict.counted, verdict.required,
                "doubtful" if room.trust.doubtful else "plain", rule_version, body,
            )  # fmt: skip
            if center.recorded.get(room_id) != _recorded(row):
                rows.append(row)
        return rows

    async def _show(self, center: LiveCenter, assessment: Assessment) -> None:
        """Publish the rooms that look different from before, to whoever listens. A room's view is only made anew when
        what it is made of has changed, or after a minute: words and headroom cost far more than the verdict."""
        if not self._bus.has_listeners(center.center_id):
            self._bus.skip(center.center_id)
            center.shown.clear()
            center.looks.clear()
            return
        changed: dict[str, Any] = {}
        for room_id, room in assessment.rooms.items():
            started = time.perf_counter()
            look = look_of(center, room, assessment.at)
            if center.looks.get(room_id) == look:
                continue
            view = room_view(center, room)
            if center.shown.get(room_id) != view:
                changed[room_id] = view
            center.looks[room_id], center.shown[room_id] = look, view
            await self._rest(started)
        for gone in set(center.shown) - set(assessment.rooms):
            del center.shown[gone], center.looks[gone]
            changed[gone] = None
        if changed:
            body = {"center_id": center.center_id, "at": format_instant(assessment.at), "rooms": changed}
            self._bus.publish(center.center_id, "room", body)

    def _refresh_facts(self, center: LiveCenter, now: datetime) -> None:
        """Read what the platform announced as changed, and everything once an hour, without holding up decisions."""
        center_id = center.center_id
        if center_id in self._facts_tasks:
            return
        read_at = self._facts_read.get(center_id)
        all_due = read_at is None or now - read_at >= _FACTS_EVERY
        if not all_due and not center.reread:
            return
        kinds = None if all_due else tuple(sorted(center.reread))
        center.reread.clear()
        self._facts_tasks[center_id] = asyncio.create_task(self._read_facts(center, kinds, now))

    async def _read_facts(self, center: LiveCenter, kinds: tuple[str, ...] | None, now: datetime) -> None:
        try:
            center.facts = await self._facts.refresh(center.center_id, now, kinds)
            center.dirty = True
        except RatiocastError as error:
            log.warning("what the platform says about %s could not be read: %s", center.center_id, error)
            center.reread |= set(kinds or ())
            center.deadline = min(center.deadline or now + _AFTER_TROUBLE, now + _AFTER_TROUBLE)
        finally:
            if kinds is None:
                self._facts_read[center.center_id] = now
                center.state.forget_before(now - REMEMBERED)
            del self._facts_tasks[center.center_id]
            self._wake.set()

    async def _reload(self, center: LiveCenter) -> None:
        for incident_id in list(center.incidents):
            row = await self._ledger.aread(partial(_read, incident_id))
            center.remember(incident_from_json(row.body), row.version)

    def _in_trouble(self, center: LiveCenter, error: Exception, now: datetime) -> None:
        """This center cannot be judged now: say so where everybody looks, and try again soon."""
        if center.trouble != str(error):
            if isinstance(error, RatiocastError) and not isinstance(error, StoreError):
                log.error("center %s cannot be judged: %s", center.center_id, error)
            else:
                log.exception("center %s cannot be judged", center.center_id)
            center.trouble = str(error) or type(error).__name__
            self._bus.publish(center.center_id, "trouble", {"center_id": center.center_id, "trouble": center.trouble})
        center.deadline = now + _AFTER_TROUBLE


def _read(incident_id: str, connection: Connection) -> IncidentRow:
    return read_incident(connection, incident_id)


def _recorded(row: VerdictRow) -> tuple[Any, ...]:
    return (row.children, row.counted, row.required, row.trust, row.rule_version, str(row.body))

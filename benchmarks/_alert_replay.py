"""A simulated center lived through by the evaluator, delivery by delivery, with people who answer headcounts."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from benchmarks._alert_truth import TrueDay
from domain.events import Event
from evaluator import (
    Assessment,
    CenterFacts,
    CenterState,
    Change,
    Incident,
    Observation,
    Policy,
    assess,
    decide,
    next_decision,
)
from evaluator.expectations import BookedExpectation, Expectation
from evaluator.lookahead import look_ahead
from rulebook import Rulebook
from sandbox.world import World

LOOK_EVERY = timedelta(minutes=5)  # the service looks every minute and with every event; this saves time


@dataclass(frozen=True)
class People:
    """How those who are asked behave: each request is answered with this chance, truthfully, after a while."""

    answers: float = 0.8
    median_seconds: float = 90.0
    spread: float = 0.5  # of the lognormal


@dataclass
class Lived:
    """What a replay left: changes by time, naive alerts, and how many headcounts were asked for and answered."""

    changes: list[tuple[datetime, Change, frozenset[str]]] = field(default_factory=list)
    naive: list[tuple[datetime, frozenset[str]]] = field(default_factory=list)
    requests: int = 0  # first ones, escalated and repeated ones
    answered: int = 0


ExpectationOf = Callable[[CenterState, CenterFacts, datetime], Expectation]


class Knowledge:
    """A world's rows as known at an instant."""

    def __init__(self, world: World, center_id: str) -> None:
        self.center = next(center for center in world.centers if center.center_id == center_id)
        self.world = world
        self.rooms = [room for room in world.rooms if room.center_id == center_id]
        self.shifts: dict[date, list[Any]] = defaultdict(list)
        self.bookings: dict[date, list[Any]] = defaultdict(list)
        for row in world.shifts:
            if row.value.center_id == center_id:
                self.shifts[row.value.start.astimezone(CenterFacts(self.center).tz).date()].append(row)
        for row in world.bookings:
            if row.value.center_id == center_id:
                self.bookings[row.value.day].append(row)

    def facts(self, now: datetime) -> CenterFacts:
        mine = self.center.center_id
        today = now.astimezone(CenterFacts(self.center).tz).date()
        days = [today + timedelta(days=shift) for shift in (-1, 0, 1)]

        def known(rows: list[Any]) -> list[Any]:
            return [row.value for row in rows if row.recorded_at <= now and row.value.center_id == mine]

        bookings = {(b.child_id, b.day, b.room_id): b for day in days for b in known(self.bookings[day])}
        shifts = [shift for day in days for shift in known(self.shifts[day])]
        world = self.world
        return CenterFacts.of(
            self.center, self.rooms, known(world.children), known(world.staff), shifts, bookings.values(),
            known(world.closures),
        )  # fmt: skip


class Replay:
    """One center, from the first day to the last."""

    def __init__(self, world: World, center_id: str, book: Rulebook, policy: Policy, people: People, seed: int) -> None:
        self.knowledge = Knowledge(world, center_id)
        self.book, self.policy, self.people, self.rng = book, policy, people, random.Random(seed)
        self.state = CenterState(center_id)
        self.events = [event for event in world.events if event.center_id == center_id]
        self.incidents: dict[str, Incident] = {}
        self.lived = Lived()
        self.naive_on: set[str] = set()
        self.queue: list[tuple[datetime, int, str, Any]] = []
        self.number = itertools.count()
        self.asked: dict[tuple[str, bool], datetime] = {}
        self.wakes: set[datetime] = set()
        self.looks_ahead = True
        self.expectation: ExpectationOf = BookedExpectation

    def day(self, truth: TrueDay) -> None:
        """Live through one local day."""
        facts = self.knowledge.facts(truth.span.start)
        for event in self._deliveries(truth):
            self._push(event.recorded_at, "event", event)
        opening = facts.opening(facts.day_of(truth.span.start + timedelta(hours=12)))
        if opening is not None and self.looks_ahead:
            at = opening.start
            while at < opening.end:
                self._push(at, "look", None)
                at += LOOK_EVERY
        while self.queue:
            now, _, kind, payload = heapq.heappop(self.queue)
            if now >= truth.span.end:
                continue
            rooms: set[str] | None = None
            if kind == "event":
                applied = self.state.apply(payload)
                if applied.reread:
                    facts = self.knowledge.facts(now)
                rooms = set(applied.rooms)
                self._naive(facts, now)
            elif kind == "answer":
                self._answer(*payload, truth, now)
                rooms = None
            if kind != "event" or rooms or rooms is None:
                self._round(facts, rooms, now, look=kind == "look")
        self.state.forget_before(truth.span.start - timedelta(days=1))

    def _deliveries(self, truth: TrueDay) -> Iterator[Event]:
        return (event for event in self.events if truth.span.start <= event.recorded_at < truth.span.end)

    def _push(self, at: datetime, kind: str, payload: Any) -> None:
        heapq.heappush(self.queue, (at, next(self.number), kind, payload))

    def _round(self, facts: CenterFacts, rooms: set[str] | None, now: datetime, *, look: bool) -> None:
        risks = None
        if look:
            risks = look_ahead(self.state, facts, self.book, self.expectation(self.state, facts, now), now)
        seen = assess(self.state, facts, self.book, now, rooms)
        lately = now - timedelta(hours=3)
        watched = [i for i in self.incidents.values() if i.is_open or (i.matter == "count" and i.opened_at > lately)]
        for change in decide(watched, seen, risks, self.policy, now):
            self.incidents[change.incident.incident_id] = change.incident
            self.lived.changes.append((now, change, self._members(seen, change.incident.room_id)))
            asked = {m.audience for m in change.messages if m.severity == "please_count" and m.kind != "withdrawal"}
            if asked:
                self.lived.requests += 1
                self._ask(change.incident.room_id, asked != {"room_lead"}, now)
        self.incidents = {i.incident_id: i for i in self.incidents.values() if i.is_open or i.opened_at > lately}
        self._wake(seen, now)

    def _members(self, seen: Assessment, room_id: str) -> frozenset[str]:
        room = seen.rooms.get(room_id)
        return frozenset(room.group.members if room else (room_id,))

    def _wake(self, seen: Assessment, now: datetime) -> None:
        for at in (seen.next_instant, next_decision(self.incidents.values(), now)):
            if at is not None and at not in self.wakes:
                self.wakes.add(at)
                self._push(at, "wake", None)

    def _ask(self, room_id: str, anybody: bool, now: datetime) -> None:
        """`anybody`: not only the room lead is asked; the others come and look."""
        if self.rng.random() < self.people.answers and self.asked.get((room_id, anybody), now) <= now:
            delay = self.people.median_seconds * self.rng.lognormvariate(0, self.people.spread)
            self._answer_at(now + timedelta(seconds=round(delay)), room_id, anybody)

    def _answer_at(self, at: datetime, room_id: str, anybody: bool) -> None:
        self.asked[room_id, anybody] = at
        self._push(at, "answer", (room_id, anybody))

    def _answer(self, room_id: str, anybody: bool, truth: TrueDay, now: datetime) -> None:
        rooms = truth.group_of(room_id, now)
        seen = tuple(sorted(set(truth.adults(rooms, now, stepped_out=False))))
        if not seen and not anybody and truth.children(rooms, now):
            self._answer_at(now + timedelta(minutes=1), room_id, anybody)  # somebody will be back in the room soon
            return
        self.lived.answered += 1
        target = rooms[0] if len(rooms) > 1 else room_id
        children = len(truth.children(rooms, now))
        number = f"o{next(self.number)}"
        self.state.observe(Observation(number, self.state.center_id, target, now, now, children, staff_ids=seen))

    def _naive(self, facts: CenterFacts, now: datetime) -> None:
        """Children over staff above the limit for the youngest, believing every event: an alert at each onset."""
        combination = self.state.combination()
        targets = dict(combination.members) if combination else {}
        groups: dict[str, list[str]] = defaultdict(list)
        for room_id in facts.rooms:
            groups[targets.get(room_id, room_id)].append(room_id)
        day = facts.day_of(now)
        for target, members in groups.items():
            children = [c for member in members for c in self.state.rooms.get(member, ())]
            adults = [s for member in members for s in self.state.staffed.get(member, ())]
            working = [s for s in adults if (place := self.state.adult(s)) and place.state == "in_room"]
            ages = [age for c in children if (age := facts.child_here(c, day).age_months) is not None]
            short = bool(ages) and self.book.required([min(ages)] * len(ages)) > len(working)
            if short and target not in self.naive_on:
                self.lived.naive.append((now, frozenset(members)))
                self.naive_on.add(target)
            elif not short:
                self.naive_on.discard(target)

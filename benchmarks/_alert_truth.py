"""What truly happened in a simulated center: when which room was out of ratio, by the same rulebook."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from domain.time import Interval, local_day
from evaluator import CenterFacts
from rulebook import Building, RoomLicence, Rulebook, Situation
from sandbox.world import TruePresence, TrueStay, World

SHORT = timedelta(minutes=5)  # an absence up to this long is short: soft, no violation
JOIN = timedelta(seconds=60)  # two violations with less than this between them are one


@dataclass(frozen=True)
class TrueViolation:
    """Rooms counted as one were out of ratio, [start, end). Adults on a short absence count as there."""

    rooms: frozenset[str]
    start: datetime
    end: datetime
    deficit: int

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


class TrueDay:
    """One center's true day."""

    def __init__(self, world: World, center_id: str, day: date, facts: CenterFacts, book: Rulebook) -> None:
        span = local_day(day, facts.tz)
        self.facts, self.book, self.span = facts, book, span
        self.stays = [s for s in world.true_stays if s.center_id == center_id and s.start in span]
        self.presences = [p for p in world.true_presences if p.center_id == center_id and p.start in span]
        self.merges = [m for m in world.true_merges if m.center_id == center_id and m.start in span]
        self._stays_of: dict[str, list[TrueStay]] = defaultdict(list)
        self._adults_of: dict[str, list[TruePresence]] = defaultdict(list)
        last: dict[str, str | None] = {}
        self._steps: list[tuple[TruePresence, str | None]] = []  # short absences and the room they are from
        for presence in self.presences:
            if presence.state == "step_out":
                self._steps.append((presence, last.get(presence.staff_id)))
            last[presence.staff_id] = presence.room_id
        for stay in self.stays:
            self._stays_of[stay.room_id].append(stay)
        for presence in self.presences:
            if presence.room_id:
                self._adults_of[presence.room_id].append(presence)

    def groups(self, at: datetime) -> list[tuple[str, ...]]:
        merged = [merge.room_ids for merge in self.merges if merge.start <= at < merge.end]
        inside = {room_id for rooms in merged for room_id in rooms}
        return [*merged, *((room_id,) for room_id in sorted(self.facts.rooms) if room_id not in inside)]

    def group_of(self, room_id: str, at: datetime) -> tuple[str, ...]:
        return next(group for group in self.groups(at) if room_id in group)

    def children(self, rooms: tuple[str, ...], at: datetime) -> list[str]:
        return [s.child_id for room in rooms for s in self._stays_of[room] if s.start <= at < s.end]

    def adults(self, rooms: tuple[str, ...], at: datetime, *, stepped_out: bool = True) -> list[str]:
        """In the room; with `stepped_out` those as well who stepped out of it less than five minutes ago."""
        here = [
            p.staff_id
            for room in rooms
            for p in self._adults_of[room]
            if p.start <= at < p.end and p.state == "in_room"
        ]
        if stepped_out:
            here += [
                p.staff_id for p, room in self._steps if room in rooms and p.start <= at < min(p.end, p.start + SHORT)
            ]
        return here

    def short(self, rooms: tuple[str, ...], children: list[str], adults: list[str], at: datetime) -> int:
        """Adults missing; 1 if it is the group that is too large or wrongly mixed; 0 if all is in order."""
        day = self.facts.day_of(at)
        situation = Situation.at(
            at, self.facts.tz, [self.facts.child_here(each, day) for each in sorted(children)],
            [replace(self.facts.adult_here(each, day)) for each in sorted(set(adults))],
            opens=self.facts.center.opens, closes=self.facts.center.closes, room=RoomLicence(self._capacity(rooms)),
            building=self._building(at),
        )  # fmt: skip
        verdict = self.book.check(situation)
        return verdict.deficit or int(verdict.group_over > 0 or bool(verdict.breaches))

    def _building(self, at: datetime) -> Building:
        children = sum(stay.start <= at < stay.end for stay in self.stays)
        return Building(children, sum(p.start <= at < p.end and p.state != "break" for p in self.presences))

    def _capacity(self, rooms: tuple[str, ...]) -> int:
        return self.facts.rooms[rooms[0]].capacity

    def violations(self) -> list[TrueViolation]:
        """All of the day, by start."""
        edges = {each for row in (*self.stays, *self.presences, *self.merges) for each in (row.start, row.end)}
        edges |= {p.start + SHORT for p, _ in self._steps if p.start + SHORT < p.end}
        instants = sorted(edges)
        found: dict[tuple[str, ...], list[TrueViolation]] = defaultdict(list)
        memo: dict[tuple[object, ...], int] = {}
        for start, end in pairwise(instants):
            for rooms in self.groups(start):
                children, adults = self.children(rooms, start), self.adults(rooms, start)
                key = (rooms, tuple(sorted(children)), tuple(sorted(adults)), self._building(start))
                if key not in memo:
                    memo[key] = self.short(rooms, children, adults, start)
                if memo[key]:
                    _add(found[rooms], TrueViolation(frozenset(rooms), start, end, memo[key]))
        return sorted((v for rows in found.values() for v in rows), key=lambda v: (v.start, sorted(v.rooms)))


def _add(rows: list[TrueViolation], new: TrueViolation) -> None:
    if rows and new.start - rows[-1].end <= JOIN:
        rows[-1] = replace(rows[-1], end=new.end, deficit=max(rows[-1].deficit, new.deficit))
    else:
        rows.append(new)


def overlapping(violations: list[TrueViolation], rooms: set[str], span: Interval) -> list[TrueViolation]:
    """Those of any of the rooms that overlap the span."""
    low = bisect_left(violations, span.start - timedelta(hours=12), key=lambda violation: violation.start)
    return [v for v in violations[low:] if v.rooms & rooms and v.start < span.end and span.start < v.end]

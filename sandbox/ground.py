"""Ground truth for scoring alerts: who truly was where, between every two instants at which that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from domain.time import local_date, zone
from sandbox.world import TrueMerge, TruePresence, TrueStay, World


@dataclass(frozen=True, slots=True)
class TrueRoom:
    """A room (or merged rooms, `room_id` the host) as it truly was."""

    room_id: str
    room_ids: tuple[str, ...]
    children: tuple[str, ...]
    in_room: tuple[str, ...]  # staff ids
    stepped_out: tuple[str, ...]  # away for minutes, such as a bathroom break

    @property
    def empty(self) -> bool:
        return not (self.children or self.in_room or self.stepped_out)


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start, end) in which nothing changed."""

    start: datetime
    end: datetime
    rooms: tuple[TrueRoom, ...]


class GroundTruth:
    """One center's truth, day by day; ages, roles and rules are for the caller to add."""

    def __init__(self, world: World, center_id: str) -> None:
        self.center = next(center for center in world.centers if center.center_id == center_id)
        self.room_ids = sorted(room.room_id for room in world.rooms if room.center_id == center_id)
        self._stays: dict[date, list[TrueStay]] = self._by_day(world.true_stays)
        self._presences: dict[date, list[TruePresence]] = self._by_day(world.true_presences)
        self._merges: dict[date, list[TrueMerge]] = self._by_day(world.true_merges)

    def day(self, day: date) -> list[Stretch]:
        """The local day in stretches, from the first arrival to the last departure; empty on a closed day."""
        rows: list[Any] = [*self._stays.get(day, []), *self._presences.get(day, []), *self._merges.get(day, [])]
        edges = sorted({edge for row in rows for edge in (row.start, row.end)})
        return [Stretch(start, end, tuple(self._rooms(day, start))) for start, end in pairwise(edges)]

    def at(self, instant: datetime) -> tuple[TrueRoom, ...]:
        """Every room (merged rooms as one) at an instant."""
        return tuple(self._rooms(local_date(instant, zone(self.center.timezone)), instant))

    def _rooms(self, day: date, at: datetime) -> Iterator[TrueRoom]:
        merged = [merge for merge in self._merges.get(day, []) if merge.start <= at < merge.end]
        groups = {merge.room_id: merge.room_ids for merge in merged}
        inside = {room for rooms in groups.values() for room in rooms}
        groups |= {room: (room,) for room in self.room_ids if room not in inside}
        stays = [stay for stay in self._stays.get(day, []) if stay.start <= at < stay.end]
        adults = [row for row in self._presences.get(day, []) if row.start <= at < row.end]
        left = self._stepped_out(day, adults)
        for host, rooms in sorted(groups.items()):
            yield TrueRoom(
                host, rooms,
                tuple(sorted(stay.child_id for stay in stays if stay.room_id in rooms)),
                tuple(sorted(row.staff_id for row in adults if row.state == "in_room" and row.room_id in rooms)),
                tuple(sorted(staff for staff, room in left.items() if room in rooms)),
            )  # fmt: skip

    def _stepped_out(self, day: date, adults: list[TruePresence]) -> dict[str, str | None]:
        """The rooms that adults who are out for a moment came from."""
        result: dict[str, str | None] = {}
        for row in adults:
            if row.state == "step_out":
                before = [p for p in self._presences[day] if p.staff_id == row.staff_id and p.end <= row.start]
                result[row.staff_id] = before[-1].room_id if before else None
        return result

    def _by_day(self, rows: list[Any]) -> dict[date, list[Any]]:
        tz, grouped = zone(self.center.timezone), defaultdict(list)
        for row in rows:
            if row.center_id == self.center.center_id:
                grouped[local_date(row.start, tz)].append(row)
        return dict(grouped)

"""Rows that change: every state of each, found as of an instant, in the order of their keys."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

from sandbox.rows import Key
from sandbox.world import Recorded

T = TypeVar("T")


class States(Generic[T]):
    def __init__(self, key: Callable[[T], Key]) -> None:
        self._key = key
        self._states: dict[str, dict[Key, list[Recorded[T]]]] = defaultdict(dict)
        self._order: dict[str, list[Key]] = defaultdict(list)

    def add(self, center_id: str, row: Recorded[T]) -> None:
        key, states = self._key(row.value), self._states[center_id]
        if key in states:
            insort(states[key], row, key=lambda state: state.recorded_at)
        else:
            states[key] = [row]
            insort(self._order[center_id], key)

    def latest(self, center_id: str, key: Key, now: datetime) -> T | None:
        states = self._states[center_id].get(key, [])
        place = bisect_right(states, now, key=lambda state: state.recorded_at)
        return states[place - 1].value if place else None

    def scan(self, center_id: str, now: datetime, after: Key | None = None) -> Iterator[tuple[Key, T]]:
        """Rows known by now with a key beyond `after`, by key."""
        order = self._order[center_id]
        start = bisect_right(order, after) if after is not None else 0
        for key in order[start:]:
            value = self.latest(center_id, key, now)
            if value is not None:
                yield key, value

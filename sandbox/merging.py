"""Which rooms of a simulated center are one, and when: early in the day and again towards its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.knobs import Knobs

_EVENING = (16 * 60, 17 * 60, 17 * 60 + 30)


@dataclass(frozen=True, slots=True)
class Merge:
    """Rooms counted as one, [start, end) minutes; the first is the host."""

    start: int
    end: int
    rooms: tuple[int, ...]


def merge_rooms(knobs: Knobs, counts: NDArray[np.int64], first: int) -> list[Merge]:
    """Which rooms are one when: from opening to between 07:00 and 08:00, and again in steps from 16:00."""
    last = first + counts.shape[1]
    opening = max(knobs.open_minute, first)
    merges: list[Merge] = []
    for group in knobs.layout.groups:
        if len(group) == 1:
            continue
        limit = 2 * knobs.children_per_adult(_youngest(knobs, group))
        total = counts[list(group)].sum(axis=0)
        until = next((m for m in range(7 * 60, 8 * 60) if m < last and total[m - first] >= limit - 1), 8 * 60)
        merges.append(Merge(opening, max(until, opening + 1), group))
        for step, minute in enumerate(_EVENING):
            adults = 1 if step == 0 else 2
            limit = adults * knobs.children_per_adult(_youngest(knobs, group))
            if minute < last and total[minute - first : min(minute - first + 30, counts.shape[1])].max() <= limit:
                merges.append(Merge(minute, last, group))
                break
    return sorted(merges, key=lambda merge: (merge.start, merge.rooms))


def _youngest(knobs: Knobs, rooms: tuple[int, ...]) -> int:
    return min(knobs.layout.rooms[room].age_min_months for room in rooms)

"""A way out of a shortage: what kind, who is where instead, what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from optimizer.plan import Combined, ShiftChange
from optimizer.problem import Adult, Assignment

Kind = Literal["free_adult", "move_break", "move", "chain", "combine", "stay_longer", "substitute"]
KINDS: tuple[Kind, ...] = ("free_adult", "move_break", "move", "chain", "combine", "stay_longer", "substitute")


@dataclass(frozen=True)
class WayOut:
    """`changes`: where people are instead. `gain`: expected adult-slots prevented in the room, only to rank by."""

    kind: Kind
    room_id: str
    start: int
    end: int
    gain: float
    changes: tuple[Assignment, ...] = ()
    source: str | None = None
    second_source: str | None = None  # of a chain: where the one who takes the first one's place comes from
    joined: Combined | None = None
    longer: ShiftChange | None = None
    called: Adult | None = None
    cost: float = 0.0


class Stretch(NamedTuple):
    """Time in one other place that an adult can leave for the room from `start` to `end`; the rest is the walk."""

    start: int
    end: int
    place: str | None
    leaves: int
    back: int

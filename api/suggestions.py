"""The port of suggestions: what a room or a center is in need of, and what could be done about it.

`api.reassigning` fills it with the optimizer's live reassignment, `api.suggestions_simple` is what that falls back on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from api.center import LiveCenter
from domain.people import Segment, Shift
from domain.time import format_instant

NeedKind = Literal["call_out", "no_show", "violation", "predicted_gap", "room_closes"]


@dataclass(frozen=True, slots=True)
class Need:
    """Why somebody should help: a room is or will be short, an adult is not coming, a room closes."""

    kind: NeedKind
    room_id: str | None = None
    staff_id: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """One room before and after: adults required and counted as the change begins; over the next two hours the expected
    adult-minutes missing (None: not looked at)."""

    room_id: str
    required_before: int
    counted_before: int
    required_after: int
    counted_after: int
    missing_before: float | None = None
    missing_after: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One adult from `start` to `end` in a room, or on a break. `shift_id` None: there is no shift to change."""

    staff_id: str
    kind: str  # room | break
    room_id: str | None
    start: datetime
    end: datetime
    shift_id: str | None
    shift_version: str | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """What could be done, for the room `to_room_id`, from `start` to `end`. `staff_id` None: nobody moves."""

    kind: str  # move_float, move_spare, end_break_early, move_break, chain, combine, stay_longer, substitute
    staff_id: str | None
    name: str
    from_room_id: str | None
    to_room_id: str
    start: datetime
    end: datetime
    walk_seconds: int
    familiar: bool  # it is their home room, or they were in it before today
    moves_today: int
    is_float: bool
    solves: bool  # the room is compliant afterwards
    effects: tuple[Effect, ...]
    steps: tuple[Step, ...]
    sentence: str
    people_moved: int = 1
    duty_minutes_today: int | None = None
    cost: float = 0.0
    shift_id: str | None = None  # of the first step
    shift_version: str | None = None
    method: str = "optimizer"  # or "simple rule"

    def to_json(self) -> dict[str, Any]:
        steps = [
            {**asdict(step), "start": format_instant(step.start), "end": format_instant(step.end)}
            for step in self.steps
        ]
        start, end = format_instant(self.start), format_instant(self.end)
        return {**asdict(self), "start": start, "end": end, "steps": steps}


Suggest = Callable[[LiveCenter, Need, datetime], Awaitable[Sequence[Alternative]]]


def changed_segments(shift: Shift, steps: Iterable[tuple[str, str | None, datetime, datetime]]) -> list[Segment]:
    """The shift with each step (kind, room, start, end) in it; the rest as it was, all cut to the shift's time."""
    for kind, room_id, begins, ends in steps:
        start, end = max(begins, shift.start), min(ends, shift.end)
        parts: list[Segment] = []
        for part in shift.segments:
            if part.start < start:
                parts.append(replace(part, end=min(part.end, start)))
            if part.end > end:
                parts.append(replace(part, start=max(part.start, end)))
        parts.append(Segment(start, end, kind, room_id))
        ordered = sorted((part for part in parts if part.start < part.end), key=lambda part: part.start)
        shift = replace(shift, segments=tuple(ordered))
    return list(shift.segments)

"""Thousands of different centers made of a few simulated ones: children, rooms, bookings and the day so far redrawn."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from forecasting.hazards import LEFT, PRESENT, WAITING
from forecasting.session import Left, Present, Session
from forecasting.staffside import Adult

OF_EACH_CHILD = ("told", "announced", "chance", "come_at", "come_spread", "leave_at", "leave_spread", "band",
                 "weight")  # fmt: skip
JITTER = 12.0  # minutes by which a child's habits differ from those of the one it was drawn from


@dataclass(frozen=True)
class State:
    """One center at one moment: what a refresh is given."""

    session: Session
    now: datetime
    present: list[Present]
    left: list[Left]
    adults: list[Adult]


def many(sessions: Sequence[Session], count: int, seed: int = 1) -> list[State]:
    """`count` centers, no two alike. `sessions` are of centers with the same layout, on the same day."""
    draw = np.random.default_rng(seed)
    return [_one(sessions, draw, number) for number in range(count)]


def _one(sessions: Sequence[Session], draw: np.random.Generator, number: int) -> State:
    """A center of children drawn from all, put into rooms of other sizes, at its own minute of the day."""
    base = sessions[int(draw.integers(len(sessions)))]
    a, size = base.patterns.attendance, len(base.status)
    origin, row = draw.integers(len(sessions), size=size), np.empty(size, dtype=np.int64)
    for n, session in enumerate(sessions):
        row[origin == n] = draw.integers(len(session.status), size=int((origin == n).sum()))
    result = copy(base)
    for name in OF_EACH_CHILD:
        columns = [getattr(session, name) for session in sessions]
        setattr(result, name, np.array([columns[o][r] for o, r in zip(origin, row, strict=True)]))
    result.families = np.where(draw.random(size) < 0.8, -1, draw.integers(size // 2, size=size))
    result.come_at = result.come_at + draw.normal(0, JITTER, size)
    result.leave_at = result.leave_at + draw.normal(0, JITTER, size)
    share = draw.dirichlet(np.full(len(a.room_ids), 6.0))
    result.home = draw.choice(len(a.room_ids), size, p=share)
    ids = tuple(f"c{number:04d}-k{n:03d}" for n in range(size))
    result.patterns = replace(base.patterns, attendance=replace(a, center_id=f"c{number:04d}", child_ids=ids))
    result._row = {(child, 0): n for n, child in enumerate(ids)}
    return _lived(result, draw, ids)


def _lived(s: Session, draw: np.random.Generator, ids: Sequence[str]) -> State:
    """The day so far: who comes today, when they came, who has left."""
    a, size = s.patterns.attendance, len(ids)
    minute = float(draw.uniform(a.opens, a.closes - 30))
    now = _instant(s, minute)
    came = np.maximum(s.come_at + draw.normal(0, s.come_spread), a.opens)
    went = np.maximum(s.leave_at + draw.normal(0, s.leave_spread), came + 15)
    comes = draw.random(size) < s.chance
    s.status, s.room = np.full(size, WAITING), s.home.copy()
    s.came, s.went, s.moved = np.full((3, size), np.nan)
    status = np.where(comes & (came <= minute), np.where(went <= minute, LEFT, PRESENT), WAITING)
    rooms = a.room_ids
    present = [(ids[n], rooms[int(s.home[n])], _instant(s, came[n])) for n in np.flatnonzero(status == PRESENT)]
    left = [(ids[n], _instant(s, came[n]), _instant(s, went[n])) for n in np.flatnonzero(status == LEFT)]
    staff = () if s.roster is None else s.roster.staff_ids
    adults: list[Adult] = [
        (who, rooms[int(draw.integers(len(rooms)))], "in_room" if draw.random() < 0.9 else "break")
        for who in staff if draw.random() < 0.8
    ]  # fmt: skip
    return State(s, now, present, left, adults)


def _instant(s: Session, minute: float) -> datetime:
    midnight = s._midnight.replace(tzinfo=s.patterns.attendance.tz)
    return midnight + timedelta(minutes=minute)

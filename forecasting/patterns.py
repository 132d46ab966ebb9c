"""A center's children as the models see them: habits of coming and going, chance of coming, rooms, families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecasting.attendance import Attendance, Floats, Ints
from forecasting.doubt import Doubts, doubts_of
from forecasting.expected_rooms import rooms_expected
from forecasting.families import families_of, together_share
from forecasting.habits import Habit, Learning, learn, tune
from forecasting.history import Known
from forecasting.shape import Shape, shape_of
from forecasting.showup import Record, ShowUp, festive, record_of, train_show_up

LUNCH_TO_EVENING = Learning(usual=1000.0, usual_spread=75.0, spread=25.0)
RECENT_SURPRISES = 40_000
PAST_CLOSING = 5.0  # minutes: some are late by habit


@dataclass(frozen=True)
class Parameters:
    """What is learnt over all centers: rates of learning, shapes of surprise, the show-up model, shared shocks."""

    coming: Learning
    leaving: Learning
    carry_over: float  # minutes later a child leaves per minute it came late
    coming_shape: Shape
    leaving_shape: Shape
    show_up: ShowUp
    together: float  # P(siblings come together | both come)


@dataclass(frozen=True)
class Patterns:
    """One center at one origin; arrays are [row, day] as in `attendance`."""

    attendance: Attendance
    coming: Habit
    leaving: Habit  # net of the carry-over from a late arrival
    rooms: Ints
    record: Record
    families: Ints
    doubts: Doubts

    @property
    def young(self) -> float:
        """From 1 to 0 as a center becomes known: what its own days have not yet told; those of holidays tell little."""
        a = self.attendance
        seen = sum(is_open and not festive(day) for day, is_open in zip(a.days[: a.future], a.open_day, strict=False))
        return float(1 / np.sqrt(1 + seen))


def without_past(patterns: Patterns) -> Patterns:
    """The patterns without the arrays of the past, for a session that lives all day: kilobytes instead of megabytes."""

    def light(value: object) -> object:
        return np.zeros((0, 0), dtype=value.dtype) if isinstance(value, np.ndarray) and value.ndim == 2 else value

    def lightened(part: Any) -> Any:
        return replace(part, **{name: light(getattr(part, name)) for name in part.__dataclass_fields__})

    a = lightened(patterns.attendance)
    return replace(
        patterns, attendance=replace(a, moves=a.moves.iloc[:0]), coming=lightened(patterns.coming),
        leaving=lightened(patterns.leaving), record=lightened(patterns.record), rooms=np.zeros((0, 0), dtype=np.int64),
    )  # fmt: skip


def patterns_of(known: Known, a: Attendance, coming: Learning, leaving: Learning, carry_over: float) -> Patterns:
    rooms, weekday = rooms_expected(a), weekdays(a)
    group = rooms[:, a.future]
    come = learn(_past(a, a.arrive), a.expected_in, group, weekday, coming)
    leave = learn(net_leaving(a, come, carry_over), a.expected_out, group, weekday, leaving)
    return Patterns(a, come, _by_closing(leave, a), rooms, record_of(a, rooms), families_of(a), doubts_of(known, a))


def train_parameters(known: Known, centers: Sequence[Attendance]) -> tuple[Parameters, list[Patterns]]:
    """Everything learnt over all centers, and their patterns under it."""
    series = [(_past(a, a.arrive), a.expected_in, rooms_expected(a)[:, a.future], weekdays(a)) for a in centers]
    coming = tune(series, Learning())
    come = [learn(*one, coming) for one in series]
    leaving, carry_over = _leaving(centers, come)
    patterns = [patterns_of(known, a, coming, leaving, carry_over) for a in centers]
    show_up = train_show_up([(p.attendance, p.record, p.families) for p in patterns])
    parameters = Parameters(
        coming,
        leaving,
        carry_over,
        shape_of(_surprises([p.coming for p in patterns])),
        shape_of(_surprises([p.leaving for p in patterns])),
        show_up,
        float(np.mean([together_share(p.attendance, p.families) for p in patterns])) if patterns else 0.9,
    )
    return parameters, patterns


def weekdays(a: Attendance) -> Ints:
    return np.array([day.weekday() for day in a.days], dtype=np.int64)


def _by_closing(leave: Habit, a: Attendance) -> Habit:
    """Where a habit says later than closing (the hours have changed) the child is gone by closing, from today on."""
    location = leave.location.copy()
    ahead, spread = location[:, a.future :], leave.spread[:, a.future :]
    location[:, a.future :] = np.where(ahead > a.closes + PAST_CLOSING, a.closes - spread / 2, ahead)
    return replace(leave, location=location)


def net_leaving(a: Attendance, come: Habit, carry_over: float) -> Floats:
    """Times of leaving less what a late or early arrival carries over; announced pick-ups teach no habit."""
    usual = a.leave - carry_over * np.nan_to_num(a.arrive - come.location)
    return _past(a, np.where(np.isnan(a.announced_out), usual, np.nan))


def _past(a: Attendance, values: Floats) -> Floats:
    """Values of finished days alone: half a day knows the early ones only."""
    return np.where(np.arange(len(a.days)) < a.future, values, np.nan)


def _leaving(centers: Sequence[Attendance], come: Sequence[Habit]) -> tuple[Learning, float]:
    """Learning rates for leaving, and how much of a late arrival carries over (a robust regression)."""

    def series(carry_over: float) -> list[tuple[Floats, Floats, Ints, Ints]]:
        return [
            (net_leaving(a, c, carry_over), a.expected_out, rooms_expected(a)[:, a.future], weekdays(a))
            for a, c in zip(centers, come, strict=True)
        ]

    first = series(0.0)
    habits = [learn(*one, LUNCH_TO_EVENING) for one in first]
    late = np.concatenate(
        [(a.arrive - c.location).ravel() for a, c in zip(centers, come, strict=True)] or [np.zeros(0)]
    )
    later = np.concatenate([(h.surprise * h.spread + h.shift).ravel() for h in habits] or [np.zeros(0)])
    both = np.isfinite(late) & np.isfinite(later) & (np.abs(later) < 90)
    x, y = np.clip(late[both], -60, 60), later[both]
    carry_over = float(np.clip((x * y).sum() / ((x**2).sum() + 5_000), 0, 1))
    return tune(series(carry_over), LUNCH_TO_EVENING), carry_over


def _surprises(habits: Sequence[Habit]) -> Floats:
    """The later surprises of all rows, after the habits have been learnt a little; at most so many."""
    parts = [habit.surprise[:, habit.surprise.shape[1] // 3 :].T.ravel() for habit in habits]
    every = np.concatenate([part[np.isfinite(part)] for part in parts] or [np.zeros(0)])
    return every[-RECENT_SURPRISES:]

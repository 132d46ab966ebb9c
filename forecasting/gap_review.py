"""A finished day lived again for the odds of a gap: what would have been drawn for it, and where an adult was missing.

The record is the witness, and not a good one: where a move was never entered a room that was covered looks short, and
who stepped out for a moment is mostly not entered either. So it is compared with the record of simulated centers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from domain.time import Interval
from forecasting.attendance import Floats, Ints
from forecasting.center_day import center_day
from forecasting.forecast import Forecast
from forecasting.frames import BANDS
from forecasting.gaps import HEADROOM, SHORT, WEEK, GapMaps, Required, drawn_headroom
from forecasting.headcounts import ALL, headcounts_frame
from forecasting.history import History, Known
from forecasting.model import Model
from forecasting.replay import DayReplay
from forecasting.session import Session
from forecasting.staffside import adults_present, roster_of, shifts_of_days

EVERY = timedelta(hours=1)
AHEAD = (timedelta(minutes=30), timedelta(minutes=15))
WEEK_AHEAD = timedelta(days=7)


def taught_gaps(model: Model, history: History, center_id: str, day: datetime, required: Required) -> Model:
    """The model with its odds of a gap taught by one finished day (any instant of it) of a center."""
    span, outcome = span_of(history, center_id, day), outcome_of(history, center_id, day, required)
    if not outcome.times:
        return model
    found: dict[str, list[tuple[Floats, Floats]]] = {SHORT: [], WEEK: []}
    step = int(EVERY / timedelta(minutes=15))
    times = outcome.times[span.start.toordinal() % step :: step]  # another quarter of the hour each day
    before = history.known_at(span.start - WEEK_AHEAD)
    if len(before.of(center_id)["shifts"]):
        week = model.forecast_week(before, before.origin, times, center_id)
        found[WEEK].append(_judged(week, outcome, required))
    for forecast in _short_forecasts(model, history, center_id, span.start, times):
        found[SHORT].append(_judged(forecast, outcome, required))
    days = {
        kind: (np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
        for kind, parts in found.items()
        if parts
    }
    return replace(model, gaps={**model.gaps, center_id: model.gaps.get(center_id, GapMaps()).taught(days)})


def span_of(history: History, center_id: str, at: datetime) -> Interval:
    """The center's day around an instant."""
    return center_day(history.center(center_id), at).span


def outcome_of(history: History, center_id: str, day: datetime, required: Required) -> Outcome:
    """What the record of a finished day (any instant of it) says by the noon after it."""
    span = span_of(history, center_id, day)
    after = history.known_at(span.end + timedelta(hours=12))
    return Outcome(after, history.joined_rooms(center_id, span.start, span.end), center_id, required, span)


class Outcome:
    """Per room and quarter of an hour of the opening hours, whether the record says that an adult was missing."""

    def __init__(
        self, known: Known, joined: dict[str, list[tuple[datetime, datetime]]], center_id: str, required: Required,
        span: Interval,
    ) -> None:  # fmt: skip
        of = known.of(center_id)
        start, end = span.start, span.end
        stays, adults = (f[(f["start"] >= start) & (f["start"] < end)] for f in (of["stays"], of["staff_stays"]))
        counts = headcounts_frame(of["centers"], of["rooms"], of["children"], stays, adults, end)
        counts = counts[(counts["slot"] >= start) & (counts["slot"] < end)]
        self._joined, self._required = joined, required
        self._children: dict[tuple[str, datetime], Ints] = {}
        self._adults: dict[tuple[str, datetime], int] = {}
        for row in counts.to_dict("records"):
            key = (str(row["room_id"]), row["slot"].to_pydatetime())
            if row["band"] == ALL:
                self._adults[key] = int(row["adults_at_start"])
            else:
                bands = self._children.setdefault(key, np.zeros(len(BANDS), dtype=np.int64))
                bands[BANDS.index(str(row["band"]))] = int(row["children_at_start"])
        self.times = sorted({at for _, at in self._adults})

    def short(self, room_id: str, at: datetime) -> bool | None:
        """None where the room was joined with others, or nothing is known."""
        if (room_id, at) not in self._adults or any(a <= at < b for a, b in self._joined.get(room_id, ())):
            return None
        bands = self._children.get((room_id, at), np.zeros(len(BANDS), dtype=np.int64))
        return int(self._required(room_id, at, bands[None])[0]) > self._adults[room_id, at]


def _short_forecasts(
    model: Model, history: History, center_id: str, day: datetime, times: list[datetime]
) -> list[Forecast]:
    replay = DayReplay(history, center_id, day)
    session, told, result = model.session(replay.known, replay.start, center_id), replay.start, []
    for at in times:
        for ahead in AHEAD:
            now = at - ahead
            if now > told:
                replay.tell(session, told, now)
                told = now
            result.append(seen_at(session, replay, history.staff_side_at(now), now, [at], center_id))
    return result


def seen_at(
    session: Session, replay: DayReplay, known: Known, now: datetime, times: Sequence[datetime], center_id: str
) -> Forecast:
    """The session's forecast at `now` of a replayed day, with the shifts and adults known then."""
    shifts = shifts_of_days(known, center_id, now - timedelta(hours=16), now + timedelta(days=1))
    if len(shifts):
        session.roster = roster_of(shifts, session.patterns.attendance.room_ids)
    present, left = replay.state(now)
    return session.refresh(now, present, times, left, adults_present(known, center_id, now))


def _judged(forecast: Forecast, outcome: Outcome, required: Required) -> tuple[Floats, Floats]:
    drawn = drawn_headroom(forecast, required)
    came = [
        (drawn[row, column], float(short))
        for row, room_id in enumerate(forecast.room_ids)
        for column, at in enumerate(forecast.times)
        if (short := outcome.short(room_id, at)) is not None
    ]
    return np.array([one for one, _ in came]).reshape(-1, len(HEADROOM)), np.array([short for _, short in came])

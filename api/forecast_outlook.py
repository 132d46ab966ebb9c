"""The trained short-horizon model in the live loop: one session per center and day, refreshed with who is here now.

A session is built beside the loop, from the published snapshot and the current model; until it stands, and where there
is no model, bookings and presence are used instead and said to be.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING

from api.center import LiveCenter
from domain.errors import RatiocastError
from domain.people import Booking
from domain.stays import child_stays
from evaluator import CenterFacts
from evaluator.expectations import Expectation, ForecastExpectation
from reports.days import day_at, day_span

if TYPE_CHECKING:
    from forecasting.fallbacks import WatchedSession

log = logging.getLogger("ratiocast.service")
_DRAWS = 200
_AGAIN_SECONDS = 120.0  # how often a newer model is looked for, and a failure tried again


@dataclass(slots=True)
class _Center:
    """What is built or being built for one center."""

    day: date
    model: str
    building: Future[WatchedSession] | None = None
    session: WatchedSession | None = None
    looked: float = field(default_factory=time.monotonic)
    bookings: Sequence[Booking] = ()  # as the facts had them when the session was told of them last
    told: dict[tuple[str, int], Booking] = field(default_factory=dict)  # by child and visit of the day


class ForecastOutlook:
    """Called by the loop: an expectation from the model, or None while there is none."""

    def __init__(self, data_dir: Path, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._data_dir, self._elapsed = data_dir, elapsed
        self._centers: dict[str, _Center] = {}
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="forecast-session")

    def close(self) -> None:
        self._builder.shutdown(wait=False, cancel_futures=True)

    def __call__(self, center: LiveCenter, now: datetime) -> Expectation | None:
        session = self._session(center, now)
        if session is None:
            return None
        _tell(self._centers[center.center_id], session, center.facts, now)
        start = center.facts.day_start(now)
        present = [
            (child_id, place.room_id, place.since)
            for children in center.state.rooms.values()
            for child_id in sorted(children)
            if (place := center.state.child(child_id)) is not None and place.since >= start
        ]
        return ForecastExpectation(session.refresh(now, present), center.facts, _DRAWS)

    def _session(self, center: LiveCenter, now: datetime) -> WatchedSession | None:
        day = day_at(center.facts, now)
        known = self._centers.get(center.center_id)
        if known is None or known.day != day or self._elapsed() - known.looked > _AGAIN_SECONDS:
            known = self._looked(center, day, now, known)
        if known.building is not None and known.building.done():
            known.session, known.building = _built(known.building, center.center_id), None
            known.bookings, known.told = (), {}
        return known.session

    def _looked(self, center: LiveCenter, day: date, now: datetime, known: _Center | None) -> _Center:
        """Start a session for a new day, a new model or after a failure; keep the one in use until the next stands."""
        current = _current_model(self._data_dir)
        if (
            known is not None
            and known.building is None
            and (known.day, known.model) == (day, current)
            and known.session
        ):
            known.looked = self._elapsed()
            return known
        fresh = _Center(day, current, looked=self._elapsed())
        if current:
            begins, opening = day_span(center.facts, day).start, center.facts.opening(day)
            gone = [
                (stay.child_id, stay.start, stay.end)
                for stay in child_stays(center.state.events())
                if stay.end is not None and stay.start >= begins
            ]
            within = max(now, opening.start) if opening else now
            fresh.building = self._builder.submit(_build, self._data_dir, center.center_id, now, within, gone)
            if known is not None and known.day == day:
                fresh.session, fresh.bookings, fresh.told = known.session, known.bookings, known.told
        self._centers[center.center_id] = fresh
        return fresh


def _tell(known: _Center, session: WatchedSession, facts: CenterFacts, now: datetime) -> None:
    """Tell the session of today's bookings that changed since it was told last, or today before it began: a child stays
    away after all, comes after all, or is fetched at another time."""
    if known.bookings is facts.bookings:
        return
    known.bookings, start = facts.bookings, facts.day_start(now)
    for (child_id, day), rows in facts.bookings_by_child.items():
        if day != known.day:
            continue
        for visit, booking in enumerate(sorted(rows, key=lambda row: row.expected_in or clock_time.min)):
            before = known.told.get((child_id, visit))
            known.told[child_id, visit] = booking
            new_today = booking.reported_at is not None and booking.reported_at >= start
            if booking == before or (before is None and not new_today):  # else the session was made with it
                continue
            comes, out = booking.status == "booked", booking.expected_out
            pick_up = out.hour * 60.0 + out.minute if comes and out is not None else None
            session.session.tell(child_id, absent=not comes, pick_up=pick_up, visit=visit)


def _current_model(data_dir: Path) -> str:
    """The name of the model in force; empty before the first training."""
    try:
        return (data_dir / "models" / "current").read_text().strip()
    except OSError:
        return ""


def _build(
    data_dir: Path, center_id: str, now: datetime, within: datetime, gone: list[tuple[str, datetime, datetime]]
) -> WatchedSession:
    """Read the snapshot and the model and open the day that holds `within`: about a second, off the loop."""
    from flows.train import load_model
    from flows.weather import kept_weather
    from forecasting import History
    from forecasting.fallbacks import WatchedSession
    from forecasting.monitoring import Health
    from storage.reader import open_reader

    with open_reader(data_dir) as reader:
        frames = {name: frame for name, frame in reader.frames(center_id).items() if name != "headcounts"}
        health = [Health.of(row) for row in reader.frame("forecast_health", center_id).to_dict("records")]
    known = History(frames, kept_weather(data_dir)).known_at(now)
    session = load_model(data_dir).session(known, within, center_id)
    session.see(now, (), gone)
    return WatchedSession.of(session, known, center_id, health)


def _built(future: Future[WatchedSession], center_id: str) -> WatchedSession | None:
    error = future.exception()
    if error is None:
        return future.result()
    level = logging.INFO if isinstance(error, RatiocastError) else logging.WARNING
    log.log(level, "center %s has no forecast of its own yet: %s", center_id, error)
    return None

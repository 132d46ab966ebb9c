"""Warnings of what is coming: month by month with bookings alone, and with the trained model on one world that has a
past to learn from."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import rulebook
from benchmarks._alert_replay import People, Replay
from benchmarks.alert_quality import DAYS, STATE, WARNINGS, WORLDS, _ours, live
from benchmarks.forecasting_center import HISTORY_DAYS, world_frames
from domain.time import local_day
from evaluator import CenterFacts, CenterState, Policy
from evaluator.expectations import Expectation, ForecastExpectation
from forecasting import History, Model, train
from forecasting.session import Session
from sandbox.knobs import Knobs
from sandbox.simulation import simulate

# On which the look-ahead was changed; `WORLDS` were not looked at for it.
DESIGN_MONTHS = ((7, date(2026, 3, 2)), (21, date(2026, 4, 6)), (22, date(2026, 4, 6)), (25, date(2026, 10, 5)))


def outlook(days: int = DAYS) -> list[dict[str, Any]]:
    """One row per month at x1, with bookings alone: first the months of design."""
    rows = []
    for seed, start in (*DESIGN_MONTHS, *WORLDS):
        world = simulate(Knobs(size="medium", state=STATE), seed, start, days)
        center, book = world.centers[0], rulebook.load(STATE, on=start)
        replay = Replay(world, center.center_id, book, Policy(timezone=center.timezone), People(), seed)
        row = _ours("bookings alone", 1.0, replay.lived, live(world, start, days, [replay], foresees=True))
        rows.append({"seed": seed, "month": f"{start:%B}"} | {key: row[key] for key in WARNINGS})
    return rows


def warnings(days: int = DAYS, levels: tuple[float, ...] = (1.0,)) -> list[dict[str, Any]]:
    """One row per level of faults and expectation; the model is trained once, on the forty weeks before."""
    seed, start = WORLDS[0]
    rows = []
    for level in levels:
        knobs = Knobs(faults=level, size="medium", state=STATE)
        world = simulate(knobs, seed, start - timedelta(days=HISTORY_DAYS), HISTORY_DAYS + days)
        center, book = world.centers[0], rulebook.load(STATE, on=start)
        history = History(world_frames(world))
        policy = Policy(timezone=center.timezone)
        booked, modelled = (Replay(world, center.center_id, book, policy, People(), seed) for _ in range(2))
        first = local_day(start, CenterFacts(center).tz).start
        modelled.expectation = Modelled(history, train(history, first), center.center_id)
        tally = live(world, start, days, [booked, modelled], foresees=True)
        for name, replay in (("bookings alone", booked), ("trained model", modelled)):
            row = _ours(name, level, replay.lived, tally)
            kept = ("monitor", "faults", "recall", "precision", *WARNINGS)
            rows.append({key: row[key] for key in kept})
    return rows


class Modelled:
    """An expectation from the model: one session a day, told of bookings that change and of who is present."""

    def __init__(self, history: History, model: Model, center_id: str) -> None:
        self._history, self._model, self._center_id = history, model, center_id
        self._day: date | None = None
        self._session: Session | None = None
        self._told: dict[str, object] = {}

    def __call__(self, state: CenterState, facts: CenterFacts, now: datetime) -> Expectation:
        day, start = facts.day_of(now), facts.day_start(now)
        if self._session is None or day != self._day:
            known = self._history.known_at(now)
            self._day, self._session = day, self._model.session(known, center_id=self._center_id)
            self._told = {}
        self._tell(self._session, facts, day, start)
        present = [
            (child_id, place.room_id, place.since)
            for children in state.rooms.values()
            for child_id in sorted(children)
            if (place := state.child(child_id)) is not None and place.since >= start
        ]
        return ForecastExpectation(self._session.refresh(now, present), facts)

    def _tell(self, session: Session, facts: CenterFacts, day: date, start: datetime) -> None:
        """What has become known of today's bookings since the morning."""
        for (child_id, booked), rows in facts.bookings_by_child.items():
            row = rows[-1]
            if booked != day or row.reported_at is None or row.reported_at < start or self._told.get(child_id) == row:
                continue
            self._told[child_id] = row
            absent, out = row.status != "booked", row.expected_out
            pick_up = None if absent or out is None else out.hour * 60.0 + out.minute
            session.tell(child_id, absent=absent, pick_up=pick_up)

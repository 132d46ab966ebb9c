"""The odds of a gap against what came true: P(required > counted) per room 15 and 30 minutes and a week ahead, from
joint draws of children and adults, in bins beside the share in which simulated truth lacked an adult.

Required is what the law asks for the children truly there, counted the adults truly in the room. Instants at which the
room was truly joined with others are left out: they are judged as one room, which a forecast of rooms does not say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.forecasting_center import HISTORY_DAYS, questions, world_frames
from domain.time import local_day, zone
from flows.demand import Law, asked_of
from forecasting import Forecast, History, Model, train
from forecasting.frames import BANDS, band_of
from forecasting.gap_review import seen_at
from forecasting.gaps import drawn_odds
from forecasting.replay import DayReplay
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

SEEDS = ((32, date(2025, 5, 5)), (33, date(2024, 9, 2)), (34, date(2025, 1, 6)))
SIZES = ("small",)
TEST_DAYS, STEP = 14, 5
BINS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)


def run() -> list[dict[str, Any]]:
    found = pd.concat([judged(Knobs(size=size), seed, start) for size in SIZES for seed, start in SEEDS])
    return reliability(found)


def reliability(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Per horizon and bin of the odds said: how many, their mean, and how often it came true; then all of them."""
    rows = []
    for name, own in found.groupby("name", sort=False):
        base = float(own["short"].mean())
        for low, high in zip(BINS, (*BINS[1:-1], np.inf), strict=False):
            part = own[(own["odds"] >= low) & (own["odds"] < high)]
            if len(part):
                rows.append(
                    {"horizon": name, "odds said": f"{low:.0%} to {min(high, 1.0):.0%}", "n": len(part),
                     "mean odds": float(part["odds"].mean()), "came true": float(part["short"].mean())}
                )  # fmt: skip
        brier = float(((own["odds"] - own["short"]) ** 2).mean())
        rows.append(
            {"horizon": name, "odds said": "all", "n": len(own), "mean odds": float(own["odds"].mean()),
             "came true": base, "skill": 1 - brier / (base * (1 - base))}
        )  # fmt: skip
    return rows


def judged(knobs: Knobs, seed: int, start: date, test_days: int = TEST_DAYS, step: int = STEP) -> pd.DataFrame:
    """One row per question: name (of the horizon), odds, and whether the room was truly short."""
    world = simulate(knobs, seed, start, HISTORY_DAYS + test_days)
    history = History(world_frames(world))
    first = local_day(start + timedelta(days=HISTORY_DAYS), zone(knobs.zone_name)).start
    law = Law(world.centers[0])
    required, parts = asked_of(law, world.rooms), []
    for names, until in ((("15min", "30min"), first), (("week",), first - timedelta(days=7))):
        asked = questions(world, first, test_days, names, step)
        model = train(history, until)
        for forecast, rows in forecasts(history, model, asked):
            odds, drawn = model.gap_odds(forecast, required), drawn_odds(forecast, required)
            at = [forecast.position(room, t.to_pydatetime())
                  for room, t in zip(rows["room_id"], rows["target_time"], strict=True)]  # fmt: skip
            parts.append(
                rows.assign(odds=[float(odds[cell]) for cell in at], drawn=[float(drawn[cell]) for cell in at])
            )
    found = pd.concat(parts, ignore_index=True)
    truth = Truth(world, law)
    found["short"] = [truth.short(room, at.to_pydatetime())
                      for room, at in zip(found["room_id"], found["target_time"], strict=True)]  # fmt: skip
    return found[found["short"] >= 0]


def forecasts(history: History, model: Model, asked: pd.DataFrame) -> Iterator[tuple[Forecast, pd.DataFrame]]:
    """The forecast of every origin, from what was known then, with the questions it answers."""
    replay: DayReplay | None = None
    for origin, rows in asked.sort_values("origin", kind="stable").groupby("origin"):
        now, times = origin.to_pydatetime(), sorted({at.to_pydatetime() for at in rows["target_time"]})  # type: ignore[attr-defined]
        center = str(rows["center_id"].iloc[0])
        if rows["name"].iloc[0] == "week":
            yield model.forecast_week(history.known_at(now), now, times, center), rows
            continue
        if replay is None or not replay.start <= now < replay.end:
            replay = DayReplay(history, center, now)
            session, told = model.session(replay.known, replay.start, center), replay.start
        replay.tell(session, told, now)
        told = now
        yield seen_at(session, replay, history.staff_side_at(now), now, times, center), rows


class Truth:
    """Who truly was in each room."""

    def __init__(self, world: World, law: Law) -> None:
        self._law, self._tz = law, zone(world.knobs.zone_name)
        self._rooms = {room.room_id: room for room in world.rooms}
        births = {row.value.child_id: row.value.birth_date for row in world.children}
        self._children, self._adults, self._joined = {}, {}, {}
        for room in self._rooms:
            stays = [(s.start, s.end, births[s.child_id]) for s in world.true_stays if s.room_id == room]
            adults = [(s.start, s.end) for s in world.true_presences if (s.room_id, s.state) == (room, "in_room")]
            joined = [(m.start, m.end) for m in world.true_merges if room in m.room_ids]
            self._children[room] = (*_spans(stays), [s[2] for s in stays])
            self._adults[room], self._joined[room] = _spans(adults), _spans(joined)

    def short(self, room: str, at: datetime) -> int:
        """1 where the law asked for more adults than there were, 0 where not, -1 where the room was joined."""
        instant = at.timestamp()
        if _inside(*self._joined[room], instant).any():
            return -1
        starts, ends, births = self._children[room]
        bands = np.zeros((1, len(BANDS)), dtype=np.int64)
        for n in np.flatnonzero(_inside(starts, ends, instant)):
            bands[0, BANDS.index(band_of(births[n], at.astimezone(self._tz).date()))] += 1
        counted = int(_inside(*self._adults[room], instant).sum())
        return int(self._law.required(bands, at, self._rooms[room])[0] > counted)


def _spans(rows: list[Any]) -> tuple[Any, Any]:
    return np.array([row[0].timestamp() for row in rows]), np.array([row[1].timestamp() for row in rows])


def _inside(starts: Any, ends: Any, instant: float) -> Any:
    return (starts <= instant) & (instant < ends)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["forecasting_gap"]))

"""The odds of a gap against what came true: P(required > counted) per room 15 and 30 minutes and a week ahead, from
joint draws of children and adults, in bins beside the share in which simulated truth lacked an adult; and why it did.

Required is what the law asks for the children truly there, counted the adults truly in the room. Instants at which the
room was truly joined with others are left out: they are judged as one room, which a forecast of rooms does not say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.forecasting_center import HISTORY_DAYS, questions, world_frames
from domain.time import local_day, zone
from flows.demand import Law, asked_of
from forecasting import Forecast, History, Model, train
from forecasting.frames import BANDS, band_of
from forecasting.gap_review import Outcome, outcome_of, seen_at, span_of, taught_gaps
from forecasting.gaps import HEADROOM, Required, drawn_headroom
from forecasting.replay import DayReplay
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import TruePresence, World

WORLDS = (  # not those that the rates were measured on (seeds 101 to 104)
    ("small", 201, date(2024, 11, 4)), ("small", 202, date(2025, 3, 3)), ("small", 204, date(2025, 5, 5)),
    ("small", 205, date(2024, 9, 2)), ("medium", 203, date(2024, 7, 1)),
)  # fmt: skip
TEST_DAYS, STEP = 28, 5
TAUGHT_DAYS = 0  # before the test, of the center's own, that teach the odds
BINS = (0.0, 0.01, 0.03, 0.05, 1.0)
RESAMPLES = 1000


def run() -> list[dict[str, Any]]:
    found = pd.concat([judged(Knobs(size=size), seed, start) for size, seed, start in WORLDS])
    return [*reliability(found), *causes(found), *rates(found)]


def reliability(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Per horizon and bin of the odds said: how many, their mean, and how often it came true; then all of them, with
    the Brier skill over saying the share that came true, and its middle 80 % over resampled days."""
    rows = []
    for name, own in found.groupby("name", sort=False):
        for low, high in pairwise(BINS):
            part = own[(own["odds"] >= low) & (own["odds"] < high)]
            if len(part):
                rows.append(
                    {"horizon": name, "odds said": f"{low:.1%} to {high:.1%}", "n": len(part),
                     "mean odds": float(part["odds"].mean()), "came true": float(part["short"].mean())}
                )  # fmt: skip
        low, high = skill_range(own)
        rows.append(
            {"horizon": name, "odds said": "all", "n": len(own), "mean odds": float(own["odds"].mean()),
             "came true": float(own["short"].mean()), "skill": brier_skill(own), "skill q10": low, "skill q90": high}
        )  # fmt: skip
    return rows


def brier_skill(own: pd.DataFrame) -> float:
    base = float(own["short"].mean())
    return 1 - float(((own["odds"] - own["short"]) ** 2).mean()) / (base * (1 - base))


def skill_range(own: pd.DataFrame) -> tuple[float, float]:
    """Days hang together, so days are drawn anew."""
    days = [part for _, part in own.groupby(["seed", own["target_time"].dt.date])]
    error = np.array([[((d["odds"] - d["short"]) ** 2).sum(), d["short"].sum(), len(d)] for d in days])
    drawn = np.random.default_rng(1).integers(len(days), size=(RESAMPLES, len(days)))
    lost, short, count = error[drawn].sum(axis=1).T
    skill = 1 - lost / np.maximum(short * (1 - short / count), 1e-9)
    return float(np.quantile(skill, 0.1)), float(np.quantile(skill, 0.9))


def causes(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Of the rooms truly short, the share that had been covered but for one thing; several can be true of a room."""
    short = found[(found["short"] == 1) & (found["name"] == found["name"].iloc[0])]
    return [
        {"but for": name.removeprefix("but for "), "n": len(short), "share of the short": float(short[name].mean())}
        for name in short if str(name).startswith("but for ")
    ]  # fmt: skip


def rates(found: pd.DataFrame) -> list[dict[str, Any]]:
    """How often rooms drawn with each headroom (half of the draws and more) were truly short, and in the record."""
    rows = []
    for name, own in found.groupby("name", sort=False):
        for kind in HEADROOM:
            part = own[own[kind] >= 0.5]
            if len(part):
                rows.append(
                    {"horizon": name, "drawn": kind, "n": len(part), "came true": float(part["short"].mean()),
                     "in the record": float(part["recorded"].mean())}
                )  # fmt: skip
    return rows


def judged(
    knobs: Knobs, seed: int, start: date, test_days: int = TEST_DAYS, step: int = STEP, taught_days: int = TAUGHT_DAYS
) -> pd.DataFrame:
    """One row per question: seed, name (of the horizon), odds, shares of draws by headroom, whether the room was truly
    short, in the record, and what it would have been covered but for."""
    world = simulate(knobs, seed, start, HISTORY_DAYS + test_days)
    history = History(world_frames(world))
    first = local_day(start + timedelta(days=HISTORY_DAYS), zone(knobs.zone_name)).start
    law = Law(world.centers[0])
    required, parts = asked_of(law, world.rooms), []
    truth = Truth(world, law)
    for names, until in ((("15min", "30min"), first), (("week",), first - timedelta(days=7))):
        model = train(history, until)
        for day in range(taught_days, 0, -1):
            model = taught_gaps(model, history, world.centers[0].center_id, until - timedelta(days=day), required)
        for forecast, rows in forecasts(history, model, questions(world, first, test_days, names, step)):
            odds, drawn = model.gap_odds(forecast, required), drawn_headroom(forecast, required)
            asked = [(str(room), at.to_pydatetime())
                     for room, at in zip(rows["room_id"], rows["target_time"], strict=True)]  # fmt: skip
            cells = [forecast.position(*one) for one in asked]
            said = {kind: [float(drawn[cell][n]) for cell in cells] for n, kind in enumerate(HEADROOM)}
            came = pd.DataFrame([truth.at(*one) for one in asked], index=rows.index)
            parts.append(pd.concat([rows.assign(odds=[float(odds[cell]) for cell in cells], **said), came], axis=1))
    found = pd.concat(parts, ignore_index=True).assign(seed=seed)
    found["recorded"] = recorded(history, found, required)
    return found[found["short"] >= 0].reset_index(drop=True)


def recorded(history: History, found: pd.DataFrame, required: Required) -> list[float]:
    """1 where the record of the day, once it was over, lacked an adult; NaN where it does not say."""
    outcomes: dict[datetime, Outcome] = {}
    result = []
    for center, room, target in zip(found["center_id"], found["room_id"], found["target_time"], strict=True):
        day = span_of(history, str(center), target.to_pydatetime()).start
        if day not in outcomes:
            outcomes[day] = outcome_of(history, str(center), day, required)
        said = outcomes[day].short(str(room), target.to_pydatetime())
        result.append(np.nan if said is None else float(said))
    return result


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
    """Who truly was in each room, and who would have been there."""

    def __init__(self, world: World, law: Law) -> None:
        self._law, self._tz = law, zone(world.knobs.zone_name)
        self._rooms = {room.room_id: room for room in world.rooms}
        births = {row.value.child_id: row.value.birth_date for row in world.children}
        away = _away(world.true_presences)
        self._children, self._joined = {}, {}
        self._adults: dict[tuple[str, str], Any] = {}
        for room in self._rooms:
            stays = [(s.start, s.end, births[s.child_id]) for s in world.true_stays if s.room_id == room]
            joined = [(m.start, m.end) for m in world.true_merges if room in m.room_ids]
            self._children[room] = (*_spans(stays), [s[2] for s in stays])
            self._joined[room] = _spans(joined)
            for state in ("in_room", "step_out", "break"):
                self._adults[room, state] = _spans(
                    [(p.start, p.end) for p, at in away if (at, p.state) == (room, state)]
                )
            planned = [(part.start, part.end) for row in world.shifts for part in row.value.segments
                       if row.value.version == "1" and part.room_id == room]  # fmt: skip
            self._adults[room, "planned"] = _spans(planned)

    def at(self, room: str, at: datetime) -> dict[str, float]:
        """short: 1 where the law asked for more adults than there were, 0 where not, -1 where the room was joined."""
        instant = at.timestamp()
        if _inside(*self._joined[room], instant).any():
            return {"short": -1}
        starts, ends, births = self._children[room]
        bands = np.zeros((1, len(BANDS)), dtype=np.int64)
        for n in np.flatnonzero(_inside(starts, ends, instant)):
            bands[0, BANDS.index(band_of(births[n], at.astimezone(self._tz).date()))] += 1
        required = int(self._law.required(bands, at, self._rooms[room])[0])
        there, out, resting, planned = (
            int(_inside(*self._adults[room, state], instant).sum())
            for state in ("in_room", "step_out", "break", "planned")
        )
        return {
            "short": int(required > there),
            "but for a step-out of minutes": required <= there + out,
            "but for a break": required <= there + resting,
            "but for both": required <= there + out + resting,
            "but for late, called out or elsewhere": required <= max(there, planned - out - resting),
        }


def _away(presences: Sequence[TruePresence]) -> list[tuple[TruePresence, str | None]]:
    """Each with the room it was in or was left for."""
    result, last = [], dict[str, str | None]()
    for one in sorted(presences, key=lambda p: (p.staff_id, p.start)):
        if one.state in ("in_room", "idle"):
            last[one.staff_id] = one.room_id
        result.append((one, last.get(one.staff_id)))
    return result


def _spans(rows: list[Any]) -> tuple[Any, Any]:
    return np.array([row[0].timestamp() for row in rows]), np.array([row[1].timestamp() for row in rows])


def _inside(starts: Any, ends: Any, instant: float) -> Any:
    return (starts <= instant) & (instant < ends)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["forecasting_gap"]))

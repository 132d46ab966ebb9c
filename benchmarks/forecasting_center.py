"""Simulated centers, where the truth is known: our forecasts beside the plain ones and beside an oracle that knows the
process, its parameters and the state, but not the future. skill = (best baseline - ours) / (best baseline - oracle)
in mean pinball loss over 0.1, 0.5, 0.9 of the true headcount, over rooms and slots of the opening hours.
"""

from __future__ import annotations

import sys
import time
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from cli.output import progress_console
from domain.time import Interval, local_day, slots, zone
from forecasting.backtest import answer, pinball, scores
from forecasting.baselines import NAMES
from forecasting.frames import frames_of
from forecasting.history import History
from forecasting.model import train
from sandbox.knobs import Knobs
from sandbox.oracle import Oracle
from sandbox.simulation import simulate
from sandbox.world import World

HISTORY_DAYS = 40 * 7
TEST_DAYS = 14
HORIZONS = {"15min": timedelta(minutes=15), "30min": timedelta(minutes=30), "week": timedelta(days=7)}
ORACLE_SAMPLES = 400
OURS = ("child-hazard", "child-week")


SEEDS = ((52, date(2025, 5, 5)), (53, date(2024, 9, 2)), (54, date(2025, 1, 6)))
WORLDS = (
    *((faults, "small", seed, start) for faults in (1.0, 3.0, 0.0) for seed, start in SEEDS),
    (1.0, "medium", 52, date(2025, 5, 5)),
    (1.0, "large", 51, date(2025, 1, 6)),
)
STEP = 7  # every seventh slot, another one each day
MEASURED = ("skill", "cov80", "whole80", "mass80", "pit80")


def run() -> list[dict[str, Any]]:
    rows = []
    for faults, size, seed, start in WORLDS:
        since = time.process_time()
        found = judge(Knobs(size=size, faults=faults), seed, start, step=STEP)
        skill = ", ".join(f"{row['horizon']} {row['skill']:.2f}" for row in found)
        spent = time.process_time() - since
        progress_console.print(f"{size}, faults x{faults:g}, seed {seed}: skill {skill} ({spent:.0f} CPU s)")
        rows += found
    return rows + over_seeds(rows)


def over_seeds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and spread (standard deviation, lowest, highest skill) per size, faults and horizon with several seeds."""
    result = []
    for (size, faults, horizon), own in pd.DataFrame(rows).groupby(["size", "faults", "horizon"]):
        if len(own) > 1:
            means = {name: float(own[name].mean()) for name in MEASURED}
            spread = {"sd": float(own["skill"].std()), "lowest": own["skill"].min(), "highest": own["skill"].max()}
            seeds = f"mean of {len(own)}"
            result.append({"size": size, "faults": faults, "seed": seeds, "horizon": horizon} | means | spread)
    return result


def judge(knobs: Knobs, seed: int, start: date, step: int = 1, test_days: int = TEST_DAYS) -> list[dict[str, Any]]:
    """One world: scores per horizon; every `step`-th slot is asked."""
    world = simulate(knobs, seed, start, HISTORY_DAYS + test_days)
    history = History(world_frames(world))
    first = local_day(start + timedelta(days=HISTORY_DAYS), zone(knobs.zone_name)).start
    short = questions(world, first, test_days, ("15min", "30min"), step)
    week = questions(world, first, test_days, ("week",), step)
    rows = []
    for asked, until in ((short, first), (week, first - timedelta(days=7))):
        model = train(history, until)
        rows += skills(world, asked, answer(history, asked, model=model, baselines=NAMES, truth=truth_of(world, asked)))
    return [{"size": knobs.size, "faults": knobs.faults, "seed": seed, "start": str(start)} | row for row in rows]


def world_frames(world: World) -> dict[str, pd.DataFrame]:
    def pairs(rows: list[Any]) -> list[tuple[Any, datetime]]:
        return [(row.value, row.recorded_at) for row in rows]

    return frames_of(
        centers=world.centers, rooms=world.rooms, children=pairs(world.children),
        staff=[row.value for row in world.staff], shifts=pairs(world.shifts), bookings=pairs(world.bookings),
        closures=pairs(world.closures), events=world.events,
    )  # fmt: skip


def questions(world: World, first: datetime, days: int, horizons: tuple[str, ...], step: int = 1) -> pd.DataFrame:
    """Every room and slot of the opening hours of the days from `first`, at each horizon."""
    rows = []
    closed = {row.value.day for row in world.closures}
    tz = zone(world.knobs.zone_name)
    for center in world.centers:
        for number in range(days):
            day = (first.astimezone(tz) + timedelta(days=number, hours=2)).date()
            opening = center.opening(day)
            if opening is None or day in closed:
                continue
            for target in list(slots(Interval(opening.start, opening.end)))[number % step :: step]:
                for name in horizons:
                    origin = target - HORIZONS[name]
                    if name == "week":
                        origin = local_day(day - timedelta(days=7), tz).start
                    rows += [
                        {"center_id": center.center_id, "room_id": room.room_id, "origin": origin,
                         "target_time": target, "name": name}
                        for room in world.rooms if room.center_id == center.center_id
                    ]  # fmt: skip
    return pd.DataFrame(rows)


def truth_of(world: World, asked: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Children truly there, per question."""
    truth = np.zeros(len(asked))
    for room_id, index in asked.groupby("room_id").groups.items():
        truth[index] = world.true_headcounts(
            str(room_id), [at.to_pydatetime() for at in asked["target_time"].loc[index]]
        )
    return truth


def skills(world: World, asked: pd.DataFrame, answers: pd.DataFrame) -> list[dict[str, Any]]:
    actual = pd.Series(truth_of(world, asked))
    order = asked.sort_values("origin", kind="stable")
    oracle = Oracle(world, samples=ORACLE_SAMPLES).answer(
        (str(room), origin.to_pydatetime(), target.to_pydatetime())
        for room, origin, target in zip(order["room_id"], order["origin"], order["target_time"], strict=True)
    )
    best = pd.DataFrame(oracle, index=order.index).sort_index()
    rows = []
    for name in asked["name"].unique():
        here = (asked["name"] == name).to_numpy()
        losses = {"oracle": float(pinball(best, actual)[here].mean())}
        whole: dict[str, float] = {}
        for model in answers["model"].unique():
            own = answers[answers["model"] == model].reset_index(drop=True)
            label = "ours" if model in OURS else model.removeprefix("baseline:")
            losses[label] = float(pinball(own, actual)[here].mean())
            if label == "ours":
                judged = scores(own[here], actual[here])
                whole = judged[["cov80", "whole80", "mass80", "pit80"]].iloc[0].astype(float).to_dict()
        rule = min(NAMES, key=lambda n: losses[n])
        skill = (losses[rule] - losses["ours"]) / (losses[rule] - losses["oracle"])
        rows.append(
            {"horizon": name, "skill": skill, "ours": losses["ours"], "oracle": losses["oracle"], "best": rule}
            | {n: losses[n] for n in NAMES} | whole | {"n": int(here.sum())}
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["forecasting_center"]))

"""Speed and memory of the forecasts: training a year of a large center, its refresh and week, 2,000 centers at once."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._many_centers import State, many
from benchmarks.forecasting_center import world_frames
from domain.time import local_day, zone
from forecasting import Forecast, History, Model, train
from forecasting.model import whereabouts
from forecasting.session import Look, Session, refresh_many
from forecasting.staffside import adults_present
from sandbox.knobs import Knobs
from sandbox.simulation import simulate

DAYS = 52 * 7
CENTERS, ALONE = 2_000, 200
OTHERS, OTHER_DAYS = 8, 42  # centers the 2,000 are made of (`_many_centers`), and their history
SEED, START = 5, date(2025, 1, 6)
Frames = dict[str, pd.DataFrame]


def run() -> list[dict[str, Any]]:
    """The centers are simulated here and measured in a process of its own, so that its memory is that of the forecasts
    alone."""
    large, others = Knobs(size="large"), Knobs(size="large", centers=OTHERS)
    year, weeks = simulate(large, SEED, START, DAYS + 1), simulate(others, SEED + 1, START, OTHER_DAYS + 1)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measured, world_frames(year), world_frames(weeks), large.zone_name).result()


def measured(year: Frames, weeks: Frames, zone_name: str) -> list[dict[str, Any]]:
    """Times and peaks of memory, given a year of a center and some weeks of others."""
    history = History(year)
    last = local_day(START + timedelta(days=DAYS - 4), zone(zone_name)).start  # a Friday
    until, now = last, last + timedelta(hours=8, minutes=10)
    seconds, model = timed(lambda: train(history, until))
    known = history.known_at(now)
    center = known.center_ids[0]
    rooms, children = (len(known.of(center)[name]) for name in ("rooms", "children"))
    what = f"{rooms} rooms, {children} children"
    rows = [row(f"train 52 weeks, {what}", seconds, 20.0), peak("after training")]
    (present, left), adults = whereabouts(known, now, center), adults_present(known, center, now)
    seconds, session = timed(lambda: model.session(known))
    rows.append(row("open a session (once a day and center)", seconds, None))
    arrays = [v for part in (session, session.patterns) for v in vars(part).values() if isinstance(v, np.ndarray)]
    rows.append({"what": "arrays an open session keeps", "KiB": round(sum(v.nbytes for v in arrays) / 1024)})
    times = [timed(lambda at=at: session.refresh(at, present, None, left, adults))[0] for at in minutes(now, 200)]  # type: ignore[misc]
    rows.append(row(f"short refresh, {what}, median", float(np.median(times)), 0.020))
    rows.append(row(f"short refresh, {what}, p99", float(np.quantile(times, 0.99)), 0.020))
    seconds, week = timed(lambda: model.forecast_week(known, now))
    rows.append(row("week forecast of the center", seconds, 1.0))
    rows.append(row("200 joint samples of the week", timed(lambda: week.samples(200, 1))[0], None))
    rows.append(peak("with the week"))
    sessions = other_sessions(model, History(weeks), zone_name)
    states = many(sessions, ALONE)
    one_by_one, alone = timed(lambda: [digest(refreshed(state)) for state in states])
    states = many(sessions, CENTERS)
    seconds, found = timed(lambda: [digest(forecast) for forecast in refresh_many([look(state) for state in states])])
    if found[:ALONE] != alone:
        raise AssertionError("centers refreshed together differ from those refreshed one by one")
    distinct = len(set(found))
    rows.append(row(f"short refresh of {ALONE} of these centers one by one", one_by_one, None))
    rows.append(row(f"short refresh of {CENTERS} centers together, {distinct} of them different", seconds, 60.0))
    rows.append(peak("with all centers"))
    return rows


def other_sessions(model: Model, history: History, zone_name: str) -> list[Session]:
    """Sessions of a few more centers of that size, one day after some weeks of history."""
    known = history.known_at(local_day(START + timedelta(days=OTHER_DAYS), zone(zone_name)).start)
    return [model.session(known, center_id=center_id) for center_id in known.center_ids]


def look(state: State) -> Look:
    """The next hour of a center, children and adults."""
    return Look(state.session, state.now, state.present, None, state.left, state.adults)


def refreshed(state: State) -> Forecast:
    return state.session.refresh(state.now, state.present, None, state.left, state.adults)


def digest(forecast: Forecast) -> int:
    return hash(forecast.pmf.tobytes())


def minutes(now: datetime, count: int) -> list[datetime]:
    return [now + timedelta(seconds=7 * n) for n in range(count)]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of this process (one thread), so that a busy machine does not blur them, and the result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def peak(when: str) -> dict[str, Any]:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"what": f"peak memory, {when}", "MiB": round(memory), "target": 1024}


def row(what: str, seconds: float, target: float | None) -> dict[str, Any]:
    return {"what": what, "cpu seconds": seconds, "target": target if target is not None else ""}


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["forecasting_speed"]))

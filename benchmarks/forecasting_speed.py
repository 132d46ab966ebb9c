"""Speed and memory of the forecasts: training a year of a large center, its refresh and week, 2,000 centers at once."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks._many_centers import State, many
from benchmarks.forecasting_center import world_frames
from domain.time import local_day, zone
from forecasting.history import History
from forecasting.model import Model, train, whereabouts
from forecasting.session import Session
from forecasting.staffside import adults_present
from sandbox.knobs import Knobs
from sandbox.simulation import simulate

DAYS = 52 * 7
CENTERS = 2_000
OTHERS, OTHER_DAYS = 8, 42  # centers the 2,000 are made of (`_many_centers`), and their history
SEED, START = 5, date(2025, 1, 6)


def run() -> list[dict[str, Any]]:
    knobs = Knobs(size="large")
    world = simulate(knobs, SEED, START, DAYS + 1)
    history = History(world_frames(world))
    last = local_day(START + timedelta(days=DAYS - 4), zone(knobs.zone_name)).start  # a Friday
    until, now = last, last + timedelta(hours=8, minutes=10)
    seconds, model = timed(lambda: train(history, until))
    rooms = len(world.rooms)
    children = len({c.value.child_id for c in world.children if c.value.enrolled_to is None})
    what = f"{rooms} rooms, {children} children"
    rows = [row(f"train 52 weeks, {what}", seconds, 20.0)]
    known = history.known_at(now)
    center = known.center_ids[0]
    (present, left), adults = whereabouts(known, now, center), adults_present(known, center, now)
    seconds, session = timed(lambda: model.session(known))
    rows.append(row("open a session (once a day and center)", seconds, None))
    arrays = [v for part in (session, session.patterns) for v in vars(part).values() if isinstance(v, np.ndarray)]
    rows.append({"what": "arrays an open session keeps", "KiB": round(sum(v.nbytes for v in arrays) / 1024)})
    times = [timed(lambda at=at: session.refresh(at, present, None, left, adults))[0] for at in minutes(now, 200)]  # type: ignore[misc]
    rows.append(row(f"short refresh, {what}, median", float(np.median(times)), 0.020))
    rows.append(row(f"short refresh, {what}, p99", float(np.quantile(times, 0.99)), 0.020))
    states = many(other_sessions(model), CENTERS)
    seconds, means = timed(lambda: [refreshed(state) for state in states])
    distinct = len({forecast.tobytes() for forecast in means})
    rows.append(row(f"short refresh of {CENTERS} centers in one process, {distinct} of them different", seconds, 60.0))
    seconds, week = timed(lambda: model.forecast_week(known, now))
    rows.append(row("week forecast of the center", seconds, 1.0))
    rows.append(row("200 joint samples of the week", timed(lambda: week.samples(200, 1))[0], None))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    rows.append({"what": "peak memory, simulator included", "MiB": round(memory), "target": 1024})
    return rows


def other_sessions(model: Model) -> list[Session]:
    """Sessions of a few more centers of that size, one day after some weeks of history."""
    world = simulate(Knobs(size="large", centers=OTHERS), SEED + 1, START, OTHER_DAYS + 1)
    day = local_day(START + timedelta(days=OTHER_DAYS), zone(world.knobs.zone_name)).start
    known = History(world_frames(world)).known_at(day)
    return [model.session(known, center_id=center_id) for center_id in known.center_ids]


def refreshed(state: State) -> npt.NDArray[np.float64]:
    """The next hour of a center, children and adults: its children's counts."""
    return state.session.refresh(state.now, state.present, None, state.left, state.adults).pmf


def minutes(now: datetime, count: int) -> list[datetime]:
    return [now + timedelta(seconds=7 * n) for n in range(count)]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of this process (one thread), so that a busy machine does not blur them, and the result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def row(what: str, seconds: float, target: float | None) -> dict[str, Any]:
    return {"what": what, "cpu seconds": seconds, "target": target if target is not None else ""}


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["forecasting_speed"]))

"""One small simulated center, its history and a model trained on eleven of its twelve weeks, shared by the tests."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from forecasting import History, Model, train
from forecasting.frames import frames_of
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

START = date(2025, 3, 3)
WEEKS = 12
ORIGIN = datetime(2025, 5, 19, 5, tzinfo=UTC)  # Monday of the last week, local midnight


def frames(world: World) -> dict[str, pd.DataFrame]:
    def pairs(rows: list[Any]) -> list[Any]:
        return [(row.value, row.recorded_at) for row in rows]

    return frames_of(
        centers=world.centers, rooms=world.rooms, children=pairs(world.children),
        staff=[row.value for row in world.staff], shifts=pairs(world.shifts), bookings=pairs(world.bookings),
        closures=pairs(world.closures), events=world.events,
    )  # fmt: skip


@pytest.fixture(scope="session")
def small_world() -> World:
    return simulate(Knobs(size="small"), 4, START, WEEKS * 7)


@pytest.fixture(scope="session")
def small_frames(small_world: World) -> dict[str, pd.DataFrame]:
    return frames(small_world)


@pytest.fixture(scope="session")
def small_history(small_frames: dict[str, pd.DataFrame]) -> History:
    return History(small_frames)


@pytest.fixture(scope="session")
def small_model(small_history: History) -> Model:
    return train(small_history, ORIGIN)


@pytest.fixture(scope="session")
def simulated() -> Callable[..., History]:
    """Histories of other worlds, made on demand."""
    made: dict[tuple[Any, ...], History] = {}

    def make(seed: int, days: int, **knobs: Any) -> History:
        key = (seed, days, *sorted(knobs.items()))
        if key not in made:
            made[key] = History(frames(simulate(Knobs(**{"size": "small", **knobs}), seed, START, days)))
        return made[key]

    return make


def local(day: int, hour: float) -> datetime:
    """An instant of the last week in the center's (Chicago, summer) time: day 0 is Monday."""
    return ORIGIN + timedelta(days=day, hours=hour)

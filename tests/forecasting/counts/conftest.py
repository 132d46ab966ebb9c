from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

START = pd.Timestamp("2024-01-01")


def world(days: int = 70, minutes: int = 60, rooms: int = 2, seed: int = 3) -> pd.DataFrame:
    """Rooms open 08:00 to 18:00 with a bow over the day, busier days by chance, and people who come and go."""
    rng = np.random.default_rng(seed)
    times = pd.date_range(START, periods=days * 1440 // minutes, freq=f"{minutes}min")
    hour = times.hour.to_numpy() + times.minute.to_numpy() / 60
    bow = np.where((hour >= 8) & (hour < 18), np.sin((hour - 8) / 10 * np.pi) + 0.2, 0.0)
    parts = []
    for room in range(rooms):
        busy = np.repeat(rng.lognormal(0, 0.2, days), 1440 // minutes)
        counts = rng.poisson(bow * busy * 20 * (room + 1) * np.where(times.day_of_week >= 5, 0.5, 1.0))
        parts.append(pd.DataFrame({"site": "home", "room": f"room {room}", "ts": times, "count": counts.astype(float)}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def counts_world() -> pd.DataFrame:
    return world()


@pytest.fixture(scope="session")
def shared_datasets() -> Path:
    root = Path(os.environ.get("RATIOCAST_SHARED", Path(__file__).parents[4] / "shared"))
    if not (root / "datasets").is_dir():
        pytest.skip(f"the real counts are not here ({root / 'datasets'}); set RATIOCAST_SHARED to their folder")
    return root / "datasets"

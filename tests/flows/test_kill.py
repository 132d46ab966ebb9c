"""A pipeline killed anywhere and resumed gives what one clean run gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.platform_double import TOKEN, PlatformDouble, small_world

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_kills_and_a_second_run_change_nothing(tmp_path: Path) -> None:
    """8 kills from ingest to publish, 4 each in training, forecasting and planning; the world's day is short, so that a
    plan takes seconds."""
    world = small_world(date(2026, 2, 2), days=10)
    world.centers[0] |= {"opens": "08:00", "closes": "10:30"}
    server = PlatformDouble(world, page_size=150)
    environment = os.environ | {
        "RATIOCAST_PLATFORM_URL": server.url,
        "RATIOCAST_PLATFORM_TOKEN": TOKEN,
        "RATIOCAST_CLOCK": f"{server.url}/control/clock",
    }
    command = [sys.executable, "-m", "tests.flows.killed_runs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    server.close()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["different"] == []
    assert told["plans"] >= 2

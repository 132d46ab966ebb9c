"""A disk that is full in any step of the pipeline: one clear sentence, nothing lost, and on with space again."""

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


@pytest.mark.timeout(300)
def test_every_step_says_that_the_disk_is_full_and_loses_nothing(tmp_path: Path) -> None:
    world = small_world(date(2026, 2, 2), days=10)
    world.centers[0] |= {"opens": "08:00", "closes": "10:30"}
    server = PlatformDouble(world, page_size=150)
    environment = os.environ | {
        "RATIOCAST_PLATFORM_URL": server.url,
        "RATIOCAST_PLATFORM_TOKEN": TOKEN,
        "RATIOCAST_CLOCK": f"{server.url}/control/clock",
    }
    command = [sys.executable, "-m", "tests.flows.starved_runs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    server.close()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for step, what in told["steps"].items():
        assert "is full; free some space and run this again" in what["said"], (step, what)
        assert (what["status"], what["unchanged"]) == (1, True), (step, what)
    assert told["plans"] == 1

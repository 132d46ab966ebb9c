"""A module of the tests in a process of its own, beside a small platform with a short day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from tests.platform_double import TOKEN, PlatformDouble, small_world

ROOT = Path(__file__).parents[2]


def told_by(module: str, folder: Path) -> Any:
    """What the module prints as JSON; it must end well."""
    world = small_world(date(2026, 2, 2), days=10)
    world.centers[0] |= {"opens": "08:00", "closes": "10:30"}
    server = PlatformDouble(world, page_size=150)
    environment = os.environ | {
        "RATIOCAST_PLATFORM_URL": server.url,
        "RATIOCAST_PLATFORM_TOKEN": TOKEN,
        "RATIOCAST_CLOCK": f"{server.url}/control/clock",
    }
    command = [sys.executable, "-m", module, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    server.close()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

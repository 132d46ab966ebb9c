"""Run by test_kill.py in a process of its own: the pipeline, killed by SIGKILL at random instants and resumed.

Everything is imported once; each run is a fork, so that 20 kills cost seconds. Prints one JSON line.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from flows.steps import STEPS, open_run
from storage.reader import open_reader
from storage.settings import load_settings
from storage.warehouse_tables import TABLES

STEPS_BEFORE = ["ingest", "build", "train", "forecast", "publish"]
PLAN = ["plan"]
KILLS_PER_FOLDER = 6
VOLATILE = {"plans": "EXCLUDE (plan)"}  # a plan's document tells how many seconds it took


def contents(folder: Path) -> dict[str, str]:
    """A hash of every published table's rows."""
    with open_reader(folder) as reader:
        return {
            name: hashlib.sha256(
                reader.query(f'SELECT * {VOLATILE.get(name, "")} FROM "{name}" ORDER BY ALL').to_csv().encode()  # noqa: S608
            ).hexdigest()
            for name in TABLES
        }


def chain(folder: Path, steps: list[str]) -> None:
    settings = load_settings(data_dir=folder)
    for name in steps:
        STEPS[name](open_run(settings))


def start(folder: Path, steps: list[str]) -> int:
    child = os.fork()
    if child == 0:
        try:
            chain(folder, steps)
        except BaseException as error:  # noqa: BLE001 - told to the test through standard error
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    return child


def finished(child: int) -> bool:
    """Wait for the run; True if it came to its end, False if it was killed."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        sys.exit("a run failed")
    return True


def killed_and_resumed(
    base: Path, steps: list[str], kills: int, rng: random.Random, start_from: Path | None, length: float
) -> list[str]:
    """Folders in which runs (each `length` seconds long) were killed again and again, then came to their end."""
    folders: list[str] = []
    killed = 0
    while killed < kills:
        folder = _prepared(base / f"{steps[0]}-killed-{len(folders) + 1}", start_from)
        folders.append(folder.name)
        for _ in range(min(KILLS_PER_FOLDER, kills - killed)):
            child = start(folder, steps)
            time.sleep(rng.uniform(0, length))
            os.kill(child, signal.SIGKILL)
            killed += not finished(child)
        finished(start(folder, steps))
    return folders


def timed(folder: Path, steps: list[str]) -> float:
    began = time.monotonic()
    finished(start(folder, steps))
    return time.monotonic() - began


def _prepared(folder: Path, start_from: Path | None) -> Path:
    if start_from is not None:
        shutil.copytree(start_from, folder)
    return folder


def main(base: Path) -> None:
    rng = random.Random(4)
    clean, before_plan = base / "clean", base / "before-plan"
    length = timed(clean, STEPS_BEFORE)
    shutil.copytree(clean, before_plan)
    before = contents(clean)
    folders = killed_and_resumed(base, STEPS_BEFORE, 16, rng, None, length)
    different = [f"{name}: {t}" for name in folders for t, found in contents(base / name).items() if found != before[t]]
    length = timed(clean, PLAN)
    after = contents(clean)
    folders = killed_and_resumed(base, PLAN, 4, rng, before_plan, length)
    different += [f"{name}: {t}" for name in folders for t, found in contents(base / name).items() if found != after[t]]
    finished(start(clean, [*STEPS_BEFORE, *PLAN]))
    different += [f"second run: {t}" for t, found in contents(clean).items() if found != after[t]]
    print(json.dumps({"different": different, "plans": len(list(base.glob("*/plans/*/*.plan.json")))}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))

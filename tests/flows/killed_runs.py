"""Run by test_kill.py in a process of its own: the pipeline, killed by SIGKILL at random instants and resumed.

Everything is imported once; each run is a fork, so that 20 kills cost seconds. Prints one JSON line.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from flows.steps import STEPS, open_run
from storage.reader import open_reader
from storage.settings import load_settings
from storage.warehouse_tables import TABLES

KILLS_PER_FOLDER = 5
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


def main(base: Path, kills: int, steps: list[str]) -> None:
    began = time.monotonic()
    finished(start(base / "clean", steps))
    length = time.monotonic() - began
    clean = contents(base / "clean")
    finished(start(base / "clean", steps))
    different = [name for name, found in contents(base / "clean").items() if found != clean[name]]
    rng, killed, folders = random.Random(4), 0, 0
    while killed < kills:
        folders += 1
        folder = base / f"killed-{folders}"
        for _ in range(KILLS_PER_FOLDER):
            child = start(folder, steps)
            time.sleep(rng.uniform(0, length))
            os.kill(child, signal.SIGKILL)
            killed += not finished(child)
        finished(start(folder, steps))
        different += [f"{folder.name}: {name}" for name, found in contents(folder).items() if found != clean[name]]
    print(json.dumps({"killed": killed, "folders": folders, "different": different, "length": round(length, 2)}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])

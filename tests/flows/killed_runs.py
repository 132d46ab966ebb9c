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
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from flows.steps import STEPS, Run, open_run
from storage.reader import open_reader
from storage.settings import load_settings
from storage.warehouse_tables import TABLES

STAGES = (  # struck one after the other, each from where the clean run had come to; how often
    (["ingest", "build", "publish"], 8),
    (["train"], 4),
    (["forecast yesterday", "forecast"], 4),  # the second one reviews the first
    (["plan"], 4),
)
KILLS_PER_FOLDER = 4
VOLATILE = {"plans": "EXCLUDE (plan)"}  # a plan's document tells how many seconds it took


def contents(folder: Path) -> dict[str, str]:
    """A hash of every published table's rows, and of the files of the model in force.

    Read in a process of its own: this one is copied for every run and must not have used the database before.
    """
    with ProcessPoolExecutor(1, get_context("fork")) as apart:
        return apart.submit(_contents, folder).result()


def _contents(folder: Path) -> dict[str, str]:
    with open_reader(folder) as reader:
        found = {
            name: reader.query(f'SELECT * {VOLATILE.get(name, "")} FROM "{name}" ORDER BY ALL').to_csv().encode()  # noqa: S608
            for name in TABLES
        }
    current = folder / "models" / "current"
    if current.exists():
        files = sorted((folder / "models" / current.read_text()).iterdir())
        found |= {f"model {path.name}": path.read_bytes() for path in files if path.suffix != ".npz"}  # zip tells times
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


def chain(folder: Path, steps: list[str]) -> None:
    settings = load_settings(data_dir=folder)
    for name in steps:
        run, (step, *before) = open_run(settings), name.split()
        STEPS[step](Run(settings, run.now - timedelta(hours=16)) if before else run)


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
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        sys.exit(f"a run failed: {status}")
    return status == 0


def ended(child: int) -> None:
    if not finished(child):
        sys.exit("a run that nobody here killed was killed")


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
        ended(start(folder, steps))
    return folders


def timed(folder: Path, steps: list[str]) -> float:
    began = time.monotonic()
    ended(start(folder, steps))
    return time.monotonic() - began


def _prepared(folder: Path, start_from: Path | None) -> Path:
    if start_from is not None:
        shutil.copytree(start_from, folder)
    return folder


def main(base: Path) -> None:
    rng = random.Random(4)
    clean, start_from, different = base / "clean", None, list[str]()
    for number, (steps, kills) in enumerate(STAGES):
        length = timed(clean, steps)
        whole = contents(clean)
        folders = killed_and_resumed(base, steps, kills, rng, start_from, length)
        for name in folders:
            found = contents(base / name)
            different += [f"{name}: {what}" for what in whole if found.get(what) != whole[what]]
        start_from = base / f"after-{number}"
        shutil.copytree(clean, start_from)
    ended(start(clean, [step for steps, _ in STAGES for step in steps if step != "forecast yesterday"]))
    found = contents(clean)
    different += [f"second run: {what}" for what in whole if found.get(what) != whole[what]]
    print(json.dumps({"different": different, "plans": len(list(base.glob("*/plans/*/*.plan.json")))}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))

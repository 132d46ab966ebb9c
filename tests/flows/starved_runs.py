"""Run by test_full_disk.py in a process of its own: each step on a disk that takes no more than small files.

RLIMIT_FSIZE makes every write beyond a file's first bytes fail, as a full disk does. Prints one JSON line.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from domain.errors import NothingPublished
from tests.flows.killed_runs import chain, contents

STEPS_IN_ORDER = ("ingest", "build", "publish", "train", "forecast", "plan")
LIMIT_BYTES = 40_000


def starved(folder: Path, step: str) -> tuple[int, str]:
    """Exit status and sentence of a step that runs out of space."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, resource.RLIM_INFINITY))
        try:
            chain(folder, [step])
        except BaseException as error:  # noqa: BLE001 - told to the test
            os.write(writer, f"{type(error).__name__}: {error}".encode())
            os._exit(getattr(error, "exit_code", 99))
        os._exit(0)
    os.close(writer)
    said = os.fdopen(reader).read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def main(folder: Path) -> None:
    told = {}
    for step in STEPS_IN_ORDER:
        before = published(folder)
        status, said = starved(folder, step)
        told[step] = {"status": status, "said": said, "unchanged": published(folder) == before}
        chain(folder, [step])
    chain(folder, ["publish"])
    print(json.dumps({"steps": told, "plans": len(list(folder.glob("plans/*/*.plan.json")))}))  # noqa: T201


def published(folder: Path) -> dict[str, str]:
    try:
        return contents(folder)
    except NothingPublished:
        return {}


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Child processes of a command: each in its own group, all stopped when the command ends, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from domain.errors import RatiocastError

GRACE_SECONDS = 8.0


class Processes:
    """A context that starts `ratiocast` commands and, on leaving, stops what it started, the newest first."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        self._before = signal.signal(signal.SIGTERM, _as_interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.stop()
        signal.signal(signal.SIGTERM, self._before)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run `ratiocast <arguments>` in the background; its output goes to <log_folder>/<name>.log."""
        log = (self._log_folder / f"{name}.log").open("wb")
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own command
            [sys.executable, "-m", "cli", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        log.close()
        self._running.append((name, process))

    def fail_if_ended(self) -> None:
        """Raise with the last lines of its log if any of them has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                tail = (self._log_folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
                said = "\n".join(tail)
                raise RatiocastError(f"the process '{name}' ended with code {process.returncode}; it said:\n{said}")

    def stop(self) -> None:
        """Ask each to end, then insist. Only process groups started here are touched."""
        for _, process in reversed(self._running):
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for _, process in reversed(self._running):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
        self._running.clear()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

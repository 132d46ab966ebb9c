"""A worker in a process of its own: told its order on standard input, heard line by line, ended with the context."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Tell = Callable[[str | None], None]


@contextmanager
def conversation(command: tuple[str, ...], order: str, tell: Tell) -> Iterator[threading.Thread]:
    """`tell` gets each line as it comes, in the thread yielded, and None when the worker says no more.

    The worker may die, hang or be cut off in the middle: what it told so far counts, and at the end it is killed with
    every process it has started.
    """
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0
    )
    reader = threading.Thread(target=_talk, args=(process, order, tell), daemon=True)
    reader.start()
    try:
        yield reader
    finally:
        with suppress(ProcessLookupError):  # it has ended, and so has all it started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(1.0)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _talk(process: subprocess.Popen[str], order: str, tell: Tell) -> None:
    try:
        if process.stdin and process.stdout:
            process.stdin.write(order + "\n")
            process.stdin.close()
            for line in process.stdout:
                tell(line)
    except (OSError, ValueError):
        pass  # it died, was ended, or spoke nonsense
    tell(None)

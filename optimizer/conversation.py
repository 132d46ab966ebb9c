"""A worker in a process of its own: told its order on standard input, heard line by line, ended with the context."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str | None], None]


@contextmanager
def conversation(command: tuple[str, ...], order: str, tell: Tell) -> Iterator[threading.Thread]:
    """`tell` gets each line as it comes, in the thread yielded, and None when the worker says no more.

    The worker may die, hang or be cut off in the middle: what it told so far counts, and it is killed at the end.
    """
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    reader = threading.Thread(target=_talk, args=(process, order, tell), daemon=True)
    reader.start()
    try:
        yield reader
    finally:
        process.kill()
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

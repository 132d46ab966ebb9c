"""Days side by side in processes of their own: each tells its running answers, and all end in time."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Tell = Callable[[Answer], None]


def may_fork() -> bool:
    """Only a process with one thread may be copied: a lock could be held by a thread that is not."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


def side_by_side(
    ask: Callable[[int, float, Tell[Answer]], None], count: int, places: int, deadline: float
) -> dict[int, Answer]:
    """The last answer told by `ask(index, seconds, tell)` for each index below `count`; at most `places` run at once.

    Each place has every so manieth index and shares its seconds among them evenly, so that all places are busy to the
    end. A process that dies, or has not ended at the deadline (`time.perf_counter`), counts with what it has told; an
    index without any answer is left out.
    """
    answers: dict[int, Answer] = {}
    waiting = [list(range(place, count, places)) for place in range(min(places, count))]
    running: dict[Connection, tuple[int, BaseProcess]] = {}

    def start_next(place: int) -> None:
        if queue := waiting[place]:
            seconds = max(0.0, deadline - time.perf_counter()) / len(queue)
            _start(ask, queue.pop(0), seconds, running)

    with _ended(running):
        for place in range(len(waiting)):
            start_next(place)
        while running:
            left = deadline - time.perf_counter()
            if left <= 0:
                break
            for connection in wait(list(running), left):
                assert isinstance(connection, Connection)  # noqa: S101 (for the type checker)
                index, process = running[connection]
                try:
                    answers[index] = connection.recv()
                except (EOFError, OSError):
                    process.join()
                    connection.close()
                    del running[connection]
                    start_next(index % places)
    return answers


def _start(
    ask: Callable[[int, float, Tell[Any]], None],
    index: int,
    seconds: float,
    running: dict[Connection, tuple[int, BaseProcess]],
) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=ask, args=(index, seconds, theirs.send), daemon=True)
    process.start()
    theirs.close()
    running[ours] = (index, process)


@contextmanager
def _ended(running: dict[Connection, tuple[int, BaseProcess]]) -> Iterator[None]:
    try:
        yield
    finally:
        for connection, (_, process) in running.items():
            process.kill()
            process.join()
            connection.close()

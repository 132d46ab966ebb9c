"""What changes, told to whoever listens: the source of the live stream.

Each change has an id "<start>-<number>". A listener that comes back with the last id it saw gets what it missed from
the recent past; if that is gone (too long ago, or another start of the service), it is told to read everything anew.
What is costly to put into words need not be where nobody listens: `skip` takes its place.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

KEPT = 2000  # changes a listener may have missed and still resume
_QUEUE = 500  # changes a slow listener may be behind
_COMES_BACK_SECONDS = 300.0  # within which a listener that has gone may resume without reading everything anew

_Queue = asyncio.Queue["Change | None"]
_Centers = frozenset[str] | None  # None: all


@dataclass(frozen=True, slots=True)
class Change:
    id: str
    center_id: str
    kind: str  # room | incident | message | proposal | headcount | settings | plan | forecast | reset
    data: str  # JSON


class Bus:
    """Lives on one event loop; `publish` never waits."""

    def __init__(self, start: str, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._start, self._elapsed = start, elapsed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._number = 0
        self._dropped = 0  # the last change that is no longer kept
        self._recent: deque[Change] = deque(maxlen=KEPT)
        self._listeners: dict[_Queue, _Centers] = {}
        self._gone: dict[_Centers, float] = {}  # those who listened, and when they went
        self._skipped: dict[str, int] = {}  # by center, the last change that was not put into words

    def publish(self, center_id: str, kind: str, data: Any) -> None:
        self._number += 1
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        change = Change(f"{self._start}-{self._number}", center_id, kind, text)
        if len(self._recent) == KEPT:
            self._dropped = _number(self._recent[0])
        self._recent.append(change)
        for queue in list(self._listeners):
            try:
                queue.put_nowait(change)
            except asyncio.QueueFull:
                self._forget(queue)  # it is ended below and resumes by itself

    def has_listeners(self, center_id: str) -> bool:
        """Whether anybody listens to the center, or has until lately and may come back."""
        now = self._elapsed()
        self._gone = {centers: at for centers, at in self._gone.items() if now - at < _COMES_BACK_SECONDS}
        return any(each is None or center_id in each for each in (*self._listeners.values(), *self._gone))

    def skip(self, center_id: str) -> None:
        """Something of the center changed that nobody is told: who resumes from before it reads everything anew."""
        self._number += 1
        self._skipped[center_id] = self._number

    def publish_threadsafe(self, center_id: str, kind: str, data: Any) -> None:
        """`publish` from another thread; before the service runs nobody listens."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.publish, center_id, kind, data)

    def attach(self) -> None:
        """Called on the event loop the bus lives on."""
        self._loop = asyncio.get_running_loop()

    async def listen(
        self, centers: Iterable[str] | None, last_id: str | None = None, *, follow: bool = True
    ) -> AsyncIterator[Change]:
        """Changes of the centers (None: all) from now on, or from behind `last_id`. Ends when the listener is too slow
        or the service stops; listening again with the last id goes on where it ended. Not `follow`: what was missed."""
        wanted = None if centers is None else frozenset(centers)
        queue: _Queue = asyncio.Queue(_QUEUE)
        missed = self._missed(last_id, wanted)
        self._listeners[queue] = wanted
        try:
            for change in missed:
                if wanted is None or change.center_id in wanted or change.kind == "reset":
                    yield change
            while follow and (queue in self._listeners or not queue.empty()):
                change_or_end = await queue.get()
                if change_or_end is None:
                    return
                if wanted is None or change_or_end.center_id in wanted:
                    yield change_or_end
        finally:
            self._forget(queue)

    def close(self) -> None:
        """End every listener."""
        for queue in list(self._listeners):
            self._forget(queue)
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    def _forget(self, queue: _Queue) -> None:
        if queue in self._listeners:
            self._gone[self._listeners.pop(queue)] = self._elapsed()

    def _missed(self, last_id: str | None, wanted: _Centers) -> list[Change]:
        if last_id is None:
            return [self._reset("you are now listening")]
        start, _, number = last_id.rpartition("-")
        if start == self._start and number.isascii() and number.isdigit():
            seen = int(number)
            skipped = [at for center_id, at in self._skipped.items() if wanted is None or center_id in wanted]
            if max(self._dropped, *skipped, 0) <= seen <= self._number:
                return [change for change in self._recent if _number(change) > seen]
        return [self._reset("too much was missed")]

    def _reset(self, reason: str) -> Change:
        return Change(f"{self._start}-{self._number}", "", "reset", json.dumps({"reason": reason}))


def _number(change: Change) -> int:
    return int(change.id.rpartition("-")[2])

"""What changes, told to whoever listens: the source of the live stream.

Each change has an id "<start>-<number>". A listener that comes back with the last id it saw gets what it missed from
the recent past; if that is gone (too long ago, or another start of the service), it is told to read everything anew.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

KEPT = 2000  # changes a listener may have missed and still resume
_QUEUE = 500  # changes a slow listener may be behind


@dataclass(frozen=True, slots=True)
class Change:
    id: str
    center_id: str
    kind: str  # room | incident | message | proposal | headcount | settings | plan | forecast | reset
    data: str  # JSON


class Bus:
    """Lives on one event loop; `publish` never waits."""

    def __init__(self, start: str) -> None:
        self._start = start
        self._loop: asyncio.AbstractEventLoop | None = None
        self._number = 0
        self._recent: deque[Change] = deque(maxlen=KEPT)
        self._listeners: set[asyncio.Queue[Change | None]] = set()

    def publish(self, center_id: str, kind: str, data: Any) -> None:
        self._number += 1
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        change = Change(f"{self._start}-{self._number}", center_id, kind, text)
        self._recent.append(change)
        for queue in list(self._listeners):
            try:
                queue.put_nowait(change)
            except asyncio.QueueFull:
                self._listeners.discard(queue)  # it is ended below and resumes by itself

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
        queue: asyncio.Queue[Change | None] = asyncio.Queue(_QUEUE)
        missed = self._missed(last_id)
        self._listeners.add(queue)
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
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener."""
        for queue in list(self._listeners):
            self._listeners.discard(queue)
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    def _missed(self, last_id: str | None) -> list[Change]:
        if last_id is None:
            return [self._reset("you are now listening")]
        start, _, number = last_id.rpartition("-")
        if start == self._start and number.isascii() and number.isdigit():
            seen = int(number)
            oldest = self._number - len(self._recent) + 1
            if oldest - 1 <= seen <= self._number:
                return [change for change in self._recent if int(change.id.rpartition("-")[2]) > seen]
        return [self._reset("too much was missed")]

    def _reset(self, reason: str) -> Change:
        return Change(f"{self._start}-{self._number}", "", "reset", json.dumps({"reason": reason}))

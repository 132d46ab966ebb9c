"""From a verified delivery to the disk: requests that arrive together share one commit and one insert."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from domain.events import Event
from domain.time import Clock
from storage.ledger import Ledger
from storage.ledger.events import append_events

log = logging.getLogger("ratiocast.intake")
_MAX_EVENTS = 5000  # in one transaction


class Intake:
    """`take` returns when the events are durable. `stored` hears of each center's new events right after."""

    def __init__(self, ledger: Ledger, clock: Clock, stored: Callable[[Sequence[Event]], None]) -> None:
        self._ledger, self._clock, self._stored = ledger, clock, stored
        self._waiting: list[tuple[Sequence[Event], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def take(self, events: Sequence[Event], source: str = "webhook") -> None:
        """Store the events for good. Raises StoreError if the ledger cannot; then nothing of them is promised."""
        if source != "webhook":
            await self._write(events, source)
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        await done

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, size = [], 0
            while self._waiting and size < _MAX_EVENTS:
                group.append(self._waiting.pop(0))
                size += len(group[-1][0])
            try:
                await self._write([event for events, _ in group for event in events], "webhook")
            except Exception as error:  # noqa: BLE001  each waiting request answers with it
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in group:
                    if not done.done():
                        done.set_result(None)

    async def _write(self, events: Sequence[Event], source: str) -> None:
        now = self._clock.now()
        new = await self._ledger.awrite(lambda connection: append_events(connection, events, now, source))
        if new:
            self._stored(new)

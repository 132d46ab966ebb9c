"""From a verified delivery to the disk: requests that arrive while one commit is on its way share the next.

The ledger's writer itself takes up what waits at the moment it begins, so that nothing has to come back to the event
loop between two commits. Rows are made ready as deliveries arrive, while an earlier commit is on its way to disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from domain.events import Event
from domain.time import Clock
from storage.ledger import Connection, Ledger
from storage.ledger.events import Arrived, append_arrived, append_events, arrived

_MAX_EVENTS = 2000  # in one transaction: more would make the first of them wait for the last

_Delivery = tuple[list[Arrived], "asyncio.Future[None]", float]  # with when it came, on the loop's own clock


class Intake:
    """`take` returns when the events are durable. `stored` hears of each center's new events right after."""

    def __init__(self, ledger: Ledger, clock: Clock, stored: Callable[[Sequence[Event]], None]) -> None:
        self._ledger, self._clock, self._stored = ledger, clock, stored
        self._waiting: deque[_Delivery] = deque()
        self._ordered = False  # a write that has not begun yet will take up what waits
        self.delay = 0.0  # seconds that the last group of deliveries waited to be on disk

    async def take(self, events: Sequence[Event], source: str = "webhook") -> None:
        """Store the events for good. Raises StoreError if the ledger cannot; then nothing of them is promised."""
        if source != "webhook":
            now = self._clock.now()
            self._hear(await self._ledger.awrite(lambda connection: append_events(connection, events, now, source)))
            return
        loop, now = asyncio.get_running_loop(), self._clock.now()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(([arrived(event, now, source) for event in events], done, loop.time()))
        if not self._ordered:
            self._order()
        await done

    def _order(self) -> None:
        """One write to come, of whatever waits when the writer gets to it."""
        group: list[_Delivery] = []
        loop = asyncio.get_running_loop()
        self._ordered = True
        try:
            written = self._ledger.submit(lambda connection: self._write(connection, group))
        except BaseException:
            self._ordered = False
            raise
        written.add_done_callback(lambda future: loop.call_soon_threadsafe(self._answer, group, future))

    def _write(self, connection: Connection, group: list[_Delivery]) -> list[Event]:
        """In the writer's thread. A delivery that comes from here on orders a write of its own."""
        self._ordered = False
        group += self._taken()
        return append_arrived(connection, [each for events, _, _ in group for each in events], self._clock.now())

    def _taken(self) -> list[_Delivery]:
        group: list[_Delivery] = []
        size = 0
        while self._waiting and size < _MAX_EVENTS:
            group.append(self._waiting.popleft())
            size += len(group[-1][0])
        return group

    def _answer(self, group: list[_Delivery], written: Future[list[Event]]) -> None:
        """Back on the event loop: the transaction is durable, or has failed as a whole."""
        error = written.exception()
        if error is not None and not group:  # it failed before `_write` was called
            self._ordered = False
            group = self._taken()
        now = asyncio.get_running_loop().time()
        self.delay = now - min((came for _, _, came in group), default=now)
        for _, done, _ in group:
            if done.done():  # whoever sent it has gone
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        if self._waiting and not self._ordered:
            self._order()
        if error is None:
            self._hear(written.result())

    def _hear(self, new: Sequence[Event]) -> None:
        if new:
            self._stored(new)

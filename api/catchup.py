"""What the webhooks did not bring: gaps in a center's sequence are read from the platform's event log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from api.waiting import wait_until
from domain.errors import RatiocastError
from domain.events import Event
from domain.time import Clock
from storage.ledger import Ledger
from storage.ledger.centers import keep_reference, read_reference
from storage.ledger.events import gaps, sequences_after

log = logging.getLogger("ratiocast.catchup")
SETTLE = timedelta(seconds=2)  # deliveries out of order come right by themselves within this time
LOOK_EVERY = timedelta(minutes=2)  # a lost delivery behind which nothing comes shows no gap: the log is looked at
FIRST_READ = timedelta(days=2)  # how far back the log is read for a center never seen before
_LONGEST_PAUSE = timedelta(minutes=15)
_AT_ONCE = 4  # centers read at the same time


class EventLog(Protocol):
    def event_pages(
        self, center_id: str, after_sequence: int = 0, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[list[Event]]: ...


@dataclass(slots=True)
class Sequences:
    """Which sequence numbers of a center are here: all up to `contiguous`, and those `beyond` a gap."""

    contiguous: int = 0
    beyond: set[int] = field(default_factory=set)
    gap_since: datetime | None = None
    read_at: datetime | None = None  # when the log was last read to its end
    failures: int = 0
    retry_at: datetime | None = None

    def add(self, sequence: int, now: datetime) -> None:
        if sequence > self.contiguous:
            self.beyond.add(sequence)
            while self.contiguous + 1 in self.beyond:
                self.contiguous += 1
                self.beyond.discard(self.contiguous)
        self.gap_since = (self.gap_since or now) if self.beyond else None

    def due(self) -> datetime | None:
        """When the log is to be read next; None: at once."""
        if self.retry_at is not None:
            return self.retry_at
        looks = [self.read_at + LOOK_EVERY] if self.read_at else []
        return min([*looks, *([self.gap_since + SETTLE] if self.gap_since else [])], default=None)


class Catchup:
    """Keeps every center's events complete. `take` stores events (and counts them here by `noticed`)."""

    def __init__(
        self,
        platform: EventLog | None,
        ledger: Ledger,
        clock: Clock,
        take: Callable[[Sequence[Event], str], Awaitable[None]],
    ) -> None:
        self._platform, self._ledger, self._clock, self._take = platform, ledger, clock, take
        self.centers: dict[str, Sequences] = {}
        self._wake = asyncio.Event()

    async def open(self, center_id: str) -> None:
        """Learn from the ledger how far this center's events reach."""
        stored = await self._ledger.aread(lambda c: read_reference(c, center_id))
        base = int(stored.get("log_base", {}).get("sequence", 0))
        top, missing = await self._ledger.aread(lambda c: gaps(c, center_id))
        holes = [first for first, last in missing if last > base]
        contiguous = max(base, holes[0] - 1) if holes else max(base, top)
        here = await self._ledger.aread(lambda c: sequences_after(c, center_id, contiguous))
        self.centers[center_id] = Sequences(contiguous, set(here), self._clock.now() if here else None)

    def noticed(self, events: Iterable[Event]) -> None:
        now = self._clock.now()
        for event in events:
            if (known := self.centers.get(event.center_id)) is not None:
                known.add(event.sequence, now)
                if known.gap_since == now:
                    self._wake.set()

    async def read(self, center_id: str) -> None:
        """Read the log behind what is here, to its end. PlatformError if it does not answer."""
        if self._platform is None:
            return
        known, now = self.centers[center_id], self._clock.now()
        if known.contiguous == 0 and not known.beyond:
            pages = self._platform.event_pages(center_id, 0, now - FIRST_READ)
            first = True
            async for page in _pages(pages):
                if first:
                    await self._set_base(center_id, min(event.sequence for event in page) - 1)
                    first = False
                await self._take(page, "log")
        else:
            async for page in _pages(self._platform.event_pages(center_id, known.contiguous)):
                await self._take(page, "log")
        known.read_at, known.retry_at = self._clock.now(), None
        if known.gap_since is None:
            known.failures = 0
        else:  # the log itself has the gap: ask again, ever more rarely, but never later than without one
            self._put_off(known, LOOK_EVERY)

    async def run(self) -> None:
        while True:
            await self.step()
            dues = [known.due() or self._clock.now() for known in self.centers.values()]
            await wait_until(self._clock, min(dues, default=None), self._wake)

    async def step(self) -> None:
        """Read the log for every center that is due."""
        now = self._clock.now()
        due = [center_id for center_id, known in self.centers.items() if (known.due() or now) <= now]
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(center_id: str) -> None:
            async with limit:
                try:
                    await self.read(center_id)
                except RatiocastError as error:
                    log.warning("the event log of %s cannot be read: %s", center_id, error)
                    self._put_off(self.centers[center_id])

        if self._platform is None:
            for center_id in due:
                self.centers[center_id].read_at, self.centers[center_id].gap_since = now, None
            return
        await asyncio.gather(*(one(center_id) for center_id in due))

    async def _set_base(self, center_id: str, sequence: int) -> None:
        now = self._clock.now()
        await self._ledger.awrite(lambda c: keep_reference(c, center_id, "log_base", {"sequence": sequence}, now))
        known = self.centers[center_id]
        known.contiguous = max(known.contiguous, sequence)
        known.add(0, now)

    def _put_off(self, known: Sequences, longest: timedelta = _LONGEST_PAUSE) -> None:
        known.failures += 1
        pause = min(SETTLE * 2 ** min(known.failures, 12), longest)
        known.retry_at = self._clock.now() + pause


async def _pages(pages: Iterator[list[Event]]) -> AsyncIterator[list[Event]]:
    while (page := await asyncio.to_thread(next, pages, None)) is not None:
        yield page

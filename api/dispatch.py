"""The outbox emptied: claim, send, record. At least once, paced per recipient, and nobody is forgotten.

Attempts are in the ledger before they are made (`outbox.claim`). A passing failure is tried again ever more rarely
for a day; a permanent one sends the message to somebody else who can be reached.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from api.waiting import wait_until
from connectors.outlets import Button, DeliveryFailed, Note, Outlet
from domain.errors import StoreError
from domain.time import Clock
from storage import audit
from storage.ledger import Connection, Ledger, outbox
from storage.ledger.outbox import Outgoing

log = logging.getLogger("ratiocast.dispatch")
GIVE_UP = timedelta(hours=24)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=10)
_AT_ONCE = 16  # messages on their way at the same time
_OVER = ("all_clear", "withdrawal")  # good news bears no siren

Elsewhere = Callable[[Outgoing], "Outgoing | None"]  # the same message to somebody else, or None


class Dispatcher:
    def __init__(self, ledger: Ledger, clock: Clock, outlets: Mapping[str, Outlet], elsewhere: Elsewhere) -> None:
        self._ledger, self._clock, self._outlets, self._elsewhere = ledger, clock, outlets, elsewhere
        self._wake = asyncio.Event()
        self._busy_until: dict[str, datetime] = {}  # outlets that asked to be left alone
        self._turns: dict[str, float] = {}  # when a recipient may be sent to again, on the loop's own clock
        self._under_way: dict[asyncio.Task[None], str] = {}  # with the recipient
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="outlet")

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def recover(self) -> int:
        """At start: what was on its way when the process died goes again, marked where the vendor cannot tell."""
        now = self._clock.now()
        return await self._ledger.awrite(lambda connection: outbox.recover(connection, now))

    async def run(self) -> None:
        while True:
            try:
                started = await self.start_due()
                due = None if started else await self._next_due()
            except StoreError as error:
                log.error("the outbox cannot be read: %s", error)
                started, due = 0, self._clock.now() + timedelta(seconds=1)
            if not started:
                await wait_until(self._clock, due, self._wake)

    async def step(self) -> int:
        """Send what is due now and wait for it; how many messages were tried."""
        started = await self.start_due()
        await asyncio.gather(*self._under_way)
        return started

    async def start_due(self) -> int:
        """Claim what is due, as far as there is room, and start sending it: a slow outlet holds no other up."""
        now, free = self._clock.now(), _AT_ONCE - len(self._under_way)
        if free <= 0:
            return 0
        busy = [name for name, until in self._busy_until.items() if until > now]
        resting = self._resting()
        claimed = await self._ledger.awrite(lambda connection: outbox.claim(connection, now, free, busy, resting))
        for message in claimed:
            self._take_turn(message)
            task = asyncio.create_task(self._send(message))
            self._under_way[task] = outbox.recipient_key(message)
            task.add_done_callback(self._done)
        return len(claimed)

    def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a message stays claimed until the next start: %s", error)

    def _resting(self) -> list[str]:
        """Recipients whose next turn has not come, or to whom a message is on its way."""
        elapsed = asyncio.get_running_loop().time()
        self._turns = {key: at for key, at in self._turns.items() if at > elapsed}
        return [*self._turns, *self._under_way.values()]

    def _take_turn(self, message: Outgoing) -> None:
        """Pace runs in real time: a vendor's limit does not run at a simulated speed."""
        outlet = self._outlets.get(message.outlet)
        if outlet is not None and outlet.min_interval:
            loop = asyncio.get_running_loop()
            self._turns[outbox.recipient_key(message)] = turn = loop.time() + outlet.min_interval
            loop.call_at(turn, self._wake.set)

    async def _next_due(self) -> datetime | None:
        """When to look again by itself; whatever is resting or under way wakes us."""
        due = await self._ledger.aread(outbox.next_due)
        now = self._clock.now()
        if due is None:
            return None
        if due > now:
            return due
        return min((until for until in self._busy_until.values() if until > now), default=None)

    async def _send(self, message: Outgoing) -> None:
        outlet = self._outlets.get(message.outlet)
        if outlet is None:
            await self._failed(message, DeliveryFailed(f"no outlet '{message.outlet}' is set up here", permanent=True))
            return
        recipient_gone, thread = await self._ledger.aread(
            lambda c: (outbox.is_suppressed(c, message.outlet, message.recipient), outbox.first_reference(c, message))
        )
        if recipient_gone:
            await self._failed(message, DeliveryFailed("the recipient wants no messages here", permanent=True))
            return
        try:
            loop = asyncio.get_running_loop()
            reference = await loop.run_in_executor(self._threads, outlet.send, note_of(message, outlet, thread))
        except DeliveryFailed as error:
            await self._failed(message, error)
        except Exception as error:  # an outlet's own mistake must not lose the message
            log.exception("the outlet %s failed", message.outlet)
            await self._failed(message, DeliveryFailed(f"{type(error).__name__}: {error}"))
        else:
            now = self._clock.now()
            await self._ledger.awrite(lambda c: outbox.finish(c, message, "sent", now, reference=reference))

    async def _failed(self, message: Outgoing, error: DeliveryFailed) -> None:
        now = self._clock.now()
        log.warning("message %s to %s: %s", message.message_id, message.outlet, error)
        given_up = now - message.created_at > GIVE_UP
        if error.permanent or given_up:
            other = self._elsewhere(message)
            await self._ledger.awrite(lambda c: _record_permanent(c, message, error, other, now))
            return
        pause = min(_FIRST_PAUSE * 2 ** min(message.attempts, 12), _LONGEST_PAUSE)
        if error.retry_after is not None:
            pause = max(timedelta(seconds=error.retry_after), timedelta(seconds=1))
            self._busy_until[message.outlet] = now + pause
        await self._ledger.awrite(
            lambda c: outbox.finish(c, message, "passing", now, detail=str(error), retry_at=now + pause)
        )


def note_of(message: Outgoing, outlet: Outlet, thread: str = "") -> Note:
    """The note an outlet is given; a repeat says so unless the vendor recognises it itself."""
    body: Mapping[str, Any] = message.body
    severity = "info" if body.get("kind") in _OVER else body.get("severity", "info")
    return Note(
        message.message_id, message.center_id, message.recipient, severity, body["title"],
        body["text"], body.get("room_id"), body.get("link"), tuple(Button(**each) for each in body.get("buttons", ())),
        repeat=message.repeats > 0 and not outlet.idempotent, thread=thread, renews=message.proposal_id is None,
    )  # fmt: skip


def _record_permanent(
    connection: Connection, message: Outgoing, error: DeliveryFailed, other: Outgoing | None, now: datetime
) -> None:
    """The failure, what it means for this recipient, and the message to somebody else, unless they hear the same
    anyway: one transaction."""
    if not outbox.finish(connection, message, "permanent", now, detail=str(error)):
        return
    if error.gone:
        outbox.suppress(connection, message.outlet, message.recipient, now, str(error)[:300])
    instead = outbox.same_for(connection, message, other) if other is not None else None
    if other is not None and instead is None:
        outbox.enqueue(connection, [replace(other, created_at=now, not_before=now)])
        instead = other.message_id
    after = {"outlet": message.outlet, "gone": error.gone, "instead": instead}
    subject = f"message:{message.message_id}"
    audit.append(
        connection,
        audit.Entry(
            message.center_id, "message.undeliverable", subject, "service", now, None, after, message.incident_id or ""
        ),
    )

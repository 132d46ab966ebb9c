"""Webhook deliveries: batches of events, signed as Standard Webhooks, retried with back-off, misbehaving on request."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import heapq
import hmac
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from domain.errors import BadInput
from domain.events import Event, event_to_json
from sandbox.clock import SandboxClock
from sandbox.mischief import Faults

MAX_BATCH = 100
ATTEMPTS = 12
TIMEOUT_SECONDS = 5.0
_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries go; two secrets while keys are rotated."""

    url: str
    secrets: tuple[str, ...]
    batch: int = MAX_BATCH
    timestamps: str = "double"  # whose clock signs: the double's, or the system's


@dataclass(order=True, slots=True)
class Delivery:
    due: float  # monotonic seconds
    serial: int
    delivery_id: str = field(compare=False)
    body: bytes = field(compare=False)
    attempts: int = field(default=0, compare=False)
    spoil: str | None = field(default=None, compare=False)  # bad_signature | stale, on the first attempt


def sign(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 HMAC-SHA256 of "{id}.{timestamp}.{body}">` by a `whsec_` secret."""
    digest = hmac.new(_key(secret), f"{delivery_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def check_secret(secret: str) -> str:
    _key(secret)
    return secret


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        raise BadInput("a webhook secret is written whsec_ and base64")
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise BadInput(f"the webhook secret is not base64 after whsec_: {error}") from error


class Webhooks:
    """The queue of deliveries and its workers; `run` works until it is cancelled."""

    def __init__(self, faults: Faults, clock: SandboxClock, seed: int = 0) -> None:
        self.faults, self.clock = faults, clock
        self.target: Target | None = None
        self.counts = {"delivered": 0, "refused": 0, "failed": 0, "lost": 0, "given_up": 0}
        self.trail: list[dict[str, Any]] = []
        self._random = random.Random(seed)
        self._queue: list[Delivery] = []
        self._serial = 0
        self._flying: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @property
    def pending(self) -> int:
        return len(self._queue) + len(self._flying)

    def send(self, events: Sequence[Event]) -> None:
        """Queue events in batches, each subject to the faults in force; nothing without a target."""
        if self.target is None or not events:
            return
        for start in range(0, len(events), self.target.batch):
            self._queue_batch(list(events[start : start + self.target.batch]))
        self._wake.set()

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            while True:
                wait = self._queue[0].due - time.monotonic() if self._queue else 3600.0
                if wait > 0 or len(self._flying) >= _PARALLEL:
                    self._wake.clear()
                    with contextlib.suppress(TimeoutError):  # not `wait_for`: it may forget a cancellation
                        async with asyncio.timeout(max(0.005, min(wait, 3600.0)) if wait > 0 else 1.0):
                            await self._wake.wait()
                    continue
                task = asyncio.create_task(self._attempt(http, heapq.heappop(self._queue)))
                self._flying.add(task)
                task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._wake.set()

    def _queue_batch(self, events: list[Event]) -> None:
        if self.faults.happens("lose") is not None:
            self.counts["lost"] += len(events)
            return
        rows = [event_to_json(event) for event in events]
        if self.faults.happens("unknown_type") is not None:
            rows[-1] = rows[-1] | {"event_type": "meal_served"}
        delay = 0.0
        if self.faults.happens("reorder") is not None:
            delay = self._random.uniform(0.2, 2.0)
        if (late := self.faults.happens("late")) is not None:
            delay = late.seconds
        spoil = next((kind for kind in ("bad_signature", "stale") if self.faults.happens(kind) is not None), None)
        content: Any = rows[0] if len(rows) == 1 else rows
        self._serial += 1
        delivery = Delivery(
            time.monotonic() + delay, self._serial, f"msg_{self._serial:08d}", json.dumps(content).encode(), 0, spoil
        )
        heapq.heappush(self._queue, delivery)
        if self.faults.happens("duplicate") is not None:
            self._serial += 1
            again = replace(delivery, serial=self._serial, due=delivery.due + self._random.uniform(0, 1), spoil=None)
            heapq.heappush(self._queue, again)

    async def _attempt(self, http: httpx.AsyncClient, delivery: Delivery) -> None:
        target = self.target
        if target is None:
            return
        stamp = int(time.time() if target.timestamps == "system" else self.clock.now().timestamp())
        stamp -= 3600 if delivery.spoil == "stale" else 0
        signatures = [sign(secret, delivery.delivery_id, stamp, delivery.body) for secret in target.secrets]
        if delivery.spoil == "bad_signature":
            signatures = [sign("whsec_" + base64.b64encode(b"forged" * 5).decode(), "x", stamp, delivery.body)]
        headers = {
            "content-type": "application/json", "webhook-id": delivery.delivery_id,
            "webhook-timestamp": str(stamp), "webhook-signature": " ".join(signatures),
        }  # fmt: skip
        status: int | None = None
        try:
            response = await http.post(target.url, content=delivery.body, headers=headers)
            status = response.status_code
        except httpx.HTTPError:
            status = None
        self._record(delivery, status)
        if status is not None and 200 <= status < 300:
            if delivery.spoil is None:
                return
        elif delivery.attempts + 1 >= ATTEMPTS:
            self.counts["given_up"] += 1
            return
        wait = 0.05 if delivery.spoil else min(30.0, 0.25 * 2**delivery.attempts) * self._random.uniform(0.8, 1.2)
        self._serial += 1
        again = replace(
            delivery, due=time.monotonic() + wait, serial=self._serial, attempts=delivery.attempts + 1, spoil=None
        )
        heapq.heappush(self._queue, again)

    def _record(self, delivery: Delivery, status: int | None) -> None:
        taken = status is not None and 200 <= status < 300
        self.counts["delivered" if taken else "failed" if status is None else "refused"] += 1
        self.trail.append(
            {
                "id": delivery.delivery_id, "attempt": delivery.attempts + 1, "status": status,
                "spoiled": delivery.spoil, "bytes": len(delivery.body),
            }
        )  # fmt: skip
        del self.trail[:-1000]

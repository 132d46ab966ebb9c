"""Waiting at the clock's own speed: a service on a double's clock lives in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from domain.time import Clock, SystemClock

_LOOK_SECONDS = 0.25  # real time after which a clock that may be set or sped up is looked at again


async def wait_until(clock: Clock, instant: datetime | None, wake: asyncio.Event) -> bool:
    """Until the clock shows `instant` (None: for ever) or `wake` is set; whether it was woken. Clears `wake`.

    Not `asyncio.wait_for`: up to Python 3.11 it forgets a cancellation that comes as `wake` is set, and a service whose
    part goes on never stops.
    """
    while not wake.is_set():
        seconds = _real_seconds(clock, instant)
        if seconds is not None and seconds <= 0:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()
    wake.clear()
    return True


async def each_quarter_hour(clock: Clock, step: Callable[[], Awaitable[None]]) -> None:
    """Take the step now and every fifteen minutes of the clock, for ever."""
    nobody_wakes = asyncio.Event()
    while True:
        await step()
        await wait_until(clock, clock.now() + timedelta(minutes=15), nobody_wakes)


def _real_seconds(clock: Clock, instant: datetime | None) -> float | None:
    """How long to sleep before looking again; the system's clock is never looked at in between."""
    if instant is None:
        return None
    left = (instant - clock.now()).total_seconds()
    if left <= 0 or isinstance(clock, SystemClock) or type(clock).__name__ == "SystemPacedClock":
        return left
    speed = float(getattr(clock, "speed", 0.0))
    return min(left / speed, _LOOK_SECONDS) if speed > 0 else _LOOK_SECONDS

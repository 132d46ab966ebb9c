"""Waiting on a clock, to be woken or to be ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from api.waiting import wait_until
from domain.time import SystemClock


@pytest.mark.parametrize("turns", range(5))  # of the event loop, in between
def test_a_wait_that_is_woken_and_cancelled_at_the_same_time_is_cancelled(turns: int) -> None:
    async def run() -> None:
        clock, wake = SystemClock(), asyncio.Event()
        task = asyncio.create_task(wait_until(clock, clock.now() + timedelta(hours=1), wake))
        for _ in range(5):
            await asyncio.sleep(0)
        wake.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())

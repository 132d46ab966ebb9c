"""The double's own clock: it stands, steps, or runs at a multiple of real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.errors import BadInput

MAX_SPEED = 100_000.0


class SandboxClock:
    """Starts at `now`; `speed` simulated seconds pass per real second (0: it stands)."""

    def __init__(self, now: datetime, speed: float = 0.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._base, self._since = now, monotonic()
        self.speed = 0.0
        self.run(speed)

    def now(self) -> datetime:
        return self._base + timedelta(seconds=(self._monotonic() - self._since) * self.speed)

    def set(self, now: datetime) -> None:
        self._base, self._since = now, self._monotonic()

    def step(self, seconds: float) -> None:
        """Move on by so many simulated seconds."""
        if not 0 <= seconds <= 366 * 86400:
            raise BadInput("a step must be between 0 seconds and a year")
        self.set(self.now() + timedelta(seconds=seconds))

    def run(self, speed: float) -> None:
        if not 0 <= speed <= MAX_SPEED:
            raise BadInput(f"the speed must lie between 0 (the clock stands) and {MAX_SPEED:.0f}")
        self.set(self.now())
        self.speed = float(speed)

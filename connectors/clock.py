"""Where `now` comes from: the system, or a platform double whose simulated time we share."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx

from domain.errors import PlatformMalformed, PlatformUnavailable
from domain.time import parse_instant

_READ_AGAIN_SECONDS = 1.0  # real seconds after which a running clock is compared with the double's
_DRIFT_SECONDS = 0.5  # real seconds of delay in an answer that must not turn time back


class HasClock(Protocol):
    """The settings, as far as this module reads them."""

    @property
    def clock(self) -> str: ...


class PacedClock(Protocol):
    """A Clock (domain.time) that can also wait at its own speed."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None:
        """Wait until that many seconds of this clock's time have passed."""
        ...


def open_clock(settings: HasClock) -> PacedClock:
    """The clock the settings name: 'system' or the URL of a double's clock (which must answer)."""
    return SystemPacedClock() if settings.clock == "system" else DoubleClock(settings.clock)


class SystemPacedClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class DoubleClock:
    """Lives at the speed of the double's clock. A standing clock (speed 0) is read at every look, because it can only
    move by being set; a running one is read anew every second. If the double is gone, time goes on at the last speed.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url
        keep_none = httpx.Limits(max_keepalive_connections=0)  # looks are rare: leave no connection open between them
        self._http = httpx.Client(timeout=5.0, transport=transport, limits=keep_none)
        self._base, self.speed = self._read()
        self._read_at = time.monotonic()

    def now(self) -> datetime:
        elapsed = time.monotonic() - self._read_at
        if self.speed == 0 or elapsed >= _READ_AGAIN_SECONDS:
            self._look()
            elapsed = time.monotonic() - self._read_at
        return self._base + timedelta(seconds=elapsed * self.speed)

    def sleep(self, seconds: float) -> None:
        """Wait for simulated seconds; while the clock stands, until somebody moves it far enough."""
        until = self.now() + timedelta(seconds=seconds)
        while (left := (until - self.now()).total_seconds()) > 0:
            time.sleep(min(left / self.speed, _READ_AGAIN_SECONDS) if self.speed > 0 else 0.05)

    def _look(self) -> None:
        try:
            base, speed = self._read()
        except PlatformUnavailable:
            self._base += timedelta(seconds=(time.monotonic() - self._read_at) * self.speed)
        else:
            here = self._base + timedelta(seconds=(time.monotonic() - self._read_at) * self.speed)
            drift = timedelta(seconds=_DRIFT_SECONDS * speed)
            self._base, self.speed = max(base, here) if here - base < drift else base, speed
        self._read_at = time.monotonic()

    def _read(self) -> tuple[datetime, float]:
        try:
            response = self._http.get(self._url)
            response.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlatformUnavailable(
                f"the clock at {self._url} does not answer ({error}); start the double, or set RATIOCAST_CLOCK=system"
            ) from error
        try:
            answer = response.json()
            return parse_instant(answer["now"]), float(answer["speed"])
        except (ValueError, KeyError, TypeError) as error:
            raise PlatformMalformed(
                f"the answer of the clock at {self._url} lacks 'now' and 'speed'; give the double's /control/clock"
            ) from error

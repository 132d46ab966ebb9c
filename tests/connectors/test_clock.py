"""Living in the time of a platform double."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from connectors.clock import DoubleClock, SystemPacedClock, open_clock
from domain.errors import PlatformMalformed, PlatformUnavailable
from tests.platform_double import PlatformDouble, World

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Chosen:
    clock: str


@pytest.fixture
def double() -> Iterator[PlatformDouble]:
    server = PlatformDouble(World(now=NOON))
    yield server
    server.close()


@dataclass
class Stopwatch:
    """Stands in for the module `time`: what passes is what a test lets pass."""

    at: float = 0.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    ours = Stopwatch()
    monkeypatch.setattr("connectors.clock.time", ours)
    return ours


def open_double(double: PlatformDouble) -> DoubleClock:
    clock = open_clock(Chosen(f"{double.url}/control/clock"))
    assert isinstance(clock, DoubleClock)
    return clock


def test_the_system_clock_is_the_default() -> None:
    assert isinstance(open_clock(Chosen("system")), SystemPacedClock)
    assert abs(open_clock(Chosen("system")).now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_standing_clock_moves_only_when_it_is_set(double: PlatformDouble) -> None:
    clock = open_double(double)
    assert (clock.now(), clock.now()) == (NOON, NOON)
    double.world.now += timedelta(hours=3)
    assert clock.now() == NOON + timedelta(hours=3)


def test_a_running_clock_lives_at_its_speed(double: PlatformDouble, watch: Stopwatch) -> None:
    double.world.speed = 3600.0
    clock = open_double(double)
    before = clock.now()
    watch.at += 0.05
    assert clock.now() - before == timedelta(seconds=180)


def test_sleep_is_in_the_clocks_own_seconds(double: PlatformDouble, watch: Stopwatch) -> None:
    double.world.speed = 36000.0
    clock = open_double(double)
    before = clock.now()
    clock.sleep(3600)
    assert clock.now() - before >= timedelta(hours=1)
    assert watch.at == pytest.approx(0.1)


def test_time_goes_on_when_the_double_is_gone(double: PlatformDouble) -> None:
    double.world.speed = 60.0
    clock = open_double(double)
    double.close()
    clock._read_at -= 2  # as if two seconds had passed since the last look
    assert clock.now() >= NOON + timedelta(seconds=120)


def test_a_clock_that_does_not_answer_is_named() -> None:
    with pytest.raises(PlatformUnavailable, match="set RATIOCAST_CLOCK=system"):
        DoubleClock("http://127.0.0.1:9/control/clock")


def test_an_answer_that_is_no_clock_is_named(double: PlatformDouble) -> None:
    double.always["/centers"] = (200, b'{"data": [], "next_cursor": null}')
    with pytest.raises(PlatformMalformed, match="lacks 'now' and 'speed'"):
        DoubleClock(f"{double.url}/api/v1/centers")

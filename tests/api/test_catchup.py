"""Gaps in a center's sequence: read from the log soon, and a log that has the gap itself is not asked all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.catchup import LOOK_EVERY, Catchup
from domain.errors import PlatformError
from domain.events import Event
from storage.ledger import open_ledger

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def event(sequence: int) -> Event:
    return Event(f"e{sequence}", sequence, "c1", "nap_start", NOW, NOW, room_id="r1")


@dataclass
class Log:
    """The platform's event log and the clock beside it."""

    events: list[Event]
    at: datetime = NOW
    speed: float = 0.0
    answers: bool = True
    read: list[datetime] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def event_pages(
        self, center_id: str, after_sequence: int = 0, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[list[Event]]:
        assert (center_id, end) == ("c1", None)
        self.read.append(self.at)
        if not self.answers:
            raise PlatformError("the platform does not answer")
        yield [each for each in self.events if each.sequence > after_sequence]


def lived(path: Path, log: Log, delivered: Sequence[Event], span: timedelta) -> set[int]:
    """The sequence numbers that are here when `span` has passed in steps of a second."""
    here: set[int] = set()

    async def run() -> None:
        with open_ledger(f"sqlite:///{path / 'ledger.sqlite'}") as ledger:

            async def take(events: Sequence[Event], source: str) -> None:
                assert source == "log"
                here.update(each.sequence for each in events)
                catchup.noticed(events)

            catchup = Catchup(log, ledger, log, take)
            await catchup.open("c1")
            catchup.noticed(delivered)
            here.update(each.sequence for each in delivered)
            while log.at < NOW + span:
                await catchup.step()
                log.at += timedelta(seconds=1)

    asyncio.run(run())
    return here


def test_a_lost_delivery_is_read_from_the_log_within_seconds(tmp_path: Path) -> None:
    log = Log([event(1), event(2), event(3)])
    assert lived(tmp_path, log, [event(1), event(3)], timedelta(seconds=5)) == {1, 2, 3}


def test_a_gap_that_the_log_has_itself_is_asked_for_ever_more_rarely(tmp_path: Path) -> None:
    log = Log([event(1), event(3)])
    lived(tmp_path, log, [event(1), event(3)], timedelta(hours=1))
    pauses = [later - earlier for earlier, later in zip(log.read, log.read[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert max(pauses) == LOOK_EVERY  # and never later than where nothing is missing: more may get lost meanwhile
    assert len(log.read) < 40


def test_a_platform_that_does_not_answer_is_left_alone_for_longer(tmp_path: Path) -> None:
    log = Log([event(1)], answers=False)
    lived(tmp_path, log, [event(1)], timedelta(hours=2))
    assert log.read[-1] - log.read[-2] == timedelta(minutes=15)

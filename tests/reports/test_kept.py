"""A kept report is the one that would be made now: whatever changes in the record or the rules, the day follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

import rulebook
from domain.events import Event
from evaluator import CenterFacts, Observation
from reports.compliance import DailyReport, DayGround, daily_report, day_ground, report_on
from reports.kept import KeptReports
from rulebook import Rulebook
from sandbox.knobs import Knobs
from sandbox.simulation import simulate

START, DAY = date(2026, 3, 2), date(2026, 3, 4)
WORLD = simulate(Knobs(size="small"), 5, START, 5)
FACTS = CenterFacts.of(
    WORLD.centers[0], WORLD.rooms, (row.value for row in WORLD.children), (row.value for row in WORLD.staff),
    (row.value for row in WORLD.shifts), (row.value for row in WORLD.bookings), (row.value for row in WORLD.closures),
)  # fmt: skip
NOON = datetime(2026, 3, 4, 12, tzinfo=FACTS.tz)
FRIDAY = NOON + timedelta(days=2)
RECORD: dict[str, Any] = {
    "facts": FACTS, "book": rulebook.load("TX", DAY), "events": tuple(WORLD.events), "observations": (), "day": DAY,
    "until": None,
}  # fmt: skip
ARRIVAL = next(
    e for e in WORLD.events if e.event_type == "check_in" and e.happened_at.date() == DAY and e.happened_at < NOON
)
EMPTY_ROOM = Observation("counted", ARRIVAL.center_id, ARRIVAL.room_id or "", NOON, FRIDAY, 0, 0, actor="dana")


def mended(**what: Any) -> Event:
    """A word of Friday on Wednesday's arrival."""
    return Event("mend", 9_999_999, FACTS.center.center_id, "correction", what.pop("happened_at", FRIDAY), FRIDAY,
                 supersedes=ARRIVAL.event_id, **what)  # fmt: skip


def longer(facts: CenterFacts) -> CenterFacts:
    """A shift of the day ends an hour later."""
    mine = next(shift for shift in facts.shifts if shift.start < NOON < shift.end)
    return replace(facts, shifts=(*facts.shifts, replace(mine, end=mine.end + timedelta(hours=1))))


CHANGES: dict[str, dict[str, Any]] = {
    "an arrival is voided": {"events": (*WORLD.events, mended(voided=True))},
    "an arrival is moved": {
        "events": (*WORLD.events, mended(happened_at=NOON, corrected_type="check_in", child_id=ARRIVAL.child_id,
                                         room_id=ARRIVAL.room_id)),
    },
    "an event came late": {"events": tuple(e for e in WORLD.events if e is not ARRIVAL)},
    "somebody counted": {"observations": (EMPTY_ROOM,)},
    "the rules changed": {"book": rulebook.load("CA", DAY)},
    "a room is called otherwise": {
        "facts": replace(FACTS, rooms={k: replace(r, name=f"New {r.name}") for k, r in FACTS.rooms.items()})
    },
    "a shift changed": {"facts": longer(FACTS)},
    "somebody has another qualification": {
        "facts": replace(FACTS, staff={k: replace(s, role="Cook") for k, s in FACTS.staff.items()})
    },
    "the day has come only so far": {"until": NOON},
}  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[DayGround]:
    """The grounds a report was really made from."""
    found: list[DayGround] = []

    def make(ground: DayGround) -> DailyReport:
        found.append(ground)
        return report_on(ground)

    monkeypatch.setattr("reports.kept.report_on", make)
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_record_changes_the_kept_report(change: str, made: list[DayGround]) -> None:
    kept, now = KeptReports(), RECORD | CHANGES[change]
    assert ask(kept, RECORD) == daily_report(**RECORD)
    assert ask(kept, now) == daily_report(**now)
    assert len(made) == 2
    assert ask(kept, RECORD) == daily_report(**RECORD), "and back again"


def test_what_is_unchanged_is_made_once_though_read_anew(made: list[DayGround]) -> None:
    kept = KeptReports()
    first = ask(kept, RECORD)
    copies = tuple(replace(event) for event in WORLD.events)
    assert ask(kept, RECORD | {"events": copies, "facts": replace(FACTS)}) is first
    assert len(made) == 1


def test_what_happens_on_other_days_leaves_a_kept_day_alone(made: list[DayGround]) -> None:
    kept = KeptReports()
    first = ask(kept, RECORD)
    until_thursday = tuple(e for e in WORLD.events if e.happened_at < NOON + timedelta(days=1))
    late = replace(EMPTY_ROOM, happened_at=FRIDAY)
    assert ask(kept, RECORD | {"events": until_thursday, "observations": (late,)}) is first
    assert len(made) == 1


def test_the_day_longest_unasked_is_forgotten_first(made: list[DayGround]) -> None:
    kept = KeptReports(most=2)
    tuesday, thursday = DAY - timedelta(days=1), DAY + timedelta(days=1)
    for day in (tuesday, DAY, tuesday, thursday, tuesday, DAY):
        ask(kept, RECORD | {"day": day})
    assert [ground.day for ground in made] == [tuesday, DAY, thursday, DAY]


def ask(kept: KeptReports, record: dict[str, Any]) -> DailyReport:
    return kept.report(_ground(**record))


def _ground(
    facts: CenterFacts, book: Rulebook, events: Sequence[Event], observations: Sequence[Observation], day: date,
    until: datetime | None,
) -> DayGround:  # fmt: skip
    return day_ground(facts, book, events, observations, day, until=until)

"""A small real center: two rooms under Texas rules, events by clock time of one Monday."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import pytest

import rulebook
from domain.events import Event
from domain.people import Booking, Child, Segment, Shift, StaffMember
from domain.places import Center, NapWindow, Room
from domain.time import local_instant, zone
from evaluator import Assessment, CenterFacts, CenterState, Observation, Policy, assess

DAY = date(2026, 3, 2)
TZ = zone("America/Chicago")


@dataclass
class House:
    """Infants (r1, ages 0 to 12 months: 4 per adult) and Toddlers (r2, 24 to 36 months: 11 per adult)."""

    state: CenterState = field(default_factory=lambda: CenterState("c"))
    facts: CenterFacts = field(default_factory=lambda: _facts())
    book: rulebook.Rulebook = field(default_factory=lambda: rulebook.load("TX", on=DAY))
    policy: Policy = field(default_factory=lambda: Policy(timezone="America/Chicago"))
    written: int = 0

    def at(self, clock: str, day: date = DAY) -> datetime:
        return local_instant(day, time.fromisoformat(clock), TZ)

    def event(self, kind: str, clock: str, late: float = 0, **fields: object) -> Event:
        """An event of the Monday; `late`: minutes until it was recorded."""
        self.written += 1
        happened = self.at(clock)
        recorded = happened + timedelta(minutes=late)
        return Event(f"e{self.written}", self.written, "c", kind, happened, recorded, **fields)  # type: ignore[arg-type]

    def tell(self, kind: str, clock: str, late: float = 0, **fields: object) -> Event:
        event = self.event(kind, clock, late, **fields)
        self.state.apply(event)
        return event

    def children(self, room: str, names: Iterable[str], clock: str = "08:00") -> None:
        for name in names:
            self.tell("check_in", clock, child_id=name, room_id=room)

    def adult(self, name: str, room: str | None, clock: str = "07:00") -> None:
        self.tell("clock_in", clock, staff_id=name, room_id=room)

    def count(self, room: str, clock: str, children: int, staff: tuple[str, ...] | None = None) -> Observation:
        at = self.at(clock)
        seen = Observation(f"o-{room}-{clock}", "c", room, at, at, children, staff_ids=staff)
        self.state.observe(seen)
        return seen

    def look(self, clock: str, rooms: Iterable[str] | None = None) -> Assessment:
        return assess(self.state, self.facts, self.book, self.at(clock), rooms)

    def knows(self, **rows: object) -> None:
        self.facts = replace(self.facts, **rows)  # type: ignore[arg-type]

    def shift(
        self, staff: str, start: str, end: str, room: str | None = "r1", breaks: str = "", status: str = "scheduled"
    ) -> Shift:
        """A shift in one room, with one break given as '12:00-12:30'."""
        parts = [Segment(self.at(start), self.at(end), "room" if room else "float", room)]
        if breaks:
            low, high = breaks.split("-")
            parts = [
                Segment(self.at(start), self.at(low), "room", room),
                Segment(self.at(low), self.at(high), "break"),
                Segment(self.at(high), self.at(end), "room", room),
            ]
        return Shift(f"{staff}-shift", "c", staff, self.at(start), self.at(end), tuple(parts), "1", status)

    def booking(
        self, child: str, room: str, came: str = "08:00", goes: str = "17:00", status: str = "booked"
    ) -> Booking:
        return Booking("c", child, room, DAY, time.fromisoformat(came), time.fromisoformat(goes), status)


def _facts() -> CenterFacts:
    center = Center("c", "Test House", "TX", "America/Chicago", time(6, 30), time(18, 0))
    nap = NapWindow(time(12, 15), time(14, 30))
    rooms = [
        Room("r1", "c", "Infants", 0, 12, 10, None, None, ("r2",), {"r2": 20}, ("r2",)),
        Room("r2", "c", "Toddlers", 24, 36, 22, None, nap, ("r1",), {"r1": 20}, ("r1",)),
    ]
    infants = [Child(f"i{n}", "c", date(2025, 8, 1), "r1") for n in range(1, 10)]
    toddlers = [Child(f"t{n}", "c", date(2023, 12, 1), "r2") for n in range(1, 25)]
    staff = [
        StaffMember(name, "c", "Teacher", name.startswith("f"), home, date(1990, 1, 1))
        for name, home in (("ana", "r1"), ("bea", "r1"), ("cleo", "r2"), ("dan", "r2"), ("flo", None), ("fin", None))
    ]
    return CenterFacts.of(center, rooms, [*infants, *toddlers], staff)


@pytest.fixture
def house() -> House:
    return House()

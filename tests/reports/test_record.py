"""Facts and events come out of the reader's frames as they went in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd

from domain.events import Event
from domain.people import Booking, Child, Credential, Segment, Shift, StaffMember
from domain.places import Center, Closure, NapWindow, Room
from flows import rows
from reports.record import events_of, facts_of

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)
CENTER = Center("c", "Center", "TX", "America/Chicago", time(6, 30), time(18))
ROOM = Room("r", "c", "Room", 12, 24, 10, None, NapWindow(time(12), time(14)), ("q",), {"q": 30}, ("q",))
CHILD = Child("k", "c", date(2025, 1, 2), "r")
STAFF = StaffMember("s", "c", "Teacher", credentials=(Credential("lead", None, date(2026, 12, 31)),))
SHIFT = Shift(
    "sh", "c", "s", NOON, NOON + timedelta(hours=4), (Segment(NOON, NOON + timedelta(hours=4), "room", "r"),), "v1"
)
BOOKING = Booking("c", "k", "r", DAY, time(8), None, "booked")


def event(number: int, at: datetime, **more: Any) -> Event:
    return Event(f"e{number}", number, "c", more.pop("kind", "check_in"), at, at, child_id="k", room_id="r", **more)


IN = event(1, NOON)
LATER = event(2, NOON + timedelta(days=3))
MENDED = event(3, NOON + timedelta(days=4), kind="correction", supersedes="e1", corrected_type="check_in")


def frames() -> dict[str, pd.DataFrame]:
    before = rows.child_row(Child("k", "c", None, "q"), NOON - timedelta(days=9), store_names=False)
    return {
        "centers": pd.DataFrame([rows.center_row(CENTER)]),
        "rooms": pd.DataFrame([rows.room_row(ROOM)]),
        "children": pd.DataFrame([rows.child_row(CHILD, NOON, store_names=False), before]),
        "staff": pd.DataFrame([rows.staff_row(STAFF, NOON, store_names=False)]),
        "shifts": pd.DataFrame([rows.shift_row(SHIFT, NOON)]),
        "bookings": pd.DataFrame(rows.booking_rows([BOOKING], NOON)),
        "closures": pd.DataFrame([rows.closure_row(Closure("c", DAY + timedelta(days=9), None, "holiday"), NOON)]),
        "events": pd.DataFrame([rows.event_row(each) for each in (MENDED, IN, LATER)]),
    }


def test_the_newest_state_of_everything_is_found_again() -> None:
    facts = facts_of(frames(), [DAY])
    assert facts.center == CENTER
    assert dict(facts.rooms) == {"r": ROOM}
    assert dict(facts.children) == {"k": CHILD}
    assert dict(facts.staff) == {"s": STAFF}
    assert (facts.shifts, facts.bookings) == ((SHIFT,), (BOOKING,))
    assert facts.closures[0].reason == "holiday"


def test_shifts_and_bookings_of_other_days_are_left_out() -> None:
    facts = facts_of(frames(), [DAY + timedelta(days=5)])
    assert (facts.shifts, facts.bookings) == ((), ())


def test_events_of_a_day_come_with_their_later_corrections() -> None:
    found = events_of(frames(), NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    assert found == [IN, MENDED]

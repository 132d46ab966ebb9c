"""Root causes, classified from the facts of the check."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any, get_args

from domain.people import Segment, Shift
from evaluator import assess
from evaluator.causes import CAUSES, Code

INFANTS = [f"i{n}" for n in range(1, 7)]


def cause(house: Any, clock: str) -> tuple[str, str]:
    found = house.look(clock).rooms["r1"].root_cause
    return found.code, found.sentence


def short_room(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS)


def test_a_call_out(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "07:00", "16:00", status="called_out"),))
    short_room(house)
    assert cause(house, "08:30")[0] == "call_out"


def test_a_late_start(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "08:00", "16:00"),))
    short_room(house)
    assert cause(house, "08:30") == ("late_start", "bea was due at 08:00 and has not clocked in")


def test_a_break_and_a_late_return_from_it(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "07:00", "16:00", breaks="12:00-12:30"),))
    short_room(house)
    house.adult("bea", "r1")
    house.tell("break_start", "12:00", staff_id="bea", room_id="r1")
    assert cause(house, "12:10")[0] == "break_overlap"
    assert cause(house, "12:40") == ("late_from_break", "bea is not back from the break that was to end at 12:30")


def test_a_missed_room_move(house: Any) -> None:
    house.knows(shifts=(house.shift("flo", "07:00", "16:00", "r1"),))
    short_room(house)
    house.adult("flo", None)
    assert cause(house, "08:30")[0] == "missed_room_move"


def test_an_early_leave_and_the_end_of_a_shift(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "07:00", "12:00"),))
    short_room(house)
    house.adult("bea", "r1")
    house.tell("clock_out", "11:30", staff_id="bea")
    assert cause(house, "11:40")[0] == "early_leave"
    assert cause(house, "12:10") == ("shift_end", "bea's shift ended at 12:00")


def test_an_adult_who_is_there_but_does_not_count(house: Any) -> None:
    short_room(house)
    house.adult("stranger", "r1")
    assert cause(house, "08:30")[0] == "not_counted"


def test_children_after_their_booked_pick_up(house: Any) -> None:
    house.knows(bookings=tuple(house.booking(child, "r1", goes="15:00") for child in INFANTS))
    short_room(house)
    assert cause(house, "15:10")[0] == "late_pick_up"


def test_children_without_a_booking(house: Any) -> None:
    house.knows(bookings=tuple(house.booking(child, "r1") for child in INFANTS[:4]))
    short_room(house)
    assert cause(house, "10:00")[0] == "more_children_than_booked"


def test_arrivals_and_nothing_known(house: Any) -> None:
    short_room(house)
    assert cause(house, "08:10")[0] == "arrivals"
    assert cause(house, "10:00") == ("unknown", "")


def test_the_second_half_of_a_split_shift_is_the_one_that_is_missing(house: Any) -> None:
    parts = (
        Segment(house.at("07:00"), house.at("10:00"), "room", "r2"),
        Segment(house.at("10:00"), house.at("16:00"), "room", "r1"),
    )
    house.knows(shifts=(Shift("s", "c", "cleo", house.at("07:00"), house.at("16:00"), parts, "1"),))
    short_room(house)
    house.adult("cleo", "r2")
    assert cause(house, "09:00")[0] == "unknown"
    code, sentence = cause(house, "10:05")
    assert code == "missed_room_move"
    assert "cleo was to be here from 10:00 and is logged in Toddlers" in sentence


def test_every_code_has_its_words() -> None:
    assert set(CAUSES) == set(get_args(Code))


def at_night(house: Any, came: str, booked: str, clock: str, days_on: int) -> str:
    """The cause where six infants come on Monday evening, booked each night, in a center that never shuts."""
    center = replace(house.facts.center, opens=time(0), closes=time(0), open_weekdays=(1, 2, 3, 4, 5, 6, 7))
    rows = [house.booking(child, "r1", booked, "06:00") for child in INFANTS]
    nights = [replace(row, day=row.day + timedelta(days=n)) for row in rows for n in (-1, 0, 1)]
    house.knows(center=center, bookings=tuple(nights))
    house.adult("ana", "r1", came)
    house.children("r1", INFANTS, came)
    now = house.at(clock) + timedelta(days=days_on)
    return str(assess(house.state, house.facts, house.book, now).rooms["r1"].root_cause.code)


def test_who_came_yesterday_evening_is_not_early_for_this_evening(house: Any) -> None:
    assert at_night(house, "21:58", "22:00", "00:30", 1) == "unknown"


def test_who_is_booked_for_after_midnight_and_comes_before_it_is_early(house: Any) -> None:
    assert at_night(house, "23:20", "00:30", "23:50", 0) == "early_arrival"


def test_a_pick_up_in_the_morning_after_is_not_late_in_the_evening_before(house: Any) -> None:
    assert at_night(house, "20:00", "20:00", "23:00", 0) == "unknown"

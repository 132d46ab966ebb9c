from datetime import UTC, date, datetime, time, timedelta

import pytest

from domain.errors import BadInput, LeakageError
from domain.events import Event
from domain.people import Booking, Child
from domain.places import Center, Room
from forecasting.frames import frames_of, stays_frame
from forecasting.history import History

CENTER = Center("c", "Oak", "TX", "America/Chicago", time(6, 30), time(18))
ROOM = Room("r", "c", "Toddlers", 12, 24, 12)


def at(hour: float, day: int = 2) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC) + timedelta(hours=hour)


def event(number: int, kind: str, when: datetime, recorded: datetime | None = None, **fields: object) -> Event:
    values = {"child_id": "k", "room_id": "r"} | fields
    return Event(f"e{number}", number, "c", kind, when, recorded or when, **values)  # type: ignore[arg-type]


def history(*events: Event, bookings: tuple[tuple[Booking, datetime], ...] = ()) -> History:
    children = [(Child("k", "c", date(2024, 8, 1), "r"), None)]
    return History(frames_of(centers=[CENTER], rooms=[ROOM], children=children, bookings=bookings, events=events))


def booking(status: str, reported: datetime) -> tuple[Booking, datetime]:
    return Booking("c", "k", "r", date(2026, 3, 2), time(8), time(17), status, reported), reported


def test_a_stay_has_no_end_until_the_check_out_was_recorded() -> None:
    past = history(event(1, "check_in", at(14)), event(2, "check_out", at(22), recorded=at(23)))
    assert past.known_at(at(22.5))["stays"]["end"].isna().all()
    assert past.known_at(at(23))["stays"]["end"].iloc[0] == at(22)


def test_a_check_in_recorded_late_is_unknown_before() -> None:
    past = history(event(1, "check_in", at(14), recorded=at(15)))
    assert len(past.known_at(at(14.5))["stays"]) == 0


def test_that_a_child_is_never_checked_out_is_not_known_while_it_may_still_be() -> None:
    """The signal is planted: the whole past holds one forgotten check-out, marked as the build marks it."""
    forgotten = [event(1, "room_transfer", at(14)), event(2, "check_in", at(15, day=4), child_id="other")]
    frames = frames_of(centers=[CENTER], rooms=[ROOM], children=[], events=forgotten)
    past = History(frames | {"stays": stays_frame(forgotten, [CENTER], until=at(15, day=4))})
    without = History(frames | {"stays": stays_frame(forgotten[:1], [CENTER], until=at(16))})
    assert "still in long after closing" in past.known_at(at(17, day=3))["stays"]["doubts"].iloc[0]
    for now in (at(16), at(23)):
        assert past.known_at(now)["stays"].to_dict("list") == without.known_at(now)["stays"].to_dict("list")
        assert list(past.known_at(now)["stays"]["doubts"]) == ["moved between rooms without a check-in"]


def test_a_correction_of_tomorrow_does_not_change_what_was_known_today() -> None:
    past = history(
        event(1, "check_in", at(14)),
        event(
            2, "correction", at(14), recorded=at(15, day=3), supersedes="e1", room_id="other", corrected_type="check_in"
        ),
    )
    assert list(past.known_at(at(20))["stays"]["room_id"]) == ["r"]
    assert list(past.known_at(at(16, day=3))["stays"]["room_id"]) == ["other"]


def test_a_voided_check_in_was_there_until_it_was_voided() -> None:
    past = history(
        event(1, "check_in", at(14)),
        event(2, "correction", at(14), recorded=at(18), supersedes="e1", voided=True),
    )
    assert len(past.known_at(at(15))["stays"]) == 1
    assert len(past.known_at(at(18))["stays"]) == 0


def test_an_absence_reported_later_stands_as_booked() -> None:
    past = history(event(1, "check_in", at(14)), bookings=(booking("absent", at(13)),))
    assert list(past.known_at(at(12))["bookings"]["status"]) == ["booked"]
    assert list(past.known_at(at(13))["bookings"]["status"]) == ["absent"]


def test_a_pick_up_announced_later_on_the_day_stands_as_booked_without_it() -> None:
    early = Booking("c", "k", "r", date(2026, 3, 2), time(8), time(12, 30), "booked", at(17))
    past = history(event(1, "check_in", at(14)), bookings=((early, at(17)),))
    before, after = past.known_at(at(16))["bookings"], past.known_at(at(17))["bookings"]
    assert list(before["status"]) == ["booked"]
    assert before["expected_out"].isna().all()
    assert list(after["expected_out"]) == [time(12, 30)]


def test_two_bookings_of_a_day_are_two_and_a_changed_one_stays_one() -> None:
    morning = Booking("c", "k", "r", date(2026, 3, 2), time(7), time(8, 30), "booked", at(1))
    after_school = Booking("c", "k", "r", date(2026, 3, 2), time(15), time(17), "booked", at(1))
    away = Booking("c", "k", "r", date(2026, 3, 2), time(15), time(17), "absent", at(2))
    past = history(event(1, "check_in", at(14)), bookings=((morning, at(1)), (after_school, at(1)), (away, at(2))))
    rows = past.known_at(at(3))["bookings"].sort_values("visit")
    assert list(rows["status"]) == ["booked", "absent"]
    assert list(rows["visit"]) == [0, 1]


def test_a_booking_made_later_is_not_known() -> None:
    past = history(event(1, "check_in", at(14)), bookings=(booking("booked", at(-13)),))
    assert len(past.known_at(at(-14))["bookings"]) == 0
    assert len(past.known_at(at(-13))["bookings"]) == 1


def test_reading_beyond_the_origin_raises() -> None:
    known = history(event(1, "check_in", at(14))).known_at(at(15))
    with pytest.raises(LeakageError, match="not yet known"):
        known.actual("stays", "start", at(16))
    with pytest.raises(LeakageError, match="may not read"):
        known.require(at(14.9))
    assert len(known.actual("stays", "start", at(15))) == 1


def test_a_history_without_stays_says_what_is_missing() -> None:
    with pytest.raises(BadInput, match="lacks the frame 'centers'"):
        History({})
    frames = frames_of(centers=[CENTER], rooms=[ROOM], children=[])
    with pytest.raises(BadInput, match=r"'rooms' lacks the column\(s\) room_id"):
        History(frames | {"rooms": frames["rooms"].drop(columns="room_id")})

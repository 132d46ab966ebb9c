from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.places import Center
from domain.time import (
    Interval,
    age_in_months,
    as_utc,
    floor_slot,
    format_instant,
    iso_week_start,
    local_day,
    parse_instant,
    slots,
    zone,
)  # fmt: skip

CHICAGO = zone("America/Chicago")
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_a_naive_time_is_an_error_not_a_guess() -> None:
    with pytest.raises(BadInput, match="zone"):
        as_utc(datetime(2026, 3, 2, 7))  # noqa: DTZ001


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(BadInput, match="Mars/Olympus"):
        zone("Mars/Olympus")


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2026, 6, 1), 24)])
def test_a_local_day_has_23_24_or_25_hours(day: tuple[int, int, int], hours: int) -> None:
    whole = local_day(date(*day), CHICAGO)
    assert whole.seconds == hours * 3600
    assert len(list(slots(whole))) == hours * 4


def test_a_center_open_past_midnight_closes_on_the_next_day() -> None:
    night = Center("c", "Night", "TX", "America/Chicago", time(18), time(6))
    opening = night.opening(date(2026, 6, 1))
    assert opening is not None
    assert opening.seconds == 12 * 3600
    assert night.opening(date(2026, 6, 7)) is None


@given(instants)
def test_an_instant_survives_writing_and_reading(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(instants)
def test_a_slot_holds_its_instant(instant: datetime) -> None:
    start = floor_slot(instant)
    assert start <= instant < start + timedelta(minutes=15)
    assert floor_slot(start) == start


@given(instants, instants, instants, instants)
def test_intervals_overlap_where_they_intersect(a: datetime, b: datetime, c: datetime, d: datetime) -> None:
    one, two = Interval(min(a, b), max(a, b)), Interval(min(c, d), max(c, d))
    both = one.intersection(two)
    if both is not None:
        assert one.overlaps(two)
        assert both.start in one
        assert both.start in two


def test_an_interval_cannot_end_before_it_starts() -> None:
    with pytest.raises(BadInput, match="before it starts"):
        Interval(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("born", "day", "months"),
    [
        ((2025, 3, 2), (2026, 3, 1), 11), ((2025, 3, 2), (2026, 3, 2), 12), ((2025, 1, 31), (2025, 2, 28), 1),
        ((2025, 1, 31), (2025, 2, 27), 0), ((2024, 2, 29), (2025, 2, 28), 12), ((2024, 8, 31), (2024, 9, 30), 1),
    ],
)  # fmt: skip
def test_age_is_counted_in_completed_months_to_the_day(
    born: tuple[int, int, int], day: tuple[int, int, int], months: int
) -> None:
    assert age_in_months(date(*born), date(*day)) == months


def test_a_week_is_written_by_the_iso_calendar() -> None:
    assert iso_week_start("2026-W01") == date(2025, 12, 29)
    with pytest.raises(BadInput, match="2026-W48"):
        iso_week_start("next week")

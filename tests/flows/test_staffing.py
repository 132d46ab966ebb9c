"""The staff side of a coverage problem: slots, qualifications, breaks, familiarity, duty."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rulebook
from domain.people import Credential, Segment, Shift, StaffMember
from domain.places import Center, Room
from domain.time import Interval
from flows.staffing import Grid, StaffFacts, adults_of, rooms_counted
from optimizer.problem import Adult

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 2, 27, 18, tzinfo=UTC)
CENTER = Center("c1", "Center", "TX", "America/Chicago", time(7), time(18))
BOOK = rulebook.load("TX", MONDAY)
ROOMS = [Room("r0", "c1", "Infants", 0, 18, 12), Room("r1", "c1", "Toddlers", 18, 36, 22)]


def at(hour: float, day: int = 0) -> datetime:
    """Chicago in winter: UTC-6."""
    return datetime(2026, 3, 2, 6, tzinfo=UTC) + timedelta(days=day, hours=hour)


GRID = Grid(tuple(at(7, day) + timedelta(minutes=15 * n) for day in range(2) for n in range(44)))


def member(staff_id: str = "s1", role: str = "Teacher", **more: object) -> StaffMember:
    held = (Credential("background_check"), Credential("infant_toddler"), Credential("first_aid_cpr"))
    fields: dict[str, object] = {"birth_date": date(1990, 1, 1), "credentials": held, "home_room_id": "r1"} | more
    return StaffMember(staff_id, "c1", role, **fields)  # type: ignore[arg-type]


def shift(start: datetime, end: datetime, *pauses: tuple[datetime, datetime], status: str = "scheduled") -> Shift:
    segments = (Segment(start, end, "room", "r1"), *(Segment(a, b, "break") for a, b in pauses))
    return Shift(f"shift-{start:%d%H}", "c1", "s1", start, end, segments, "1", status)


def plan_for(facts: StaffFacts) -> dict[str, Adult]:
    return {adult.staff_id: adult for adult in adults_of(CENTER, ROOMS, facts, GRID, MONDAY, NOW, BOOK)}


def test_a_shift_covers_the_slots_that_lie_wholly_inside() -> None:
    facts = StaffFacts([member()], [shift(at(7.1), at(15.9))], {}, [])
    (only,) = plan_for(facts)["s1"].shifts
    assert (GRID.slots[only.start], GRID.slots[only.end]) == (at(7.25), at(15.75))
    assert (only.may_start_earlier, only.may_end_later) == (0, 0)


def test_a_shift_may_grow_where_the_adult_is_available() -> None:
    free = {"s1": [Interval(at(7.5), at(18))]}
    (only,) = plan_for(StaffFacts([member()], [shift(at(8), at(16))], free, []))["s1"].shifts
    assert (only.may_start_earlier, only.may_end_later) == (2, 2)
    free = {"s1": [Interval(at(7.75), at(16.25))]}
    (only,) = plan_for(StaffFacts([member()], [shift(at(8), at(16))], free, []))["s1"].shifts
    assert (only.may_start_earlier, only.may_end_later) == (1, 1)


def test_breaks_take_whole_slots_within_an_hour_of_their_place() -> None:
    work = shift(at(8), at(16), (at(12), at(12.5)), (at(9), at(9) + timedelta(minutes=10)))
    breaks = plan_for(StaffFacts([member()], [work], {}, []))["s1"].breaks
    told = [(GRID.slots[b.start], GRID.slots[b.end], b.slots) for b in breaks]
    assert told == [(at(11), at(13.5), 2), (at(8), at(10), 1)]


def test_called_out_and_cancelled_shifts_do_not_count() -> None:
    assert plan_for(StaffFacts([member()], [shift(at(8), at(16), status="called_out")], {}, [])) == {}


def test_substitutes_without_a_shift_are_on_call() -> None:
    free = {"s1": [Interval(at(8), at(12))], "s2": [Interval(at(8), at(12))]}
    staff = [member(role="Substitute"), member("s2", home_room_id=None)]
    adults = plan_for(StaffFacts(staff, [], free, []))
    assert list(adults) == ["s1"]
    assert adults["s1"].on_call
    assert adults["s1"].movable


def test_who_counts_nowhere_is_not_planned() -> None:
    assert rooms_counted(BOOK, CENTER, ROOMS, member(role="Cook"), MONDAY) == ()
    assert plan_for(StaffFacts([member(role="Cook")], [shift(at(8), at(16))], {}, [])) == {}
    assert rooms_counted(BOOK, CENTER, ROOMS, member(), MONDAY) == ("r0", "r1")


def test_familiarity_and_float_duty_come_from_the_last_weeks() -> None:
    def stay(room: str, days_ago: int, hours: float) -> tuple[str, str | None, Interval]:
        start = NOW - timedelta(days=days_ago)
        return "s1", room, Interval(start, start + timedelta(hours=hours))

    worked = [stay("r0", 10, 8), stay("r0", 40, 4), stay("r0", 100, 50), stay("r1", 5, 8)]
    adult = plan_for(StaffFacts([member()], [shift(at(8), at(16))], {}, worked))["s1"]
    assert adult.familiar == {"r0": 0.3, "r1": 1.0}
    assert adult.duty_before == pytest.approx(8.0)


def test_what_is_scheduled_stands_beyond_a_limit_which_then_forbids_more() -> None:
    week = [shift(at(8, day), at(17, day)) for day in range(2)]
    adult = plan_for(StaffFacts([member(max_hours_day=8, max_hours_week=12)], week, {}, []))["s1"]
    assert (adult.max_hours_day, adult.max_hours_week) == (9.0, 18.0)
    adult = plan_for(StaffFacts([member(max_hours_day=10, max_hours_week=40)], week, {}, []))["s1"]
    assert (adult.max_hours_day, adult.max_hours_week) == (10.0, 40.0)


def test_hours_already_worked_this_week_count() -> None:
    grid = Grid(tuple(at(7, 1) + timedelta(minutes=15 * n) for n in range(44)))
    worked = [("s1", "r1", Interval(at(8), at(16)))]
    facts = StaffFacts([member()], [shift(at(8, 1), at(16, 1))], {}, worked)
    (adult,) = adults_of(CENTER, ROOMS, facts, grid, MONDAY, at(6, 1), BOOK)
    assert adult.hours_before == pytest.approx(8.0)


@given(start=st.floats(-5, 60), hours=st.floats(0, 40))
def test_runs_of_slots_never_leave_the_interval_nor_bridge_the_night(start: float, hours: float) -> None:
    interval = Interval(at(start), at(start + hours))
    for run in GRID.inside(interval):
        slots = GRID.slots[run.start : run.end]
        assert interval.start <= slots[0]
        assert slots[-1] + timedelta(minutes=15) <= interval.end
        assert slots[-1] - slots[0] == timedelta(minutes=15) * (len(slots) - 1)

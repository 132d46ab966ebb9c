"""Who is needed before any room is short: call-outs, people who do not come, rooms that close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from api.needs import needs_beside_incidents
from api.suggestions import Need
from domain.places import Closure


@pytest.fixture
def open_house(make_house: Callable[..., Any]) -> Any:
    """Nine in the morning, three hours into everybody's shift; all five adults have come."""
    house = make_house(mode="alerts")
    house.staff("clock_in", "s1", "s2", "s3", "s4", "s5")
    house.step()
    return house


def needs(house: Any, **later: float) -> dict[str, Need]:
    return dict(needs_beside_incidents(house.center(), house.clock.now() + timedelta(**later)))


def with_shift(house: Any, staff_id: str, **changes: Any) -> None:
    facts = house.center().facts
    shifts = tuple(replace(s, **changes) if s.staff_id == staff_id else s for s in facts.shifts)
    house.center().facts = replace(facts, shifts=shifts)


def test_a_day_on_which_everybody_came_needs_nothing(open_house: Any) -> None:
    assert needs(open_house) == {}


def test_a_shift_that_was_called_out_is_a_need_until_it_would_have_ended(open_house: Any) -> None:
    with_shift(open_house, "s2", status="called_out")
    assert needs(open_house) == {"call_out:c1:hs2": Need("call_out", None, "s2")}
    with_shift(open_house, "s2", end=open_house.clock.now())
    assert needs(open_house) == {}


def test_who_is_twenty_minutes_late_is_a_need_and_no_sooner(open_house: Any) -> None:
    start = open_house.clock.now() - timedelta(minutes=10)
    open_house.center().state = type(open_house.center().state)("c1")  # nobody has come
    for staff_id in ("s1", "s3", "s4", "s5"):
        with_shift(open_house, staff_id, status="cancelled")
    with_shift(open_house, "s2", start=start)
    assert needs(open_house, minutes=9) == {}
    assert needs(open_house, minutes=10) == {"no_show:c1:hs2": Need("no_show", None, "s2")}


def test_who_came_and_went_again_did_come(open_house: Any) -> None:
    open_house.staff("clock_out", "s2")
    assert needs(open_house, hours=1) == {}


def test_a_room_that_closes_today_is_a_need_and_an_unknown_or_another_days_is_not(open_house: Any) -> None:
    center, today = open_house.center(), open_house.clock.now().date()
    rows = tuple(
        Closure("c1", day, room_id)
        for day, room_id in ((today, "r1"), (today, "attic"), (today + timedelta(days=1), "r2"))
    )
    center.facts = replace(center.facts, closures=rows)
    assert needs(open_house) == {f"closes:c1:{today}:r1": Need("room_closes", "r1")}


def test_nothing_is_needed_while_the_center_is_closed(open_house: Any) -> None:
    with_shift(open_house, "s2", status="called_out")
    assert needs(open_house, hours=12) == {}


def round_the_clock(house: Any, turn: int) -> None:
    """A center that never shuts; its day begins at this hour."""
    facts = house.center().facts
    always = replace(facts.center, opens=time(turn), closes=time(turn))
    house.center().facts = replace(facts, center=always)


def test_round_the_clock_who_worked_the_day_before_and_does_not_come_is_missed(open_house: Any) -> None:
    round_the_clock(open_house, 6)
    open_house.staff("clock_out", "s2")
    start = open_house.clock.now() + timedelta(days=1)
    with_shift(open_house, "s2", start=start, end=start + timedelta(hours=8))
    assert "no_show:c1:hs2" not in needs(open_house, hours=1)
    assert needs(open_house, days=1, minutes=30)["no_show:c1:hs2"] == Need("no_show", None, "s2")


def test_who_came_before_the_day_turned_and_is_still_here_did_come(open_house: Any) -> None:
    here = open_house.clock.now().astimezone(open_house.center().facts.tz)
    round_the_clock(open_house, here.hour + 1)
    assert needs(open_house, hours=2) == {}


def test_a_room_that_closes_for_a_night_stays_closed_after_midnight(open_house: Any) -> None:
    center = open_house.center()
    round_the_clock(open_house, 12)
    began = open_house.clock.now().astimezone(center.facts.tz).date()  # at noon
    rows = (Closure("c1", began, "r1"), Closure("c1", began + timedelta(days=1), "r2"))
    center.facts = replace(center.facts, closures=rows)
    assert list(needs(open_house, days=1)) == [f"closes:c1:{began}:r1"]

"""Golden scenarios: their scripts add up to the truth they state, and the double serves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from domain.stays import child_stays
from sandbox.app import create_app
from sandbox.scenarios import Scenario, scenarios

ALL = scenarios()


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_the_script_adds_up_to_what_is_stated(scenario: Scenario) -> None:
    events = [event for event in scenario.events if event.happened_at <= scenario.at]
    here = Counter(stay.room_id for stay in child_stays(events) if stay.end is None)
    stated = {**scenario.children, **scenario.recorded}
    assert {room: here.get(room, 0) for room in stated} == stated
    assert [event.sequence for event in scenario.events] == list(range(1, len(scenario.events) + 1))
    known = {member.staff_id for member in scenario.staff}
    assert {adult for adults in scenario.adults.values() for adult in adults} <= known
    assert scenario.room_id in {room.room_id for room in scenario.rooms}


def test_the_known_narratives_are_there() -> None:
    names = {scenario.name for scenario in ALL}
    assert {"infant room 1:6", "fifteen minutes of 1:51 at opening", "an empty room without staff"} <= names
    assert sum(scenario.violation is False for scenario in ALL) >= 3


def test_the_double_serves_a_scenario_as_of_its_instant(serve: Callable[..., Any]) -> None:
    scenario = next(s for s in ALL if s.name == "infant room 1:6")
    double = serve(create_app(scenario.world(), now=scenario.at))
    assert len(double.read.get("/api/v1/rooms/A/children").json()) == 6
    assert [row["role"] for row in double.read.get("/api/v1/rooms/A/staff").json()] == ["Teacher"]

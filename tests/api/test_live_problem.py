"""The day posed as it stands: the numbers are the law's for each draw, and posing needs the live state no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from api.center import LiveCenter
from api.center_settings import CenterSettings
from api.day_problem import _SCENARIOS
from api.live_problem import _DRAWS, pose, pose_now, seen_now
from domain.time import SLOT, floor_slot
from evaluator import CenterFacts, CenterState
from optimizer import Problem
from optimizer.standing import spots_of
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World
from storage.settings import Settings

DAY = date(2026, 3, 3)
HOURS = [datetime(2026, 3, 3, *clock, tzinfo=UTC) for clock in ((12, 40), (16, 5), (20, 50))]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(size="medium", faults=3.0), 5, DAY - timedelta(days=1), 3)


def center_at(world: World, now: datetime) -> LiveCenter:
    facts = CenterFacts.of(
        world.centers[0], world.rooms, [r.value for r in world.children], [r.value for r in world.staff],
        [r.value for r in world.shifts], [r.value for r in world.bookings], [r.value for r in world.closures],
    )  # fmt: skip
    state = CenterState.rebuild("c01", [event for event in world.events if event.recorded_at <= now])
    center = LiveCenter("c01", state, facts, CenterSettings(), 0, Settings(data_dir=Path("unused")))
    center.assess(now)
    return center


def required_draw_by_draw(center: LiveCenter, now: datetime, problem: Problem) -> list[dict[str, tuple[int, ...]]]:
    """The scenarios of the problem, the plain way: the rulebook asked about every draw of every room and slot."""
    seen, book, hours = seen_now(center, now), center.book(now), center.facts.center
    assert seen is not None

    def law(room_id: str, at: datetime, ages: tuple[int | None, ...]) -> int:
        local, nap = at.astimezone(center.facts.tz).time(), center.facts.rooms[room_id].nap
        activity = "nap" if nap is not None and nap.start <= local < nap.end else "normal"
        return book.required(ages, local, activity, hours.opens, hours.closes) if ages else 0

    numbers = {
        room_id: [[law(room_id, at, ages) for ages in seen.expected.ages(room_id, at, _DRAWS)] for at in problem.slots]
        for room_id in center.facts.rooms
    }
    need = [sum(row[draw] for rows in numbers.values() for row in rows) for draw in range(_DRAWS)]
    ranked = sorted(range(_DRAWS), key=lambda draw: (need[draw], draw))
    part, here = _DRAWS // _SCENARIOS, problem.slots.index(floor_slot(now))
    scenarios = []
    for draw in (ranked[part * number + part // 2] for number in range(_SCENARIOS)):
        rows = {room_id: [row[draw] for row in rows] for room_id, rows in numbers.items()}
        for room_id, row in rows.items():
            row[here] = seen.needed.get(room_id, 0)
        scenarios.append({room_id: tuple(row) for room_id, row in rows.items()})
    return scenarios


@pytest.mark.parametrize("now", HOURS, ids=lambda now: f"{now:%H:%M}")
def test_the_numbers_are_those_of_the_rulebook_asked_draw_by_draw(world: World, now: datetime) -> None:
    center = center_at(world, now)
    for _ in range(2):  # the second time from answers kept
        day = pose_now(center, now)
        assert day is not None
        found = [scenario.required for scenario in day.problem.scenarios]
        assert found == required_draw_by_draw(center, now, day.problem)
    assert any(max(row) > 1 for row in found[0].values())


def test_the_plan_in_force_begins_where_everybody_is_now(world: World) -> None:
    now = HOURS[1]
    center = center_at(world, now)
    day = pose_now(center, now)
    assert day is not None
    assert day.problem.slots[day.slot] == floor_slot(now)
    assert day.problem.slots[0] == floor_slot(now) - SLOT
    spots, seen = spots_of(day.problem.current), 0
    for adult in day.problem.staff:
        place = center.state.adult(adult.staff_id)
        if place is not None and place.state == "in_room" and place.since >= center.facts.day_start(now):
            assert spots[adult.staff_id][0].room_id == place.room_id
            seen += 1
    assert seen > 3


def test_what_is_seen_now_is_posed_alike_however_the_center_goes_on(world: World) -> None:
    now, later = HOURS[1], HOURS[2]
    center = center_at(world, now)
    expected = pose_now(center_at(world, now), now)
    assert expected is not None
    seen = seen_now(center, now)
    assert seen is not None
    for event in world.events:
        if now < event.recorded_at <= later:
            center.state.apply(event)
    center.assess(later)
    assert pose(seen) == expected
    assert pose_now(center, now) != expected


def test_outside_the_opening_hours_nothing_is_seen(world: World) -> None:
    night = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    assert seen_now(center_at(world, night), night) is None

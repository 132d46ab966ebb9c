"""Draws from bookings: the same as child by child, and of one instant whatever happens afterwards."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest

from evaluator import BookedExpectation, CenterFacts, CenterState
from evaluator.expectations import (
    ARRIVAL_SD_MINUTES,
    PICK_UP_SD_MINUTES,
    SHOW_RATE,
    Ages,
    _above,
    _minutes,
    _order,
    _uniform,
)
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

START = date(2026, 3, 2)
HOURS = [datetime(2026, 3, 3, hour, 20, tzinfo=UTC) for hour in (12, 14, 18, 22)]
DRAWS = 25


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(size="medium", faults=3.0), 5, START, 3)


@pytest.fixture(scope="module")
def facts(world: World) -> CenterFacts:
    return CenterFacts.of(
        world.centers[0], world.rooms, [r.value for r in world.children], [r.value for r in world.staff],
        [r.value for r in world.shifts], [r.value for r in world.bookings], [r.value for r in world.closures],
    )  # fmt: skip


def state_at(world: World, now: datetime) -> CenterState:
    return CenterState.rebuild("c01", [event for event in world.events if event.recorded_at <= now])


def child_by_child(
    state: CenterState, facts: CenterFacts, now: datetime, room_id: str, at: datetime
) -> tuple[dict[str, float], list[Ages]]:
    """The chances and draws of `BookedExpectation`, the plain way."""
    start, chances = facts.day_start(now), {}
    for child_id in state.rooms.get(room_id, ()):
        place = state.child(child_id)
        if place is None or place.since < start:
            continue
        out, chances[child_id] = facts.session(child_id, place.since).ends, 1.0
        if out is not None:
            still = _above(_minutes(now, out) / PICK_UP_SD_MINUTES)
            late = math.exp(-_minutes(at, now) / 15)
            chances[child_id] = late if still < 0.01 else _above(_minutes(at, out) / PICK_UP_SD_MINUTES) / still
    for child_id, due in facts.due_arrivals(room_id, facts.day_of(now)):
        if state.child(child_id) is None and not state.was_in(child_id, start):
            by_now, by_then = (1 - _above(_minutes(t, due) / ARRIVAL_SD_MINUTES) for t in (now, at))
            chances[child_id] = SHOW_RATE * (by_then - by_now) / (1 - SHOW_RATE * by_now)
    day = facts.day_of(at)
    ages = sorted((_order(age := facts.child_here(child, day).age_months), child, age) for child in chances)
    draws = [
        tuple(age for _, child, age in ages if _uniform(child, 0, DRAWS)[draw] < chances[child])
        for draw in range(DRAWS)
    ]
    return chances, draws


@pytest.mark.parametrize("now", HOURS, ids=lambda now: f"{now:%H:%M}")
def test_the_draws_are_those_made_child_by_child(world: World, facts: CenterFacts, now: datetime) -> None:
    state = state_at(world, now)
    expectation, somebody = BookedExpectation(state, facts, now), 0
    for room_id in facts.rooms:
        for minutes in (0, 15, 45, 120, 300, 900):
            at = now + timedelta(minutes=minutes)
            chances, draws = child_by_child(state, facts, now, room_id, at)
            assert expectation.chances(room_id, at) == chances
            assert expectation.ages(room_id, at, DRAWS) == draws
            somebody += any(draws)
    assert somebody > 5


def test_rooms_once_read_are_drawn_as_they_were_however_the_state_goes_on(world: World, facts: CenterFacts) -> None:
    now, later = HOURS[1], HOURS[3]
    at = now + timedelta(minutes=30)
    expected = {room: BookedExpectation(state_at(world, now), facts, now).ages(room, at, DRAWS) for room in facts.rooms}
    state = state_at(world, now)
    held, unread = (BookedExpectation(state, facts, now) for _ in range(2))
    held.read(facts.rooms)
    for event in world.events:
        if now < event.recorded_at <= later:
            state.apply(event)
    assert {room: held.ages(room, at, DRAWS) for room in facts.rooms} == expected
    assert {room: unread.ages(room, at, DRAWS) for room in facts.rooms} != expected

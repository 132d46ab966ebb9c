"""A simulated week with late, lost, wrong and corrected events: fold, verdicts and incidents hold together."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

import rulebook
from domain.events import effective
from evaluator import CenterFacts, CenterState, Incident, Policy, assess, decide, incident_from_json, incident_to_json
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

START = date(2026, 3, 2)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(size="medium", faults=3.0), 5, START, 5)


@pytest.fixture(scope="module")
def facts(world: World) -> CenterFacts:
    return CenterFacts.of(
        world.centers[0], world.rooms, [r.value for r in world.children], [r.value for r in world.staff],
        [r.value for r in world.shifts], [r.value for r in world.bookings], [r.value for r in world.closures],
    )  # fmt: skip


def test_any_delivery_of_the_week_gives_the_same_state(world: World) -> None:
    clean = CenterState.rebuild("c01", effective(world.events)).picture()
    for seed in range(3):
        delivered = [*world.events, *random.Random(seed).choices(world.events, k=200)]
        random.Random(seed).shuffle(delivered)
        assert CenterState.rebuild("c01", delivered).picture() == clean


def test_a_part_of_the_rooms_is_assessed_as_in_the_whole(world: World, facts: CenterFacts) -> None:
    book = rulebook.load("TX", on=START)
    state = CenterState("c01")
    for number, event in enumerate(world.events):
        applied = state.apply(event)
        if number % 40 or not applied.rooms:
            continue
        whole = assess(state, facts, book, event.recorded_at)
        part = assess(state, facts, book, event.recorded_at, applied.rooms)
        assert part.rooms
        for room_id, room in part.rooms.items():
            assert room.to_json() == whole.rooms[room_id].to_json()
        assert whole.next_instant is not None
        assert part.next_instant is not None
        assert event.recorded_at < whole.next_instant <= part.next_instant


def test_between_two_instants_no_verdict_changes_by_itself(world: World, facts: CenterFacts) -> None:
    """The promise behind having no polling grid."""
    book = rulebook.load("TX", on=START)
    state = CenterState("c01")
    for event in world.events[:600]:
        state.apply(event)
    now = world.events[599].recorded_at
    for _ in range(120):
        seen = assess(state, facts, book, now)
        assert seen.next_instant is not None
        just_before = assess(state, facts, book, seen.next_instant - timedelta(seconds=1))
        for room_id, room in seen.rooms.items():
            later = just_before.rooms[room_id]
            assert later.verdict.compliant == room.verdict.compliant
            assert [doubt.rule for doubt in later.trust.doubts] == [doubt.rule for doubt in room.trust.doubts]
        now = seen.next_instant


def test_one_room_and_matter_never_has_two_open_incidents_and_all_survive_storage(
    world: World, facts: CenterFacts
) -> None:
    book, policy = rulebook.load("TX", on=START), Policy(timezone="America/Chicago")
    state = CenterState("c01")
    incidents: dict[str, Incident] = {}
    sent: list[str] = []
    for event in world.events[:700]:
        applied = state.apply(event)
        if not applied.rooms:
            continue
        seen = assess(state, facts, book, event.recorded_at, applied.rooms)
        for change in decide(incidents.values(), seen, None, policy, event.recorded_at):
            stored = incident_from_json(incident_to_json(change.incident))
            assert stored == change.incident
            if change.before is not None:
                assert stored.history[: len(change.before.history)] == change.before.history
            incidents[stored.incident_id] = stored
            sent += [message.message_id for message in change.messages]
        keys = [(each.room_id, each.matter) for each in incidents.values() if each.is_open]
        assert len(keys) == len(set(keys))
    assert incidents
    assert len(sent) == len(set(sent))

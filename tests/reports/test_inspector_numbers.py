"""The inspector's numbers against a recount from the raw event log that shares no code with the evaluator."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

import rulebook
from domain.events import Event
from evaluator import CenterFacts
from reports.timeline import room_at
from sandbox import Knobs, World, simulate

DAYS = [date(2026, 3, 2) + timedelta(days=n) for n in range(5)]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(size="small"), 11, DAYS[0], 7)


@pytest.fixture(scope="module")
def facts(world: World) -> CenterFacts:
    return CenterFacts.of(
        world.centers[0], world.rooms, (row.value for row in world.children), (row.value for row in world.staff)
    )


def recount(events: Iterable[Event], room_id: str, start: datetime, at: datetime) -> tuple[int, int] | None:
    """Children and adults in the room by the log alone, corrections applied; None while rooms are combined."""
    log = {event.event_id: event for event in events}
    last: dict[str, Event] = {}
    for event in sorted(log.values(), key=lambda each: (each.recorded_at, each.sequence)):
        if event.event_type == "correction" and event.supersedes:
            root = event.supersedes
            while root in log and log[root].event_type == "correction":
                root = log[root].supersedes or root
            last[root] = event
    true: list[Event] = []
    for event in log.values():
        fixed = last.get(event.event_id)
        if event.event_type == "correction" or (fixed and fixed.voided):
            continue
        if fixed:
            kept = {name: getattr(fixed, name) or getattr(event, name) for name in ("child_id", "staff_id", "room_id")}
            kept["from_room_id"] = fixed.from_room_id or event.from_room_id
            event = replace(fixed, event_type=fixed.corrected_type or event.event_type, **kept)
        true.append(event)
    children: dict[str, str | None] = {}
    adults: dict[str, tuple[str | None, str]] = {}
    combined = False
    for event in sorted(true, key=lambda each: (each.happened_at, each.sequence)):
        if not start <= event.happened_at <= at:
            continue
        kind, who = event.event_type, event.child_id or event.staff_id or ""
        if kind in ("check_in", "room_transfer"):
            children[who] = event.room_id
        elif kind == "check_out":
            children[who] = None
        elif kind in ("clock_in", "room_move"):
            adults[who] = (event.room_id, "in")
        elif kind == "clock_out":
            adults[who] = (None, "out")
        elif kind in ("break_start", "step_out"):
            adults[who] = (adults.get(who, (event.room_id, ""))[0], "away")
        elif kind in ("break_end", "step_in"):
            adults[who] = (event.room_id or adults.get(who, (None, ""))[0], "in")
        elif kind in ("rooms_combined", "rooms_split"):
            combined = kind == "rooms_combined"
    if combined:
        return None
    here = sum(where == room_id for where in children.values())
    return here, sum(place == (room_id, "in") for place in adults.values())


def test_a_thousand_random_minutes_agree_with_a_recount_of_the_raw_log(world: World, facts: CenterFacts) -> None:
    dice = random.Random(5)
    book = rulebook.load(facts.center.state, DAYS[0])
    compared = corrected = 0
    by_day = {}
    for day in DAYS:
        start = facts.day_start(datetime(day.year, day.month, day.day, 12, tzinfo=facts.tz))
        mine = [e for e in world.events if start <= e.happened_at < start + timedelta(days=1)]
        roots = {e.event_id for e in mine} | {e.supersedes for e in mine if e.supersedes}
        mine = [e for e in world.events if e.event_id in roots or e.supersedes in roots]
        by_day[day] = (start, mine)
    while compared < 1000:
        day = dice.choice(DAYS)
        start, events = by_day[day]
        at = start + timedelta(hours=2, minutes=dice.randrange(13 * 60))
        room_id = dice.choice(sorted(facts.rooms))
        expected = recount(events, room_id, start, at)
        if expected is None:
            continue
        group = room_at(facts, book, events, (), room_id, at).group
        assert (len(group.children), len(group.in_room)) == expected, (room_id, at)
        plain = [e for e in events if e.event_type != "correction"]
        corrected += recount(plain, room_id, start, at) != expected
        compared += 1
    assert corrected > 0, "some of these minutes are what they are only because of a correction"

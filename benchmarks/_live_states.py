"""Suggestions in live states of a simulated center, as the service makes them: posing, searching, checking, telling."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from api.center import LiveCenter
from api.center_settings import CenterSettings
from api.reassigning import Reassigner
from api.suggestions import Need
from benchmarks._alert_replay import Knowledge
from domain.time import local_day
from evaluator import CenterState
from sandbox import Knobs, simulate
from storage.settings import Settings

STATES = 400
_FIRST, _DAYS = date(2026, 3, 2), 12


def live_suggestions() -> dict[str, Any]:
    """Random instants of two weeks of the large center; in each some adult is called out, or the neediest room asks."""
    world = simulate(Knobs(size="large"), 11, _FIRST, _DAYS)
    center_id, rng = world.centers[0].center_id, random.Random(4)
    knowledge, suggest = Knowledge(world, center_id), Reassigner(None)
    gc.collect()
    gc.freeze()  # as the service does once it has started: the simulated weeks are not part of it
    seconds, cpu, found, simple = [], [], 0, 0
    for at in sorted(_instants(knowledge, rng)):
        facts = knowledge.facts(at)
        day = local_day(facts.day_of(at), facts.tz)
        known = [e for e in world.events if e.recorded_at <= at and day.start - timedelta(days=1) < e.happened_at]
        state = CenterState.rebuild(center_id, known)
        center = LiveCenter(center_id, state, facts, CenterSettings(), 0, Settings(data_dir=Path("unused")))
        center.assess(at)
        need = _need(center, rng)
        started, worked = time.perf_counter(), time.process_time()
        ways = asyncio.run(suggest(center, need, at))
        seconds.append(time.perf_counter() - started)
        cpu.append(time.process_time() - worked)
        found += bool(ways)
        simple += any(way.method != "optimizer" for way in ways)
    gc.unfreeze()
    seconds.sort()
    cpu.sort()
    return {
        "what": f"{len(seconds)} live states, posing included",
        "p50_ms": round(1000 * seconds[len(seconds) // 2], 1),
        "p99_ms": round(1000 * seconds[int(len(seconds) * 0.99)], 1),
        "cpu_p50_ms": round(1000 * cpu[len(cpu) // 2], 1),
        "cpu_p99_ms": round(1000 * cpu[int(len(cpu) * 0.99)], 1),
        "with_alternatives": found,
        "by_the_simple_rule": simple,
    }


def _instants(knowledge: Knowledge, rng: random.Random) -> list[datetime]:
    days = [_FIRST + timedelta(days=n) for n in range(_DAYS)]
    hours = [opening for day in days if (opening := knowledge.center.opening(day)) is not None]
    return [
        opening.start + (opening.end - opening.start) * rng.random()
        for opening in (rng.choice(hours) for _ in range(STATES))
    ]


def _need(center: LiveCenter, rng: random.Random) -> Need:
    assert center.assessment is not None  # assessed just before
    short = [room_id for room_id, room in center.assessment.rooms.items() if not room.verdict.compliant]
    here = sorted(center.state.staffed.get(rng.choice(sorted(center.facts.rooms)), ()))
    if short:
        return Need("violation", rng.choice(short))
    return Need("call_out", None, rng.choice(here)) if here else Need("predicted_gap")

"""How fast the evaluator is in process: events folded per second, and one event to verdicts and decisions."""

from __future__ import annotations

import gc
import time
from datetime import date, timedelta
from typing import Any

import rulebook
from benchmarks._alert_replay import Knowledge
from domain.events import effective
from evaluator import BookedExpectation, CenterState, Policy, assess, decide, look_ahead
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

START, DAYS = date(2026, 3, 2), 20


def run() -> list[dict[str, Any]]:
    """A large center (11 rooms) for four weeks at the usual level of faults."""
    world = simulate(Knobs(size="large", state="TX"), 3, START, DAYS)
    return [_fold(world), _verdict(world), _look(world)]


def _fold(world: World, repeats: int = 10) -> dict[str, Any]:
    center_id = world.centers[0].center_id
    best = float("inf")
    for _ in range(repeats):
        state = CenterState(center_id)
        started = time.perf_counter()
        for event in world.events:
            state.apply(event)
        best = min(best, time.perf_counter() - started)
    started = time.perf_counter()
    clean = CenterState.rebuild(center_id, effective(world.events))
    oracle = time.perf_counter() - started
    assert state.picture() == clean.picture()
    return {
        "what": "fold, in order of delivery", "events": len(world.events),
        "events / s": round(len(world.events) / best), "oracle / fold": round(oracle / best, 2),
    }  # fmt: skip


def _verdict(world: World) -> dict[str, Any]:
    """Every event of the middle week: fold, verdicts of the rooms touched, decisions."""
    center_id = world.centers[0].center_id
    book, policy, knowledge = rulebook.load("TX", on=START), Policy(), Knowledge(world, center_id)
    state = CenterState(center_id)
    from_, until = (START + timedelta(days=7)), (START + timedelta(days=14))
    checks: list[float] = []
    cpu: list[float] = []
    rounds: list[float] = []
    facts, incidents, day = knowledge.facts(world.events[0].recorded_at), {}, None
    for event in world.events:
        now = event.recorded_at
        if now.date() != day:
            day, facts = now.date(), knowledge.facts(now)
            state.forget_before(now - timedelta(days=2))
        if not from_ <= now.date() < until:
            state.apply(event)
            continue
        gc.disable()
        started, busy = time.perf_counter(), time.thread_time()
        applied = state.apply(event)
        if not applied.rooms:
            gc.enable()
            continue
        seen = assess(state, facts, book, now, applied.rooms)
        checked, worked = time.perf_counter(), time.thread_time()
        changes = decide(incidents.values(), seen, None, policy, now)
        rounds.append(time.perf_counter() - started)
        checks.append(checked - started)
        cpu.append(worked - busy)
        gc.enable()
        incidents |= {change.incident.incident_id: change.incident for change in changes}
        incidents = {key: incident for key, incident in incidents.items() if incident.is_open}
    return {
        "what": "event to verdicts", "events": len(checks), "p50 ms": _ms(checks, 0.5), "p99 ms": _ms(checks, 0.99),
        "CPU p50 ms": _ms(cpu, 0.5), "CPU p99 ms": _ms(cpu, 0.99), "with decisions p99 ms": _ms(rounds, 0.99),
    }  # fmt: skip


def _look(world: World) -> dict[str, Any]:
    """Look-ahead of the whole center, all rooms, 15 and 30 minutes, from bookings alone."""
    center_id = world.centers[0].center_id
    book, knowledge = rulebook.load("TX", on=START), Knowledge(world, center_id)
    spans = []
    for event in world.events[1000:3000:100]:
        now = event.recorded_at
        state = CenterState.rebuild(center_id, [each for each in world.events if each.recorded_at <= now])
        facts = knowledge.facts(now)
        started = time.perf_counter()
        look_ahead(state, facts, book, BookedExpectation(state, facts, now), now)
        spans.append(time.perf_counter() - started)
    return {
        "what": "look-ahead of 11 rooms",
        "events": len(spans),
        "p50 ms": _ms(spans, 0.5),
        "p99 ms": _ms(spans, 0.99),
    }


def _ms(spans: list[float], share: float) -> float:
    return round(sorted(spans)[min(len(spans) - 1, int(share * len(spans)))] * 1000, 3)


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    rows = run()
    show("evaluator", rows)
    save("evaluator", rows)

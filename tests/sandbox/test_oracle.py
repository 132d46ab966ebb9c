"""The oracle's distributions are the true ones: calibrated given the state, and sharper than any baseline."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from domain.errors import BadInput, NotFound
from domain.time import local_instant, zone
from sandbox import Knobs, World, simulate
from sandbox.oracle import LEVELS, Oracle

TZ = zone("America/Chicago")


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(), 5, date(2026, 2, 2), 120)


def origins(seed: int, count: int) -> list[datetime]:
    rng = np.random.default_rng(seed)
    result = []
    while len(result) < count:
        day = date(2026, 2, 16) + timedelta(days=int(rng.integers(0, 90)))
        if day.isoweekday() <= 5:
            minute = int(rng.integers(26, 72)) * 15
            result.append(local_instant(day, time(minute // 60, minute % 60), TZ))
    return result


@pytest.mark.parametrize(("ahead", "count"), [(timedelta(minutes=30), 60), (timedelta(days=7), 25)])
def test_the_truth_falls_evenly_over_the_oracles_distribution(world: World, ahead: timedelta, count: int) -> None:
    """The randomised probability integral transform of a true distribution is uniform."""
    oracle, rng, ranks = Oracle(world, 300), np.random.default_rng(1), []
    for origin in origins(3, count):
        for room in world.rooms:
            draws = oracle.headcounts(room.room_id, origin, [origin + ahead])[:, 0]
            truth = world.true_headcounts(room.room_id, [origin + ahead])[0]
            ranks.append((draws < truth).mean() + rng.random() * (draws == truth).mean())
    assert np.mean(ranks) == pytest.approx(0.5, abs=0.06)
    assert np.std(ranks) == pytest.approx(np.sqrt(1 / 12), abs=0.035)
    inside = np.mean((np.array(ranks) > 0.1) & (np.array(ranks) < 0.9))
    assert inside == pytest.approx(0.8, abs=0.08)


def test_the_oracle_beats_the_last_count_by_far(world: World) -> None:
    oracle, loss = Oracle(world, 200), {"oracle": 0.0, "last count": 0.0}
    for origin in origins(9, 30):
        target = origin + timedelta(minutes=30)
        rows = oracle.answer([(room.room_id, origin, target) for room in world.rooms])
        for room, row in zip(world.rooms, rows, strict=True):
            truth, last = (world.true_headcounts(room.room_id, [at])[0] for at in (target, origin))
            loss["oracle"] += sum(_pinball(truth, row[f"q{round(q * 100):02d}"], q) for q in (0.1, 0.5, 0.9))
            loss["last count"] += sum(_pinball(truth, last, q) for q in (0.1, 0.5, 0.9))
    assert loss["oracle"] < 0.5 * loss["last count"]


def test_at_the_origin_itself_the_oracle_knows_the_count(world: World) -> None:
    oracle = Oracle(world, 100)
    for origin in origins(4, 10):
        for room in world.rooms:
            assert set(oracle.headcounts(room.room_id, origin, [origin])[:, 0]) == set(
                world.true_headcounts(room.room_id, [origin])
            )


def test_closed_days_are_empty_and_answers_are_the_same_twice(world: World) -> None:
    origin = local_instant(date(2026, 3, 6), time(10), TZ)
    saturday = local_instant(date(2026, 3, 7), time(10), TZ)
    assert not Oracle(world, 50).headcounts("c01-r01", origin, [saturday]).any()
    question = [("c01-r02", origin, origin + timedelta(minutes=15))]
    first, second = Oracle(world, 50).answer(question), Oracle(world, 50).answer(question)
    assert first == second
    quantiles = [first[0][f"q{round(level * 100):02d}"] for level in LEVELS]
    assert quantiles == sorted(quantiles)


def test_the_oracle_does_not_look_into_the_future(world: World) -> None:
    """Two worlds that differ only after the origin give the same answer."""
    other = simulate(world.knobs, 5, date(2026, 2, 2), 120)
    origin = local_instant(date(2026, 3, 3), time(9), TZ)
    for day in other.simulations[0].days:
        if day.day > date(2026, 3, 3):
            day.departure[:], day.arrival[:] = 1000.0, 900.0
            day.ill[:], day.center_arrival = True, 50.0
    today = other.simulations[0].days[(date(2026, 3, 3) - other.start).days]
    today.departure[today.departure > 9 * 60] += 30.0
    targets = [origin + timedelta(minutes=45), origin + timedelta(days=1), origin + timedelta(days=7)]
    today.message[np.nan_to_num(today.message) > 9 * 60] += 5.0
    for room in ("c01-r01", "c01-r05"):
        ours = Oracle(world, 60).headcounts(room, origin, targets)
        assert (ours == Oracle(other, 60).headcounts(room, origin, targets)).all()


def test_questions_out_of_reach_are_refused(world: World) -> None:
    origin = local_instant(date(2026, 3, 6), time(10), TZ)
    with pytest.raises(NotFound, match="no room 'x'"):
        Oracle(world).headcounts("x", origin, [origin])
    with pytest.raises(BadInput, match="20 days"):
        Oracle(world, 10).headcounts("c01-r01", origin, [origin + timedelta(days=30)])


def _pinball(truth: float, quantile: float, level: float) -> float:
    return max(level * (truth - quantile), (level - 1) * (truth - quantile))

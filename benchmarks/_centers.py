"""Synthetic centers for the planner's benchmarks and tests: repeatable from a seed, nothing else.

Demand follows the day of a center: arrivals around 8, a plateau, pick-up from 15:30; rooms share a shock of the
morning (illness) and have one of their own. Room staff cover the plateau of the middle scenario; floats cover breaks,
edges and surges. `tight` puts a quarter of the peak's demand above what the floats can cover.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any

from optimizer import Problem


@dataclass(frozen=True)
class Shape:
    rooms: int = 12
    days: int = 5
    slots: int = 48
    room_staff: int = 40
    floats: int = 10
    scenarios: int = 3
    wings: int = 2
    tight: bool = False
    flexible: bool = False  # shifts may move, rooms may combine at the edges
    seed: int = 1


def center(shape: Shape) -> Problem:
    """A coverage problem of that shape."""
    rng = random.Random(f"{shape}")
    start = date(2026, 3, 2)
    slots: list[str] = []
    days: list[dict[str, Any]] = []
    for day in range(shape.days):
        opens = datetime(2026, 3, 2, 12, 30, tzinfo=UTC) + timedelta(days=day)
        days.append({"day": str(start + timedelta(days=day)), "start": len(slots), "end": len(slots) + shape.slots})
        slots += [(opens + timedelta(minutes=15 * index)).isoformat() for index in range(shape.slots)]
    rooms = [_room(index, shape) for index in range(shape.rooms)]
    scenarios = _scenarios(rng, shape, rooms)
    staff = _room_staff(rng, shape, rooms) + _floats(rng, shape, rooms)
    problem = {
        "center_id": "synthetic", "label": f"seed-{shape.seed}", "slots": slots, "days": days, "rooms": rooms,
        "scenarios": scenarios, "staff": staff, "seed": shape.seed,
        "combinations": _combinations(shape, rooms, scenarios) if shape.flexible else [],
        "house": {"other_wing_seconds": 120},
    }  # fmt: skip
    return Problem.model_validate(problem)


def _room(index: int, shape: Shape) -> dict[str, Any]:
    infant = index % 4 == 0
    return {
        "room_id": f"room{index:02d}",
        "name": f"{'Infants' if infant else 'Toddlers' if index % 4 == 1 else 'Preschool'} {index + 1}",
        "severity": 3.0 if infant else 2.0 if index % 4 == 1 else 1.0,
        "wing": f"wing{index * shape.wings // shape.rooms}",
    }


def _profile(slot: int, slots: int, early: float) -> float:
    """Share of the children there: a ramp in the morning, a ramp in the afternoon."""
    at = slot / slots
    rise = min(1.0, max(0.15, (at + early) / 0.18))
    fall = min(1.0, max(0.1, (1.0 - at + early) / 0.24))
    return min(rise, fall)


def _scenarios(rng: random.Random, shape: Shape, rooms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    per_adult = [4 if room["severity"] == 3 else 6 if room["severity"] == 2 else 10 for room in rooms]
    staffed = [len(range(index, shape.room_staff, shape.rooms)) for index in range(shape.rooms)]
    peak = [max(1, number - rng.choice((0, 0, 1))) for number in staffed]
    enrolled = [ratio * number for ratio, number in zip(per_adult, peak, strict=True)]
    early = [rng.uniform(-0.03, 0.04) for _ in rooms]
    shock = {
        (s, day): rng.gauss(0.7 if shape.tight else 0.6, 0.06)
        for s in range(shape.scenarios)
        for day in range(shape.days)
    }
    result = []
    for s in range(shape.scenarios):
        required = {}
        for index, room in enumerate(rooms):
            numbers = []
            for day in range(shape.days):
                own = rng.gauss(shock[s, day], 0.05)
                for slot in range(shape.slots):
                    children = enrolled[index] * own * _profile(slot, shape.slots, early[index] + rng.gauss(0, 0.003))
                    numbers.append(ceil(max(0.0, children) / per_adult[index]))
            required[room["room_id"]] = numbers
        result.append({"name": f"s{s}", "weight": _weight(s, shape.scenarios), "required": required})
    return result


def _weight(index: int, count: int) -> float:
    return {1: [1.0], 3: [0.25, 0.5, 0.25]}.get(count, [1 / count] * count)[index]


def _room_staff(rng: random.Random, shape: Shape, rooms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    staff = []
    for index in range(shape.room_staff):
        room = rooms[index % shape.rooms]["room_id"]
        length = min(shape.slots, 34)
        start = (0, shape.slots - length, (shape.slots - length) // 2, rng.randrange(8))[index // shape.rooms % 4]
        start = min(start, shape.slots - length)
        adult = _adult(rng, shape, f"teacher{index:02d}", start, length)
        staff.append(adult | {"home_room_id": room, "rooms": [room]})
    return staff


def _floats(rng: random.Random, shape: Shape, rooms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    staff = []
    for index in range(shape.floats):
        length = min(shape.slots, 32)
        start = rng.choice((0, 4, 8, 12, 16))
        qualified = [room["room_id"] for room in rooms if room["severity"] < 3 or index % 3]
        familiar = {room: round(rng.choice((0.0, 0.5, 1.0)), 1) for room in qualified}
        adult = _adult(rng, shape, f"float{index:02d}", min(start, shape.slots - length), length)
        duty = float(rng.randrange(40, 80))
        staff.append(adult | {"is_float": True, "rooms": qualified, "familiar": familiar, "duty_before": duty})
    return staff


def _adult(rng: random.Random, shape: Shape, staff_id: str, start: int, length: int) -> dict[str, Any]:
    shifts, breaks, available = [], [], []
    for day in range(shape.days):
        base = day * shape.slots
        shift: dict[str, Any] = {"start": base + start, "end": base + start + length}
        if shape.flexible and rng.random() < 0.3:
            shift |= {"may_start_earlier": 2, "may_start_later": 2, "may_end_earlier": 2, "may_end_later": 2}
        shifts.append(shift)
        available.append({"start": base, "end": base + shape.slots})
        middle = base + start + length // 2
        breaks.append({"break_id": f"lunch{day}", "start": middle - 6, "end": middle + 6, "slots": 2})
        breaks.append({"break_id": f"rest{day}", "start": base + start + 6, "end": base + start + 12, "slots": 1})
    return {
        "staff_id": staff_id, "shifts": shifts, "breaks": breaks, "available": available, "max_hours_day": 10,
        "max_hours_week": 46, "rest_hours": 10, "hourly_cost": 18 + rng.randrange(8),
    }  # fmt: skip


def _combinations(shape: Shape, rooms: list[dict[str, Any]], scenarios: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours of one kind may be one room in the first and last hour and a half."""
    result = []
    for a, b in zip(rooms[2::4], rooms[3::4], strict=False):
        for day in range(shape.days):
            for first in (0, shape.slots - 6):
                span = range(day * shape.slots + first, day * shape.slots + first + 6)
                joint = {
                    str(s): [max(1, one[a["room_id"]][t] + one[b["room_id"]][t] - 1) for t in span]
                    for s, one in enumerate(scenario["required"] for scenario in scenarios)
                }
                result.append(
                    {"rooms": [a["room_id"], b["room_id"]], "start": span[0], "end": span[-1] + 1, "required": joint}
                )
    return result

"""Small coverage problems for the tests: by hand and by hypothesis."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from optimizer import Problem


def problem(required: dict[str, list[int]], staff: list[dict[str, Any]], **fields: Any) -> Problem:
    """One day of 15-minute slots from 12:00 UTC with one sure scenario, unless told otherwise."""
    size = len(next(iter(required.values())))
    first = datetime(2026, 3, 2, 12, tzinfo=UTC)
    plain: dict[str, Any] = {
        "center_id": "c", "label": "2026-03-02",
        "slots": [first + timedelta(minutes=15 * t) for t in range(size)],
        "days": [{"day": date(2026, 3, 2), "start": 0, "end": size}],
        "rooms": [{"room_id": room} for room in required],
        "scenarios": [{"weight": 1.0, "required": required}],
        "staff": staff,
    }  # fmt: skip
    return Problem.model_validate(plain | fields)


def floater(staff_id: str, start: int, end: int, **fields: Any) -> dict[str, Any]:
    return {"staff_id": staff_id, "is_float": True, "shifts": [{"start": start, "end": end}]} | fields


def teacher(staff_id: str, room: str, start: int, end: int, **fields: Any) -> dict[str, Any]:
    return {
        "staff_id": staff_id,
        "home_room_id": room,
        "rooms": [room],
        "shifts": [{"start": start, "end": end}],
    } | fields


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any well-formed problem: gaps and joined days, nobody there, facts that break every rule, locks, closed rooms."""
    count = draw(st.integers(1, 3))
    lengths = [draw(st.integers(1, 9)) for _ in range(count)]
    size = sum(lengths)
    slots, days, at = [], [], datetime(2026, 3, 7, 20, tzinfo=UTC)
    for index, length in enumerate(lengths):
        days.append({"day": date(2026, 3, 7) + timedelta(days=index), "start": len(slots), "end": len(slots) + length})
        for _ in range(length):
            slots.append(at)
            at += timedelta(minutes=15)
        at += timedelta(hours=draw(st.sampled_from([0, 0, 1, 12])))
    rooms = [f"r{i}" for i in range(draw(st.integers(0, 3)))]
    weights = draw(st.sampled_from([[1.0], [0.25, 0.75], [0.2, 0.3, 0.5]]))

    def span(low: int = 0, high: int = size) -> dict[str, int]:
        start = draw(st.integers(low, high - 1))
        return {"start": start, "end": draw(st.integers(start + 1, high))}

    def few(make: Any, most: int) -> list[Any]:
        return [make() for _ in range(draw(st.integers(0, most)))]

    staff = []
    for number in range(draw(st.integers(0, 4))):
        shifts = []
        for day in days:
            if draw(st.integers(0, 3)):
                shift = span(day["start"], day["end"])
                if draw(st.booleans()):
                    shift |= {name: draw(st.integers(0, 2)) for name in MOVES}
                shifts.append(shift)
        breaks = []
        for index in range(draw(st.integers(0, 2))):
            window = span()
            length = draw(st.integers(1, window["end"] - window["start"]))
            breaks.append({"break_id": f"b{index}", "slots": min(length, 3), **window})
        qualified = draw(st.one_of(st.none(), st.lists(st.sampled_from(rooms), unique=True))) if rooms else None
        staff.append(
            {
                "staff_id": f"a{number}", "is_float": draw(st.booleans()), "movable": draw(st.booleans()),
                "home_room_id": draw(st.sampled_from([None, *rooms])), "rooms": qualified, "shifts": shifts,
                "breaks": breaks, "absences": few(span, 1), "available": few(span, 1),
                "max_hours_day": draw(st.sampled_from([0.0, 0.5, 1.0, 24.0])),
                "max_hours_week": draw(st.sampled_from([0.0, 1.0, 2.5, 168.0])),
                "rest_hours": draw(st.sampled_from([0.0, 2.0, 11.0])), "duty_before": draw(st.sampled_from([0.0, 7.5])),
                "overtime_after_hours": draw(st.sampled_from([0.5, 40.0])),
                "familiar": {room: draw(st.sampled_from([0.0, 0.5, 1.0])) for room in rooms[:1]},
            }
        )  # fmt: skip

    def word() -> dict[str, Any]:
        place = draw(st.sampled_from([None, *rooms]))
        return {"staff_id": draw(st.sampled_from([a["staff_id"] for a in staff])), "room_id": place, **span()}

    def combination() -> dict[str, Any]:
        window = span()
        joint = [draw(st.integers(0, 3)) for _ in range(window["end"] - window["start"])]
        numbers = {str(s): joint for s in range(len(weights))}
        return {"rooms": rooms[:2], "required": numbers, "min_slots": draw(st.integers(1, 3)), **window}

    def room(room_id: str) -> dict[str, Any]:
        severity, wing = draw(st.sampled_from([1.0, 3.0])), draw(st.sampled_from(["", "far"]))
        return {"room_id": room_id, "severity": severity, "wing": wing, "closed": few(span, 1)}

    def scenario(weight: float) -> dict[str, Any]:
        return {"weight": weight, "required": {r: [draw(st.integers(0, 3)) for _ in range(size)] for r in rooms}}

    other_wing, least_stay = draw(st.sampled_from([60, 600])), draw(st.integers(1, 3))
    return Problem.model_validate(
        {
            "center_id": "c", "label": "fuzz", "slots": slots, "days": days, "rooms": [room(r) for r in rooms],
            "scenarios": [scenario(w) for w in weights], "staff": staff,
            "locks": few(word, 2) if staff else [], "forbids": few(word, 1) if staff else [],
            "combinations": few(combination, 1) if len(rooms) > 1 else [],
            "current": _current(draw, staff, rooms, size),
            "frozen_until": draw(st.sampled_from([0, 0, size // 2, size])),
            "house": {"other_wing_seconds": other_wing, "min_stay_slots": least_stay},
        }
    )  # fmt: skip


MOVES = ("may_start_earlier", "may_start_later", "may_end_earlier", "may_end_later")


def _current(draw: st.DrawFn, staff: list[dict[str, Any]], rooms: list[str], size: int) -> list[dict[str, Any]]:
    """A plan in force that need not be legal: reality is not."""
    items = []
    for adult in staff:
        at = 0
        while at < size and draw(st.booleans()):
            start = draw(st.integers(at, size - 1))
            end = draw(st.integers(start + 1, size))
            state = draw(st.sampled_from(["idle", "break", *(["room"] if rooms else [])]))
            item = {"staff_id": adult["staff_id"], "start": start, "end": end, "state": state}
            if state == "room":
                item["room_id"] = draw(st.sampled_from(rooms))
            if state == "break" and adult["breaks"]:
                item["break_id"] = adult["breaks"][0]["break_id"]
            items.append(item)
            at = end
    return items

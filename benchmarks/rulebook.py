"""Checks per second of a 12-child room on one core, every jurisdiction; the bar is 100,000 with precompiled rules.

The peer reads YAML and validates with pydantic for every check, as a program does that keeps its rules in files and
its rooms in models (benchmarks/_naive_rules.py).
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from datetime import date, time
from typing import Any

from benchmarks import _naive_rules as naive
from rulebook import AdultHere, ChildHere, Situation, codes, load

DAY = date(2026, 3, 2)
OPENS, CLOSES = time(6, 30), time(18)
ROOMS = {
    "one age": (26,) * 12,
    "mixed ages": (14, 15, 16, 26, 27, 28, 29, 30, 31, 32, 33, 34),
}
TARGET = 100_000
PEERS = ("TX", "OH", "MD")


def run() -> list[dict[str, Any]]:
    """Best of seven rounds in processor time, so that other programs on the machine count as little as can be."""
    rows = []
    for code in codes():
        book = load(code, DAY)
        row: dict[str, Any] = {"jurisdiction": code, "documents_checked": len(book.parts), "target": TARGET}
        for name, ages in ROOMS.items():
            situations = [_situation(ages, minute) for minute in range(60)]
            row[name] = round(_rate(lambda at, s=situations, b=book: b.check(s[at]), 60))  # type: ignore[misc]
            if code in PEERS:
                row[f"{name}, times the peer"] = round(row[name] / _rate(_peer(code, ages), 2))
        row["reached"] = min(row[name] for name in ROOMS) >= TARGET
        rows.append(row)
    return rows


def _situation(ages: tuple[int, ...], minute: int) -> Situation:
    adults = (AdultHere("a1", "Lead Teacher", 40), AdultHere("a2", "Assistant", 30))
    return Situation(DAY, time(10, minute), tuple(ChildHere(age) for age in ages), adults, opens=OPENS, closes=CLOSES)


def _peer(code: str, ages: Sequence[int]) -> Callable[[int], object]:
    options = load(code, DAY).document.get("options", {})
    choices = {name: next(iter(entry["choices"])) for name, entry in options.items()}
    room = {
        "day": DAY, "local_time": time(10), "opens": OPENS, "closes": CLOSES, "activity": "normal",
        "children": [{"age_months": age, "walking": True, "in_school": False} for age in ages],
    }  # fmt: skip
    return lambda _: naive.evaluate(naive.read(code, DAY, choices), room)


def _rate(check: Callable[[int], object], different: int) -> float:
    best = 0.0
    for _ in range(7):
        rounds = max(1, 1200 // different) if different > 2 else 1
        started = clock.process_time()
        for _ in range(rounds):
            for number in range(different):
                check(number)
        best = max(best, rounds * different / (clock.process_time() - started))
    return best


if __name__ == "__main__":
    from benchmarks.__main__ import main

    raise SystemExit(main(["rulebook"]))

"""The smallest compiled parts: provenance, and the table that says how many adults a number of children needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

LARGEST_GROUP = 300  # children in one room; tables are made up to here

Need = tuple[int, ...]  # adults by number of children, index 0 to LARGEST_GROUP


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a rule as people see it: what it says and where it comes from."""

    label: str
    citation: str
    reference: str
    confidence: str
    valid_from: date | None
    checked_on: str
    source: str = "law"


def item_of(data: Mapping[str, Any], document: Mapping[str, Any], label: str) -> Item:
    start = data.get("valid_from")
    return Item(
        label=label,
        citation=document["citation"],
        reference=data.get("reference", document["citation"]),
        confidence=data.get("confidence", "unverified"),
        valid_from=date.fromisoformat(start) if start else None,
        checked_on=data.get("checked_on", "unknown"),
        source=document.get("source", "law"),
    )


def need_of_steps(children: int | Sequence[int], per_adult: int | None = None) -> Need:
    """Adults needed where `children[k-1]` may be with k adults.

    Beyond the list each further adult is worth `per_adult` (the first step if not given) counted from zero, never less
    than the last step: the strictest extension of a rule that does not say how it goes on.
    """
    steps = [children] if isinstance(children, int) else list(children)
    per = per_adult or next(step for step in steps if step > 0)
    return need_of(lambda adults: steps[adults - 1] if adults <= len(steps) else max(steps[-1], adults * per))


def need_of_points(points: Fraction, limit: Fraction) -> Need:
    return need_of(lambda adults: int(adults * limit / points))


def need_of(allowed: Callable[[int], int]) -> Need:
    table, adults = [0], 1
    for children in range(1, LARGEST_GROUP + 1):
        while allowed(adults) < children:
            adults += 1
        table.append(adults)
    return tuple(table)


def no_need() -> Need:
    return (0,) * (LARGEST_GROUP + 1)


Scale = Callable[[int], int]  # children present -> children as which they count under a relaxed ratio


def times(factor: int) -> Scale:
    """Each adult may have `factor` times as many children."""
    return lambda children: -(-children // factor)


def exceeded_by(percent: int) -> Scale:
    """Ratios and groups may be exceeded by a share, rounded to the nearest whole; an exact half goes down."""
    largest = [raised(base, percent) for base in range(LARGEST_GROUP + 1)]
    return lambda children: next(base for base, top in enumerate(largest) if top >= children)


def raised(base: int, percent: int) -> int:
    return (2 * base * (100 + percent) + 99) // 200

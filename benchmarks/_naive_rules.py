"""The rules read afresh for every question: YAML, then pydantic, then plain fractions. Slow and obvious on purpose.

The peer of benchmarks/rulebook.py and the oracle of tests/rulebook/test_oracle.py. It knows the sections that settle an
ordinary hour (ages, mixed ages, exceptions, floors, lifted and apart groups), not naps, ranks, options or variances.
"""

from __future__ import annotations

from datetime import date, time
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from rulebook.documents import RULES_FOLDER, in_force, read_yaml

END = 10**6


class Child(BaseModel):
    age_months: int = Field(ge=0, lt=216)
    walking: bool
    in_school: bool


class Room(BaseModel):
    day: date
    local_time: time
    opens: time
    closes: time
    activity: str
    children: list[Child]


class Answer(NamedTuple):
    required: int
    limit: int | None
    apart: bool


class Numbers(NamedTuple):
    adults: int
    limit: int | None


def read(code: str, on: date, choices: dict[str, str]) -> dict[str, Any]:
    """The file of a jurisdiction as it holds that day."""
    return in_force(read_yaml(RULES_FOLDER / f"{code.lower()}.yaml"), on, choices)


def evaluate(document: dict[str, Any], given: dict[str, Any]) -> Answer:
    """What the rules ask of a room with at least one child, all of known age and inside the bands."""
    room = Room.model_validate(given)
    bands = [band_of(document, child) for child in room.children]
    adults, limit = usual(document, room, bands)
    for clause in document.get("exceptions", []):
        if holds(clause, room, bands):
            eased = numbers(clause, document, room, bands)
            ceiling = eased.limit if "group" in clause or clause.get("use") == "band" else limit
            if eased.adults < adults and (ceiling is None or len(room.children) <= ceiling):
                adults, limit = eased.adults, ceiling
    floors = [floor for floor in document.get("floors", []) if holds(floor, room, bands)]
    adults = max([adults, *(least(floor, document, adults, len(bands)) for floor in floors)])
    if any(holds(clause, room, bands) for clause in document.get("group_lifted", [])):
        limit = None
    mixed = len({band["id"] for band in bands}) > 1
    apart = mixed and any(holds(clause, room, bands) for clause in document.get("apart", []))
    return Answer(adults, limit, apart)


def least(floor: dict[str, Any], document: dict[str, Any], adults: int, children: int) -> int:
    by_number = adults_for(floor, document, children) if "children" in floor else 0
    return max(floor.get("adults", 0), adults + floor.get("plus", 0), by_number)


def band_of(document: dict[str, Any], child: Child) -> dict[str, Any]:
    for band in document["bands"]:
        for part in band.get("ages", [band]):
            if matches(child, part):
                return dict(band)
    raise LookupError(f"no band holds for {child}")


def matches(child: Child, part: dict[str, Any]) -> bool:
    return (
        part.get("from", 0) <= child.age_months < (part.get("to") or END)
        and part.get("walking", child.walking) == child.walking
        and part.get("in_school", child.in_school) == child.in_school
    )


def usual(document: dict[str, Any], room: Room, bands: list[dict[str, Any]]) -> Numbers:
    if all(band["id"] == bands[0]["id"] for band in bands):
        return as_if_all(bands[0], document, len(bands))
    for clause in document.get("mixed_ages", []):
        if holds(clause, room, bands):
            return numbers(clause, document, room, bands)
    return numbers({"use": "strictest"}, document, room, bands)


def adults_for(row: dict[str, Any], document: dict[str, Any], children: int) -> int:
    if "points" in row:
        points = Fraction(str(row["points"]))
        return next(k for k in range(END) if int(k * Fraction(str(document["points_per_adult"])) / points) >= children)
    steps = row["children"] if isinstance(row["children"], list) else [row["children"]]
    per = row.get("per_adult") or next(step for step in steps if step)
    allowed = lambda k: 0 if k == 0 else steps[k - 1] if k <= len(steps) else max(steps[-1], k * per)  # noqa: E731
    return next(k for k in range(END) if allowed(k) >= children)


def as_if_all(band: dict[str, Any], document: dict[str, Any], children: int) -> Numbers:
    return Numbers(adults_for(band, document, children), band.get("group"))


def rate(band: dict[str, Any], document: dict[str, Any]) -> Fraction:
    if "points" in band:
        return Fraction(str(document["points_per_adult"])) / Fraction(str(band["points"]))
    steps = band["children"] if isinstance(band["children"], list) else [band["children"]]
    return Fraction(band.get("per_adult") or next(step for step in steps if step))


def numbers(clause: dict[str, Any], document: dict[str, Any], room: Room, bands: list[dict[str, Any]]) -> Numbers:
    order = [band for band in document["bands"] if band["id"] in {b["id"] for b in bands}]
    ids, n = [band["id"] for band in bands], len(bands)
    smallest = min((band["group"] for band in order if band.get("group")), default=None)
    kind = clause.get("use")
    if kind == "band":
        return as_if_all(next(b for b in document["bands"] if b["id"] == clause["band"]), document, n)
    if kind == "strictest":
        return Numbers(max(adults_for(band, document, n) for band in order), smallest)
    if kind == "youngest":
        return as_if_all(order[1 if may_disregard(clause, document, room, ids, order) else 0], document, n)
    if kind == "majority":
        most = max(ids.count(band["id"]) for band in order)
        tied = [as_if_all(band, document, n) for band in order if ids.count(band["id"]) == most]
        return max(tied, key=lambda each: each.adults)
    if kind == "own":
        return Numbers(sum(adults_for(band, document, ids.count(band["id"])) for band in order), smallest)
    if kind == "average":
        rates = [rate(b, document) for b in (bands if clause.get("weighted") else order)]
        ratio = sum(rates, Fraction(0)) / len(rates)
        return Numbers(ceil(n / (ratio if clause.get("round") == "none" else int(ratio))), smallest)
    if kind == "proportional":
        load = sum((1 / rate(band, document) for band in bands), Fraction(0))
        by_adults = clause.get("group_by_adults")
        return Numbers(ceil(load), int(by_adults * n / load) if by_adults else clause.get("group", smallest))
    adults = adults_for(clause, document, n) if "children" in clause else 0
    for part in clause.get("each_adult", []):
        few = sum(matches(child, part) for child in room.children)
        adults = max(adults, adults_for({"children": part["at_most"]}, document, few))
    return Numbers(max(adults, clause.get("adults", 0)), clause.get("group"))


def may_disregard(
    clause: dict[str, Any], document: dict[str, Any], room: Room, ids: list[str], order: list[dict[str, Any]]
) -> bool:
    rule = clause.get("disregard")
    if not rule or len(order) < 2:
        return False
    few, positions = ids.count(order[0]["id"]), [band["id"] for band in document["bands"]]
    next_door = positions.index(order[1]["id"]) == positions.index(order[0]["id"]) + 1 and len(order) == 2
    return (
        few <= rule.get("at_most", END)
        and Fraction(few, len(ids)) <= Fraction(str(rule.get("share", 1)))
        and (next_door or not rule.get("rest_in_next_band"))
        and min(child.age_months for child in room.children) >= rule.get("from", 0)
    )


def holds(clause: dict[str, Any], room: Room, bands: list[dict[str, Any]]) -> bool:
    wanted, barred = clause.get("if", {}), clause.get("unless", {})
    return all(met(key, wanted[key], room, bands) for key in wanted) and not (
        barred and all(met(key, barred[key], room, bands) for key in barred)
    )


def met(key: str, value: Any, room: Room, bands: list[dict[str, Any]]) -> bool:
    ages, ids, n = [child.age_months for child in room.children], {band["id"] for band in bands}, len(bands)
    at, opens, closes = (t.hour * 60 + t.minute for t in (room.local_time, room.opens, room.closes))
    minutes = value if isinstance(value, int) else 0
    first, last = (at - opens) % 1440 < minutes, 0 < (closes - at) % 1440 <= minutes
    span = {"first_minutes": first, "last_minutes": last, "edge_minutes": first or last}
    if key in span:
        return span[key]
    tests = {
        "youngest_from": lambda: min(ages) >= value,
        "oldest_below": lambda: max(ages) < value,
        "some_below": lambda: min(ages) < value,
        "some_from": lambda: max(ages) >= value,
        "span_over": lambda: max(ages) - min(ages) > value,
        "only": lambda: ids <= set(value),
        "some": lambda: bool(ids & set(value)),
        "mixed": lambda: (len(ids) > 1) == value,
        "total": lambda: within(n, value),
        # no totals of the building are given here: only "at least" can be met, by the room's own children
        "building_children": lambda: "at_most" not in value and within(n, value),
        "open_hours_at_least": lambda: ((closes - opens) % 1440 or 1440) >= value * 60,
        "activity": lambda: room.activity in value,
        "asleep_share": lambda: False,
        "count": lambda: all(enough(part, room) for part in value),
    }
    return bool(tests[key]())


def within(number: int, bounds: dict[str, Any]) -> bool:
    return bool(bounds.get("at_least", 0) <= number <= bounds.get("at_most", END))


def enough(part: dict[str, Any], room: Room) -> bool:
    found, n = sum(matches(child, part) for child in room.children), len(room.children)
    return (
        within(found, part)
        and found <= Fraction(str(part.get("share_at_most", 1))) * n
        and ("share_over" not in part or found > Fraction(str(part["share_over"])) * n)
    )

"""`if` and `unless` of the rule files, compiled to plain functions. Each key is one function here."""

# ruff: noqa: ARG001, ARG005 - every key has the same signature

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import time
from fractions import Fraction
from typing import Any

from rulebook.group import Bands, Group
from rulebook.situation import ChildHere, Situation

Condition = Callable[[Group, Situation], bool]


def compile_condition(item: Mapping[str, Any], bands: Bands) -> Condition | None:
    """All of `if`, and not all of `unless`; None where the item always holds."""
    wanted = _all([_MAKERS[key](value, bands) for key, value in _cheap_first(item.get("if", {}))])
    barred = _all([_MAKERS[key](value, bands) for key, value in _cheap_first(item.get("unless", {}))])
    if barred is None:
        return wanted
    if wanted is None:
        return lambda group, situation: not barred(group, situation)
    return lambda group, situation: wanted(group, situation) and not barred(group, situation)


def _all(parts: list[Condition]) -> Condition | None:
    """One function that asks the parts in order; nested pairs, because a loop costs more in the hot path."""
    if not parts:
        return None
    first, rest = parts[0], _all(parts[1:])
    if rest is None:
        return first
    return lambda group, situation: first(group, situation) and rest(group, situation)


def barring_bands(item: Mapping[str, Any], bands: Bands) -> frozenset[int]:
    """Bands that may not be present if the item is to hold: a quick first look, all that most checks need."""
    wanted = item.get("if", {})
    youngest, oldest = wanted.get("youngest_from", 0), wanted.get("oldest_below", _NO_END)
    return frozenset(
        band.index
        for band in bands.all
        if max(ages.end for ages in band.ages) <= youngest or min(ages.start for ages in band.ages) >= oldest
    )


def edge_minutes_of(item: Mapping[str, Any]) -> list[tuple[str, int]]:
    """('first' or 'last', minutes) wherever the item depends on the distance to opening or closing."""
    found = []
    for part in (item.get("if", {}), item.get("unless", {})):
        for key, sides in (
            ("first_minutes", ["first"]),
            ("last_minutes", ["last"]),
            ("edge_minutes", ["first", "last"]),
        ):
            found += [(side, part[key]) for side in sides if key in part]
    return found


def asks_building(item: Mapping[str, Any]) -> bool:
    """Whether the item depends on the number of children in the building."""
    return any("building_children" in item.get(part, {}) for part in ("if", "unless"))


def minutes_open(situation: Situation) -> int | None:
    """Length of the opening; a closing not after the opening is on the next day. None: not given."""
    if situation.opens is None or situation.closes is None:
        return None
    return (_minute(situation.closes) - _minute(situation.opens)) % 1440 or 1440


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _in_first(minutes: int, situation: Situation) -> bool:
    """Within [opens, opens + minutes)."""
    if situation.opens is None:
        return False
    return (_minute(situation.local_time) - _minute(situation.opens)) % 1440 < minutes


def _in_last(minutes: int, situation: Situation) -> bool:
    """Within [closes - minutes, closes)."""
    if situation.closes is None:
        return False
    return 0 < (_minute(situation.closes) - _minute(situation.local_time)) % 1440 <= minutes


def _first(minutes: int, bands: Bands) -> Condition:
    return lambda group, situation: _in_first(minutes, situation)


def _last(minutes: int, bands: Bands) -> Condition:
    return lambda group, situation: _in_last(minutes, situation)


def _edge(minutes: int, bands: Bands) -> Condition:
    return lambda group, situation: _in_first(minutes, situation) or _in_last(minutes, situation)


def _open_hours(hours: float, bands: Bands) -> Condition:
    return lambda group, situation: (minutes_open(situation) or 0) >= hours * 60


def _activity(names: list[str], bands: Bands) -> Condition:
    wanted = frozenset(names)
    return lambda group, situation: situation.activity in wanted


def _youngest_from(months: int, bands: Bands) -> Condition:
    below = _some_younger(months, bands)
    return lambda group, situation: group.n > 0 and not below(group)


def _oldest_below(months: int, bands: Bands) -> Condition:
    above = _some_as_old(months, bands)
    return lambda group, situation: group.n > 0 and not above(group)


def _some_below(months: int, bands: Bands) -> Condition:
    below = _some_younger(months, bands)
    return lambda group, situation: below(group)


def _some_from(months: int, bands: Bands) -> Condition:
    above = _some_as_old(months, bands)
    return lambda group, situation: above(group)


def _some_younger(months: int, bands: Bands) -> Callable[[Group], bool]:
    inside = [max(ages.end for ages in band.ages) <= months for band in bands.all]
    outside = [min(ages.start for ages in band.ages) >= months for band in bands.all]
    return _any_child(inside, outside, lambda group: group.age_span()[0] < months)


def _some_as_old(months: int, bands: Bands) -> Callable[[Group], bool]:
    inside = [min(ages.start for ages in band.ages) >= months for band in bands.all]
    outside = [max(ages.end for ages in band.ages) <= months for band in bands.all]
    return _any_child(inside, outside, lambda group: group.age_span()[1] >= months)


def _any_child(inside: list[bool], outside: list[bool], exact: Callable[[Group], bool]) -> Callable[[Group], bool]:
    """By the bands present alone (all of a band inside, or none); ages are looked at only where the limit cuts one."""

    def found(group: Group) -> bool:
        cut = False
        for index in group.bands_present:
            if inside[index]:
                return True
            cut = cut or not outside[index]
        return cut and exact(group)

    return found


def _span_over(months: int, bands: Bands) -> Condition:
    return lambda group, situation: group.age_span()[1] - group.age_span()[0] > months


def _mixed(wanted: bool, bands: Bands) -> Condition:
    return lambda group, situation: (len(group.bands_present) > 1) == wanted


def _only(ids: list[str], bands: Bands) -> Condition:
    inside = frozenset(bands.by_id[band_id].index for band_id in ids)
    return lambda group, situation: inside.issuperset(group.bands_present)


def _some(ids: list[str], bands: Bands) -> Condition:
    wanted = [bands.by_id[band_id].index for band_id in ids]
    return lambda group, situation: any(group.counts[index] for index in wanted)


def _total(bounds: Mapping[str, int], bands: Bands) -> Condition:
    low, high = _bounds(bounds)
    return lambda group, situation: low <= group.n <= high


def _building_children(bounds: Mapping[str, int], bands: Bands) -> Condition:
    """Without totals of the building the room's own children are the least there can be: fine for 'at least'
    where it asks for more; a permission needs the true total."""
    low, high = _bounds(bounds)

    def holds(group: Group, situation: Situation) -> bool:
        known = situation.building
        children = max(group.n, known.children) if known is not None else group.n
        return low <= children <= high and (known is not None or high == _NO_END)

    return holds


def _count(clauses: list[Mapping[str, Any]], bands: Bands) -> Condition:
    tests = [
        (counter(clause, bands), *_bounds(clause), _share(clause, "share_at_most"), _share(clause, "share_over"))
        for clause in clauses
    ]

    def holds(group: Group, situation: Situation) -> bool:
        for count, low, high, at_most, over in tests:
            found = count(group)
            if not low <= found <= high:
                return False
            if at_most is not None and found > at_most * group.n:
                return False
            if over is not None and found <= over * group.n:
                return False
        return True

    return holds


def counter(clause: Mapping[str, Any], bands: Bands) -> Callable[[Group], int]:
    """How many children of a group are of the clause's ages and status."""
    start, end = clause.get("from", 0), clause.get("to") or _NO_END
    walking, in_school = clause.get("walking"), clause.get("in_school")
    if walking is None and in_school is None:
        inside = [band.index for band in bands.all if all(start <= a.start and a.end <= end for a in band.ages)]
        outside = [band.index for band in bands.all if all(a.end <= start or end <= a.start for a in band.ages)]
        if len(inside) == 1 and len(outside) == len(bands.all) - 1:
            (only,) = inside
            return lambda group: group.counts[only]
        if len(inside) + len(outside) == len(bands.all):
            return lambda group: sum([group.counts[index] for index in inside])
        return lambda group: sum([start <= (child.age_months or 0) < end for child in group.children])

    def matches(child: ChildHere) -> bool:
        return (
            start <= (child.age_months or 0) < end
            and (walking is None or child.walking == walking)
            and (in_school is None or child.in_school == in_school)
        )

    return lambda group: sum(map(matches, group.children))


def _share(clause: Mapping[str, Any], key: str) -> Fraction | None:
    return Fraction(str(clause[key])) if key in clause else None


def _asleep_share(share: float, bands: Bands) -> Condition:
    least = Fraction(str(share))
    return lambda group, situation: situation.asleep is not None and situation.asleep >= least * group.n


_NO_END = 10**9


def _bounds(clause: Mapping[str, Any]) -> tuple[int, int]:
    return clause.get("at_least", 0), clause.get("at_most", _NO_END)


_MAKERS: dict[str, Callable[[Any, Bands], Condition]] = {
    "activity": _activity,
    "first_minutes": _first,
    "last_minutes": _last,
    "edge_minutes": _edge,
    "open_hours_at_least": _open_hours,
    "total": _total,
    "building_children": _building_children,
    "mixed": _mixed,
    "only": _only,
    "some": _some,
    "youngest_from": _youngest_from,
    "oldest_below": _oldest_below,
    "some_below": _some_below,
    "some_from": _some_from,
    "span_over": _span_over,
    "asleep_share": _asleep_share,
    "count": _count,
}


def _cheap_first(conditions: Mapping[str, Any]) -> list[tuple[str, Any]]:
    order = list(_MAKERS)
    return sorted(conditions.items(), key=lambda pair: order.index(pair[0]))

"""How a group's ages make one requirement: one function for each kind of rule."""

# ruff: noqa: ARG001 - every kind has the same signature

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import lcm
from typing import Any, NamedTuple

from rulebook.conditions import counter
from rulebook.group import Band, Bands, Group, says_steps
from rulebook.values import Item, Scale, item_of, need_of_steps


class Requirement(NamedTuple):
    adults: int
    limit: int | None  # largest group
    item: Item


Use = Callable[[Group, Scale | None], Requirement]


def compile_use(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """The function of one clause of `mixed_ages` or `exceptions`."""
    kind = data.get("use")
    if kind is None:
        return _fixed(data, bands, document)
    if kind == "band":
        chosen = _answers(bands.by_id[data["band"]])
        return lambda group, scale: chosen[scale(group.n) if scale else group.n]
    return _KINDS[kind](data, bands, document)


def single_band(bands: Bands) -> Use:
    """The youngest band's numbers for all: right where there is but one band, and where the youngest governs."""
    answers = [_answers(band) for band in bands.all]
    return lambda group, scale: answers[group.first][scale(group.n) if scale else group.n]


def strictest(bands: Bands) -> Use:
    """The most adults and the smallest group of any age present: what is taken where the rule is unknown."""
    every = bands.all

    def use(group: Group, scale: Scale | None) -> Requirement:
        n = scale(group.n) if scale else group.n
        governs = every[group.first]
        for index in group.bands_present:
            if every[index].need[n] > governs.need[n]:
                governs = every[index]
        return Requirement(governs.need[n], _smallest_group(group, bands), governs.item)

    return use


def _answers(band: Band) -> list[Requirement]:
    """By number of children, if all are of this band; made once, because most checks end here."""
    return [Requirement(adults, band.group, band.item) for adults in band.need]


def _youngest(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """The youngest band present, save a few children the rule lets go with the next older ones (`disregard`)."""
    disregard = data.get("disregard")
    if not disregard:
        return single_band(bands)
    answers = [_answers(band) for band in bands.all]

    def use(group: Group, scale: Scale | None) -> Requirement:
        index = group.first
        if len(group.bands_present) > 1 and _may_disregard(disregard, group):
            index = group.bands_present[1]
        return answers[index][scale(group.n) if scale else group.n]

    return use


def _may_disregard(rule: Mapping[str, Any], group: Group) -> bool:
    """Whether the youngest band's children may be read as of the next older band."""
    first, second = group.bands_present[:2]
    few = group.counts[first]
    if few > rule.get("at_most", few) or Fraction(few, group.n) > Fraction(str(rule.get("share", 1))):
        return False
    if rule.get("rest_in_next_band") and (second != first + 1 or len(group.bands_present) > 2):
        return False
    return group.age_span()[0] >= int(rule.get("from", 0))


def _majority(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """The band with the most children; of equal ones the stricter."""
    every, answers = bands.all, [_answers(band) for band in bands.all]

    def use(group: Group, scale: Scale | None) -> Requirement:
        n, counts = scale(group.n) if scale else group.n, group.counts
        most = group.first
        for index in group.bands_present:
            if counts[index] >= counts[most] and (
                counts[index] > counts[most] or every[index].need[n] > every[most].need[n]
            ):
                most = index
        return answers[most][n]

    return use


def _average(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """The average of the ratios of the ages present, by child if `weighted`; rounded down unless `round: none`."""
    item = item_of(data, document, "the average of the ratios of the ages present")
    weighted, rounded = bool(data.get("weighted")), data.get("round", "down") == "down"
    rates = [band.rate or Fraction(1) for band in bands.all]
    unit = lcm(*(rate.denominator for rate in rates))
    ratios = [int(rate * unit) for rate in rates]  # whole numbers, `unit` times the children per adult

    def use(group: Group, scale: Scale | None) -> Requirement:
        n = scale(group.n) if scale else group.n
        if weighted:
            total, weight = sum([ratios[i] * group.counts[i] for i in group.bands_present]), unit * group.n
        else:
            total, weight = sum([ratios[i] for i in group.bands_present]), unit * len(group.bands_present)
        adults = -(-n // (total // weight)) if rounded else -(-n * weight // total)
        return Requirement(adults, _smallest_group(group, bands), item)

    return use


def _proportional(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """Each child takes its share of an adult; the sum is rounded up once. `group_by_adults`: the largest group is what
    that many adults may have in this mix."""
    item = item_of(data, document, "each age by its own ratio, added up and rounded up once")
    by_adults = data.get("group_by_adults")
    rates = [band.rate or Fraction(1) for band in bands.all]
    adult = lcm(*(rate.numerator for rate in rates))  # an adult in such parts that each child takes a whole number
    parts = [int(adult / rate) for rate in rates]

    def use(group: Group, scale: Scale | None) -> Requirement:
        load = sum([group.counts[i] * parts[i] for i in group.bands_present])
        limit = data["group"] if "group" in data else _smallest_group(group, bands)
        if by_adults:
            limit = by_adults * group.n * adult // load
        adults = -(-load * scale(group.n) // (adult * group.n)) if scale else -(-load // adult)
        return Requirement(adults, limit, item)

    return use


def _own(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """Each age group keeps its own ratio, rounded up by itself, and the adults are added."""
    item = item_of(data, document, "each age group by its own ratio, each rounded up")

    def use(group: Group, scale: Scale | None) -> Requirement:
        adults = 0
        for index in group.bands_present:
            count = group.counts[index]
            adults += bands.all[index].need[scale(count) if scale else count]
        return Requirement(adults, _smallest_group(group, bands), item)

    return use


def _smallest_group(group: Group, bands: Bands) -> int | None:
    limits = [limit for index in group.bands_present if (limit := bands.all[index].group) is not None]
    return min(limits) if limits else None


def _strictest(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    return strictest(bands)


_KINDS: dict[str, Callable[[Mapping[str, Any], Bands, Mapping[str, Any]], Use]] = {
    "youngest": _youngest,
    "majority": _majority,
    "average": _average,
    "proportional": _proportional,
    "own": _own,
    "strictest": _strictest,
}


def _fixed(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> Use:
    """Numbers of the clause itself: `children` per adult or by steps, `adults` at least, `each_adult` sub-limits."""
    steps, least = data.get("children"), data.get("adults", 0)
    need = need_of_steps(steps, data.get("per_adult")) if steps is not None else None
    parts = [(counter(part, bands), need_of_steps(part["at_most"])) for part in data.get("each_adult", ())]
    limit = data.get("group")
    says = [data["label"]] if "label" in data else []
    says += [says_steps(steps)] if steps is not None else [f"at least {least} adults"]
    label = ": ".join(says) + (f"; group of at most {limit}" if limit else "")
    item = item_of(data, document, label)

    def use(group: Group, scale: Scale | None) -> Requirement:
        adults = max(least, need[scale(group.n) if scale else group.n] if need else 0)
        for count, part_need in parts:
            found = count(group)
            adults = max(adults, part_need[scale(found) if scale else found])
        return Requirement(adults, limit, item)

    return use

"""Children sorted into age bands: the composition every rule looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from domain.errors import BadInput, UnknownRule
from rulebook.situation import AGES, STATUSES, ChildHere
from rulebook.values import LARGEST_GROUP, Item, Need, item_of, need_of_points, need_of_steps, no_need

_MONTHS = range(18 * 12)


@dataclass(frozen=True, slots=True)
class Ages:
    """[start, end) completed months, of a walking or school status if the rule asks for one."""

    start: int
    end: int
    walking: bool | None = None
    in_school: bool | None = None

    def may_hold(self, age: int, walking: bool | None, in_school: bool) -> bool:
        return (
            self.start <= age < self.end
            and (self.in_school is None or self.in_school == in_school)
            and (self.walking is None or walking is None or self.walking == walking)
        )


@dataclass(frozen=True, slots=True)
class Band:
    index: int
    band_id: str
    label: str
    ages: tuple[Ages, ...]
    need: Need
    group: int | None
    rate: Fraction | None  # children per adult in sums and averages; None: no number of its own
    item: Item

    def adults_for(self, children: int) -> int:
        """Of any number, also more than one room may hold."""
        rooms, rest = divmod(children, LARGEST_GROUP)
        return rooms * self.need[LARGEST_GROUP] + self.need[rest]

    @property
    def example(self) -> ChildHere:
        first = self.ages[0]
        return ChildHere(first.start, walking=first.walking, in_school=bool(first.in_school))


class Group:
    """How many children of each band; `first` is the youngest band present (-1 when empty)."""

    __slots__ = ("_bands", "_given", "bands_present", "children", "counts", "first", "n", "oldest", "youngest")

    def __init__(
        self, children: Sequence[ChildHere], counts: list[int], bands: Bands, given: Sequence[ChildHere]
    ) -> None:
        self.children = children  # with examples of their band in place of those whose age is not known
        self.counts = counts
        self.n = len(children)
        self.bands_present = present = [index for index, count in enumerate(counts) if count]
        self.first = present[0] if present else -1
        self.youngest = -1  # ages in months, worked out by `ages` for rules that ask
        self.oldest = -1
        self._bands = bands
        self._given = given

    @property
    def unclear(self) -> tuple[str, ...]:
        """Sentences about children whose band had to be assumed."""
        return self._bands.assumed(self._given)

    def age_span(self) -> tuple[int, int]:
        if self.youngest < 0:
            ages = [child.age_months or 0 for child in self.children] or [0]
            self.youngest, self.oldest = min(ages), max(ages)
        return self.youngest, self.oldest


class Bands:
    """The bands of one table on one day, and the sorting of children into them."""

    def __init__(self, bands: Sequence[Band]) -> None:
        self.all = tuple(bands)
        self.by_id = {band.band_id: band for band in bands}
        self.strictest = min(bands, key=lambda band: (-band.need[60], band.rate or 0, band.index))
        self._tables = {status: [self._band_for(age, *status) for age in _MONTHS] for status in STATUSES}
        self._nowhere = len(bands)  # where children go whose age is not known, or whom no band holds
        self._by_key = [
            self._nowhere if age is None or self._tables[status][age] < 0 else self._tables[status][age]
            for age in AGES
            for status in STATUSES
        ]

    def group(self, children: Sequence[ChildHere]) -> Group:
        """Sort children; an unknown age, or one outside every band, takes the strictest band (`Group.unclear`)."""
        if len(children) > LARGEST_GROUP:
            raise BadInput(f"{len(children)} children in one room cannot be checked; the most is {LARGEST_GROUP}")
        counts, table = [0] * (self._nowhere + 1), self._by_key
        for child in children:
            counts[table[child.key]] += 1
        lost = counts.pop()
        if not lost:
            return Group(children, counts, self, children)
        counts[self.strictest.index] += lost
        example = self.strictest.example
        return Group([example if table[c.key] == self._nowhere else c for c in children], counts, self, children)

    def sorts_like(self, other: Bands) -> bool:
        """Whether both put every child into a band of the same place."""
        return self._by_key == other._by_key and self.strictest.index == other.strictest.index

    def assumed(self, children: Sequence[ChildHere]) -> tuple[str, ...]:
        """What had to be assumed about these children, in sentences."""
        said = []
        for child in children:
            index = self._by_key[child.key]
            if index == self._nowhere:
                why = "has no known age" if child.age_months is None else "is older than every band of the rule"
                said.append(f"{_name(child)} {why} and is taken as {self.strictest.label}, the strictest")
            elif child.walking is None and self._walking_matters(child.age_months or 0, child.in_school):
                said.append(
                    f"whether {_name(child)} walks is not known; taken as {self.all[index].label}, the stricter"
                )
        return tuple(dict.fromkeys(said))

    def _walking_matters(self, age: int, in_school: bool) -> bool:
        return self._tables[False, in_school][age] != self._tables[True, in_school][age]

    def _band_for(self, age: int, walking: bool | None, in_school: bool) -> int:
        """The first band that fits; of two that could (walking unknown) the one that asks for more adults."""
        if walking is None:
            options = {self._band_for(age, known, in_school) for known in (False, True)} - {-1}
            return max(options, key=lambda index: (self.all[index].need[60], -index)) if options else -1
        for band in self.all:
            if any(ages.may_hold(age, walking, in_school) for ages in band.ages):
                return band.index
        return -1


def compile_bands(document: Mapping[str, Any]) -> Bands:
    """Bands of a document in force; UnknownRule where a law leaves an age below its last band without number."""
    rows = document["bands"]
    bands = [_band(index, row, document) for index, row in enumerate(rows)]
    if document.get("source", "law") != "law":
        bands.append(_rest(len(bands), document))
    elif not bands:
        raise UnknownRule(f"{document['code']}: no ratio table is known for that day")
    table = Bands(bands)
    top = max(ages.end for band in bands for ages in band.ages)
    for age in range(min(top, len(_MONTHS))):
        for school in (False, True):
            if table._band_for(age, None, school) < 0:
                raise UnknownRule(
                    f"{document['code']}: no band holds for a child of {age} months on that day; "
                    "the bands must follow each other without gap"
                )
    return table


def _band(index: int, row: Mapping[str, Any], document: Mapping[str, Any]) -> Band:
    label = row["label"]
    if "points" in row:
        points, limit = Fraction(str(row["points"])), Fraction(str(document["points_per_adult"]))
        need, rate = need_of_points(points, limit), limit / points
        says = f"{label}: {row['points']} points a child, {document['points_per_adult']} points an adult"
    else:
        need = need_of_steps(row["children"], row.get("per_adult"))
        steps = row["children"]
        rate = Fraction(row.get("per_adult") or (steps if isinstance(steps, int) else next(s for s in steps if s)))
        says = f"{label}: {says_steps(steps)}"
    group = row.get("group")
    return Band(
        index=index,
        band_id=row["id"],
        label=label,
        ages=tuple(_ages(part) for part in row.get("ages", [row])),
        need=need,
        group=group,
        rate=rate,
        item=item_of(row, document, says + (f"; group of at most {group}" if group else "")),
    )


def says_steps(steps: int | Sequence[int]) -> str:
    """'4 children per adult' or '4 children with 1 adult, 10 with 2'."""
    if isinstance(steps, int):
        return f"{steps} children per adult"
    first, *rest = [f"{children} children with {adults}" for adults, children in enumerate(steps, 1) if children]
    unit = " adult" if first.endswith(" 1") else " adults"
    tail = "".join(f", {text.replace(' children', '')}" for text in rest)
    alone = "" if steps[0] else ", never one adult alone"
    return first + unit + tail + alone


def _ages(part: Mapping[str, Any]) -> Ages:
    end = part.get("to")
    return Ages(part["from"], len(_MONTHS) if end is None else end, part.get("walking"), part.get("in_school"))


def _rest(index: int, document: Mapping[str, Any]) -> Band:
    """What a policy says nothing about: it asks for nothing there."""
    label = "other ages"
    return Band(
        index, "other", label, (Ages(0, len(_MONTHS)),), no_need(), None, None, item_of({}, document, label)
    )  # fmt: skip


def _name(child: ChildHere) -> str:
    return f"child {child.child_id}" if child.child_id else "a child"

"""Relief at nap: fewer adults in the room, as long as the rule's conditions in the room and in the building hold."""

# ruff: noqa: ARG005 - every form of relief has the same signature

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from rulebook.conditions import Condition, compile_condition
from rulebook.group import Band, Bands, Group
from rulebook.mixing import Requirement
from rulebook.situation import ChildHere, Situation
from rulebook.values import Item, Need, Scale, item_of, need_of_steps, times

Normal = Callable[[Group, Situation, Scale | None], Requirement]


@dataclass(frozen=True, slots=True)
class NapRule:
    """One clause of `nap`. Relief never asks for more than the normal ratio, nor for nobody."""

    holds: Condition | None
    relief: Callable[[Group, Situation, Normal], int]
    building_share: Fraction | None  # of the room's normal requirement that must be in the building; None: no condition
    elsewhere_share: Fraction  # of what the other rooms need
    building_plus: int
    max_minutes: int | None
    lifts_group: bool
    strictest: Band
    item: Item

    def refusal(self, group: Group, situation: Situation, full: int) -> str:
        """Why relief is not granted now; empty if it is. `full` is the room's normal requirement."""
        if self.holds is not None and not self.holds(group, situation):
            return "the nap rule's conditions are not met (ages, or how many sleep)"
        if self.max_minutes is not None and (situation.nap_minutes or 0) >= self.max_minutes:
            return f"nap relief ends after {self.max_minutes} minutes"
        if self.building_share is None:
            return ""
        building = situation.building
        if building is None:
            return "nap relief needs the adults in the building, and their number was not given"
        elsewhere, assumed = building.required_elsewhere, ""
        if elsewhere is None:
            others = max(0, building.children - group.n)
            elsewhere = self.strictest.adults_for(others)
            if others:
                assumed = f", if the other {others} children are {self.strictest.label} (their adults were not given)"
        needed = ceil(self.building_share * full + self.elsewhere_share * elsewhere) + self.building_plus
        if building.adults < needed:
            return f"nap relief needs {needed} adults in the building and {building.adults} are there{assumed}"
        return ""


def compile_nap(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> NapRule:
    building = data.get("building")
    share = Fraction(str((building or {}).get("share", 1)))
    return NapRule(
        holds=compile_condition(data, bands),
        relief=_relief(data, bands),
        building_share=None if building is None else share,
        elsewhere_share=Fraction(str((building or {}).get("elsewhere", share))),
        building_plus=0 if building is None else building.get("plus", 0),
        max_minutes=data.get("max_minutes"),
        lifts_group=data.get("group") == "lifted",
        strictest=bands.strictest,
        item=item_of(data, document, data["says"]),
    )


def _relief(data: Mapping[str, Any], bands: Bands) -> Callable[[Group, Situation, Normal], int]:
    room = data["room"]
    if "times" in room:
        scale = times(room["times"])
        return lambda group, situation, normal: normal(group, situation, scale).adults
    if "share" in room:
        share = Fraction(str(room["share"]))
        return lambda group, situation, normal: ceil(share * normal(group, situation, None).adults)
    if "children" in room:
        return _table(room["children"], bands)
    if room.get("awake") == "normal":
        return lambda group, situation, normal: max(room["adults"], _for_the_awake(group, situation, normal, bands))
    return lambda group, situation, normal: int(room["adults"])


def _table(children: int | Mapping[str, int], bands: Bands) -> Callable[[Group, Situation, Normal], int]:
    """Numbers of their own at nap; where they differ by band the strictest present holds, an absent band has none."""
    if isinstance(children, int):
        need = need_of_steps(children)
        return lambda group, situation, normal: need[group.n]
    needs: dict[int, Need] = {bands.by_id[key].index: need_of_steps(value) for key, value in children.items()}

    def relief(group: Group, situation: Situation, normal: Normal) -> int:
        if not needs.keys() >= set(group.bands_present):
            return normal(group, situation, None).adults
        return max(needs[index][group.n] for index in group.bands_present)

    return relief


def _for_the_awake(group: Group, situation: Situation, normal: Normal, bands: Bands) -> int:
    """The normal ratio for those awake; who they are is not known, so the youngest."""
    awake = group.n - (situation.asleep or 0)
    if not awake:
        return 0
    youngest: list[ChildHere] = sorted(group.children, key=lambda child: child.age_months or 0)[:awake]
    return normal(bands.group(youngest), situation, None).adults

"""One document in force, compiled: what it asks for a group in a situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rulebook.conditions import Condition, asks_building, barring_bands, compile_condition, edge_minutes_of
from rulebook.documents import SECTIONS
from rulebook.group import Bands, Group, compile_bands
from rulebook.mixing import Requirement, Use, compile_use, single_band, strictest
from rulebook.nap import NapRule, compile_nap
from rulebook.situation import AdultHere, Situation
from rulebook.staffing import RANKS, Counting, StaffMix, compile_counting, compile_mix
from rulebook.values import Item, Need, Scale, exceeded_by, item_of, need_of_steps, raised


class Finding:
    """What one document asks for. `helpers`: how many of the required any adult volunteer may be. `notes` are
    sentences on relief given or refused."""

    __slots__ = ("breaches", "group", "helpers", "item", "limit", "notes", "premises", "required")

    def __init__(
        self,
        group: Group,
        required: int,
        limit: int | None,
        item: Item,
        breaches: tuple[str, ...] = (),
        premises: int = 0,
        notes: tuple[str, ...] = (),
        helpers: int = 0,
    ) -> None:
        self.group = group
        self.required = required
        self.limit = limit
        self.item = item
        self.breaches = breaches
        self.premises = premises
        self.notes = notes
        self.helpers = helpers


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition and what follows: numbers to use (mixed ages, exceptions) or adults (floors, premises)."""

    holds: Condition | None
    barred: frozenset[int]  # with one of these bands present it cannot hold
    item: Item
    use: Use | None = None
    adults: int = 0
    plus: int = 0
    need: Need | None = None
    volunteers: bool = False
    keeps_group: bool = False
    others_per_teacher: int = 0

    def applies(self, group: Group, situation: Situation) -> bool:
        return self.holds is None or (self.barred.isdisjoint(group.bands_present) and self.holds(group, situation))

    def least(self, required: int, children: int) -> int:
        """Adults a floor asks for where the rule alone asks for `required`."""
        return max(self.adults, required + self.plus, self.need[children] if self.need else 0)


@dataclass(frozen=True, slots=True)
class Variance:
    percent: int
    scale: Scale
    clause: Clause


class Rules:
    """Compiled from one document in force on one day (`documents.in_force`) under settled options."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.bands: Bands = compile_bands(document)
        self.counting: Counting = compile_counting(document)
        self.source: str = document.get("source", "law")
        self._single = single_band(self.bands)
        self._fallback = strictest(self.bands)
        self._mixed = self._clauses("mixed_ages")
        self._exceptions = self._clauses("exceptions")
        self._floors = self._clauses("floors")
        self.takes_helpers = any(floor.volunteers for floor in self._floors)
        self._apart = self._clauses("apart")
        self._lifted = self._clauses("group_lifted")
        self._premises = self._clauses("premises")
        self._naps: list[NapRule] = [compile_nap(row, self.bands, document) for row in document.get("nap", [])]
        mixes = document.get("staff_mix", [])
        self.mixes: list[StaffMix] = [compile_mix(row, self.bands, document) for row in mixes if "building" not in row]
        self._building_mixes = [self._clause(row, "staff_mix") for row in mixes if "building" in row]
        self._variances = [
            Variance(row["percent"], exceeded_by(row["percent"]), self._clause(row))
            for row in document.get("variances", [])
        ]
        self._nothing = item_of({}, document, "no children, no adults required")

    @property
    def edges(self) -> set[tuple[str, int]]:
        """('first' or 'last', minutes) of every rule that depends on the time of day."""
        return {edge for section in SECTIONS for row in self.document.get(section, ()) for edge in edge_minutes_of(row)}

    @property
    def asks_building(self) -> bool:
        """Whether any rule depends on how many children the building holds."""
        return any(asks_building(row) for section in SECTIONS for row in self.document.get(section, ()))

    @property
    def building_mixes(self) -> tuple[str, ...]:
        """Sentences on the mix of ranks that the whole building must not have."""
        return tuple(clause.item.label for clause in self._building_mixes)

    def mix_is_known(self, group: Group, situation: Situation) -> bool:
        """Whether the rule says how these ages count together."""
        return any(clause.applies(group, situation) for clause in self._mixed)

    def find(self, group: Group, situation: Situation) -> Finding:
        if not group.n:
            return Finding(group, 0, None, self._nothing, premises=self._premises_of(group, situation))
        required, limit, item = self.normal(group, situation, None)
        notes: tuple[str, ...] = ()
        if self._variances:
            required, limit, item, notes = self._varied(group, situation, required, limit, item)
        for clause in self._exceptions:
            if clause.use is not None and clause.applies(group, situation):
                eased = clause.use(group, None)
                ceiling = limit if clause.keeps_group else eased.limit
                if eased.adults < required and (ceiling is None or group.n <= ceiling):
                    required, limit, item = eased.adults, ceiling, eased.item
        usual, helpers = required, 0
        for floor in self._floors:
            if (least := floor.least(usual, group.n)) > required and floor.applies(group, situation):
                required, item, helpers = least, floor.item, least - usual if floor.volunteers else 0
        if situation.activity == "nap" and self._naps:
            required, limit, item, said = self._napping(group, situation, required, limit, item)
            notes += said
        for clause in self._lifted:
            if clause.applies(group, situation):
                limit = None
                break
        breaches: tuple[str, ...] = ()
        if self._apart and len(group.bands_present) > 1:
            breaches = tuple([clause.item.label for clause in self._apart if clause.applies(group, situation)])
        if self._building_mixes and situation.building is not None and situation.building.staff:
            breaches += self._ranks_missing(situation.building.staff)
        return Finding(group, required, limit, item, breaches, self._premises_of(group, situation), notes, helpers)

    def normal(self, group: Group, situation: Situation, scale: Scale | None) -> Requirement:
        """By the bands and the mixed-age rule alone."""
        if len(group.bands_present) == 1:
            return self._single(group, scale)
        for clause in self._mixed:
            if clause.use is not None and clause.applies(group, situation):
                return clause.use(group, scale)
        return self._fallback(group, scale)

    def _varied(
        self, group: Group, situation: Situation, required: int, limit: int | None, item: Item
    ) -> tuple[int, int | None, Item, tuple[str, ...]]:
        for variance in self._variances:
            if variance.clause.applies(group, situation):
                eased = self.normal(group, situation, variance.scale)
                most = None if limit is None else raised(limit, variance.percent)
                return min(required, eased.adults), most, item, (variance.clause.item.label,)
        return required, limit, item, ()

    def _napping(
        self, group: Group, situation: Situation, required: int, limit: int | None, item: Item
    ) -> tuple[int, int | None, Item, tuple[str, ...]]:
        """The first nap clause that grants relief; else the normal numbers and why not."""
        refusals = []
        for nap in self._naps:
            refusal = nap.refusal(group, situation, required)
            if refusal:
                refusals.append(refusal)
                continue
            eased = max(1, nap.relief(group, situation, self.normal))
            said = [nap.item.label]
            if nap.max_minutes is not None and situation.nap_minutes is None:
                said.append(f"this holds for at most {nap.max_minutes} minutes of nap; how long it lasts was not given")
            if eased < required:
                required, item = eased, nap.item
            return required, None if nap.lifts_group else limit, item, tuple(said)
        return required, limit, item, tuple(dict.fromkeys(refusals))

    def _ranks_missing(self, staff: tuple[AdultHere, ...]) -> tuple[str, ...]:
        """Rules on the mix of ranks in the whole building."""
        ranks = [self.counting.rank(adult) for adult in staff if self.counting.reason_against(adult, staff) is None]
        teachers = sum(rank == RANKS["teacher"] for rank in ranks)
        others = len(ranks) - teachers
        return tuple(
            clause.item.label for clause in self._building_mixes if others > clause.others_per_teacher * teachers
        )

    def _premises_of(self, group: Group, situation: Situation) -> int:
        adults = 0
        for clause in self._premises:
            if clause.adults > adults and clause.applies(group, situation):
                adults = clause.adults
        return adults

    def _clauses(self, section: str) -> list[Clause]:
        return [self._clause(row, section) for row in self.document.get(section, [])]

    def _clause(self, row: Mapping[str, Any], section: str = "") -> Clause:
        uses = section in ("mixed_ages", "exceptions")
        return Clause(
            holds=compile_condition(row, self.bands),
            barred=barring_bands(row, self.bands),
            item=item_of(row, self.document, row.get("says") or row.get("label") or section),
            use=compile_use(row, self.bands, self.document) if uses else None,
            adults=row.get("adults", 0),
            plus=row.get("plus", 0),
            need=need_of_steps(row["children"]) if section == "floors" and "children" in row else None,
            volunteers=row.get("volunteers", False),
            keeps_group="group" not in row and row.get("use") != "band",
            others_per_teacher=row.get("building", {}).get("others_per_teacher", 0),
        )

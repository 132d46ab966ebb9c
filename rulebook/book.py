"""A jurisdiction's rules and a center's own policy for one day: the check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import pairwise
from typing import NamedTuple

from domain.errors import BadInput
from rulebook import explain
from rulebook.documents import Document
from rulebook.group import Band
from rulebook.rules import Finding, Rules
from rulebook.situation import AdultHere, ChildHere, Situation
from rulebook.staffing import Counting, helpers_among
from rulebook.values import Item
from rulebook.verdict import Departure, Governing, Headroom, Uncounted, Verdict

MOST_HEADROOM = 60  # more than this is said as this

_AGED = tuple(ChildHere(months) for months in range(18 * 12))
_AGE_UNKNOWN = ChildHere(None)


class Basis(NamedTuple):
    """How a verdict came about: one finding per document (law variants first), and which of them governs."""

    findings: Sequence[Finding]
    governs: int  # index into findings; -1: the room's own licence
    mixing: Item | None = None  # the rule on ranks that leaves adults uncounted
    helping: Sequence[AdultHere] = ()  # volunteers in places that ask for any adult


@dataclass(frozen=True, slots=True)
class Combined:
    """May these rooms be one now? `adults_saved` compares with what they require apart."""

    allowed: bool
    verdict: Verdict
    adults_saved: int
    reason: str


class Rulebook:
    """Immutable; `rulebook.load` makes and caches it."""

    def __init__(self, document: Document, on: date, parts: Sequence[Rules], undecided: Sequence[str]) -> None:
        self.document = document
        self.code: str = document["code"]
        self.name: str = document["name"]
        self.on = on
        self.parts = tuple(parts)
        self.undecided = tuple(undecided)  # options the center has not chosen: the strictest of the choices holds
        self.bands: tuple[Band, ...] = self.parts[0].bands.all
        self._countings: tuple[Counting, ...] = tuple(part.counting for part in self.parts)
        self._plain_roles = frozenset.intersection(*(counting.plain_roles for counting in self._countings))
        self._plain_age = max(counting.min_age for counting in self._countings)
        self._has_mixes = any(part.mixes for part in self.parts)
        self._has_helpers = any(part.takes_helpers for part in self.parts)
        self._finds = [(part.find, part.bands.group) for part in self.parts]
        self._sorts_alike = [part.bands.sorts_like(self.parts[0].bands) for part in self.parts]

    def check(self, situation: Situation) -> Verdict:
        """The verdict; the strictest of law, policy and the room's licence governs."""
        adults = self._counted(situation.adults)
        counted = len(adults)
        findings = self._find(situation)
        first = findings[0]
        required, limit, governs = first.required, first.limit, 0
        breaches, premises = first.breaches, first.premises
        if len(findings) > 1:
            for index, finding in enumerate(findings):
                if finding.required > required:
                    required, governs = finding.required, index
                if finding.limit is not None and (limit is None or finding.limit < limit):
                    limit = finding.limit
                if finding.breaches:
                    breaches += tuple(said for said in finding.breaches if said not in breaches)
                if finding.premises > premises:
                    premises = finding.premises
        if situation.room is not None:
            required, limit, governs = _licensed(situation, required, limit, governs)
        mixing, staff = None, required
        helping: tuple[AdultHere, ...] = ()
        if self._has_helpers and governs >= 0:
            staff = max([finding.required - finding.helpers for finding in findings])
            helping = helpers_among(situation.adults, self._countings)[: required - staff]
        if self._has_mixes and required:
            counted, mixing = self._by_rank(situation, findings, staff, adults)
        counted += len(helping)
        basis = Basis(findings, governs, mixing, helping)
        return Verdict(self, situation, required, counted, limit, breaches, premises, basis)

    def required(
        self,
        age_months: Iterable[int | None],
        local_time: time | None = None,
        activity: str = "normal",
        opens: time | None = None,
        closes: time | None = None,
    ) -> int:
        """Adults required for children of these ages alone: no relief that depends on the building or on who sleeps."""
        children = tuple([_AGE_UNKNOWN if age is None else _AGED[age] for age in age_months])
        situation = Situation(self.on, local_time or time(12), children, (), activity, None, opens, closes)
        return max([finding.required for finding in self._find(situation)])

    def boundaries(self, opens: time, closes: time) -> tuple[time, ...]:
        """Local times of a day open [opens, closes) at which an answer may change by itself."""
        minutes = set()
        for part in self.parts:
            for side, distance in part.edges:
                start = opens.hour * 60 + opens.minute
                end = closes.hour * 60 + closes.minute
                minutes.add((start + distance if side == "first" else end - distance) % 1440)
        return tuple(time(*divmod(minute, 60)) for minute in sorted(minutes))

    def combine(self, situations: Sequence[Situation]) -> Combined:
        """All children and adults of these rooms in one room, under the licence of the first; BadInput for none."""
        if not situations:
            raise BadInput("name at least one room to combine")
        together = self.check(self._one_room(situations))
        apart = sum(self.check(situation).required for situation in situations)
        allowed = not (together.breaches or together.group_over)
        return Combined(allowed, together, apart - together.required, explain.combining(together, allowed))

    # How a verdict explains itself (verdict.Explains).

    def uncounted_of(self, verdict: Verdict) -> tuple[Uncounted, ...]:
        return explain.uncounted(self, verdict)

    def governing_of(self, verdict: Verdict) -> Governing:
        return explain.governing(verdict)

    def notes_of(self, verdict: Verdict) -> tuple[str, ...]:
        return explain.notes(self, verdict)

    def sentence_of(self, verdict: Verdict) -> str:
        return explain.sentence(self, verdict)

    def headroom_of(self, verdict: Verdict) -> tuple[Headroom, ...]:
        return tuple(self._headroom(verdict, band) for band in self.bands)

    def spare_of(self, verdict: Verdict) -> int:
        present = verdict.basis.findings[0].group.bands_present or range(len(self.bands))
        return min(self._headroom(verdict, self.bands[index]).more for index in present)

    def departure_of(self, verdict: Verdict, staff_id: str, leaves_building: bool) -> Departure:
        """Leaving is allowed if it makes nothing worse."""
        situation = verdict.situation
        stay = tuple(adult for adult in situation.adults if adult.staff_id != staff_id)
        if len(stay) == len(situation.adults):
            raise BadInput(f"the adult {staff_id} is not in this room; name one of those who are")
        building = situation.building
        if building is not None and leaves_building:
            building = replace(
                building,
                adults=max(0, building.adults - 1),
                staff=tuple(adult for adult in building.staff if adult.staff_id != staff_id),
            )
        after = self.check(replace(situation, adults=stay, building=building))
        worse = (
            after.deficit > verdict.deficit
            or after.premises_deficit > verdict.premises_deficit
            or len(after.breaches) > len(verdict.breaches)
        )
        return Departure(not worse, explain.departure(staff_id, verdict, after, allowed=not worse))

    def _find(self, situation: Situation) -> list[Finding]:
        """What each document asks for. Documents with the same ages sort the children once."""
        find, sort = self._finds[0]
        group = sort(situation.children)
        findings = [find(group, situation)]
        if len(self._finds) > 1:
            for index, (find, sort) in enumerate(self._finds[1:], 1):
                findings.append(find(group if self._sorts_alike[index] else sort(situation.children), situation))
        return findings

    def _counted(self, adults: Sequence[AdultHere]) -> list[AdultHere]:
        """Those who count under every document."""
        roles, age, countings = self._plain_roles, self._plain_age, self._countings
        return [
            adult
            for adult in adults
            if (
                adult.state == "in_room"
                and adult.role in roles
                and not adult.volunteer
                and (adult.age_years is None or adult.age_years >= age)
            )
            or all(counting.reason_against(adult, adults) is None for counting in countings)
        ]

    def _one_room(self, situations: Sequence[Situation]) -> Situation:
        """Different activities or times are read as the ordinary one; asleep is known only if every room says it."""
        first = situations[0]
        for one, other in pairwise(situations):
            if (one.day, one.local_time) != (other.day, other.local_time):
                raise BadInput("rooms can be combined only at one and the same moment")
        asleep = [situation.asleep for situation in situations]
        known = [count for count in asleep if count is not None]
        adults: dict[str, AdultHere] = {}
        for situation in situations:
            adults.update({adult.staff_id: adult for adult in situation.adults if adult.staff_id not in adults})
        building = first.building
        if building is not None and building.required_elsewhere is not None:
            joining = sum(self.check(replace(other, activity="normal", adults=())).required for other in situations[1:])
            building = replace(building, required_elsewhere=max(0, building.required_elsewhere - joining))
        return replace(
            first,
            children=tuple(child for situation in situations for child in situation.children),
            adults=tuple(adults.values()),
            activity=first.activity if len({situation.activity for situation in situations}) == 1 else "normal",
            asleep=sum(known) if len(known) == len(asleep) else None,
            building=building,
        )

    def _headroom(self, verdict: Verdict, band: Band) -> Headroom:
        if not verdict.compliant:
            return self._too_many(verdict, band)
        more = 0
        while more < MOST_HEADROOM:
            after = self.check(_with_more(verdict.situation, band.example, more + 1))
            if not after.compliant:
                return Headroom(band.band_id, band.ages[0].start, more, explain.limit_reached(after))
            more += 1
        return Headroom(band.band_id, band.ages[0].start, more, "nothing found")

    def _too_many(self, verdict: Verdict, band: Band) -> Headroom:
        """How many of this band would have to leave; all of them where even that does not help."""
        situation, bands = verdict.situation, self.parts[0].bands
        here = [child for child in situation.children if bands.group((child,)).first == band.index]
        for leaving in range(1, len(here) + 1):
            if self.check(_without(situation, here[:leaving])).compliant:
                break
        return Headroom(
            band.band_id, band.ages[0].start, -len(here[:leaving]) if here else 0, explain.limit_reached(verdict)
        )

    def _by_rank(
        self, situation: Situation, findings: Sequence[Finding], required: int, adults: Sequence[AdultHere]
    ) -> tuple[int, Item | None]:
        """Adults whose ranks do not help towards the requirement are left out of the count."""
        most, item = required - len(adults), None
        for part, finding in zip(self.parts, findings, strict=True):
            if not part.mixes:
                continue
            rank = part.counting.rank
            staff = tuple([(rank(adult), adult.credentials) for adult in adults])
            for mix in part.mixes:
                lacking = mix.shortfall(staff, required, finding.group, situation)
                if lacking > max(most, 0):
                    most, item = lacking, mix.item
        return (required - most if item is not None else len(adults)), item


def _licensed(situation: Situation, required: int, limit: int | None, governs: int) -> tuple[int, int | None, int]:
    room = situation.room
    if room is None:
        return required, limit, governs
    if room.capacity is not None and (limit is None or room.capacity < limit):
        limit = room.capacity
    if room.per_staff is not None:
        by_licence = -(-len(situation.children) // room.per_staff)
        if by_licence > required:
            return by_licence, limit, -1
    return required, limit, governs


def _with_more(situation: Situation, child: ChildHere, more: int) -> Situation:
    """Further children come from outside, awake."""
    building = situation.building
    if building is not None:
        building = replace(building, children=building.children + more)
    return replace(situation, children=situation.children + (child,) * more, building=building)


def _without(situation: Situation, leaving: Sequence[ChildHere]) -> Situation:
    left = list(situation.children)
    for child in leaving:
        left.remove(child)
    building, asleep = situation.building, situation.asleep
    if building is not None:
        building = replace(building, children=max(0, building.children - len(leaving)))
    if asleep is not None:
        asleep = min(asleep, len(left))
    return replace(situation, children=tuple(left), building=building, asleep=asleep)

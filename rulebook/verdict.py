"""The rulebook's answer for one situation. Numbers are there at once; reasons and words are worked out when read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from rulebook.situation import Situation


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An adult who does not count now, and why."""

    staff_id: str
    reason: str
    citation: str


@dataclass(frozen=True, slots=True)
class Governing:
    """The value that decides, and where it comes from."""

    value: str  # for example "infants: 4 children with 1 adult, 10 with 2; group of at most 10"
    citation: str  # the jurisdiction's or policy's citation
    reference: str  # the paragraph, table or page of this value
    confidence: str  # primary | secondary | unverified
    valid_from: date | None  # effective date; None: not known
    checked_on: str  # the day, month or year for which the source is known to say so, or "unknown"
    source: str  # law | policy | room licence


@dataclass(frozen=True, slots=True)
class Headroom:
    """How many more children of one age band the room may take with the adults counted; negative: how many too many."""

    band: str
    age_months: int  # the youngest age of the band, as which the added children were checked
    more: int
    limited_by: str  # ratio | group size | ages kept apart | building | nothing found


@dataclass(frozen=True, slots=True)
class Departure:
    """May this adult leave the room now?"""

    allowed: bool
    reason: str


class Explains(Protocol):
    """Who can give the reasons of a verdict (the rulebook that gave it)."""

    def uncounted_of(self, verdict: Verdict) -> tuple[Uncounted, ...]: ...
    def headroom_of(self, verdict: Verdict) -> tuple[Headroom, ...]: ...
    def spare_of(self, verdict: Verdict) -> int: ...
    def governing_of(self, verdict: Verdict) -> Governing: ...
    def notes_of(self, verdict: Verdict) -> tuple[str, ...]: ...
    def sentence_of(self, verdict: Verdict) -> str: ...
    def departure_of(self, verdict: Verdict, staff_id: str, leaves_building: bool) -> Departure: ...


class Verdict:
    """Treat as immutable. `deficit == max(0, required - counted)`; `group_limit` None: no limit holds now."""

    def __init__(
        self,
        book: Explains,
        situation: Situation,
        required: int,
        counted: int,
        group_limit: int | None,
        breaches: tuple[str, ...] = (),
        premises_required: int = 0,
        basis: Any = None,
    ) -> None:
        size = len(situation.children)
        self.situation = situation
        self.required = required
        self.counted = counted
        self.deficit = required - counted if required > counted else 0
        self.group_size = size
        self.group_limit = group_limit
        self.group_over = size - group_limit if group_limit is not None and size > group_limit else 0
        self.breaches = breaches  # sentences: ages together that the rule keeps apart, ranks missing in the building
        self.premises_required = premises_required  # adults the whole building needs by head count alone
        building = situation.building
        short = premises_required - building.adults if building is not None else 0
        self.premises_deficit = short if short > 0 else 0
        self.compliant = not (self.deficit or self.group_over or breaches or self.premises_deficit)
        self.basis = basis  # what the rulebook needs to explain itself; opaque to callers
        self._book = book

    @cached_property
    def uncounted(self) -> tuple[Uncounted, ...]:
        return self._book.uncounted_of(self)

    @cached_property
    def headroom(self) -> tuple[Headroom, ...]:
        """One entry per age band, youngest first."""
        return self._book.headroom_of(self)

    @cached_property
    def spare(self) -> int:
        """The one number for a room's door: the smallest headroom among the ages present (all ages if empty)."""
        return self._book.spare_of(self)

    @cached_property
    def governing(self) -> Governing:
        return self._book.governing_of(self)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Each strictest reading taken and why, relief granted or refused, and what was not checked."""
        return self._book.notes_of(self)

    @cached_property
    def sentence(self) -> str:
        """The verdict as a director would read it aloud."""
        return self._book.sentence_of(self)

    def may_leave(self, staff_id: str, *, leaves_building: bool = True) -> Departure:
        """May this adult leave the room now (and, unless told otherwise, the building)? BadInput if not in it."""
        return self._book.departure_of(self, staff_id, leaves_building)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        governing = asdict(self.governing)
        governing["valid_from"] = self.governing.valid_from.isoformat() if self.governing.valid_from else None
        numbers = (
            "compliant", "required", "counted", "deficit", "group_size", "group_limit", "group_over",
            "premises_required", "premises_deficit", "spare", "sentence",
        )  # fmt: skip
        return {name: getattr(self, name) for name in numbers} | {
            "breaches": list(self.breaches),
            "uncounted": [asdict(entry) for entry in self.uncounted],
            "headroom": [asdict(entry) for entry in self.headroom],
            "governing": governing,
            "notes": list(self.notes),
        }

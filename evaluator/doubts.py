"""What a doubt in a count is, and what the rules that raise doubts see.

A rule is a generator over one room at one instant. It yields a `Doubt` for what is doubtful now, and an instant at
which it would begin, cease or grow if nothing else happens, so that nobody has to poll. The rules are in
`doubts_of_children`, `doubts_of_adults` and `doubts_when_short`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from evaluator.facts import CenterFacts
from evaluator.groups import Group
from evaluator.state import CenterState


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a count may be wrong, and how likely that is.

    `child_ids` may not be there although recorded, each with `odds`; `doubted_staff_ids` likewise. One of
    `missing_staff_ids` may be there although not recorded. `more_children`: so many may be there unrecorded;
    `unnamed_children`: so many of those whom a person counted and no event knows may have gone. `together`: the odds
    are those of all its children having gone at once, not of each.
    """

    rule: str
    sentence: str
    since: datetime
    odds: float
    child_ids: tuple[str, ...] = ()
    missing_staff_ids: tuple[str, ...] = ()
    doubted_staff_ids: tuple[str, ...] = ()
    more_children: int = 0
    unnamed_children: int = 0
    together: bool = False


@dataclass(frozen=True)
class Look:
    """What a rule sees."""

    state: CenterState
    facts: CenterFacts
    group: Group
    now: datetime
    expected: Mapping[str, float] | None = None  # children per room that a forecast expects by now

    @cached_property
    def day(self) -> date:
        return self.facts.day_of(self.now)

    def own_rooms(self, child_id: str) -> frozenset[str]:
        return self.facts.own_rooms(child_id, self.day)


Finding = Doubt | datetime
Rule = Callable[[Look], Iterator[Finding]]

"""Is this count true? One rule per way a count goes wrong, each with its reason in words.

A rule is a generator over one room at one instant. It yields a `Doubt` for what is doubtful now, and an instant at
which it would begin to doubt if nothing else happens, so that nobody has to poll.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from domain.time import local_instant
from evaluator import codec
from evaluator.facts import CenterFacts
from evaluator.groups import Group
from evaluator.state import CenterState

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a count may be wrong.

    `child_ids` may not be there although recorded; `missing_staff_ids` may be there although not recorded;
    `doubted_staff_ids` may not be there although recorded. `more_children`: some may be there unrecorded.
    """

    rule: str
    sentence: str
    since: datetime
    child_ids: tuple[str, ...] = ()
    missing_staff_ids: tuple[str, ...] = ()
    doubted_staff_ids: tuple[str, ...] = ()
    more_children: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust mark of one room's count; `confirmed_at`: a person last counted and nothing has contradicted since."""

    doubts: tuple[Doubt, ...] = ()
    confirmed_at: datetime | None = None

    @property
    def doubtful(self) -> bool:
        return bool(self.doubts)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(doubt.sentence for doubt in self.doubts)

    def to_json(self) -> dict[str, Any]:
        return {"doubtful": self.doubtful, "reasons": list(self.reasons), **codec.to_json(self)}


@dataclass(frozen=True)
class Look:
    """What a rule sees."""

    state: CenterState
    facts: CenterFacts
    group: Group
    now: datetime
    expected: Mapping[str, float] | None = None  # children per room that a forecast expects by now

    @property
    def day(self) -> date:
        return self.facts.day_of(self.now)


Finding = Doubt | datetime
Rule = Callable[[Look], Iterator[Finding]]
RULES: dict[str, Rule] = {}


def judge(
    state: CenterState, facts: CenterFacts, group: Group, now: datetime, expected: Mapping[str, float] | None = None
) -> Trust:
    """All rules on one room. A headcount lays the doubts that arose before it to rest."""
    look = Look(state, facts, group, now, expected)
    confirmed = group.headcount.happened_at if group.headcount else None
    doubts = [
        finding
        for rule in RULES.values()
        for finding in rule(look)
        if isinstance(finding, Doubt) and (confirmed is None or finding.since > confirmed)
    ]
    return Trust(tuple(doubts), confirmed)


def next_doubt(state: CenterState, facts: CenterFacts, group: Group, now: datetime) -> datetime | None:
    """The next instant at which a rule begins to doubt this room's count by itself."""
    look = Look(state, facts, group, now)
    instants = [each for rule in RULES.values() for each in rule(look) if isinstance(each, datetime) and each > now]
    return min(instants, default=None)

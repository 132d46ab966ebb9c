"""The trust mark of a room's count: every doubt that is not laid to rest by a headcount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluator import codec
from evaluator.doubts import Doubt, Look
from evaluator.doubts_of_adults import RULES_ON_ADULTS
from evaluator.doubts_of_children import RULES_ON_CHILDREN
from evaluator.doubts_when_short import RULES_WHEN_SHORT
from evaluator.facts import CenterFacts
from evaluator.groups import Group
from evaluator.state import CenterState

RULES = (*RULES_ON_CHILDREN, *RULES_ON_ADULTS)


@dataclass(frozen=True, slots=True)
class Trust:
    """`confirmed_at`: a person counted then. `notes`: what the headcount changed, and what was set aside."""

    doubts: tuple[Doubt, ...] = ()
    confirmed_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def doubtful(self) -> bool:
        return bool(self.doubts)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each reason once."""
        return tuple(dict.fromkeys(doubt.sentence for doubt in self.doubts))

    def to_json(self) -> dict[str, Any]:
        return {"doubtful": self.doubtful, "reasons": list(self.reasons), **codec.to_json(self)}


def judge(
    state: CenterState,
    facts: CenterFacts,
    group: Group,
    now: datetime,
    expected: Mapping[str, float] | None = None,
    *,
    short: bool = False,
) -> tuple[Trust, datetime | None]:
    """The trust in one room's count, and the next instant at which a rule begins to doubt it by itself.

    A headcount lays the doubts that arose before it to rest.
    """
    look = Look(state, facts, group, now, expected)
    confirmed = group.confirmed_at
    doubts: list[Doubt] = []
    instant: datetime | None = None
    for rule in (*RULES, *RULES_WHEN_SHORT) if short else RULES:
        for finding in rule(look):
            if isinstance(finding, Doubt):
                if confirmed is None or finding.since > confirmed:
                    doubts.append(finding)
            elif finding > now and (instant is None or finding < instant):
                instant = finding
    return Trust(tuple(doubts), confirmed, _notes(group)), instant


def _notes(group: Group) -> tuple[str, ...]:
    notes = [f"not counted: {why}" for why in dict.fromkeys([*group.aside.values(), *group.adults_aside.values()])]
    if group.unidentified:
        notes.append(f"{group.unidentified} counted by a person and known to no event; taken as the room's youngest")
    if group.unseen_adults:
        notes.append(f"{group.unseen_adults} adults more were seen than are clocked in; unnamed they cannot count")
    return tuple(notes)

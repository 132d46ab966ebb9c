"""Who counts, and whether the ranks of those who count make up what the rule asks for."""

# ruff: noqa: ARG001 - both forms of staff mix have the same signature

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rulebook.conditions import Condition, compile_condition
from rulebook.group import Bands, Group
from rulebook.situation import AdultHere, Situation
from rulebook.values import Item, item_of

RANKS = {"never": 0, "aide": 1, "assistant": 2, "teacher": 3}
DEFAULT_ROLES = {
    "Director": "teacher", "Assistant Director": "teacher", "Lead Teacher": "teacher", "Teacher": "teacher",
    "Assistant": "assistant", "Substitute": "assistant", "Aide": "aide", "Cook": "never", "Admin": "never",
}  # fmt: skip
STRICTEST_MIN_AGE = 18  # where a rule's age limit is not known

_STATES = {
    "on_break": "is on break",
    "elsewhere": "is in another room",
    "not_clocked_in": "is not clocked in",
}


@dataclass(frozen=True, slots=True)
class ShortAbsence:
    """Away up to so many seconds an adult still counts; `another_stays`: only beside another counted adult."""

    up_to_seconds: int
    another_stays: bool
    item: Item


class Counting:
    """Who counts under one document."""

    def __init__(self, data: Mapping[str, Any], absences: Sequence[ShortAbsence], item: Item) -> None:
        self.min_age: int = data.get("min_age_years", STRICTEST_MIN_AGE)
        self._supervised_age = data.get("supervised_min_age_years", self.min_age)
        self._volunteer_age = data.get("volunteer_min_age_years")
        self._volunteers_alone: bool = not data.get("volunteers_beside_staff", False)
        self._requires = frozenset(data.get("requires", ()))
        self._ranks = {role: RANKS[rank] for role, rank in {**DEFAULT_ROLES, **data.get("roles", {})}.items()}
        self.plain_roles = frozenset() if self._requires else frozenset(r for r, rank in self._ranks.items() if rank)
        self._absences = absences
        self.item = item

    def plainly(self, adult: AdultHere) -> bool:
        """The common case, answered fast; False means: ask `reason_against`."""
        return (
            adult.state == "in_room"
            and adult.role in self.plain_roles
            and not adult.volunteer
            and (adult.age_years is None or adult.age_years >= self.min_age)
        )

    def reason_against(self, adult: AdultHere, adults: Sequence[AdultHere]) -> str | None:
        """Why this adult does not count now; None if they do."""
        if adult.state in _STATES:
            return _STATES[adult.state]
        if adult.volunteer:
            if self._volunteer_age is None:
                return "is a volunteer, and volunteers do not count"
            if adult.age_years is None or adult.age_years < self._volunteer_age:
                return f"is a volunteer not known to be {self._volunteer_age} or older"
            if not self._volunteers_alone and not any(self.plainly(other) for other in adults):
                return "is a volunteer and counts only beside a member of staff"
        else:
            against = self._against_role_or_age(adult, adults)
            if against:
                return against
        missing = self._requires - adult.credentials
        if missing:
            return f"lacks {', '.join(sorted(missing))}"
        return self._against_absence(adult, adults) if adult.state == "stepped_out" else None

    def rank(self, adult: AdultHere) -> int:
        """3 teacher, 2 assistant, 1 aide or volunteer; the credential 'lead' makes a teacher."""
        if adult.volunteer:
            return RANKS["aide"]
        return RANKS["teacher"] if "lead" in adult.credentials else self._ranks.get(adult.role, 0)

    def short_absence(self, adult: AdultHere) -> ShortAbsence | None:
        return next((rule for rule in self._absences if adult.away_seconds <= rule.up_to_seconds), None)

    def _against_role_or_age(self, adult: AdultHere, adults: Sequence[AdultHere]) -> str | None:
        rank = self._ranks.get(adult.role)
        if rank is None:
            return f"has the role '{adult.role}', which the rules do not know"
        if rank == 0:
            return f"works as {adult.role}, which does not count"
        if adult.age_years is None or adult.age_years >= self.min_age:
            return None
        if adult.age_years < self._supervised_age:
            return f"is {adult.age_years} years old, under {self._supervised_age}"
        if any(self.plainly(other) for other in adults if other is not adult):
            return None
        return f"is {adult.age_years} years old and counts only beside an adult of {self.min_age} or more"

    def _against_absence(self, adult: AdultHere, adults: Sequence[AdultHere]) -> str | None:
        rule = self.short_absence(adult)
        if rule is None:
            minutes = adult.away_seconds / 60
            longest = max((known.up_to_seconds for known in self._absences), default=0)
            return f"stepped out {minutes:.0f} minutes ago" + (
                f", longer than the {longest // 60} allowed" if longest else ""
            )
        if rule.another_stays and not any(self.plainly(other) for other in adults if other is not adult):
            return "stepped out, and no other counted adult stays in the room"
        return None


def helpers_among(adults: Sequence[AdultHere], countings: Sequence[Counting]) -> tuple[AdultHere, ...]:
    """Adult volunteers in the room who do not count as staff: they may fill a place that asks for any adult."""
    return tuple(
        adult
        for adult in adults
        if adult.volunteer
        and adult.state == "in_room"
        and (adult.age_years or 0) >= STRICTEST_MIN_AGE
        and any(counting.reason_against(adult, adults) for counting in countings)
    )


Skilled = tuple[int, frozenset[str]]  # an adult's rank and credentials
Lacking = Callable[[tuple[Skilled, ...], int, int], int]  # (counted, required adults, children) -> teachers missing


@dataclass(frozen=True, slots=True)
class StaffMix:
    """One clause of `staff_mix`: how many more teachers the counted adults lack."""

    holds: Condition | None
    lacking: Lacking
    item: Item

    def shortfall(self, staff: tuple[Skilled, ...], required: int, group: Group, situation: Situation) -> int:
        if self.holds is not None and not self.holds(group, situation):
            return 0
        return self.lacking(staff, required, group.n)


def compile_counting(document: Mapping[str, Any]) -> Counting:
    rows = document.get("who_counts", [])
    data: Mapping[str, Any] = rows[-1] if rows else {}
    absences = [
        ShortAbsence(row["up_to_seconds"], row.get("another_stays", False), item_of(row, document, row["says"]))
        for row in sorted(document.get("short_absence", []), key=lambda row: row["up_to_seconds"])
    ]
    return Counting(data, absences, item_of(data, document, data.get("says", "who counts")))


def compile_mix(data: Mapping[str, Any], bands: Bands, document: Mapping[str, Any]) -> StaffMix:
    lacking = _by_teams(data["teams"]) if "teams" in data else _by_order(data["order"], data.get("repeat", False))
    return StaffMix(compile_condition(data, bands), lacking, item_of(data, document, data["says"]))


def _by_order(order: Sequence[str], repeat: bool) -> Lacking:
    """The adults required fill the places in order, each of the named rank or better; after the list any rank."""
    pattern = [RANKS[name] for name in order]

    @lru_cache(maxsize=4096)  # few staffs and requirements come again and again
    def lacking(staff: tuple[Skilled, ...], required: int, children: int) -> int:
        places = [pattern[at % len(pattern)] if repeat or at < len(pattern) else 1 for at in range(required)]
        return max(sum(p >= rank for p in places) - sum(have >= rank for have, _ in staff) for rank in (1, 2, 3))

    return lacking


def _by_teams(teams: Sequence[Mapping[str, Any]]) -> Lacking:
    """Teams of ranks may have so many children together; an adult outside any team adds none."""
    kinds = sorted(
        (([_member(name) for name in team["of"]], team["children"]) for team in teams), key=lambda kind: -kind[1]
    )

    def most_children(staff: Sequence[Skilled]) -> int:
        left, total = sorted(staff, key=lambda adult: (adult[0], len(adult[1]))), 0
        for members, children in kinds:
            while (rest := _without(left, members)) is not None:
                left, total = rest, total + children
        return total

    @lru_cache(maxsize=4096)  # as above; forming teams is slow
    def lacking(staff: tuple[Skilled, ...], required: int, children: int) -> int:
        extra = 0
        while most_children([*staff, *[(RANKS["teacher"], frozenset[str]())] * extra]) < children:
            extra += 1
        return extra

    return lacking


def _member(name: str) -> Skilled:
    """'aide' or 'aide+units': a rank, and a credential asked for besides."""
    rank, *credentials = name.split("+")
    return RANKS[rank], frozenset(credentials)


def _without(left: Sequence[Skilled], members: Sequence[Skilled]) -> list[Skilled] | None:
    """Who is left after one team is formed. A teacher leads; teachers are not spent on the places of aides."""
    rest = list(left)
    for rank, credentials in members:
        fits = [
            adult
            for adult in rest
            if adult[0] >= rank
            and (adult[0] < RANKS["teacher"] or rank == RANKS["teacher"])
            and credentials <= adult[1]
        ]
        if not fits:
            return None
        rest.remove(fits[0])
    return rest

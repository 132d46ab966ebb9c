"""How likely the doubts of a room turn its verdict: the odds that excuse a shortage, and those that hide one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date

from evaluator.doubts import Doubt
from evaluator.facts import CenterFacts
from evaluator.groups import Group, youngest
from evaluator.instants import Book
from rulebook import ChildHere, Situation


def odds_of_excuse(facts: CenterFacts, book: Book, situation: Situation, doubts: Sequence[Doubt], day: date) -> float:
    """P(the room is in order after all): doubted children are not there, doubted absentees are."""
    single = [doubt for doubt in doubts if not doubt.together]
    gone = _each([(child_id, doubt.odds) for doubt in single for child_id in doubt.child_ids])
    unnamed = [(doubt.odds, "") for doubt in single for _ in range(doubt.unnamed_children)]
    left = sorted([*((odds, child_id) for child_id, odds in gone.items()), *unnamed], reverse=True)
    come = _arrivals(doubts, {adult.staff_id for adult in situation.adults if adult.state == "in_room"})

    def in_order(missing: Iterable[str], unnamed: int, more: Iterable[str] = ()) -> bool:
        crowd = _without(situation.children, set(missing), unnamed)
        crew = [adult for adult in situation.adults if adult.staff_id not in set(more)]
        crew += [facts.adult_here(staff_id, day) for staff_id in sorted(more)]
        return book.check(replace(situation, children=crowd, adults=tuple(crew))).compliant

    def excused(children: int, adults: int) -> bool:
        missing = [child_id for _, child_id in left[:children]]
        return in_order(missing, missing.count(""), [staff_id for _, staff_id in come[:adults]])

    alarming = 1 - _chance([odds for odds, _ in left], [odds for odds, _ in come], excused)
    for doubt in doubts:
        if doubt.together and in_order(doubt.child_ids, doubt.unnamed_children):
            alarming *= 1 - doubt.odds
    return 1 - alarming


def odds_of_harm(facts: CenterFacts, book: Book, situation: Situation, people: Group, doubts: Sequence[Doubt]) -> float:
    """P(the room is out of ratio after all): doubted adults are not there, unrecorded children are."""
    gone = sorted(_each([(s, doubt.odds) for doubt in doubts for s in doubt.doubted_staff_ids]).items(), key=_by_odds)
    more = sorted((doubt.odds for doubt in doubts for _ in range(doubt.more_children)), reverse=True)
    stranger = ChildHere(youngest(facts, people.members))

    def short(adults: int, children: int) -> bool:
        without = {staff_id for staff_id, _ in gone[:adults]}
        crew = tuple(adult for adult in situation.adults if adult.staff_id not in without)
        crowd = (*situation.children, *[stranger] * children)
        return not book.check(replace(situation, adults=crew, children=crowd)).compliant

    return _chance([odds for _, odds in gone], more, short)


def _without(children: Sequence[ChildHere], missing: set[str], unnamed: int) -> tuple[ChildHere, ...]:
    rest = [child for child in children if child.child_id not in missing]
    for child in [child for child in rest if child.child_id is None][:unnamed]:
        rest.remove(child)
    return tuple(rest)


def _arrivals(doubts: Sequence[Doubt], here: set[str]) -> list[tuple[float, str]]:
    """(odds, adult) of those who may have come, likeliest first; of several whom a doubt names only one has."""
    found: list[tuple[float, str]] = []
    for doubt in sorted(doubts, key=lambda doubt: (-doubt.odds, doubt.missing_staff_ids)):
        known = here | {staff_id for _, staff_id in found}
        candidate = next((staff_id for staff_id in doubt.missing_staff_ids if staff_id not in known), None)
        if candidate is not None:
            found.append((doubt.odds, candidate))
    return found


def _each(claims: Sequence[tuple[str, float]]) -> dict[str, float]:
    """The strongest odds on each person."""
    found: dict[str, float] = {}
    for person, odds in claims:
        found[person] = max(odds, found.get(person, 0.0))
    return found


def _by_odds(claim: tuple[str, float]) -> tuple[float, str]:
    return (-claim[1], claim[0])


def _chance(first: Sequence[float], second: Sequence[float], turns: Callable[[int, int], bool]) -> float:
    """P(turns(i, j)) where i of the first and j of the second independent claims are true, the likeliest ones.

    `turns` is monotone in both, so that each i has a least j; at most len(first) + len(second) + 2 questions.
    """
    if not (first or second) or not turns(len(first), len(second)):
        return 0.0
    counts, others = _distribution(first), _distribution(second)
    chance, least = 0.0, len(others)
    for i, here in enumerate(counts):
        while least > 0 and turns(i, least - 1):
            least -= 1
        chance += here * sum(others[least:])
    return chance


def _distribution(odds: Sequence[float]) -> list[float]:
    """P(exactly k of the independent claims are true), k from 0."""
    result = [1.0]
    for each in odds:
        result = [
            (result[k] * (1 - each) if k < len(result) else 0.0) + (result[k - 1] * each if k else 0.0)
            for k in range(len(result) + 1)
        ]
    return result

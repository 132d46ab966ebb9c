"""What an answer rests on, and what it could not check, is said; and nothing is said that is not so."""

from __future__ import annotations

from datetime import date, time

from rulebook import AdultHere, Building, ChildHere, Situation, Verdict, load

DAY = date(2026, 3, 2)
MIXED_UNKNOWN = "how these ages are mixed is not known for this rule; the strictest of the ages present is taken"
BUILDING_UNKNOWN = (
    "the building's total was not given; rules that depend on it were checked for this room's children alone"
)
RANKS_UNKNOWN = (
    "not checked, because the staff of the building was not given: whether more than four assistants or aides per "
    "teacher are in the building"
)


def verdict(code: str, months: tuple[int, ...], building: Building | None = None) -> Verdict:
    children = tuple(ChildHere(age) for age in months)
    return load(code, DAY).check(Situation(DAY, time(10), children, building=building))


def test_a_mix_the_rule_names_is_not_called_unknown() -> None:
    assert MIXED_UNKNOWN not in verdict("OK", (20, 40)).notes


def test_a_mix_the_rule_does_not_name_is_called_unknown() -> None:
    assert MIXED_UNKNOWN in verdict("OK", (40, 50)).notes


def test_a_rule_on_the_buildings_children_is_told_where_their_number_is_missing() -> None:
    assert BUILDING_UNKNOWN in verdict("AZ", (9, 20)).notes
    assert BUILDING_UNKNOWN not in verdict("AZ", (9, 20), Building(5, 1)).notes
    assert BUILDING_UNKNOWN not in verdict("TX", ()).notes
    assert BUILDING_UNKNOWN not in verdict("GA", (9,)).notes  # no such rule


def test_a_rule_on_the_buildings_ranks_is_told_where_its_staff_is_missing() -> None:
    staff = (AdultHere("a1", "Teacher"),)
    assert RANKS_UNKNOWN in verdict("DE", (30,)).notes
    assert RANKS_UNKNOWN in verdict("DE", (30,), Building(30, 6)).notes
    assert RANKS_UNKNOWN not in verdict("DE", (30,), Building(30, 6, staff=staff)).notes

"""Bad input gets a clear sentence, never silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.errors import BadInput, UnknownRule
from rulebook import AdultHere, ChildHere, Situation, load
from rulebook.documents import check_document, read_document
from rulebook.notation import parse_adults, parse_children

DAY = date(2026, 3, 2)


def test_a_negative_age_is_refused() -> None:
    with pytest.raises(BadInput, match="the child c1 has the age -1"):
        ChildHere(-1, "c1")


def test_an_unknown_state_of_an_adult_is_refused() -> None:
    with pytest.raises(BadInput, match="asleep"):
        AdultHere("a", "Teacher", state="asleep")


def test_a_naive_instant_is_refused_and_an_aware_one_becomes_local() -> None:
    with pytest.raises(BadInput, match="has no zone"):
        Situation.at(datetime(2026, 3, 2, 13, 0), ZoneInfo("America/Chicago"))  # noqa: DTZ001
    local = Situation.at(datetime(2026, 3, 2, 13, 0, tzinfo=UTC), ZoneInfo("America/Chicago"))
    assert (local.day, local.local_time) == (DAY, time(7, 0))


def test_a_time_with_a_zone_is_no_wall_clock_time() -> None:
    with pytest.raises(BadInput, match="without zone"):
        Situation(DAY, time(7, tzinfo=UTC))


def test_more_asleep_than_children_is_refused() -> None:
    with pytest.raises(BadInput, match="3 asleep of 2"):
        Situation(DAY, time(13), (ChildHere(30), ChildHere(30)), activity="nap", asleep=3)


def test_an_unknown_jurisdiction_names_those_there_are() -> None:
    with pytest.raises(UnknownRule, match="TX"):
        load("XX", DAY)


def test_an_unknown_option_names_those_there_are() -> None:
    with pytest.raises(UnknownRule, match="infants: 1:3, 1:4"):
        load("KS", DAY, {"infants": "1:9"})


def test_somebody_not_in_the_room_cannot_leave_it() -> None:
    verdict = load("TX", DAY).check(Situation(DAY, time(10), (ChildHere(30),)))
    with pytest.raises(BadInput, match="not in this room"):
        verdict.may_leave("nobody")


@pytest.mark.parametrize("text", ["abc", "-3", "8x", "3q"])
def test_a_child_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(BadInput, match=text):
        parse_children([text], DAY)


def test_an_adults_unknown_part_is_named() -> None:
    with pytest.raises(BadInput, match="sleeping"):
        parse_adults(["Teacher:sleeping"])


def test_a_wrong_file_names_place_and_fault() -> None:
    wrong: dict[str, Any] = {**read_document("TX"), "confidence": "certain"}
    with pytest.raises(BadInput, match=r"tx.yaml, at confidence: 'certain'"):
        check_document(wrong, "jurisdiction", "tx.yaml")


def test_a_policy_with_an_unknown_section_is_refused() -> None:
    with pytest.raises(BadInput, match="rations"):
        load("TX", DAY, policy={"name": "own", "rations": []})


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"name": "own", "bands": 5}, "the policy 'own', at bands"),
        ({"bands": [{"valid_from": "soon"}]}, "the policy ''"),
        ({"name": "own", "who_counts": [{"says": "all", "valid_from": "2026-02-31"}]}, "'2026-02-31' is not a day"),
    ],
)
def test_a_policy_of_the_wrong_form_is_refused_before_its_dates_are_read(policy: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        load("TX", DAY, policy=policy)


def test_a_policy_may_hold_to_the_end_of_the_calendar() -> None:
    counts = {"says": "adults of 21", "min_age_years": 21, "valid_to": "9999-12-31"}
    young = Situation(DAY, time(10), (ChildHere(30),), (AdultHere("a", "Teacher", 20),))
    assert load("TX", DAY, policy={"name": "own", "who_counts": [counts]}).check(young).counted == 0

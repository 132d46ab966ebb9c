"""Every sentence of an explanation rests on the incident's own facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args

import pytest

import rulebook
from domain.events import Event
from domain.people import Child, StaffMember
from domain.places import Center, Room
from evaluator import (
    CenterFacts,
    CenterState,
    Incident,
    Policy,
    Risk,
    acknowledge,
    assess,
    decide,
    incident_from_json,
    incident_to_json,
    note_action,
)
from evaluator.causes import CAUSES, Code
from reports.explanations import explain

NINE = datetime(2026, 3, 2, 15, tzinfo=UTC)  # 09:00 in Chicago


def lived() -> Incident:
    """Six infants; Bea goes on break at 09:00 and is back at 09:06; Dora acknowledges and moves a float."""
    center = Center("c", "Test House", "TX", "America/Chicago", time(6, 30), time(18))
    facts = CenterFacts.of(
        center,
        [Room("r1", "c", "Infants", 0, 12, 10)],
        [Child(f"i{n}", "c", date(2025, 8, 1), "r1", display_name=f"Name{n}") for n in range(6)],
        [StaffMember(s, "c", "Teacher", birth_date=date(1990, 1, 1)) for s in ("ana", "bea")],
    )
    book, policy = rulebook.load("TX", on=date(2026, 3, 2)), Policy(timezone="America/Chicago")
    state, number = CenterState("c"), iter(range(1, 99))

    def tell(kind: str, minute: float, **who: str) -> None:
        n, at = next(number), NINE + timedelta(minutes=minute)
        state.apply(Event(f"e{n}", n, "c", kind, at, at, room_id="r1", **who))  # type: ignore[arg-type]

    for child in range(6):
        tell("check_in", -60, child_id=f"i{child}")
    for adult in ("ana", "bea"):
        tell("clock_in", -90, staff_id=adult)
    tell("break_start", 0, staff_id="bea")
    incident: Incident | None = None

    def round_at(minute: float) -> None:
        nonlocal incident
        now = NINE + timedelta(minutes=minute)
        for change in decide([incident] if incident else [], assess(state, facts, book, now), None, policy, now):
            incident = change.incident

    round_at(0)
    round_at(1)
    assert incident is not None
    incident = acknowledge(incident, "dora", NINE + timedelta(minutes=2)).incident
    incident = note_action(incident, "dora", "called Bea back", NINE + timedelta(minutes=3)).incident
    tell("break_end", 6, staff_id="bea")
    round_at(6)
    round_at(7)
    return incident


def text_of(incident: Incident) -> str:
    return explain(incident).to_json()["text"]


@pytest.fixture(scope="module")
def incident() -> Incident:
    return lived()


def test_it_says_what_when_who_which_rule_why_what_was_done_and_how_long(incident: Incident) -> None:
    text = text_of(incident)
    for part in (
        "On 2026-03-02 at 09:00 Infants held 6 children; 2 adults were required and 1 counted.",
        "ana (Teacher, in the room), bea (Teacher, on break)",
        "bea did not count",
        "26 TAC 746",
        "Cause: a break without cover (bea on break since 09:00 without cover).",
        "09:01 messages sent",
        "09:02 acknowledged: dora has taken it on.",
        "09:03 done: called Bea back.",
        "It ended at 09:06 after 6 minutes",
    ):
        assert part in text


def test_it_can_be_told_from_what_was_stored(incident: Incident) -> None:
    assert explain(incident_from_json(incident_to_json(incident))) == explain(incident)


def test_no_child_is_named_and_staff_are_named_as_the_reader_may_see_them(incident: Incident) -> None:
    told = explain(incident, lambda staff_id: {"bea": "Bea B."}.get(staff_id, "a colleague")).to_json()["text"]
    assert "Bea B. (Teacher, on break)" in told
    assert "Name" not in told
    assert "i0" not in told


def test_an_unverified_value_is_said_to_be_unverified(incident: Incident) -> None:
    first = incident.history[0]
    facts = dict(first.facts)
    facts["verdict"] = facts["verdict"] | {"governing": facts["verdict"]["governing"] | {"confidence": "unverified"}}
    changed = replace(incident, history=(replace(first, facts=facts), *incident.history[1:]))
    assert "unverified source" in text_of(changed)


def test_an_incident_within_its_grace_says_that_nobody_was_told(incident: Incident) -> None:
    quiet = replace(incident, told_severity=None, history=(incident.history[0], incident.history[-1]))
    assert "Nobody was told" in text_of(quiet)


def test_an_amendment_is_a_line_of_its_own(incident: Incident) -> None:
    later = incident.with_entry(NINE + timedelta(hours=3), "amended", "by what is known now it lasted two minutes")
    text = text_of(later)
    assert text.endswith("Amended on 2026-03-02 at 12:00: by what is known now it lasted two minutes.")
    assert "It ended at 09:06" in text  # what was said before stays said


def test_a_warning_gives_odds_and_forecast(incident: Incident) -> None:
    risk = Risk("r1", NINE + timedelta(minutes=15), 15, 0.7, "shift_end", "Ana's shift ends", "model x", 6.0, 2.0, 1.0)
    facts = incident.history[0].facts | {
        "odds": risk.odds, "target": "2026-03-02T15:15:00Z", "forecast": risk.source, "expected_children": 6.0,
        "expected_required": 2.0, "expected_counted": 1.0, "because": risk.sentence,
    }  # fmt: skip
    warning = replace(
        incident, matter="outlook", root_cause=risk.cause, history=(replace(incident.history[0], facts=facts),)
    )
    text = text_of(warning)
    assert "short at 09:15 were 70 % (by model x)" in text
    assert "Cause: the end of a shift (Ana's shift ends)." in text
    assert "would hold too large or mixed a group at 09:15" in text_of(replace(warning, root_cause="group_too_large"))


@pytest.mark.parametrize("code", get_args(Code))
def test_every_root_cause_is_explained_in_words(code: str) -> None:
    incident = replace(lived(), root_cause=code)
    assert f"Cause: {CAUSES[code]}" in explain(incident).why


def test_each_question_has_a_paragraph_and_the_text_holds_them_all(incident: Incident) -> None:
    told = explain(incident).to_json()
    text = told.pop("text")
    assert set(told) == {"what", "who", "rule", "why", "done", "when"}
    assert all(paragraph and paragraph in text for paragraph in told.values())


def test_a_source_that_is_its_own_citation_is_named_once(incident: Incident) -> None:
    governing = incident.history[0].facts["verdict"]["governing"]
    assert explain(incident).rule.count(governing["citation"]) == 1

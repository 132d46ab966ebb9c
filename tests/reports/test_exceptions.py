from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from domain.errors import BadInput
from domain.time import Interval
from evaluator import Incident, Policy
from evaluator.incidents import Entry
from reports.exceptions import WeekOfExceptions, exceptions_csv, exceptions_pdf, week_of_exceptions
from reports.family_drafts import KINDS, Occasion, draft
from reports.tuneup import Trial, tune_up

MONDAY = datetime(2026, 3, 9, 5, tzinfo=UTC)
WEEK = Interval(MONDAY, MONDAY + timedelta(days=7))
ROOMS = {"r1": "Infants", "r2": "Toddlers"}


def incident(number: int, *, minutes: float = 6, room: str = "r1", told: bool = True, taken: bool = False) -> Incident:
    opened = MONDAY + timedelta(hours=number)
    told_at = opened + timedelta(minutes=1)
    return Incident(
        f"inc_{number}", "c1", room, "shortage", "ratio", "violation", "resolved", opened, Policy(),
        root_cause="call_out",
        peak_severity="violation", told_at=told_at if told else None, resolved_at=opened + timedelta(minutes=minutes),
        acknowledged_at=told_at + timedelta(minutes=2) if taken else None,
        history=(Entry(told_at, "told", "the director was told"),) if told else (),
    )  # fmt: skip


def week(*incidents: Incident) -> WeekOfExceptions:
    return week_of_exceptions(incidents, WEEK, "Willow", "America/Chicago", ROOMS, WEEK.end)


def test_a_week_without_incidents_is_said_to_be_one() -> None:
    assert week().sentences == ["Nothing happened this week: no incident was opened."]


def test_the_sentences_name_the_worst_room_the_usual_cause_and_what_waits() -> None:
    told = week(incident(1), incident(2, minutes=20, room="r2"), incident(3, room="r2", taken=True))
    assert told.sentences == [
        "3 incidents, 3 of them violations (32 minutes in all).", "Most in Toddlers: 2 (26 minutes).",
        "Usual cause: call out (3 of 3).", "Nobody took on 2 of those people were told of.",
        "3 wait for your word: useful, false alarm or missed.",
    ]  # fmt: skip


def test_an_incident_of_another_week_is_left_out() -> None:
    assert week(incident(-1), incident(24 * 7)).lines == ()


@given(st.lists(st.integers(0, 24 * 7 - 1), max_size=12, unique=True))
def test_minutes_by_room_add_up_to_those_of_all_violations(hours: list[int]) -> None:
    found = week(*(incident(hour, minutes=hour % 7 + 1, room=f"r{hour % 2 + 1}") for hour in hours))
    assert sum(minutes for _, _, minutes in found.by_room) == pytest.approx(sum(v.minutes for v in found.violations))
    assert len(list(csv.reader(io.StringIO(exceptions_csv(found))))) == len(hours) + 1


def test_the_pdf_says_what_the_page_says() -> None:
    found = week(incident(1), incident(2, room="r2"))
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(exceptions_pdf(found, WEEK.end))).pages)
    for sentence in found.sentences:
        assert sentence in " ".join(text.split())


def test_alerts_nobody_takes_on_and_that_pass_by_themselves_ask_for_a_longer_grace() -> None:
    found = tune_up([incident(n) for n in range(6)], {}, ROOMS, (), 0.5)
    assert found.kinds[0].ignored_share == 1
    assert "A longer grace would spare most of them." in found.advice[0]


def test_alerts_labelled_false_ask_for_more_counting() -> None:
    labels = {f"inc_{n}": "false_alarm" for n in range(3)}
    found = tune_up([incident(n, taken=True) for n in range(6)], labels, ROOMS, (), 0.5)
    assert found.kinds[0].false_alarms == 3
    assert found.kinds[0].minutes_to_taken_on == 2.0
    assert "count this room more often" in found.advice[0]


def test_few_alerts_and_those_nobody_was_told_of_are_no_ground_for_advice() -> None:
    quiet = [replace(incident(n), told_at=None) for n in range(20)]
    few = [incident(n, taken=True) for n in range(4)]
    assert tune_up(few, {}, ROOMS, (), 0.5).advice == ("Nothing to change: the alerts were heard and were right.",)
    (said,) = tune_up(quiet, {}, ROOMS, (), 0.5).advice
    assert said == "Nobody was told of anything in this time, so there is nothing to judge yet."


def test_another_threshold_is_named_only_if_it_is_clearly_better() -> None:
    poor, good = Trial(0.5, 40, 8, 10, 8), Trial(0.8, 9, 8, 10, 8)
    assert "80% instead of 50%" in tune_up([], {}, ROOMS, (poor, good), 0.5).advice[0]
    assert "nothing to judge" in tune_up([], {}, ROOMS, (poor, replace(poor, threshold=0.6)), 0.5).advice[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_draft_holds_the_day_and_the_reason_and_signs_for_the_center(kind: str) -> None:
    occasion = Occasion("Willow", date(2026, 3, 13), "Infants", "Toddlers", time(15), time(17), "the floor is renewed.")
    made = draft(kind, occasion)
    assert "Friday, 13 March" in made.subject
    assert ", because the floor is renewed" in made.text
    assert made.text.endswith("Willow")
    assert "$" not in made.subject + made.text


def test_a_draft_says_what_it_lacks() -> None:
    day = date(2026, 3, 13)
    with pytest.raises(BadInput, match="other room"):
        draft("room_closed", Occasion("Willow", day, room="Infants"))
    with pytest.raises(BadInput, match="different"):
        draft("rooms_combined", Occasion("Willow", day, room="Infants", other_room="Infants"))
    with pytest.raises(BadInput, match="no kind"):
        draft("party", Occasion("Willow", day))

"""The past decided anew, and shadow mode scored by people's labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from evaluator import (
    Incident,
    Label,
    LoggedRisk,
    Policy,
    amend,
    decide,
    incident_from_json,
    incident_to_json,
    score,
    thresholds,
    timeline,
    violations,
)

INFANTS = [f"i{n}" for n in range(1, 7)]


def short_from_nine_to_ten(house: Any) -> Incident:
    """Bea leaves at 09:00 and is back at 10:00; the incident as decided then."""
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    house.children("r1", INFANTS)
    house.tell("clock_out", "09:00", staff_id="bea")
    incident = decide([], house.look("09:00"), None, house.policy, house.at("09:00"))[0].incident
    house.tell("clock_in", "10:00", staff_id="bea", room_id="r1")
    return replace(incident, status="resolved", resolved_at=house.at("10:00"))


def stretches(house: Any, known_at: datetime | None = None) -> list[tuple[datetime, datetime, int]]:
    spans = timeline(
        house.state, house.facts, house.book, "r1", house.at("08:30"), house.at("11:00"), known_at=known_at
    )
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    return violations(spans)


def test_the_timeline_shows_when_the_room_was_short(house: Any) -> None:
    short_from_nine_to_ten(house)
    assert stretches(house) == [(house.at("09:00"), house.at("10:00"), 1)]


def test_nothing_new_changes_nothing(house: Any) -> None:
    incident = short_from_nine_to_ten(house)
    assert amend(incident, house.state, house.facts, house.book, house.at("12:00")) is None


def test_a_late_event_amends_the_incident_and_leaves_its_history(house: Any) -> None:
    incident = short_from_nine_to_ten(house)
    house.tell("clock_in", "09:20", late=160, staff_id="bea", room_id="r1")
    change = amend(incident, house.state, house.facts, house.book, house.at("12:00"))
    assert change is not None
    assert change.incident.history[:-1] == incident.history
    assert change.incident.history[-1].facts["stretches"] == [
        {"start": "2026-03-02T15:00:00Z", "end": "2026-03-02T15:20:00Z", "deficit": 1}
    ]
    stored = incident_from_json(incident_to_json(change.incident))
    assert amend(stored, house.state, house.facts, house.book, house.at("12:05")) is None
    assert stretches(house, known_at=house.at("11:00")) == [(house.at("09:00"), house.at("10:00"), 1)]


def test_a_voided_event_can_show_that_there_was_no_shortage(house: Any) -> None:
    incident = short_from_nine_to_ten(house)
    left = next(event for event in house.state.events() if event.event_type == "clock_out")
    house.tell("correction", "09:00", late=200, supersedes=left.event_id, voided=True)
    change = amend(incident, house.state, house.facts, house.book, house.at("13:00"))
    assert change is not None
    assert "in order all the time" in change.reason


def test_the_timeline_knows_instants_at_which_nothing_happened(house: Any) -> None:
    house.adult("cleo", "r2")
    house.children("r2", ["t1"])
    house.tell("step_out", "09:00", staff_id="cleo", room_id="r2")
    spans = timeline(house.state, house.facts, house.book, "r2", house.at("08:30"), house.at("11:00"))
    assert [span.compliant for span in spans] == [True, False]
    assert spans[1].start == house.at("09:00")


# ---- shadow scoring ----


def incident(house: Any, number: int, clock: str, matter: str = "shortage", **fields: Any) -> Incident:
    at = house.at(clock)
    told = "approaching" if matter == "outlook" else "violation"
    base = Incident(
        f"n{number}", "c", "r1", matter, "ratio", told, "resolved", at, Policy(), told_severity=told, told_at=at,
        resolved_at=at + timedelta(minutes=5),
    )  # fmt: skip
    return replace(base, **fields)


@pytest.fixture
def log(house: Any) -> list[Label]:
    return [
        Label("a", "r1", house.at("09:02"), house.at("09:10")),
        Label("b", "r1", house.at("11:00"), house.at("11:20")),
    ]


def test_precision_recall_and_lead_time_by_the_directors_log(house: Any, log: list[Label]) -> None:
    incidents = [
        incident(house, 1, "09:00"),  # in the log
        incident(house, 2, "14:00"),  # not in it
        incident(house, 3, "10:40", "outlook"),  # 20 minutes before b
        incident(house, 4, "15:00", review="useful"),  # not in the log, but said to be right
        incident(house, 5, "16:00", told_severity=None),  # nobody would have been told
    ]
    result = score(incidents, log, 4, {house.facts.day_of(house.at("09:00"))}, house.facts.tz)
    assert (result.alerts, result.judged, result.true_alerts) == (3, 3, 2)
    assert (result.precision, result.recall) == (0.667, 0.5)
    assert (result.warned, result.median_lead_minutes) == (1, 20.0)
    assert result.alerts_per_room_day == 0.75


def test_an_alert_on_a_day_without_a_log_is_neither_right_nor_wrong(house: Any) -> None:
    result = score([incident(house, 1, "09:00")], [], 2, set(), house.facts.tz)
    assert (result.precision, result.recall, result.unjudged) == (None, None, 1)


def test_feedback_outweighs_the_log(house: Any, log: list[Label]) -> None:
    result = score([incident(house, 1, "09:00", review="false_alarm")], log, 2, set(), house.facts.tz)
    assert result.precision == 0.0


def test_another_threshold_trades_warnings_for_warned_violations(house: Any, log: list[Label]) -> None:
    def look(clock: str, odds: float) -> LoggedRisk:
        at = house.at(clock)
        return LoggedRisk("r1", at, at + timedelta(minutes=15), odds)

    risks = [look("08:40", 0.45), look("08:41", 0.2), look("10:30", 0.65), look("10:31", 0.9)]
    risks += [look("12:00", 0.1), look("15:00", 0.5)]
    rows = {row.threshold: row for row in thresholds(risks, log, (0.4, 0.6, 0.8))}
    assert (rows[0.4].warnings, rows[0.4].came_true, rows[0.4].warned) == (3, 2, 2)
    assert (rows[0.6].warnings, rows[0.6].came_true, rows[0.6].warned) == (1, 1, 1)
    assert rows[0.6].median_lead_minutes == 30.0
    assert rows[0.8].median_lead_minutes == 29.0

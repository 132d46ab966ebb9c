"""Shadow figures from people's own labels, and nothing taken for granted that nobody labelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.shadow import Seen, read_manual_log, report_of, score
from domain.errors import BadInput
from domain.time import zone
from evaluator import Incident, Policy
from storage.ledger import open_ledger
from storage.ledger.centers import keep_reference
from storage.ledger.incidents import Feedback, VerdictRow

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(days=2)


def incident(number: int, minutes: int, matter: str = "shortage", **changes: Any) -> Incident:
    at = START + timedelta(minutes=minutes)
    made = Incident(
        f"i{number}", "c1", "r1", matter, "ratio", "violation", "resolved", at, Policy(), told_at=at,
        resolved_at=at + timedelta(minutes=10),
    )  # fmt: skip
    return replace(made, **changes)


def label(incident_id: str, word: str) -> Feedback:
    return Feedback(f"f{incident_id}{word}", "c1", word, START, "user:d", incident_id)


def verdict(minutes: int, odds: float, deficit: int) -> VerdictRow:
    body = {"odds": {"15": odds, "30": None}, "deficit": deficit}
    return VerdictRow("c1", "r1", START + timedelta(minutes=minutes), 5, 1, 2, "plain", "TX", body)


def test_precision_and_recall_are_over_what_people_said() -> None:
    seen = [Seen("r1", START + timedelta(minutes=62), START + timedelta(minutes=65)),
            Seen("r1", START + timedelta(minutes=600), START + timedelta(minutes=610))]  # fmt: skip
    incidents = [incident(1, 60), incident(2, 120), incident(3, 180), incident(4, 24 * 60 + 240)]
    report = score("c1", incidents, [label("i2", "false_alarm"), label("i3", "useful")], [], START, END, seen)
    assert (report.alerts, report.labelled) == (4, 3)
    assert report.precision == pytest.approx(2 / 3)
    assert report.recall == pytest.approx(2 / 3)
    assert report.alerts_per_room_day == 2.0


def test_on_a_day_of_the_log_an_alert_that_it_does_not_explain_is_false() -> None:
    seen = [Seen("r1", START + timedelta(minutes=62), START + timedelta(minutes=65))]
    warning = incident(4, 300, "outlook")  # the log is of violations; a warning may have been heeded
    incidents = [incident(1, 60), incident(2, 240), incident(3, 24 * 60 + 60), warning]
    report = score("c1", incidents, [], [], START, END, seen)
    assert (report.true_alerts, report.false_alerts, report.precision) == (1, 1, 0.5)
    west = zone("Pacific/Honolulu")  # there the log's line and the second alert are of different days
    report = score("c1", [incident(1, 60), incident(2, 840)], [], [], START, END, seen, west)
    assert (report.true_alerts, report.false_alerts) == (1, 0)


def test_a_line_of_the_log_is_matched_with_the_rooms_that_were_combined() -> None:
    seen = [Seen("r2", START + timedelta(minutes=62), START + timedelta(minutes=65))]
    together = incident(1, 60, facts={"members": ["r1", "r2"]})
    assert score("c1", [together], [], [], START, END, seen).recall == 1.0
    assert score("c1", [incident(1, 60)], [], [], START, END, seen).recall == 0.0


def test_a_log_of_rooms_the_center_does_not_have_is_refused(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        ledger.write(lambda c: keep_reference(c, "c1", "rooms", [{"room_id": "r1"}], START))
        with pytest.raises(BadInput, match="'Preschool B'; c1 has r1"):
            ledger.read(lambda c: report_of(c, "c1", START, END, [Seen("Preschool B", START, START)]))
        assert ledger.read(lambda c: report_of(c, "c1", START, END, [Seen("r1", START, START)])).recall == 0.0


def test_without_labels_nothing_is_claimed() -> None:
    report = score("c1", [incident(1, 60)], [], [], START, END)
    assert (report.precision, report.recall) == (None, None)
    assert any("not known" in str(value) for _, value in report.rows())


def test_what_nobody_was_told_of_and_requests_for_a_count_are_no_alerts() -> None:
    report = score("c1", [incident(1, 60, told_at=None), incident(2, 90, "count")], [], [], START, END)
    assert report.alerts == 0


def test_a_missed_violation_lowers_recall() -> None:
    missed = Feedback("f", "c1", "missed", START, "user:d", None, "r1", START + timedelta(hours=9))
    report = score("c1", [incident(1, 60)], [missed], [], START, END)
    assert (report.logged, report.logged_found) == (1, 0)


def test_the_lead_of_a_warning_is_the_time_to_the_shortage_it_warned_of() -> None:
    incidents = [incident(1, 40, "outlook"), incident(2, 60), incident(3, 500, "outlook")]
    assert score("c1", incidents, [], [], START, END).lead_minutes_median == 20


def test_other_thresholds_are_tried_on_the_kept_odds() -> None:
    rows = [verdict(0, 0.1, 0), verdict(10, 0.65, 0), verdict(30, 0.9, 1), verdict(40, 0.1, 0), verdict(60, 0.35, 0)]
    by = {t.threshold: t for t in score("c1", [], [], rows, START, END).thresholds}
    assert (by[0.3].warnings, by[0.3].came_true, by[0.3].shortages_warned) == (2, 1, 1)
    assert (by[0.6].warnings, by[0.6].came_true) == (1, 1)
    assert by[0.7].warnings == 1
    assert {t.shortages for t in by.values()} == {1}


def test_a_manual_log_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    path.write_text("room_id,start,end,note\nr1,2026-03-02T10:00:00Z,2026-03-02T10:05:00Z,door\n")
    assert read_manual_log(path)[0].note == "door"
    for text, words in (
        ("room,start,end\n", "lacks the column 'room_id'"), ("room_id,start,end\nr1,soon,later\n", "line 2"),
        ("room_id,start,end\n,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z\n", "line 2"),
        ("room_id,start,end\nr1,2026-03-02T10:00:00Z,2026-03-02T09:00:00Z\n", "line 2"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(BadInput, match=words):
            read_manual_log(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_manual_log(tmp_path / "none.csv")

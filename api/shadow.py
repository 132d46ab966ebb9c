"""Shadow mode scored by the center's own labels: precision, recall, lead time, alerts per room-day, other thresholds.

What counts as an alert is an incident somebody was told of (or would have been, in shadow). What is true is what
people said: labels on incidents, and the lines of a manual log of violations seen. On a day of the log an alert that
nothing in it explains is a false one, since a log that could only confirm would make every precision 1. Nothing else is
taken for granted: precision is over judged alerts, recall over the violations people logged or confirmed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, ClassVar

from domain.errors import BadInput
from domain.time import parse_instant, zone
from evaluator import Incident
from evaluator.incidents import incident_from_json
from reports.tuneup import Trial
from storage.ledger import Connection
from storage.ledger.centers import read_reference
from storage.ledger.incidents import Feedback, VerdictRow, find_incidents, read_feedback, read_verdicts

TOLERANCE = timedelta(minutes=5)  # a logged time and an alert this far apart are still about the same thing
HORIZON = timedelta(minutes=45)  # a warning is about what happens within this time
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Seen:
    """A violation somebody saw, from a manual log."""

    room_id: str
    start: datetime
    end: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShadowReport:
    center_id: str
    start: datetime
    end: datetime
    rooms: int
    alerts: int
    alerts_per_room_day: float
    labelled: int
    true_alerts: int
    false_alerts: int
    logged: int  # violations people logged or marked as missed
    logged_found: int
    lead_minutes_median: float | None  # of warnings that came true
    thresholds: tuple[Trial, ...]

    THRESHOLD_COLUMNS: ClassVar[tuple[str, ...]] = ("threshold", "warnings", "came true", "shortages", "warned of")

    @property
    def precision(self) -> float | None:
        judged = self.true_alerts + self.false_alerts
        return self.true_alerts / judged if judged else None

    @property
    def recall(self) -> float | None:
        return self.logged_found / self.logged if self.logged else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"precision": self.precision, "recall": self.recall}

    def rows(self) -> list[tuple[str, object]]:
        def share(value: float | None) -> str:
            return "not known yet: nobody labelled any" if value is None else f"{value:.2f}"

        return [
            ("alerts", self.alerts),
            ("alerts per room and day", f"{self.alerts_per_room_day:.2f}"),
            ("alerts judged", self.labelled),
            ("precision", share(self.precision)),
            ("violations logged by people", self.logged),
            ("recall", share(self.recall)),
            ("median lead of warnings, minutes", self.lead_minutes_median if self.lead_minutes_median else "-"),
        ]

    def threshold_rows(self) -> list[tuple[object, ...]]:
        return [(t.threshold, t.warnings, t.came_true, t.shortages, t.shortages_warned) for t in self.thresholds]


def report_of(
    connection: Connection, center_id: str, start: datetime, end: datetime, seen: Sequence[Seen] = ()
) -> ShadowReport:
    """The report over [start, end) from the ledger, with a manual log beside the labels kept there."""
    rows = find_incidents(connection, center_id, since=start, until=end, limit=100_000)
    incidents = [incident for row in rows if (incident := incident_from_json(row.body)).opened_at >= start]
    given = [each for each in read_feedback(connection, center_id) if start <= (each.start_at or each.at) < end]
    verdicts = read_verdicts(connection, center_id, start, end)
    known = read_reference(connection, center_id)
    rooms = {row["room_id"] for row in known.get("rooms", [])}
    if strange := sorted({each.room_id for each in seen} - rooms):
        raise BadInput(f"the log names the room '{strange[0]}'; {center_id} has {', '.join(sorted(rooms)) or 'none'}")
    tz = zone(known["center"]["timezone"]) if "center" in known else zone("UTC")
    return score(center_id, incidents, given, verdicts, start, end, seen, tz)


def score(
    center_id: str, incidents: Iterable[Incident], given: Iterable[Feedback], verdicts: Sequence[VerdictRow],
    start: datetime, end: datetime, seen: Sequence[Seen] = (), tz: tzinfo = UTC,
) -> ShadowReport:  # fmt: skip
    told = [each for each in incidents if each.told_at is not None]
    alerts = [each for each in told if each.matter != "count"]
    labels = {each.incident_id: each.label for each in given if each.incident_id}
    labels |= {each.incident_id: each.review for each in alerts if each.review}
    known = [*seen, *(_seen(each) for each in given if each.label in ("missed", "logged") and each.start_at)]
    violations = [each for each in alerts if each.matter in ("shortage", "group_size")]
    matched = {each.incident_id for each in violations if any(_meets(each, one) for one in known)}
    logged_days = {each.start.astimezone(tz).date() for each in seen}
    of_the_log = {i.incident_id for i in violations if i.opened_at.astimezone(tz).date() in logged_days}
    true_alerts = {i.incident_id for i in alerts if labels.get(i.incident_id) == "useful"} | matched
    false_alerts = {i.incident_id for i in alerts if labels.get(i.incident_id) == "false_alarm"} | of_the_log
    false_alerts -= true_alerts
    found = sum(any(_meets(each, one) for each in violations) for one in known)
    confirmed = len({i.incident_id for i in violations if i.incident_id in true_alerts} - matched)
    rooms = len({row.room_id for row in verdicts}) or len({each.room_id for each in alerts})
    days = max(1.0, (end - start) / timedelta(days=1))
    return ShadowReport(
        center_id, start, end, rooms, len(alerts), len(alerts) / (max(1, rooms) * days),
        len(true_alerts | false_alerts), len(true_alerts), len(false_alerts), len(known) + confirmed, found + confirmed,
        _lead(alerts), tuple(_threshold(verdicts, value) for value in THRESHOLDS),
    )  # fmt: skip


def read_manual_log(path: Path) -> list[Seen]:
    """Lines of `room_id,start,end[,note]`, times with offset. BadInput names file, line and field."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"room_id", "start", "end"} - set(reader.fieldnames or ())
            if missing:
                raise BadInput(f"{path} lacks the column '{min(missing)}'; line 1 must be room_id,start,end,note")
            return [_line(path, number, row) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read as CSV: {error}") from error


def _line(path: Path, number: int, row: dict[str, Any]) -> Seen:
    try:
        start, end = parse_instant(row["start"] or ""), parse_instant(row["end"] or "")
        seen = Seen(row["room_id"] or "", start, end, row.get("note") or "")
    except BadInput as error:
        raise BadInput(f"{path}, line {number}: {error}") from error
    if not seen.room_id or seen.end < seen.start:
        raise BadInput(f"{path}, line {number}: needs a room_id, and an end that is not before its start")
    return seen


def _seen(given: Feedback) -> Seen:
    assert given.start_at is not None  # noqa: S101  the caller has looked
    return Seen(given.room_id or "", given.start_at, given.end_at or given.start_at, given.note)


def _meets(incident: Incident, seen: Seen) -> bool:
    """The same room, or one it was combined with, and spans that touch within the tolerance."""
    until = incident.resolved_at or datetime.max.replace(tzinfo=incident.opened_at.tzinfo) - TOLERANCE
    return (
        seen.room_id in (incident.room_id, *incident.facts.get("members", ()))
        and incident.opened_at - TOLERANCE <= seen.end
        and seen.start <= until + TOLERANCE
    )


def _lead(alerts: Sequence[Incident]) -> float | None:
    """Median minutes from a warning to the shortage it warned of."""
    leads = []
    for warning in (each for each in alerts if each.matter == "outlook" and each.told_at):
        told = warning.told_at or warning.opened_at
        after = [
            each.opened_at
            for each in alerts
            if (each.matter, each.room_id) == ("shortage", warning.room_id) and told <= each.opened_at <= told + HORIZON
        ]  # fmt: skip
        if after:
            leads.append((min(after) - told).total_seconds() / 60)
    return sorted(leads)[len(leads) // 2] if leads else None


def _threshold(verdicts: Sequence[VerdictRow], value: float) -> Trial:
    """Warnings and shortages as the kept verdicts show them, had warnings gone out at these odds."""
    warnings = came_true = shortages = warned = 0
    rooms: dict[str, list[VerdictRow]] = {}
    for row in verdicts:
        rooms.setdefault(row.room_id, []).append(row)
    for rows in rooms.values():
        raised = _rises(rows, lambda row: max((odds or 0) for odds in row.body["odds"].values()) >= value)
        short = _rises(rows, lambda row: row.body["deficit"] > 0)
        warnings, shortages = warnings + len(raised), shortages + len(short)
        came_true += sum(any(at <= begin <= at + HORIZON for begin in short) for at in raised)
        warned += sum(any(at <= begin <= at + HORIZON for at in raised) for begin in short)
    return Trial(value, warnings, came_true, shortages, warned)


def _rises(rows: Sequence[VerdictRow], holds: Any) -> list[datetime]:
    """The instants at which a condition begins to hold."""
    found, before = [], False
    for row in rows:
        now = bool(holds(row))
        if now and not before:
            found.append(row.at)
        before = now
    return found

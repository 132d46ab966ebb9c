"""The week's exceptions for the director: what happened, how long, why, and what still waits for a person's word."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.time import Interval, zone
from evaluator import Incident
from reports.pdf import Page, made, write_pdf

COLUMNS = ("opened", "room", "what", "severity", "minutes", "cause", "told", "taken on", "judged", "incident_id")
_MATTERS = {
    "shortage": "too few adults", "group_size": "group too large", "outlook": "warning",
    "count": "count in doubt",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExceptionLine:
    """One incident in a line; instants are local."""

    incident_id: str
    opened: datetime
    room: str
    what: str
    severity: str
    minutes: float
    cause: str
    told: int
    taken_on: bool
    judged: str
    open: bool


@dataclass(frozen=True, slots=True)
class WeekOfExceptions:
    """Incidents that opened in the span, and what they come to."""

    center: str
    span: Interval
    lines: tuple[ExceptionLine, ...]

    @property
    def violations(self) -> tuple[ExceptionLine, ...]:
        return tuple(line for line in self.lines if line.severity in ("violation", "critical"))

    @property
    def by_room(self) -> list[tuple[str, int, float]]:
        """Room, violations, minutes; worst first."""
        rooms = {line.room for line in self.violations}
        found = [
            (room, sum(line.room == room for line in self.violations), _minutes(self.violations, room))
            for room in rooms
        ]
        return sorted(found, key=lambda row: (-row[2], row[0]))

    @property
    def by_cause(self) -> list[tuple[str, int]]:
        return Counter(line.cause for line in self.violations).most_common()

    @property
    def unjudged(self) -> int:
        return sum(not line.judged for line in self.lines)

    @property
    def sentences(self) -> list[str]:
        """The week as a director would read it aloud."""
        if not self.lines:
            return ["Nothing happened this week: no incident was opened."]
        total = sum(line.minutes for line in self.violations)
        said = [f"{len(self.lines)} incidents, {len(self.violations)} of them violations ({total:.0f} minutes in all)."]
        if self.by_room:
            room, count, minutes = self.by_room[0]
            said.append(f"Most in {room}: {count} ({minutes:.0f} minutes).")
        if self.by_cause:
            said.append(f"Usual cause: {self.by_cause[0][0]} ({self.by_cause[0][1]} of {len(self.violations)}).")
        ignored = sum(line.told > 0 and not line.taken_on for line in self.lines)
        if ignored:
            said.append(f"Nobody took on {ignored} of those people were told of.")
        if self.unjudged:
            said.append(f"{self.unjudged} wait for your word: useful, false alarm or missed.")
        return said


def week_of_exceptions(
    incidents: Iterable[Incident], span: Interval, center: str, timezone: str, rooms: Mapping[str, str], now: datetime
) -> WeekOfExceptions:
    """From the incidents that opened in the span; `rooms` gives names by id."""
    tz = zone(timezone)
    lines = [
        ExceptionLine(
            each.incident_id, each.opened_at.astimezone(tz), rooms.get(each.room_id, each.room_id),
            _MATTERS.get(each.matter, each.matter), _worst(each), _lasted(each, now),
            each.root_cause.replace("_", " "),
            sum(entry.kind in ("told", "escalated", "repeated") for entry in each.history),
            each.acknowledged_at is not None, each.review.replace("_", " "), each.is_open,
        )
        for each in incidents if each.opened_at in span
    ]  # fmt: skip
    return WeekOfExceptions(center, span, tuple(sorted(lines, key=lambda line: line.opened)))


def exceptions_csv(week: WeekOfExceptions) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(_row(line) for line in week.lines)
    return out.getvalue()


def exceptions_pdf(week: WeekOfExceptions, made_at: datetime) -> bytes:
    last = week.span.end - timedelta(seconds=1)
    page = Page(
        f"Exceptions, {week.center}, {week.span.start:%d %B} to {last:%d %B %Y}", week.sentences, COLUMNS[:-1],
        [_row(line)[:-1] for line in week.lines], (4, 3, 4, 3, 2, 4, 2, 2, 3),
    )  # fmt: skip
    return write_pdf([page], footer=made(made_at))


def _row(line: ExceptionLine) -> Sequence[str]:
    return (
        f"{line.opened:%Y-%m-%d %H:%M}", line.room, line.what, line.severity, f"{line.minutes:.1f}", line.cause,
        str(line.told), "yes" if line.taken_on else "no", line.judged, line.incident_id,
    )  # fmt: skip


def _worst(incident: Incident) -> str:
    return incident.peak_severity if incident.matter in ("shortage", "group_size") else incident.severity


def _lasted(incident: Incident, now: datetime) -> float:
    return ((incident.resolved_at or now) - incident.opened_at).total_seconds() / 60


def _minutes(lines: Iterable[ExceptionLine], room: str) -> float:
    return sum(line.minutes for line in lines if line.room == room)

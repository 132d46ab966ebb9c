"""How good the alerts are, by the labels of those who were there: precision, recall, lead time, burden, thresholds."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from evaluator.incidents import Incident
from evaluator.policy import rank

MATCH = timedelta(minutes=10)  # a manual log is written by people: times this far apart are the same
AHEAD = timedelta(minutes=45)  # how early a warning may come and still count for a violation


@dataclass(frozen=True, slots=True)
class Label:
    """A violation somebody saw and wrote down, with or without an alert. `end` None: a moment."""

    label_id: str
    room_id: str
    start: datetime
    end: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class LoggedRisk:
    """Odds as they were computed, kept in shadow mode so that other thresholds can be tried afterwards."""

    room_id: str
    at: datetime
    target: datetime
    odds: float


@dataclass(frozen=True, slots=True)
class ShadowScore:
    """None where nothing was judged: a share of nothing is not 0."""

    alerts: int
    judged: int
    true_alerts: int
    labelled: int
    found: int
    precision: float | None
    recall: float | None
    warned: int  # labelled violations with a warning standing before
    median_lead_minutes: float | None
    alerts_per_room_day: float | None
    unjudged: int  # on days without a log, and without feedback


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """What the warnings would have been at another threshold."""

    threshold: float
    warnings: int
    came_true: int
    warned: int
    labelled: int
    median_lead_minutes: float | None


def score(
    incidents: Iterable[Incident], labels: Sequence[Label], room_days: int, logged_days: Collection[date], tz: ZoneInfo
) -> ShadowScore:
    """`incidents` as decided (told or only logged); `logged_days`: local days on which the director kept the log.

    An alert is judged by feedback on it first, else by the log of its day; an alert on a day without a log and
    without feedback is neither right nor wrong.
    """
    incidents = list(incidents)
    alerts = [each for each in incidents if each.told_severity and rank(each.told_severity) >= rank("violation")]
    verdicts = [_judge(alert, labels, logged_days, tz) for alert in alerts]
    judged = [verdict for verdict in verdicts if verdict is not None]
    found = [label for label in labels if any(_same(alert, label) for alert in alerts)]
    leads = _leads([each for each in incidents if each.matter == "outlook"], labels)
    return ShadowScore(
        len(alerts), len(judged), sum(judged), len(labels), len(found), _share(sum(judged), len(judged)),
        _share(len(found), len(labels)), len(leads), statistics.median(leads) if leads else None,
        round(len(alerts) / room_days, 3) if room_days else None, len(verdicts) - len(judged),
    )  # fmt: skip


def thresholds(
    risks: Iterable[LoggedRisk], labels: Sequence[Label], candidates: Sequence[float] = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
) -> list[ThresholdRow]:
    """One row per candidate. A warning begins when a room's odds cross it from below, and counts once until they
    have been below it for all horizons looked at together."""
    looks: dict[str, dict[datetime, float]] = {}
    for risk in risks:
        seen = looks.setdefault(risk.room_id, {})
        seen[risk.at] = max(risk.odds, seen.get(risk.at, 0.0))
    return [_row(candidate, looks, labels) for candidate in candidates]


def _judge(alert: Incident, labels: Sequence[Label], logged_days: Collection[date], tz: ZoneInfo) -> bool | None:
    if alert.review == "false_alarm":
        return False
    if alert.review in ("useful", "missed") or any(_same(alert, label) for label in labels):
        return True
    return False if alert.opened_at.astimezone(tz).date() in logged_days else None


def _same(alert: Incident, label: Label) -> bool:
    over = alert.resolved_at or alert.opened_at
    return (
        alert.room_id == label.room_id
        and alert.opened_at <= (label.end or label.start) + MATCH
        and label.start - MATCH <= over
    )


def _leads(warnings: list[Incident], labels: Sequence[Label]) -> list[float]:
    """Minutes of warning before each labelled violation that had one."""
    leads = []
    for label in labels:
        before = [
            (label.start - each.told_at).total_seconds() / 60
            for each in warnings
            if each.told_at and each.room_id == label.room_id and each.told_at < label.start <= each.told_at + AHEAD
        ]
        if before:
            leads.append(max(before))
    return leads


def _row(candidate: float, looks: dict[str, dict[datetime, float]], labels: Sequence[Label]) -> ThresholdRow:
    onsets = []
    for room_id, seen in looks.items():
        above = False
        for at, odds in sorted(seen.items()):
            if odds >= candidate and not above:
                onsets.append((room_id, at))
            above = odds >= candidate
    leads: dict[str, float] = {}
    true = 0
    for room_id, at in onsets:
        hits = [label for label in labels if label.room_id == room_id and at < label.start <= at + AHEAD]
        true += bool(hits)
        for label in hits:
            leads[label.label_id] = max(leads.get(label.label_id, 0.0), (label.start - at).total_seconds() / 60)
    lead = statistics.median(leads.values()) if leads else None
    return ThresholdRow(candidate, len(onsets), true, len(leads), len(labels), lead)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None

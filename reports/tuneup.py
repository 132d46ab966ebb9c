"""The monthly alert tune-up: which alerts are ignored or wrong, and which threshold would have served better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from evaluator import Incident
from reports.pdf import Page

KIND_COLUMNS = (
    "room", "what", "severity", "alerts", "taken on", "minutes until then", "over by themselves", "useful", "false",
)  # fmt: skip
THRESHOLD_COLUMNS = ("odds from", "warnings", "came true", "shortages", "shortages warned of")
_ENOUGH = 5  # alerts of a kind from which something is said about it
_IGNORED = 0.5  # share nobody took on, from which a kind is called ignored
_WRONG = 0.3  # share labelled false, from which a kind is called wrong


@dataclass(frozen=True, slots=True)
class Kind:
    """Alerts of one matter and severity in one room."""

    room: str
    matter: str
    severity: str
    alerts: int
    taken_on: int
    minutes_to_taken_on: float | None  # median
    over_by_themselves: int  # resolved before anybody took them on
    useful: int
    false_alarms: int

    @property
    def ignored_share(self) -> float:
        return 1 - self.taken_on / self.alerts


@dataclass(frozen=True, slots=True)
class Trial:
    """What warnings at a threshold would have been: how many, how many came true, how many shortages they met."""

    threshold: float
    warnings: int
    came_true: int
    shortages: int
    shortages_warned: int


@dataclass(frozen=True, slots=True)
class TuneUp:
    kinds: tuple[Kind, ...]
    advice: tuple[str, ...]


def tune_up(
    incidents: Iterable[Incident], labels: Mapping[str, str], rooms: Mapping[str, str], trials: Sequence[Trial],
    threshold: float,
) -> TuneUp:  # fmt: skip
    """From a month's incidents, the labels people gave (by incident id), and what other thresholds would do."""
    told = [each for each in incidents if each.told_at is not None]
    groups: dict[tuple[str, str, str], list[Incident]] = {}
    for each in told:
        groups.setdefault((rooms.get(each.room_id, each.room_id), each.matter, each.peak_severity), []).append(each)
    kinds = tuple(
        sorted(
            (_kind(key, found, labels) for key, found in groups.items()),
            key=lambda kind: (-kind.alerts, kind.room, kind.matter),
        )
    )
    advice = [words for kind in kinds if (words := _advice(kind))]
    other = _other_threshold(trials, threshold)
    if other:
        advice.append(other)
    nothing = "Nothing to change: the alerts were heard and were right."
    if not told:
        nothing = "Nobody was told of anything in this time, so there is nothing to judge yet."
    return TuneUp(kinds, tuple(advice) or (nothing,))


def _kind(key: tuple[str, str, str], found: Sequence[Incident], labels: Mapping[str, str]) -> Kind:
    taken = [each for each in found if each.acknowledged_at is not None]
    waits = [
        (each.acknowledged_at - each.told_at).total_seconds() / 60
        for each in taken
        if each.acknowledged_at is not None and each.told_at is not None
    ]
    given = [each.review or labels.get(each.incident_id, "") for each in found]
    return Kind(
        *key, len(found), len(taken), round(median(waits), 1) if waits else None,
        sum(each.resolved_at is not None and each.acknowledged_at is None for each in found),
        given.count("useful"), given.count("false_alarm"),
    )  # fmt: skip


def _advice(kind: Kind) -> str:
    if kind.alerts < _ENOUGH:
        return ""
    what = f"{kind.room}: {kind.alerts} alerts ({kind.matter.replace('_', ' ')}, {kind.severity})"
    if kind.false_alarms / kind.alerts >= _WRONG:
        return f"{what}, {kind.false_alarms} labelled false. Lengthen the grace, or count this room more often."
    if kind.ignored_share >= _IGNORED and kind.over_by_themselves >= kind.alerts / 2:
        return f"{what} were over before anybody took them on. A longer grace would spare most of them."
    if kind.ignored_share >= _IGNORED:
        return f"{what}, {kind.ignored_share:.0%} taken on by nobody. Route them to somebody who can act."
    return ""


def _other_threshold(trials: Sequence[Trial], threshold: float) -> str:
    """A threshold with clearly better F1 over the month's own shortages."""
    scored = {trial.threshold: _f1(trial) for trial in trials if trial.shortages}
    if not scored:
        return ""
    nearest = min(scored, key=lambda value: abs(value - threshold))
    best = max(scored, key=lambda value: scored[value])
    if scored[best] < scored[nearest] + 0.1:
        return ""
    trial = next(each for each in trials if each.threshold == best)
    return (
        f"Warnings: a threshold of {best:.0%} instead of {threshold:.0%} would have given {trial.warnings} warnings, "
        f"{trial.came_true} of which came true, and met {trial.shortages_warned} of {trial.shortages} shortages."
    )


def _f1(trial: Trial) -> float:
    precision = trial.came_true / trial.warnings if trial.warnings else 0.0
    recall = trial.shortages_warned / trial.shortages if trial.shortages else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def tune_up_pages(found: TuneUp, trials: Sequence[Trial], heading: str) -> list[Page]:
    """The tune-up as pages: what to change, the alerts by kind, what other thresholds would have done."""
    rows = [
        (kind.room, kind.matter.replace("_", " "), kind.severity, str(kind.alerts), str(kind.taken_on),
         "" if kind.minutes_to_taken_on is None else f"{kind.minutes_to_taken_on:.1f}", str(kind.over_by_themselves),
         str(kind.useful), str(kind.false_alarms))
        for kind in found.kinds
    ]  # fmt: skip
    return [Page(heading, found.advice, KIND_COLUMNS, rows), threshold_page(trials)]


def threshold_page(trials: Sequence[Trial]) -> Page:
    rows = [
        (
            f"{each.threshold:.0%}",
            str(each.warnings),
            str(each.came_true),
            str(each.shortages),
            str(each.shortages_warned),
        )
        for each in trials
    ]
    return Page("What another threshold would have done", (), THRESHOLD_COLUMNS, rows)

"""What the doubts are worth: of the shortages that a replay recorded under a doubt, the share that was true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks._alert_replay import Lived
from benchmarks._alert_truth import TrueViolation, overlapping
from domain.time import Interval

LASTED = timedelta(seconds=45)  # shorter ones are over before anybody would be told
BEFORE = timedelta(seconds=75)  # how much later than the truth a record may be: deliveries take time


@dataclass(frozen=True, slots=True)
class Recorded:
    """A shortage or a group too large by the record, with the doubts it opened under."""

    doubts: frozenset[tuple[str, float]]
    true: bool


def recorded_shortages(lived: Lived, violations: list[TrueViolation]) -> list[Recorded]:
    """Those that lasted; who has only stepped out is left aside."""
    ended = {c.incident.incident_id: c.incident.resolved_at for _, c, _ in lived.changes if c.incident.resolved_at}
    result = []
    for at, change, rooms in lived.changes:
        incident = change.incident
        over = ended.get(incident.incident_id)
        if change.before is not None or incident.matter not in ("shortage", "group_size"):
            continue
        if incident.cause == "step_out" or (over is not None and over < at + LASTED):
            continue
        doubts = incident.history[0].facts["trust"]["doubts"]
        true = bool(overlapping(violations, set(rooms), Interval(at - BEFORE, at + LASTED)))
        result.append(Recorded(frozenset((each["rule"], each["odds"]) for each in doubts), true))
    return result


def by_doubt(recorded: Iterable[Recorded]) -> list[dict[str, Any]]:
    """One row per doubt and odds; the first row is of shortages without any doubt."""
    found: dict[tuple[str, float], list[Recorded]] = defaultdict(list)
    for each in recorded:
        for doubt in each.doubts or [("none", 0.0)]:
            found[doubt].append(each)
    rows = []
    for (rule, odds), here in sorted(found.items(), key=lambda item: (item[0][0] != "none", item[0])):
        alone = [each for each in here if len(each.doubts) <= 1]
        rows.append(
            {"doubt": rule, "odds": odds, "shortages": len(here), "true": _share(here), "alone": len(alone),
             "true alone": _share(alone)}
        )  # fmt: skip
    return rows


def _share(rows: list[Recorded]) -> float | str:
    return round(sum(each.true for each in rows) / len(rows), 2) if rows else ""

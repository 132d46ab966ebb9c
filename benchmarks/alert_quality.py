"""Simulated months of alerts at three levels of data faults, against the ground truth, beside two simpler monitors.

`python -m benchmarks.alert_quality misses` tells of each violation that nobody was told of what differs between the
truth and the record; `odds` what each doubt was worth; `design` the months on which that is judged; `readings` the
figures under other readings of the facts on faults; `outlook` the look-ahead with bookings alone, month by month, and
`warnings` beside the trained model.
"""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import rulebook
from benchmarks._alert_misses import difference
from benchmarks._alert_odds import Recorded, by_doubt, recorded_shortages
from benchmarks._alert_replay import Knowledge, Lived, People, Replay
from benchmarks._alert_truth import TrueDay, TrueViolation, overlapping
from domain.time import Interval
from evaluator import CenterFacts, Policy
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import World

DESIGN, DESIGN_SEEDS = date(2026, 3, 2), (7, 11, 12, 13, 14)  # on which the doubts are weighed
# Seeds and months that were not looked at while the doubts were weighed.
WORLDS = ((101, date(2026, 5, 4)), (202, date(2026, 9, 7)), (303, date(2026, 1, 12)))
DAYS, STATE = 28, "TX"
LONG = 120.0  # seconds: violations longer than this must be found
SLACK = timedelta(minutes=2)  # an alert may come this long after a violation has ended: deliveries take time
AHEAD = timedelta(minutes=15)
# Of "unlogged room move 8 %" and "wrong room 5 %" it is not said whether adults' moves and clock-ins are meant.
READINGS: dict[str, dict[str, float]] = {
    "as set": {},
    "wrong room: children alone": {"wrong_room_adults": 0.0},
    "wrong room, unlogged move: children alone": {"wrong_room_adults": 0.0, "unlogged_move_adults": 0.0},
    "no wrong room": {"wrong_room_adults": 0.0, "wrong_room": 0.0},
}
KINDS = ("missed_check_out", "missed_check_in", "unlogged_move", "unlogged_move_adults", "forgotten_clock_out",
         "wrong_room", "wrong_room_adults", "delay_long_share")  # fmt: skip


@dataclass
class Tally:
    """What truly happened."""

    violations: list[TrueViolation] = field(default_factory=list)
    foreseeable: list[TrueViolation] = field(default_factory=list)
    open_days: int = 0
    rooms: int = 0
    differences: dict[TrueViolation, str] = field(default_factory=dict)

    @property
    def room_days(self) -> int:
        return self.open_days * self.rooms


def run(days: int = DAYS, levels: tuple[float, ...] = (1.0, 0.0, 3.0), size: str = "medium") -> list[dict[str, Any]]:
    """Per fault level and monitor the mean over the worlds (x1: all, else two) and, as 'low' and 'high', its ends."""
    rows = []
    for level in levels:
        worlds = WORLDS if level == 1 else WORLDS[:2]
        months = [month(level, days, size, *world) for world in worlds]
        rows += [_over_worlds(list(same)) for same in zip(*months, strict=True)]
    return rows


def month(faults: float, days: int, size: str, seed: int, start: date, **knobs: Any) -> list[dict[str, Any]]:
    """The rows of one world: this product, the same without count trust, the naive monitor."""
    world = simulate(Knobs(faults=faults, size=size, state=STATE, **knobs), seed, start, days)
    book = rulebook.load(STATE, on=start)
    center = world.centers[0]
    policy = Policy(timezone=center.timezone)
    replay = Replay(world, center.center_id, book, policy, People(), seed)
    replay.looks_ahead = False
    # The same product without count trust: it believes every event at once.
    believer = Replay(world, center.center_id, book, replace(policy, count_patience_seconds=0), People(0.0), seed)
    believer.looks_ahead = False
    tally = live(world, start, days, [replay, believer])
    ours = _ours("ratiocast", faults, replay.lived, tally)
    believing = _ours("believes every event", faults, believer.lived, tally)
    return [ours, believing, _naive(faults, replay.lived, tally)]


def live(world: World, start: date, days: int, replays: Sequence[Replay], *, foresees: bool = False) -> Tally:
    """Takes every monitor through the days of the world's first center; what truly happened in them."""
    center_id = world.centers[0].center_id
    knowledge, tally = Knowledge(world, center_id), Tally()
    tally.rooms = len(knowledge.rooms)
    for number in range(days):
        day = start + timedelta(days=number)
        truth = TrueDay(world, center_id, day, _noon(knowledge, day), replays[0].book)
        if truth.stays:
            tally.open_days += 1
            found = truth.violations()
            tally.violations += found
            tally.foreseeable += [violation for violation in found if foresees and _foreseen(violation, truth)]
            tally.differences |= {each: difference(world, truth, each) for each in found if each.seconds > LONG}
        for replay in replays:
            replay.day(truth)
    return tally


def _over_worlds(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means; the spread of recall and precision; violations and answers are summed up."""
    first, *_ = rows
    summed = ("violations >2 min", "counts answered")
    result: dict[str, Any] = {"months": len(rows)}
    for name, value in first.items():
        values = [row[name] for row in rows]
        if name in WARNINGS:
            continue
        if name == "missed":
            result[name] = dict(sum((Counter(each) for each in values), Counter()).most_common())
        elif name in summed:
            result[name] = sum(values)
        elif isinstance(value, float) and name != "faults":
            result[name] = round(statistics.mean(values), 3)
            if name.startswith(("recall", "precision")):
                result[f"{name} low"], result[f"{name} high"] = min(values), max(values)
        else:
            result[name] = value
    return result


def _noon(knowledge: Knowledge, day: date) -> CenterFacts:
    return knowledge.facts(datetime(day.year, day.month, day.day, 18, tzinfo=UTC))


def _foreseen(violation: TrueViolation, truth: TrueDay) -> bool:
    """Whether a clairvoyant saw it 15 minutes before: one who knows where everybody truly was then, which children
    will truly be there, and the staff's plan, but not what the staff will do against the plan."""
    if violation.seconds <= LONG:
        return False
    then, at = violation.start - AHEAD, violation.start + timedelta(seconds=30)
    rooms = tuple(sorted(violation.rooms))
    if set(truth.group_of(rooms[0], then)) != set(rooms):
        return False  # when rooms will be combined is in no plan
    crew = []
    for presence in truth.presences:
        if not presence.start <= then < presence.end:
            continue
        place = presence.room_id if presence.state == "in_room" else None
        planned, next_part = (
            truth.facts.segment_at(presence.staff_id, then),
            truth.facts.segment_at(presence.staff_id, at),
        )
        if next_part != planned:
            place = next_part.room_id if next_part is not None and next_part.kind == "room" else None
        elif presence.state in ("step_out", "break"):
            place = planned.room_id if planned is not None else None
        if place in rooms:
            crew.append(presence.staff_id)
    for staff_id in truth.facts.staff:
        part = truth.facts.segment_at(staff_id, at)
        if part is not None and part.start > then and part.kind == "room" and part.room_id in rooms:
            crew.append(staff_id)
    return truth.short(rooms, truth.children(rooms, at), crew, at) > 0


def _ours(monitor: str, faults: float, lived: Lived, tally: Tally) -> dict[str, Any]:
    alerts = _alerts(lived, ("violation", "critical"))
    counts = _alerts(lived, ("please_count",))
    warnings = [w for w in _alerts(lived, ("approaching",)) if w[3] == "outlook"]
    long = [violation for violation in tally.violations if violation.seconds > LONG]
    useful = [a for a in alerts if _true(a, tally.violations)]
    found = [v for v in long if _found(v, alerts)]
    found_or_asked = [v for v in long if _found(v, alerts) or _found(v, counts)]
    missed = [v for v in long if v not in found_or_asked]
    foreseen = [lead for v in tally.foreseeable if (lead := _lead(v, warnings)) is not None]
    came_true = [w for w in warnings if overlapping(tally.violations, set(w[2]), Interval(w[0], w[0] + 3 * AHEAD))]
    return {
        "monitor": monitor, "faults": faults, "violations >2 min": len(long),
        "recall": _share(len(found), len(long)), "recall with please-count": _share(len(found_or_asked), len(long)),
        "precision": _share(len(useful), len(alerts)), "alerts / room-day": len(alerts) / tally.room_days,
        "counts asked / room-day": len(counts) / tally.room_days,
        "requests / room-day": lived.requests / tally.room_days, "counts answered": lived.answered,
        "missed": dict(Counter(tally.differences[v] for v in missed).most_common()),
        "foreseeable": len(tally.foreseeable), "warned": _share(len(foreseen), len(tally.foreseeable)),
        "median lead min": statistics.median(foreseen) if foreseen else 0.0,
        "warnings / room-day": len(warnings) / tally.room_days,
        "warnings come true": _share(len(came_true), len(warnings)),
    }  # fmt: skip


def _naive(faults: float, lived: Lived, tally: Tally) -> dict[str, Any]:
    long = [violation for violation in tally.violations if violation.seconds > LONG]
    alerts: list[Alert] = [(at, None, rooms, "") for at, rooms in lived.naive]
    useful = [alert for alert in alerts if _true(alert, tally.violations)]
    found = [v for v in long if any(a[2] & v.rooms and v.start - SLACK <= a[0] <= v.end + SLACK for a in alerts)]
    return {
        "monitor": "naive", "faults": faults, "violations >2 min": len(long), "recall": _share(len(found), len(long)),
        "precision": _share(len(useful), len(alerts)), "alerts / room-day": len(alerts) / tally.room_days,
    }  # fmt: skip


WARNINGS = ("foreseeable", "warned", "median lead min", "warnings / room-day", "warnings come true")
Alert = tuple[datetime, datetime | None, frozenset[str], str]  # told, over, rooms, matter


def _alerts(lived: Lived, severities: tuple[str, ...]) -> list[Alert]:
    """One per incident: the first message of such a severity, until the incident was resolved."""
    told: dict[str, tuple[datetime, frozenset[str], str]] = {}
    over: dict[str, datetime] = {}
    for at, change, rooms in lived.changes:
        incident = change.incident
        if any(m.severity in severities and m.kind not in ("all_clear", "withdrawal") for m in change.messages):
            told.setdefault(incident.incident_id, (at, rooms, incident.matter))
        if incident.resolved_at is not None:
            over[incident.incident_id] = incident.resolved_at
    return [(at, over.get(key), rooms, matter) for key, (at, rooms, matter) in told.items()]


def _true(alert: Alert, violations: list[TrueViolation]) -> bool:
    """Whether the alert was raised during a true violation of its rooms, or at most two minutes after it."""
    return bool(overlapping(violations, set(alert[2]), Interval(alert[0] - SLACK, alert[0] + timedelta(seconds=1))))


def _found(violation: TrueViolation, alerts: list[Alert]) -> bool:
    """Raised from its start to two minutes after its end, or still on from before."""
    for at, over, rooms, _ in alerts:
        if rooms & violation.rooms and at <= violation.end + SLACK and (over is None or over >= violation.start):
            return True
    return False


def _lead(violation: TrueViolation, warnings: list[Alert]) -> float | None:
    """Minutes between the warning and the violation, if one was standing when it began."""
    leads = [
        (violation.start - at).total_seconds() / 60
        for at, over, rooms, _ in warnings
        if rooms & violation.rooms
        and at < violation.start <= at + 3 * AHEAD
        and (over is None or over >= violation.start - 2 * SLACK)
    ]
    return max(leads, default=None)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else float("nan")


def misses(days: int = DAYS, level: float = 1.0) -> list[dict[str, Any]]:
    """What differs between truth and record in the violations of which nobody was told, by monitor."""
    rows: list[dict[str, Any]] = []
    for world in WORLDS:
        for row in month(level, days, "medium", *world)[:2]:
            told = {"seed": world[0], "monitor": row["monitor"], "violations": row["violations >2 min"]}
            rows += [told | {"missed": number, "difference": what} for what, number in row["missed"].items()]
    return rows


def design(days: int = DAYS) -> list[dict[str, Any]]:
    """As `run` at x1, on the months on which the doubts are weighed."""
    months = [month(1.0, days, "medium", seed, DESIGN) for seed in DESIGN_SEEDS]
    return [_over_worlds(list(same)) for same in zip(*months, strict=True)]


def readings(days: int = 14) -> list[dict[str, Any]]:
    """A fortnight at x1 under other readings of the facts on record faults, and with each kind of fault alone."""
    alone = {f"{kind} alone": dict.fromkeys((each for each in KINDS if each != kind), 0.0) for kind in KINDS}
    kept = ("monitor", "recall", "recall with please-count", "precision", "alerts / room-day")
    rows = []
    for reading, knobs in (READINGS | alone | {"the usual delays alone": dict.fromkeys(KINDS, 0.0)}).items():
        found = month(1.0, days, "medium", DESIGN_SEEDS[1], DESIGN, **knobs)[:2]
        rows += [{"reading": reading} | {name: row[name] for name in kept} for row in found]
    return rows


def odds(days: int = DAYS) -> list[dict[str, Any]]:
    """What each doubt was worth in the worlds the odds are judged on: of the shortages recorded under it, how many
    were true, where it stood alone and in all."""
    recorded: list[Recorded] = []
    book = rulebook.load(STATE, on=DESIGN)
    for seed in DESIGN_SEEDS:
        world = simulate(Knobs(size="medium", state=STATE), seed, DESIGN, days)
        center = world.centers[0]
        replay = Replay(world, center.center_id, book, Policy(timezone=center.timezone), People(), seed)
        replay.looks_ahead = False
        tally = live(world, DESIGN, days, [replay])
        recorded += recorded_shortages(replay.lived, tally.violations)
    return by_doubt(recorded)


if __name__ == "__main__":
    from benchmarks.__main__ import save, show
    from benchmarks._alert_warnings import outlook, warnings

    others = {
        "design": design, "misses": misses, "readings": readings, "odds": odds, "outlook": outlook,
        "warnings": warnings,
    }  # fmt: skip
    if sys.argv[1:] and sys.argv[1] in others:
        show(f"alert_{sys.argv[1]}", others[sys.argv[1]]())
    else:
        rows = run()
        show("alert_quality", rows)
        save("alert_quality", rows)

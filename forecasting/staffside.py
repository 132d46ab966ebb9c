"""The staff side: how many adults will be in each room, from shifts and from how shifts were kept here before.

Rates are a center's, never a person's: how often somebody planned for a room is there, given how the shift stands now
(in that room, elsewhere, on a break, not clocked in) and how far ahead one looks. Call-outs, late starts, breaks that
drift and moves are all in these rates. Idle floats count in no room. Days on which many call out (an illness, snow) are
likelier than chance has it: call-outs of a day share a shock, so that the odds of two missing at once are right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from domain.time import as_utc
from forecasting.attendance import Floats, Ints
from forecasting.history import Known

STEP = timedelta(minutes=15)
DAYS = 28
AHEAD = (0, 1, 2, 4)  # steps: how the table is asked; 0 stands for a day or more
HERE, ELSEWHERE, OUT, ABSENT = 0, 1, 2, 3  # state now: in the room asked about, another, break or step-out, not in
PLANNED, BREAK, NOT_PLANNED = 0, 1, 2  # what the shift says of the room asked about at the time
NOBODY, AWAY, FLOAT = -1, -2, -3
# Prior chances [state, plan] that the adult is in the room, and how many observations they count for.
PRIOR = np.array([[0.95, 0.25, 0.15], [0.6, 0.05, 0.02], [0.8, 0.1, 0.02], [0.6, 0.05, 0.01]])
PRIOR_WEIGHT = 20.0
SHARED, SHARED_DAYS = 0.35, 60.0  # prior spread of the logarithm of a day's call-out rate, and the days it counts for
WITH_ABSENCES, WITH_ABSENCES_WEIGHT = 0.15, 40.0  # prior rise with the children's absences; call-outs it counts for
Adult = tuple[str, str | None, str]  # staff_id, room_id (None: idle), state: in_room | break | step_out


@dataclass(frozen=True)
class StaffRates:
    """in_room[ahead, state, plan]; the shares of shifts called out and started late, and the usual delay in minutes."""

    in_room: Floats
    called_out: float
    late: float
    late_minutes: float
    shared: float = SHARED  # spread of the logarithm of a day's call-out rate around the center's
    with_absences: float = WITH_ABSENCES  # of that spread: per standard deviation of the children's staying away

    @staticmethod
    def usual() -> StaffRates:
        """Rates of a center of which nothing is known."""
        return StaffRates(np.broadcast_to(PRIOR, (len(AHEAD), 4, 3)).copy(), 0.04, 0.06, 9.0)

    def to_json(self) -> dict[str, Any]:
        return {"in_room": self.in_room.tolist(), "called_out": self.called_out, "late": self.late,
                "late_minutes": self.late_minutes, "shared": self.shared,
                "with_absences": self.with_absences}  # fmt: skip

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> StaffRates:
        return StaffRates(**{**value, "in_room": np.array(value["in_room"])})


def staff_rates(known: Known, center_id: str, staying_away: Mapping[date, float] | None = None) -> StaffRates:
    """Measured over the last four weeks; prior rates where there are no shifts.

    `staying_away`: the days' surprises of children who did not come, in sd (`showup.absence_surprises`).
    """
    of = known.of(center_id)
    counts, hits = np.zeros((2, len(AHEAD), 4, 3))
    shifts, stays = _recent(of["shifts"], known.origin), _recent(of["staff_stays"], known.origin)
    if len(shifts) and len(stays):
        for plan, actual in _days(shifts, stays):
            for number, steps in enumerate(AHEAD):
                _count(plan, actual, steps, counts[number], hits[number])
    in_room = (hits + PRIOR_WEIGHT * PRIOR) / (counts + PRIOR_WEIGHT)
    called, late, minutes = _shift_rates(shifts, stays)
    shared = _shared(of["shifts"], known.origin)
    rise = min(shared, _with_absences(of["shifts"], known.origin, staying_away or {}))
    return StaffRates(in_room, called, late, minutes, shared, rise)


@dataclass(frozen=True)
class Roster:
    """The parts of the shifts known: owner[part] in staff_ids, [start, end) in seconds, what it says (code[part])."""

    staff_ids: tuple[str, ...]
    room_ids: tuple[str, ...]
    owner: Ints
    start: Floats
    end: Floats
    code: Ints

    def plans(self, times: Sequence[datetime]) -> Ints:
        """[staff, time]: what the shifts say: a room's number, AWAY, FLOAT or NOBODY."""
        at = np.array([as_utc(t).timestamp() for t in times])
        result = np.full((len(self.staff_ids), len(at)), NOBODY)
        inside = (at >= self.start[:, None]) & (at < self.end[:, None])
        for part in np.flatnonzero(inside.any(axis=1)):
            result[self.owner[part], inside[part]] = self.code[part]
        return result


def roster_of(shifts: pd.DataFrame, room_ids: Sequence[str]) -> Roster:
    rank = {room: n for n, room in enumerate(room_ids)}
    staff = {str(who): n for n, who in enumerate(sorted(set(shifts["staff_id"])))}
    rows = [
        (staff[str(who)], *_part(part, rank))
        for who, segments in zip(shifts["staff_id"], shifts["segments"], strict=True)
        for part in segments_of(segments)
    ]
    owner, start, end, code = (np.array(column) for column in zip(*rows, strict=True)) if rows else np.zeros((4, 0))
    return Roster(tuple(staff), tuple(room_ids), owner.astype(np.int64), start, end, code.astype(np.int64))


def _shared(shifts: pd.DataFrame, origin: datetime) -> float:
    """The spread of a day's call-out rate beyond chance: of the days known, leaning on the prior while they are few."""
    if not len(shifts):
        return SHARED
    past = shifts[shifts["start"] < origin - timedelta(hours=12)]
    days = (past["status"] == "called_out").groupby(past["start"].dt.date).agg(["sum", "size"])
    if not days["sum"].sum():
        return SHARED
    rate = days["sum"].sum() / days["size"].sum()
    expected = (days["size"] * (days["size"] - 1)).sum() * rate**2  # ordered pairs out together, were days alike
    excess = float((days["sum"] * (days["sum"] - 1)).sum() / max(expected, 1e-9)) - 1 if expected else 0.0
    weight = len(days) / (len(days) + SHARED_DAYS)
    prior = float(np.expm1(SHARED**2))
    return float(np.sqrt(np.log1p(np.clip(weight * excess + (1 - weight) * prior, 0.0, 3.0))))


def _with_absences(shifts: pd.DataFrame, origin: datetime, staying_away: Mapping[date, float]) -> float:
    """How the logarithm of the call-out rate rises with the children's staying away, leaning on the prior while few
    call-outs are known: one step of a Poisson regression."""
    if not len(shifts) or not staying_away:
        return WITH_ABSENCES
    past = shifts[shifts["start"] < origin - timedelta(hours=12)]
    days = (past["status"] == "called_out").groupby(past["start"].dt.date).agg(["sum", "size"])
    days = days[days.index.isin(set(staying_away))]
    away = np.array([staying_away[day] for day in days.index])
    expected = days["size"].to_numpy() * (days["sum"].sum() / max(days["size"].sum(), 1))
    slope = float((away * (days["sum"].to_numpy() - expected)).sum()) + WITH_ABSENCES_WEIGHT * WITH_ABSENCES
    return max(0.0, slope / (float((away**2 * expected).sum()) + WITH_ABSENCES_WEIGHT))


def shifts_of_days(known: Known, center_id: str, first: datetime, last: datetime) -> pd.DataFrame:
    """Shifts not called off that overlap [first, last]."""
    shifts = known.of(center_id)["shifts"]
    if not len(shifts):
        return shifts
    return shifts[(shifts["status"] == "scheduled") & (shifts["end"] > first) & (shifts["start"] <= last)]


def adults_present(known: Known, center_id: str, now: datetime) -> list[Adult] | None:
    """Who is clocked in now; None where the center records no staff events at all."""
    stays = known.of(center_id)["staff_stays"]
    if not len(stays):
        return None
    at = pd.Timestamp(now)
    rows = stays[(stays["start"] <= at) & ~(stays["end"] <= at) & (stays["start"] > at - pd.Timedelta(hours=16))]
    return [
        (str(who), None if pd.isna(room) else str(room), str(state))
        for who, room, state in zip(rows["staff_id"], rows["room_id"], rows["state"], strict=True)
    ]


def segments_of(value: object) -> list[Mapping[str, Any]]:
    """A shift's parts from a JSON text or a sequence of mappings."""
    parts: Any = json.loads(value) if isinstance(value, str) else value
    return [] if parts is None or isinstance(parts, float) else list(parts)


def chances_in_room(rates: StaffRates, plan: Ints, room: Ints, state: Ints | None, steps: Floats) -> Floats:
    """[entry, time]: P(in the room), given the shifts (`plan[entry, time]`, as of `Roster.plans`), where the adults are
    now (None: unknown) and the steps ahead."""
    kind = np.where(plan == room[:, None], PLANNED, np.where(plan == AWAY, BREAK, NOT_PLANNED))
    later = rates.in_room[0, ABSENT, kind]
    if state is None:
        return np.asarray(later)
    elsewhere = np.where(state == AWAY, OUT, np.where(state == NOBODY, ABSENT, ELSEWHERE))
    seen = np.where(state == room, HERE, elsewhere)[:, None]
    near = 1 + np.abs(np.array(AHEAD[1:])[None, :] - steps[:, None]).argmin(axis=1)
    part = np.clip((steps - 4) / 8, 0, 1)  # after three hours the shift alone speaks
    return np.asarray(rates.in_room[near, seen, kind] * (1 - part) + later * part)


def _part(part: Mapping[str, Any], rank: Mapping[str, int]) -> tuple[float, float, int]:
    """Start and end in seconds, and what the part says of where the adult is."""
    room = rank.get(str(part.get("room_id")), FLOAT)
    code = room if part["kind"] == "room" else AWAY if part["kind"] == "break" else FLOAT
    return _stamp(part["start"]), _stamp(part["end"]), code


def _days(shifts: pd.DataFrame, stays: pd.DataFrame) -> Iterable[tuple[Ints, Ints]]:
    """Per adult and day: plan and actual [step] codes on a grid of STEP."""
    rooms = sorted(set(stays["room_id"].dropna()))
    rank = {str(room): n for n, room in enumerate(rooms)}
    by_staff = dict(list(stays.groupby("staff_id")))
    for shift in shifts.to_dict("records"):
        start, end = shift["start"].timestamp() - 1800, shift["end"].timestamp() + 1800
        at = np.arange(start - start % 900 + 900, end, 900.0)
        plan, actual = np.full(len(at), NOBODY), np.full(len(at), NOBODY)
        for part in segments_of(shift["segments"]):
            begins, ends, code = _part(part, rank)
            plan[(at >= begins) & (at < ends)] = code
        own = by_staff.get(shift["staff_id"])
        if own is not None:
            near = own[(own["start"] < shift["end"] + STEP) & (own["start"] > shift["start"] - 4 * STEP)]
            for stay in near.to_dict("records"):
                until = stay["end"].timestamp() if not pd.isna(stay["end"]) else shift["end"].timestamp()
                inside = (at >= stay["start"].timestamp()) & (at < until)
                actual[inside] = rank.get(str(stay["room_id"]), FLOAT) if stay["state"] == "in_room" else AWAY
        yield plan, actual


def _count(plan: Ints, actual: Ints, steps: int, counts: Floats, hits: Floats) -> None:
    """Add one shift: for the room planned and the room left, was the adult there `steps` later?"""
    then, later = actual[steps:], plan[steps:]
    now = actual[: len(then)] if steps else np.full_like(plan, NOBODY)
    for asked in (later, now) if steps else (later,):
        use = asked >= 0
        if asked is now:
            use &= asked != later  # the room left behind; planned ones are counted above
        state = np.where(now == asked, HERE, np.where(now == AWAY, OUT, np.where(now == NOBODY, ABSENT, ELSEWHERE)))
        kind = np.where(later == asked, PLANNED, np.where(later == AWAY, BREAK, NOT_PLANNED))
        np.add.at(counts, (state[use], kind[use]), 1.0)
        np.add.at(hits, (state[use], kind[use]), (then == asked)[use].astype(float))


def _shift_rates(shifts: pd.DataFrame, stays: pd.DataFrame) -> tuple[float, float, float]:
    """Shares of shifts called out and begun more than three minutes late, and the median delay of those."""
    if not len(shifts):
        return 0.04, 0.06, 9.0
    called = float(((shifts["status"] == "called_out").sum() + 2) / (len(shifts) + 50))
    if not len(stays):
        return called, 0.06, 9.0
    first = stays.sort_values("start").assign(day=stays["start"].dt.date).drop_duplicates(["staff_id", "day"])
    both = shifts.assign(day=shifts["start"].dt.date)[["staff_id", "day", "start"]].merge(
        first[["staff_id", "day", "start"]], on=["staff_id", "day"], suffixes=("", "_actual")
    )
    delay = (both["start_actual"] - both["start"]).dt.total_seconds() / 60
    late = delay[(delay > 3) & (delay < 120)]
    return called, float((len(late) + 3) / (len(both) + 50)), float(late.median()) if len(late) >= 5 else 9.0


def _recent(frame: pd.DataFrame, origin: datetime) -> pd.DataFrame:
    if not len(frame):
        return frame
    return frame[(frame["start"] > origin - timedelta(days=DAYS)) & (frame["start"] < origin - timedelta(hours=12))]


def _stamp(value: object) -> float:
    return float(pd.Timestamp(value).timestamp())  # type: ignore[arg-type]

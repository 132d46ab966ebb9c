"""How far a center's record can be trusted: missed check-ins and check-outs, wrong rooms, moves nobody entered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.attendance import Attendance, Floats, Ints
from forecasting.expected_rooms import rooms_expected
from forecasting.history import Known

LATE_HOURS = 4.0  # entered this late: for the forecasts of the day it was missing
MISPLACED_SHARE = 0.8  # prior share of one-off check-ins to an unexpected room that are slips
FEWEST_VISITS = 8


@dataclass(frozen=True)
class Doubts:
    """Shares of check-outs and check-ins missing on the day; how check-ins to an unexpected room are to be read."""

    untold: float
    unseen: float
    misplaced: float  # P(the child is in its own room | checked in to another, nothing corrected yet)
    visit_minutes: Floats  # sorted lengths of visits to another room that were seen to end
    unreturned: float  # share of visits whose end was never entered; 1: moves are for good here
    wanders: Ints  # rows that often start elsewhere: for them another room is no slip

    def visiting(self, so_far: Floats, then: Floats) -> Floats:
        """P(still in the room visited at `then` minutes into the visit | recorded there at `so_far` minutes)."""
        if self.unreturned > 0.5:
            return np.ones_like(then)
        lasts_now, lasts_then = self._lasts(so_far), self._lasts(then)
        return np.asarray(lasts_then / (lasts_now + self.unreturned * (1 - lasts_now) + 1e-9))

    def _lasts(self, minutes: Floats) -> Floats:
        known = self.visit_minutes
        return np.asarray(1 - np.searchsorted(known, minutes, side="right") / (len(known) + 1))


TRUSTING = Doubts(0.0, 0.0, 0.0, np.zeros(0), 1.0, np.zeros(0, dtype=np.int64))


def doubts_of(known: Known, a: Attendance) -> Doubts:
    """Measured on the center's own record; sensible guesses while it is short."""
    unseen = _unseen(known, a)
    minutes, unreturned = _visits(a)
    starts = a.present & (a.room >= 0)
    elsewhere = starts & (a.room != rooms_expected(a))
    share = elsewhere.sum(axis=1) / np.maximum(starts.sum(axis=1), 1)
    wanders = np.flatnonzero((share > 0.2) & (elsewhere.sum(axis=1) >= 4))
    return Doubts(a.untold_share, unseen, _misplaced(known, a, int(elsewhere.sum())), minutes, unreturned, wanders)


def _unseen(known: Known, a: Attendance) -> float:
    """Share of check-ins missing on the day: those entered late, and as many more as late check-outs tell."""
    stays = known.of(a.center_id)["stays"]
    if len(stays) < 200:
        return 0.003
    corrected = known.of(a.center_id)["corrections"]
    first = stays.sort_values("start").assign(day=stays["start"].dt.date).drop_duplicates(["child_id", "day"])
    late = (first["start_recorded_at"] - first["start"]).dt.total_seconds() > LATE_HOURS * 3600
    if len(corrected):  # was seen on the day, though in another room or at another time
        late &= ~pd.MultiIndex.from_frame(first[["child_id", "start"]]).isin(
            pd.MultiIndex.from_frame(corrected[["child_id", "happened_at"]])
        )
    ended = ((stays["end_recorded_at"] - stays["end"]).dt.total_seconds() > LATE_HOURS * 3600).sum()
    mended = (float(ended) + 1) / (a.untold_share * len(stays) + 3)  # of what was missing, entered in the end
    return float(np.clip((float(late.sum()) + 0.5) / len(first) / np.clip(mended, 0.2, 1), 0, 0.1))


def _misplaced(known: Known, a: Attendance, uncorrected: int) -> float:
    """What corrections say of check-ins to unexpected rooms: if most are set right, the rest are slips as well."""
    corrections = known.of(a.center_id)["corrections"]
    fixed = 0
    if len(corrections):
        fixed = int((corrections["child_id"].notna() & corrections["room_id"].notna()).sum())
    share = (fixed + 10 * MISPLACED_SHARE) / (fixed + uncorrected + 10)
    return float(1 - 0.5 * (1 - share)) if share > 0.4 else float(share)


def _visits(a: Attendance) -> tuple[Floats, float]:
    """Lengths of the visits to another room that ended, and the share of visits with no end entered."""
    expected, moves = rooms_expected(a), a.moves
    lengths: list[float] = []
    begun = 0
    away: dict[tuple[int, int], float] = {}
    for row, day, minute, target in zip(moves["row"], moves["day"], moves["minute"], moves["target"], strict=True):
        if target == expected[row, day]:
            start = away.pop((row, day), None)
            if start is not None:
                lengths.append(minute - start)
        elif day < a.future:
            begun += 1
            away[(row, day)] = minute
    if begun < FEWEST_VISITS:
        return np.zeros(0), 1.0
    return np.sort(np.array(lengths)), 1 - len(lengths) / begun

"""The short horizon: who is here, who is still to come, who leaves when, refreshed with every event and minute.

Hazards per child of coming and leaving come from its own habits and the day so far: the common shift of the center is
inferred from those who came, those who did not and those who left, and integrated over; then the children are summed
exactly. A presence that outlives its habit by long may be a check-out that was missed, and counts for less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from domain.time import as_utc
from forecasting.attendance import ABSENT, Floats, Ints
from forecasting.counting import count_pmf, nodes, recalibrated, summed
from forecasting.forecast import Forecast
from forecasting.frames import BANDS
from forecasting.patterns import Parameters, Patterns
from forecasting.showup import siblings_away

MODEL = "child-hazard"
SHORT_TIMES = tuple(timedelta(minutes=5 * step) for step in range(1, 13))
WAITING, PRESENT, LEFT = 0, 1, 2
SHIFT_GRID = np.linspace(-3.2, 3.2, 33)
ANNOUNCED_SPREAD = 10.0
SIBLING_MINUTES = 4.0
Present = tuple[str, str, datetime]  # child_id, room_id, since


@dataclass
class Session:
    """One center's day. `refresh` is what the live loop calls; it keeps who has come and gone so far."""

    parameters: Parameters
    patterns: Patterns
    calibration: Floats | None = None  # [horizon of SHORT_TIMES, grid]
    notes: tuple[str, ...] = ()
    status: Ints = field(init=False)
    came: Floats = field(init=False)
    went: Floats = field(init=False)
    room: Ints = field(init=False)

    def __post_init__(self) -> None:
        p, a = self.patterns, self.patterns.attendance
        day = a.future
        self.day = day
        self.status = np.where(np.isnan(a.arrive[:, day]), WAITING, np.where(np.isnan(a.leave[:, day]), PRESENT, LEFT))
        self.came, self.went = a.arrive[:, day].copy(), a.leave[:, day].copy()
        self.room = np.where(a.ends_in[:, day] >= 0, a.ends_in[:, day], p.rooms[:, day])
        self.home = p.rooms[:, day]
        self.told = a.booked[:, day] == ABSENT
        self.announced = a.announced_out[:, day].copy()
        away = siblings_away(p.record, p.families, day)
        self.chance = np.clip(self.parameters.show_up.chances(a, p.record, day, 0, away), 0, 1 - 1e-6)
        self.come_at, self.come_spread = p.coming.location[:, day], p.coming.spread[:, day]
        self.leave_at, self.leave_spread = p.leaving.location[:, day], p.leaving.spread[:, day]
        self.band = a.bands(a.days[day])
        self._row = {(child, int(visit)): n for n, (child, visit) in enumerate(zip(a.child_ids, a.visit, strict=True))}
        self._room = {room_id: n for n, room_id in enumerate(a.room_ids)}
        self.families = p.families
        sizes = np.bincount(np.maximum(p.families, 0), p.families >= 0) if len(p.families) else np.ones(1)
        self.weight = 1 / np.where(p.families < 0, 1, sizes[p.families])  # a family speaks once
        midnight = datetime.combine(a.days[day], datetime.min.time(), tzinfo=a.tz)
        self._midnight = midnight.replace(tzinfo=None)

    def minute(self, instant: datetime) -> float:
        """Minutes of the center's wall clock since the day's local midnight."""
        local = as_utc(instant).astimezone(self.patterns.attendance.tz).replace(tzinfo=None)
        return (local - self._midnight).total_seconds() / 60

    def tell(self, child_id: str, *, absent: bool, pick_up: float | None = None, visit: int = 0) -> None:
        """A booking changed today: the child is absent after all (or not), or is fetched at another minute."""
        row = self._row.get((child_id, visit))
        if row is not None:
            self.told[row] = absent
            self.announced[row] = np.nan if pick_up is None else pick_up

    def refresh(self, now: datetime, present: Iterable[Present], times: Sequence[datetime] | None = None) -> Forecast:
        """The forecast at `now` given who is recorded present; `times` default to every 5 minutes out to 60."""
        self._take(now, present)
        at = tuple(as_utc(time) for time in times) if times is not None else tuple(now + step for step in SHORT_TIMES)
        chances = _chances(self, self.minute(now), np.array([self.minute(time) for time in at]))
        a = self.patterns.attendance
        rooms = len(a.room_ids)
        pmf = summed(
            count_pmf(chances.stay, self.room[chances.here], rooms, chances.stay_weights),
            count_pmf(chances.come, self.home[chances.waiting], rooms, chances.come_weights),
        )
        if self.calibration is not None:
            ahead = np.array([(time - now).total_seconds() / 300 for time in at])
            pmf = recalibrated(pmf, self.calibration[np.clip(np.round(ahead).astype(int) - 1, 0, len(SHORT_TIMES) - 1)])
        return Forecast(
            a.center_id, as_utc(now), a.room_ids, at, pmf, MODEL, BANDS, _band_mean(self, chances, rooms, len(at)),
            sampler=lambda n, seed: _sample(self, chances, n, seed), notes=self.notes,
            reasons=lambda room, time: _reasons(self, chances, room, time),
        )  # fmt: skip

    def _take(self, now: datetime, present: Iterable[Present]) -> None:
        """Bring who is here up to date."""
        minute = self.minute(now)
        here = np.zeros(len(self.status), dtype=bool)
        for child_id, room_id, since in present:
            row = self._row_of(child_id, self.minute(since))
            if row == len(here):
                here = np.append(here, False)
            here[row] = True
            self.room[row] = self._room.get(room_id, self.room[row])
            if self.status[row] == WAITING:
                self.came[row] = min(self.minute(since), minute)
            self.status[row] = PRESENT
        gone = (self.status == PRESENT) & ~here
        self.went[gone] = minute
        self.status[gone] = LEFT

    def _row_of(self, child_id: str, since: float) -> int:
        first, second = self._row.get((child_id, 0)), self._row.get((child_id, 1))
        if first is None:
            return self._adopt(child_id) if second is None else second
        if second is None:
            return first
        return second if self.status[first] == LEFT and since - self.went[first] >= 60 else first

    def _adopt(self, child_id: str) -> int:
        """A row for a child nobody has told of before, with the center's usual habits and wide spreads."""
        p, row = self.parameters, len(self.status)
        self._row[(child_id, 0)] = row
        usual = float(np.nanmedian(self.leave_at)) if np.isfinite(self.leave_at).any() else p.leaving.usual
        new = {
            "status": WAITING, "came": np.nan, "went": np.nan, "room": -1, "home": -1, "told": False,
            "announced": np.nan,
            "chance": 0.0, "come_at": p.coming.usual, "come_spread": p.coming.usual_spread, "leave_at": usual,
            "leave_spread": p.leaving.usual_spread, "band": len(BANDS) - 1, "families": -1, "weight": 0.0,
        }  # fmt: skip
        for name, value in new.items():
            setattr(self, name, np.append(getattr(self, name), value).astype(getattr(self, name).dtype))
        return row


@dataclass(frozen=True)
class Chances:
    """Chances of rows `here` (still here at the times) and `waiting` (come and not gone by the times), per node."""

    here: Ints
    stay: Floats
    stay_weights: Floats
    waiting: Ints
    come: Floats
    come_weights: Floats
    arrival_shift: float
    leaving_shift: float


def _chances(s: Session, now: float, at: Floats) -> Chances:
    p = s.parameters
    waiting = np.flatnonzero((s.status == WAITING) & (s.chance > 1e-4))
    here = np.flatnonzero((s.status == PRESENT) & (s.room >= 0))
    waiting = waiting[s.home[waiting] >= 0]
    chance = _still_coming(s, waiting, now)
    come_mean, come_sd = _arrival_shift(s, waiting, chance, now)
    shift, weight = nodes(come_mean, come_sd)
    come = _arriving(s, waiting, chance, now, at, shift)
    ends, spread = _leaving(s, here)
    leave_mean, leave_sd = _leaving_shift(s, here, ends, spread, now)
    out, out_weight = nodes(leave_mean, leave_sd)
    stay = _staying(s, ends, spread, now, at, out)
    later = s.leave_at[waiting] + p.carry_over * np.maximum(now - s.come_at[waiting], 0)
    wide = np.hypot(s.leave_spread[waiting], p.carry_over * s.come_spread[waiting])
    come *= (1 - p.leaving_shape.cdf((at - later[:, None] - leave_mean) / wide[:, None]))[:, :, None]
    return Chances(here, stay, out_weight, waiting, come, weight, come_mean, leave_mean)


def _still_coming(s: Session, waiting: Ints, now: float) -> Floats:
    """P(comes at all) given what was told by now, before looking at the clock."""
    chance = s.chance[waiting]
    untold = s.parameters.show_up.still_silent(now)
    chance = chance / (chance + (1 - chance) * untold)
    chance = np.where(s.told[waiting], s.parameters.show_up.told_comes, chance)
    early = {int(f) for f in s.families[(s.status != WAITING) & (s.families >= 0) & (s.came < now - SIBLING_MINUTES)]}
    alone = np.array([int(s.families[row]) in early for row in waiting], dtype=bool)
    left_behind = chance * (1 - s.parameters.together)
    return np.asarray(np.where(alone, left_behind / (left_behind + 1 - chance), chance))


def _arrival_shift(s: Session, waiting: Ints, chance: Floats, now: float) -> tuple[float, float]:
    """Mean and sd of the day's common delay of arrivals, from who came when and who is not yet here."""
    p = s.parameters
    arrived = np.flatnonzero(~np.isnan(s.came) & ~np.isnan(s.come_at))
    if now < s.patterns.attendance.opens - 30 and not len(arrived):
        return 0.0, p.coming.shift_spread
    shift = SHIFT_GRID * p.coming.shift_spread
    z = (s.came[arrived, None] - s.come_at[arrived, None] - shift) / s.come_spread[arrived, None]
    score = (np.log(p.coming_shape.pdf(z) + 1e-6) * s.weight[arrived, None]).sum(axis=0)
    z = (now - s.come_at[waiting, None] - shift) / s.come_spread[waiting, None]
    score += (np.log(1 - chance[:, None] * p.coming_shape.cdf(z)) * s.weight[waiting, None]).sum(axis=0)
    return _moments(shift, score)


def _leaving(s: Session, rows: Ints) -> tuple[Floats, Floats]:
    """When rows that came leave, and how surely: habit, carried over from the arrival, or as announced today."""
    late = np.nan_to_num(s.came[rows] - s.come_at[rows])
    ends = s.leave_at[rows] + s.parameters.carry_over * late
    told = ~np.isnan(s.announced[rows])
    return np.where(told, s.announced[rows], ends), np.where(told, ANNOUNCED_SPREAD, s.leave_spread[rows])


def _leaving_shift(s: Session, here: Ints, ends: Floats, spread: Floats, now: float) -> tuple[float, float]:
    p = s.parameters
    left = np.flatnonzero((s.status == LEFT) & ~np.isnan(s.went) & np.isnan(s.announced))
    shift = SHIFT_GRID * p.leaving.shift_spread
    gone_at, gone_spread = _leaving(s, left)
    z = (s.went[left, None] - gone_at[:, None] - shift) / gone_spread[:, None]
    score = (np.log(p.leaving_shape.pdf(z) + 1e-5) * s.weight[left, None]).sum(axis=0)
    untold = s.patterns.attendance.untold_share
    survive = 1 - p.leaving_shape.cdf((now - ends[:, None] - shift) / spread[:, None])
    score += (np.log(survive + untold * (1 - survive)) * s.weight[here, None]).sum(axis=0)
    return _moments(shift, score)


def _moments(shift: Floats, score: Floats) -> tuple[float, float]:
    score = score - 0.5 * SHIFT_GRID**2
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    mean = float(weight @ shift)
    return mean, float(np.sqrt(max(weight @ (shift - mean) ** 2, 0.25)))


def _arriving(s: Session, rows: Ints, chance: Floats, now: float, at: Floats, shift: Floats) -> Floats:
    """P(here by each time | not here now), [row, time, node]."""
    cdf = s.parameters.coming_shape.cdf
    center, spread = s.come_at[rows, None] + shift, s.come_spread[rows, None]
    by_now = cdf((now - center) / spread) * (now >= s.patterns.attendance.opens)
    by_then = cdf((at[:, None] - center[:, None, :]) / spread[:, None, :])
    by_then = np.where(at[:, None] >= s.patterns.attendance.opens, by_then, 0.0)
    more = np.maximum(by_then - by_now[:, None, :], 0)
    return np.asarray(chance[:, None, None] * more / (1 - chance[:, None] * by_now)[:, None, :])


def _staying(s: Session, ends: Floats, spread: Floats, now: float, at: Floats, shift: Floats) -> Floats:
    """P(truly here at each time | recorded as here now), [row, time, node]: the rest left, or left unrecorded."""
    cdf = s.parameters.leaving_shape.cdf
    center = ends[:, None] + shift
    real = 1 - cdf((now - center) / spread[:, None])
    then = 1 - cdf((at[:, None] - center[:, None, :]) / spread[:, None, None])
    recorded = real + s.patterns.attendance.untold_share * (1 - real)
    return np.asarray(np.minimum(then / recorded[:, None, :], 1.0))


def _band_mean(s: Session, c: Chances, rooms: int, times: int) -> Floats:
    result = np.zeros((rooms, times, len(BANDS)))
    np.add.at(result.transpose(0, 2, 1), (s.room[c.here], s.band[c.here]), c.stay @ c.stay_weights)
    np.add.at(result.transpose(0, 2, 1), (s.home[c.waiting], s.band[c.waiting]), c.come @ c.come_weights)
    return result


def _sample(s: Session, c: Chances, n: int, seed: int) -> Ints:
    """(n, rooms, times, bands): one node per draw, one uniform per family, so siblings and times hang together."""
    draw = np.random.default_rng(seed)
    rooms, times = len(s.patterns.attendance.room_ids), c.stay.shape[1]
    result = np.zeros((n, rooms, len(BANDS), times), dtype=np.int64)
    uniform = draw.random((n, len(s.status)))
    uniform = np.where(s.families >= 0, uniform[:, np.maximum(s.families, 0)], uniform)
    stay_node = draw.choice(len(c.stay_weights), n, p=c.stay_weights)
    come_node = draw.choice(len(c.come_weights), n, p=c.come_weights)
    for k in range(n):
        stays = uniform[k, c.here, None] < c.stay[:, :, stay_node[k]]
        comes = uniform[k, c.waiting, None] < c.come[:, :, come_node[k]]
        np.add.at(result[k], (s.room[c.here], s.band[c.here]), stays)
        np.add.at(result[k], (s.home[c.waiting], s.band[c.waiting]), comes)
    return result.transpose(0, 1, 3, 2)


def _reasons(s: Session, c: Chances, room: int, time: int) -> list[str]:
    stay, come = (c.stay @ c.stay_weights)[:, time], (c.come @ c.come_weights)[:, time]
    here, waiting = s.room[c.here] == room, s.home[c.waiting] == room
    leaving, coming = float((1 - stay[here]).sum()), float(come[waiting].sum())
    parts: list[tuple[float, str]] = []
    if coming >= 0.3:
        parts.append(
            (coming, f"about {coming:.1f} of {int(waiting.sum())} children still expected should be in by then")
        )
    if leaving >= 0.3:
        parts.append((leaving, f"about {leaving:.1f} of the {int(here.sum())} here now should have left by then"))
    if abs(c.arrival_shift) >= 4 and coming >= 0.3:
        word = "later" if c.arrival_shift > 0 else "earlier"
        parts.append((0.2, f"families come {abs(c.arrival_shift):.0f} minutes {word} than usual today"))
    if abs(c.leaving_shift) >= 4 and leaving >= 0.3:
        word = "later" if c.leaving_shift > 0 else "earlier"
        parts.append((0.2, f"children are fetched {abs(c.leaving_shift):.0f} minutes {word} than usual today"))
    announced = int((~np.isnan(s.announced[c.here]) & here).sum())
    if announced:
        parts.append((0.5, f"{announced} early pick-up(s) announced today"))
    stale = int((stay[here] < 0.5).sum()) if leaving < 0.3 else 0
    if stale:
        parts.append((0.4, f"{stale} child(ren) recorded as here have probably left without a check-out"))
    return [text for _, text in sorted(parts, key=lambda part: -part[0])] or ["nobody is expected to come or leave"]

"""The week ahead: chance of coming x times of coming and leaving per child, with the shocks that children share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from domain.time import SLOT_MINUTES, as_utc, local_instant
from forecasting.attendance import Attendance, Floats, Ints
from forecasting.calibration import Calibration
from forecasting.center_day import date_of
from forecasting.counting import count_pmf, recalibrated, spread_nodes, stacked, tallied
from forecasting.crew import CrewAhead
from forecasting.forecast import Forecast
from forecasting.frames import BANDS
from forecasting.patterns import Parameters, Patterns
from forecasting.showup import season, siblings_away

MODEL = "child-week"
WEEK_DAYS = 14
NODES = 12
SHOCKS = spread_nodes(NODES, 3)  # standard normal: arrivals, departures, coming at all
YOUNG_SHOW, YOUNG_MINUTES = 0.8, 20.0  # more of the center's shocks (logit, minutes) when nothing of it is known
BEYOND_HOURS = 30.0  # slots are given for the opening hours and this many minutes around


@dataclass(frozen=True)
class Day:
    """One day's chances: present[row, time, node] and the rooms and bands of the rows."""

    index: int
    times: tuple[datetime, ...]
    chance: Floats
    present: Floats
    rows: Ints
    room: Ints
    band: Ints


def week_times(a: Attendance, now: datetime, days: int = WEEK_DAYS) -> list[datetime]:
    """Every quarter of an hour of the opening hours of the open days from now on, `days` days long."""
    result: list[datetime] = []
    for index in range(a.future, min(a.future + days + 1, len(a.days))):
        if a.open_day[index]:
            first = -(-(a.opens - BEYOND_HOURS) // SLOT_MINUTES) * SLOT_MINUTES
            minutes = np.arange(first, a.closes + BEYOND_HOURS + 1, SLOT_MINUTES)
            result += [at for m in minutes if now < (at := _instant(a, a.days[index], m)) <= now + timedelta(days=days)]
    return result


def week_forecast(
    parameters: Parameters, patterns: Patterns, now: datetime, times: Sequence[datetime],
    today: Callable[[Sequence[datetime]], Forecast], calibration: Calibration | None = None,
    notes: tuple[str, ...] = (), crew: CrewAhead | None = None,
) -> Forecast:  # fmt: skip
    """The distribution per room at the times; those of the origin's own day come from `today` (who is here counts).

    `crew` is the staff side of the times in order; it is drawn together with the children.
    """
    a = patterns.attendance
    by_day: dict[date, list[datetime]] = {}
    for at in sorted(as_utc(t) for t in times):
        by_day.setdefault(date_of(at.astimezone(a.tz), a.turn), []).append(at)
    pmfs, means, days, first = [], [], [], None
    for day, instants in by_day.items():
        if day == a.days[a.future]:
            first = today(instants)
            pmfs.append(first.pmf)
            means.append(
                first.band_mean if first.band_mean is not None else np.zeros((*first.pmf.shape[:2], len(BANDS)))
            )
            continue
        one = day_chances(parameters, patterns, day, tuple(instants))
        days.append(one)
        pmf = count_pmf(one.present, one.room, len(a.room_ids), np.full(NODES, 1 / NODES))
        if calibration is not None:
            minutes = np.array([_minute(a, day, at) for at in instants])
            pmf = recalibrated(pmf, calibration.levels(np.zeros(len(minutes)), minutes))
        pmfs.append(pmf)
        means.append(_band_mean(one, len(a.room_ids)))
    ordered = tuple(at for instants in by_day.values() for at in instants)
    rooms = len(a.room_ids)
    pmf = stacked(pmfs) if pmfs else np.ones((rooms, 0, 1))
    mean = np.concatenate(means, axis=1) if means else np.zeros((rooms, 0, len(BANDS)))
    if crew is not None:
        later = {a.days[day.index] for day in days}
        crew = crew.with_children(lambda n, seed, day: _staying_away(a, n, seed, day, known=day not in later))
    return Forecast(
        a.center_id, as_utc(now), a.room_ids, ordered, pmf, MODEL, BANDS, mean, None if crew is None else crew.pmf(),
        sampler=lambda n, seed: _sample(parameters, patterns, days, first, n, seed), crew=crew,
        reasons=lambda room, time: _reasons(patterns, days, first, ordered, room, time), notes=notes,
    )  # fmt: skip


def day_chances(p: Parameters, patterns: Patterns, day: date, times: tuple[datetime, ...]) -> Day:
    """Chances of every child of a later day; zero on closed days and for days beyond what `attendance` spans."""
    a = patterns.attendance
    index = (day - a.days[0]).days
    if index >= len(a.days):
        index = a.future + 7 + (index - a.future) % 7 if a.future + 14 <= len(a.days) else len(a.days) - 1
    away = siblings_away(patterns.record, patterns.families, a.future)
    chance = p.show_up.chances(a, patterns.record, index, index - a.future, away)
    rows = np.flatnonzero((chance > 1e-4) & (patterns.rooms[:, index] >= 0))
    minutes = np.array([_minute(a, day, at) for at in times])
    return Day(
        index, times, chance[rows], presence(p, patterns, index, rows, chance[rows], minutes), rows,
        patterns.rooms[rows, index], a.bands(day)[rows],
    )  # fmt: skip


def presence(p: Parameters, patterns: Patterns, index: int, rows: Ints, chance: Floats, minutes: Floats) -> Floats:
    """P(there at each minute of the day), [row, time, node]: has come, and has not yet left."""
    come, leave = patterns.coming, patterns.leaving
    center, arriving, leaving = shock_sizes(p, patterns)
    show = np.hypot(center, p.show_up.room_shock)
    odds = centered_odds(chance, show)[:, None] + show * SHOCKS[:, 2]
    arrival = come.location[rows, index][:, None] + arriving * SHOCKS[:, 0]
    ends = leave.location[rows, index][:, None] + leaving * SHOCKS[:, 1] + p.carry_over * arriving * SHOCKS[:, 0]
    wide = np.hypot(leave.spread[rows, index], p.carry_over * come.spread[rows, index])
    came = p.coming_shape.cdf((minutes[:, None] - arrival[:, None, :]) / come.spread[rows, index][:, None, None])
    left = p.leaving_shape.cdf((minutes[:, None] - ends[:, None, :]) / wide[:, None, None])
    came *= (minutes >= patterns.attendance.opens)[:, None]
    return np.asarray(came * (1 - left) / (1 + np.exp(-odds))[:, None, :])


def centered_odds(chance: Floats, shock: float) -> Floats:
    """Logits around which normal shocks of that sd leave the mean chance as it is (to the accuracy of a probit)."""
    return np.asarray(np.log(chance / (1 - chance + 1e-9) + 1e-9) * np.sqrt(1 + np.pi / 8 * shock**2))


def shock_sizes(p: Parameters, patterns: Patterns) -> tuple[float, float, float]:
    """Sd of the center's shocks of coming at all (logit), of arrivals and departures (minutes); wider while young."""
    young = patterns.young
    arriving, leaving = (float(np.hypot(one.shift_spread, YOUNG_MINUTES * young)) for one in (p.coming, p.leaving))
    return float(np.hypot(p.show_up.center_shock, YOUNG_SHOW * young)), arriving, leaving


def _band_mean(day: Day, rooms: int) -> Floats:
    result = np.zeros((rooms, len(BANDS), len(day.times)))
    np.add.at(result, (day.room, day.band), day.present.mean(axis=2))
    return result.transpose(0, 2, 1)


def _sample(p: Parameters, patterns: Patterns, days: Sequence[Day], first: Forecast | None, n: int, seed: int) -> Ints:
    """(n, rooms, times, bands): per draw and day one set of shocks; a family shares its luck, times hang together."""
    parts = [] if first is None else [first.samples_by_band(n, seed)]
    parts += [_sample_day(p, patterns, day, n, seed) for day in days]
    rooms = len(patterns.attendance.room_ids)
    return np.concatenate(parts, axis=2) if parts else np.zeros((n, rooms, 0, len(BANDS)), dtype=np.int64)


def _sample_day(p: Parameters, patterns: Patterns, day: Day, n: int, seed: int) -> Ints:
    a, families, rows = patterns.attendance, patterns.families, day.rows
    come, leave, rooms, date_ = patterns.coming, patterns.leaving, len(a.room_ids), a.days[day.index]
    shocks = day_shocks(n, seed, date_, rooms)[:, :, None]
    uniform = np.random.default_rng([seed, date_.toordinal(), 2]).random((n, 3, len(families)))
    uniform = np.where(families >= 0, uniform[:, :, np.maximum(families, 0)], uniform)[:, :, rows]
    center, arriving, leaving = shock_sizes(p, patterns)
    odds = centered_odds(day.chance, float(np.hypot(center, p.show_up.room_shock))) + center * shocks[:, 2]
    shows = uniform[:, 0] < 1 / (1 + np.exp(-odds - p.show_up.room_shock * shocks[:, 3 + day.room, 0]))
    late = arriving * shocks[:, 0]
    late = late + come.spread[rows, day.index] * _draw(p.coming_shape.cdf_values, uniform[:, 1])
    start = np.maximum(come.location[rows, day.index] + late, a.opens)
    end = leave.location[rows, day.index] + p.carry_over * late + leaving * shocks[:, 1]
    end += leave.spread[rows, day.index] * _draw(p.leaving_shape.cdf_values, uniform[:, 2])
    minutes = np.array([_minute(a, date_, at) for at in day.times])
    there = shows[:, :, None] & (minutes >= start[:, :, None]) & (minutes < end[:, :, None])
    counts = tallied(there, day.room * len(BANDS) + day.band, rooms * len(BANDS))
    return counts.reshape(n, len(minutes), rooms, len(BANDS)).transpose(0, 2, 1, 3)


def day_shocks(n: int, seed: int, day: date, rooms: int) -> Floats:
    """[n, 3 + rooms] standard normal shocks of a day's draws: arrivals, departures, coming at all, and each room's."""
    return np.random.default_rng([seed, day.toordinal()]).standard_normal((n, 3 + rooms))


def _staying_away(a: Attendance, n: int, seed: int, day: date, *, known: bool) -> Floats:
    """[n] the children's shock of staying away; of a day whose absences are known one of its own."""
    return -day_shocks(n, seed + known, day, len(a.room_ids))[:, 2]


def _draw(cdf_values: Floats, uniform: Floats) -> Floats:
    from forecasting.shape import GRID

    return np.asarray(np.interp(uniform, cdf_values, GRID))


def _reasons(
    patterns: Patterns, days: Sequence[Day], first: Forecast | None, times: Sequence[datetime], room: int, time: int
) -> list[str]:
    a = patterns.attendance
    at = times[time]
    if first is not None and at in first.times and first.reasons is not None:
        return first.reasons(room, first.times.index(at))
    day = next(one for one in days if at in one.times)
    here = day.room == room
    index = day.index
    booked = int((a.booked[:, index][day.rows] == 1)[here].sum())
    told = int(((a.booked[:, index] == -1) & (patterns.rooms[:, index] == room)).sum())
    parts = [f"{booked} children booked, of whom {float(day.chance[here].sum()):.1f} usually come"] if booked else []
    if not parts:
        parts = [f"{float(day.chance[here].sum()):.1f} children usually come on this weekday"]
    if told:
        parts.append(f"{told} absence(s) already told")
    ill = (
        float(patterns.record.room_absence[here.nonzero()[0][0] if here.any() else 0, a.future]) if here.any() else 0.0
    )
    if ill >= 0.2:
        parts.append(f"{ill:.0%} of this room's children were away in the last days")
    if season(a.days[index]):
        what = "summer" if season(a.days[index]) == 3 else "holiday season"
        parts.append(f"{what}: fewer children than usual")
    if not a.open_day[index]:
        parts = ["the center is closed on this day"]
    return parts


def _minute(a: Attendance, day: date, at: datetime) -> float:
    local = at.astimezone(a.tz).replace(tzinfo=None)
    return (local - datetime.combine(day, time())).total_seconds() / 60


def _instant(a: Attendance, day: date, minute: float) -> datetime:
    whole = int(minute)
    return local_instant(day + timedelta(days=whole // 1440), time(whole % 1440 // 60, whole % 60), a.tz)

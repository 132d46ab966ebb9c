"""Will the child come at all? Chance per visit pattern and day, from bookings, own record, illness around, calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays
import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from forecasting.attendance import ABSENT, BOOKED, Attendance

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
FEATURES = ("booked", "days_ahead", "own_rate", "own_weekday_rate", "own_recent_rate", "own_absence_streak",
            "room_absence", "center_absence", "weekday", "days_to_holiday", "days_from_holiday", "holiday_season",
            "age_months", "days_enrolled", "days_seen", "sibling_away")  # fmt: skip
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.06, "num_leaves": 15, "min_data_in_leaf": 150, "lambda_l2": 20.0,
    "feature_fraction": 0.8, "num_threads": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True,
    "seed": 7,
}  # fmt: skip
ROUNDS = 80
LEADS = (0, 1, 3, 7)
FEWEST_ROWS = 3000  # below, the smoothed rates stand alone
RATE_PRIOR = 8.0
LONG_ENROLLED = 400  # days, and more
USUAL = 0.9
TOLD_COMES = 0.01  # prior share of children who come although their absence was told
# Share of the usual children by season(): usual, between Thanksgiving and New Year (published: 30 % fewer), the holiday
# weeks themselves (50 % fewer), summer (10 % fewer). A first guess, a little milder; the center's own level of the last
# weeks corrects it, and so does the booster once it has seen such a season.
SEASON_FACTOR = (1.0, 0.75, 0.55, 0.92)
LEVEL_HALF_LIFE, LEVEL_PRIOR = 7.0, 250.0  # open days; visits that "as usual" counts for


@dataclass(frozen=True)
class Record:
    """What the evening before each day knew about coming, [row, day] and [day]: from earlier days alone."""

    candidate: Flags  # may come: booked, or enrolled where nothing is booked at all
    rate: Floats
    weekday_rate: Floats
    recent_rate: Floats
    streak: Floats
    seen: Floats
    room_absence: Floats
    center_absence: Floats
    level: Floats  # [usual days, holiday season; day]: how many came of late for one foreseen
    room: Ints  # the room the row would enter


@dataclass(frozen=True)
class ShowUp:
    """Trained: a correction of the smoothed rates (None: too little data), the chance of coming although told
    otherwise, how long absences go untold, and the shocks that rooms and centers share (logit sd)."""

    booster: lgb.Booster | None
    usual_rate: float
    told_comes: float
    untold: Floats  # P(absence not yet told by minute 10*i | absent, not told by midnight)
    center_shock: float
    room_shock: float
    weather: tuple[str, ...] = ()  # the covariates it was trained with, after FEATURES

    def chances(
        self, a: Attendance, record: Record, day: int, ahead: int, sibling_away: Floats | None = None
    ) -> Floats:
        """P(comes) of every row on day index `day`, seen from the first instant of day index `day - ahead`; of days to
        come everything told by the origin counts."""
        origin = day - ahead
        x = features(a, record, origin, day, sibling_away, self.weather, self.usual_rate)
        score = _prior_logit(a, record, origin, day, self.usual_rate)
        if self.booster is not None and len(x):
            score = score + np.asarray(self.booster.predict(x, raw_score=True, num_threads=1))
        told = (a.booked[:, day] == ABSENT) & ((a.told_at[:, day] <= -1440 * ahead) | (day > a.future))
        chance = np.where(told, self.told_comes, 1 / (1 + np.exp(-score)))
        return np.asarray(np.where(record.candidate[:, day] | told, chance, 0.0) * a.open_day[day])

    def still_silent(self, minute: float) -> float:
        """P(an absence untold at midnight is still untold at this minute of the day)."""
        return float(np.interp(minute, 10.0 * np.arange(len(self.untold)), self.untold))


def record_of(a: Attendance, room: Ints) -> Record:
    """Forgetting rates of coming, one pass forward over the days."""
    rows, days = a.arrive.shape
    came = a.present
    candidate = np.where(a.has_bookings, a.booked != 0, a.enrolled) & a.open_day
    rate, week, recent, streak, seen = np.zeros((5, rows, days))
    room_absence, center_absence, level = np.zeros((rows, days)), np.zeros(days), np.ones((2, days))
    slow, fast = 0.5 ** (1 / 90), 0.5 ** (1 / 12)
    sums = np.zeros((5, rows))  # came slow, expected slow, came fast, expected fast, days seen
    by_week = np.zeros((2, rows, 7))
    run = np.zeros(rows)
    ill_room, ill_center, recent_level = np.zeros((2, len(a.room_ids) + 1)), np.zeros(2), np.zeros((2, 2))
    for day in range(days):
        weekday = a.days[day].weekday()
        rate[:, day], recent[:, day] = sums[0] / np.maximum(sums[1], 1e-9), sums[2] / np.maximum(sums[3], 1e-9)
        rate[sums[1] < 0.5, day] = recent[sums[3] < 0.2, day] = np.nan
        week[:, day] = by_week[0, :, weekday] / np.maximum(by_week[1, :, weekday], 1e-9)
        week[by_week[1, :, weekday] < 0.5, day] = np.nan
        streak[:, day], seen[:, day] = run, sums[4]
        room_absence[:, day] = ((ill_room[0] + 0.3) / (ill_room[1] + 3))[room[:, day]]
        center_absence[day] = (ill_center[0] + 1) / (ill_center[1] + 10)
        level[:, day] = (recent_level[0] + LEVEL_PRIOR) / (recent_level[1] + LEVEL_PRIOR)
        if day >= a.future or not a.open_day[day]:
            continue
        could = candidate[:, day] | came[:, day]
        sums[:2] *= slow
        sums[2:4] *= fast
        by_week *= slow
        ill_room *= 0.6
        ill_center *= 0.6
        here, factor = came[:, day], SEASON_FACTOR[season(a.days[day])]
        foreseen = _steadied(rate[:, day], seen[:, day], USUAL) * factor
        told = slice(0, 2) if not festive(a.days[day]) else slice(1, 2)  # holidays tell nothing of usual days
        recent_level[:, told] *= 0.5 ** (1 / LEVEL_HALF_LIFE)
        recent_level[:, told] += [[here.sum()], [foreseen[could].sum()]]
        sums[0] += here
        sums[1] += could * factor
        sums[2] += here
        sums[3] += could * factor
        sums[4] += could
        by_week[0, :, weekday] += here
        by_week[1, :, weekday] += a.enrolled[:, day] * factor
        run = np.where(here, 0, run + could)
        away = could & ~here
        np.add.at(ill_room, (0, room[away, day]), 1.0)
        np.add.at(ill_room, (1, room[could, day]), 1.0)
        ill_center += away.sum(), could.sum()
    return Record(candidate, rate, week, recent, streak, seen, room_absence, center_absence, level, room)


def features(
    a: Attendance, record: Record, origin: int, day: int, sibling_away: Floats | None = None,
    weather: Sequence[str] = (), usual: float = USUAL,
) -> Floats:  # fmt: skip
    """[row, feature] (FEATURES, then the weather named) for day index `day` as known at the first instant of day index
    `origin`. Of whom nothing is known yet comes as the usual child does: a new center is not one of new children."""
    rows, date_ = a.arrive.shape[0], a.days[day]
    weekday = date_.weekday()
    x = np.full((rows, len(FEATURES) + len(weather)), np.nan)
    x[:, len(FEATURES) :] = a.weather.seen_from(a.days[origin], date_, weather)
    if a.has_bookings[day]:
        x[:, 0] = (a.booked[:, day] == BOOKED) | (a.booked[:, day] == ABSENT)
    x[:, 1] = day - origin
    x[:, 2] = own = np.nan_to_num(record.rate[:, origin], nan=usual)
    week, recent = _weekday_rate(record, a, origin, weekday), record.recent_rate[:, origin]
    x[:, 3], x[:, 4] = np.where(np.isnan(week), own, week), np.where(np.isnan(recent), own, recent)
    x[:, 5] = record.streak[:, origin]
    x[:, 6] = record.room_absence[:, origin]
    x[:, 7] = record.center_absence[origin]
    x[:, 8] = weekday
    x[:, 9], x[:, 10], x[:, 11] = calendar(date_)
    ordinal = date_.toordinal()
    x[:, 12] = [np.nan if birth is None else (ordinal - birth.toordinal()) / 30.44 for birth in a.births]
    first = np.where(a.enrolled.any(axis=1), a.enrolled.argmax(axis=1), day)
    x[:, 13] = np.where(first > 0, np.minimum(day - first, LONG_ENROLLED), LONG_ENROLLED)  # 0: before the record began
    x[:, 14] = np.minimum(record.seen[:, origin], 200)
    if sibling_away is not None:
        x[:, 15] = sibling_away
    return x


def train_show_up(centers: Sequence[tuple[Attendance, Record, Ints]], days_back: int = 400) -> ShowUp:
    """From each center's attendance, record and families[row] (-1: none)."""
    parts: list[tuple[Floats, Floats, Floats, Ints]] = []
    usual = _usual_rate(centers)
    weather = tuple(sorted({name for a, _, _ in centers for name in a.weather.names}))
    for number, (a, record, families) in enumerate(centers):
        start = max(28, a.future - days_back)
        for day in range(start, a.future):
            ahead = LEADS[(day + number) % len(LEADS)]
            if a.open_day[day] and day - ahead >= 20:
                origin = day - ahead
                told = (a.booked[:, day] == ABSENT) & (a.told_at[:, day] <= -1440 * ahead)
                keep = record.candidate[:, day] & ~told
                x = features(a, record, origin, day, siblings_away(record, families, origin), weather, usual)
                group = np.full(keep.sum(), number * 1000 + day)
                parts.append(
                    (
                        x[keep],
                        a.present[keep, day].astype(float),
                        _prior_logit(a, record, origin, day, usual)[keep],
                        group,
                    )
                )
    told_comes, untold = _telling([a for a, _, _ in centers])
    if sum(len(part[1]) for part in parts) < FEWEST_ROWS:
        return ShowUp(None, usual, told_comes, untold, 0.3, 0.3, weather)
    x, y, prior = (np.concatenate([part[n] for part in parts]) for n in range(3))
    data = lgb.Dataset(
        x,
        y,
        init_score=prior,
        feature_name=[*FEATURES, *(f"weather_{n}" for n in range(len(weather)))],
        free_raw_data=True,
    )
    booster = lgb.train(PARAMETERS, data, num_boost_round=ROUNDS)
    chance = 1 / (1 + np.exp(-(prior + np.asarray(booster.predict(x, raw_score=True, num_threads=1)))))
    group = np.concatenate([part[3] for part in parts])
    room = np.concatenate([part[0][:, 6] for part in parts])  # rooms of a day share this value
    center = shock(group, y, chance)
    both = shock(group * 10_000 + (room * 9_973).astype(int), y, chance)
    return ShowUp(
        booster, usual, told_comes, untold, center, float(np.sqrt(max(both**2 - center**2, 0.05**2))), weather
    )


def shock(group: Ints, y: Floats, chance: Floats) -> float:
    """Logit sd shared within groups: the variance of group sums beyond that of independent children."""
    _, index = np.unique(group, return_inverse=True)
    error, own = np.bincount(index, y - chance), np.bincount(index, chance * (1 - chance))
    extra = float((error**2 - own).sum() / max((own**2).sum(), 1e-9))
    return float(np.sqrt(np.clip(extra, 0.05**2, 1.5**2)))


def absence_surprises(show_up: ShowUp, a: Attendance, record: Record, days_back: int = 200) -> dict[date, float]:
    """By open day of the past: how far beyond chance its children stayed away, as seen from its first instant, in
    standard deviations of the center's shock (the mean of what it may have been)."""
    result = {}
    for day in np.flatnonzero(a.open_day[: a.future])[20:][-days_back:].tolist():
        chance = show_up.chances(a, record, day, 0)
        missing, own = float((chance - a.present[:, day])[chance > 0].sum()), float((chance * (1 - chance)).sum())
        result[a.days[day]] = show_up.center_shock * missing / (show_up.center_shock**2 * own + 1)
    return result


def siblings_away(record: Record, families: Ints, origin: int) -> Floats:
    """Of each row: the longest present run of absence among its siblings; NaN without siblings."""
    result = np.full(len(families), np.nan)
    for family in np.unique(families[families >= 0]):
        members = np.flatnonzero(families == family)
        for member in members:
            others = members[members != member]
            result[member] = record.streak[others, origin].max() if len(others) else np.nan
    return result


def calendar(day: date) -> tuple[float, float, float]:
    """Days to the next and from the last public holiday (at most 5), and the season."""
    near = [(n, day.toordinal() + n) for n in range(-5, 6)]
    free = _holidays(day.year)
    ahead = min((n for n, o in near if n >= 0 and o in free), default=5)
    since = min((-n for n, o in near if n <= 0 and o in free), default=5)
    return float(ahead), float(since), float(season(day))


def season(day: date) -> int:
    """2 in the weeks of Thanksgiving and of Christmas to New Year, 1 between them, 3 in summer, else 0."""
    first = date(day.year, 11, 1)
    feast = first.toordinal() + (3 - first.weekday()) % 7 + 21
    if feast - 3 <= day.toordinal() <= feast + 1 or (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 2):
        return 2
    if day.toordinal() > feast:
        return 1
    return 3 if day.month in (6, 7, 8) else 0


def festive(day: date) -> bool:
    """Between Thanksgiving and the first days of the year."""
    return season(day) in (1, 2)


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[int]:
    return frozenset(
        d.toordinal() for y in (year - 1, year, year + 1) for d in holidays.country_holidays("US", years=y)
    )


def _prior_logit(a: Attendance, record: Record, origin: int, day: int, usual: float) -> Floats:
    """The smoothed own rate: of booked days where there are bookings, of this weekday where there are none."""
    if a.has_bookings[day]:
        chance = _steadied(record.rate[:, origin], record.seen[:, origin], usual)
    else:
        week = _weekday_rate(record, a, origin, a.days[day].weekday())
        chance = np.where(np.isnan(week), np.nan_to_num(record.rate[:, origin], nan=usual), week) * 0.96 + 0.02
    level = record.level[int(festive(a.days[day])), origin]
    chance = np.clip(chance * SEASON_FACTOR[season(a.days[day])] * level, 0.005, 0.99)
    return np.asarray(np.log(chance / (1 - chance)))


def _steadied(rate: Floats, seen: Floats, usual: float) -> Floats:
    """Own rates leaning on the usual one while few days were seen."""
    seen = np.minimum(seen, 60)
    return np.asarray((np.nan_to_num(rate) * seen + RATE_PRIOR * usual) / (seen + RATE_PRIOR))


def _weekday_rate(record: Record, a: Attendance, origin: int, weekday: int) -> Floats:
    """The row's rate on this weekday as known at the origin: of the last such day not after it."""
    back = (a.days[origin].weekday() - weekday) % 7
    result: Floats = record.weekday_rate[:, max(origin - back, 0)]
    return result


def _usual_rate(centers: Sequence[tuple[Attendance, Record, Ints]]) -> float:
    factors = [np.array([SEASON_FACTOR[season(day)] for day in a.days[: a.future]]) for a, _, _ in centers]
    could = sum(
        float(r.candidate[:, : a.future].sum(axis=0) @ f) for (a, r, _), f in zip(centers, factors, strict=True)
    )
    came = sum(int((r.candidate & a.present)[:, : a.future].sum()) for a, r, _ in centers)
    return float((came + 9) / (could + 10))


def _telling(centers: Sequence[Attendance]) -> tuple[float, Floats]:
    """P(comes | absence told), and how long absences not told by midnight stay untold, every ten minutes."""
    told_came, told, late = 1.0, 1 / TOLD_COMES, [np.zeros(0)]
    for a in centers:
        past = (np.arange(len(a.days)) < a.future) & a.open_day
        absent_told = (a.booked == ABSENT) & (a.told_at <= 0) & past
        told_came += (absent_told & a.present).sum()
        told += absent_told.sum()
        silent = ((a.booked == ABSENT) & (a.told_at > 0) | (a.booked == BOOKED)) & ~a.present & past
        late.append(np.where(a.booked == ABSENT, a.told_at, np.inf)[silent])
    minutes = np.sort(np.concatenate(late))
    at = 10.0 * np.arange(144)
    still = 1 - np.searchsorted(minutes, at, side="right") / max(len(minutes), 1)
    default = np.interp(at, [300, 510, 660], [1.0, 0.4, 0.15])
    weight = len(minutes) / (len(minutes) + 20)
    return float(told_came / told), np.asarray(weight * still + (1 - weight) * default)

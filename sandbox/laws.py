"""The laws of chance of the simulated centers, as functions of knobs: drawn from by the simulator, and by the oracle
that re-simulates the future given the present. Minutes of the local day throughout; arrays broadcast.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sandbox.knobs import Knobs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator

NOTICE_TURN = 8 * 60 + 30  # notices of absence are known before or after this minute
NOTICE_END = 11 * 60
NOTICE_START = 5 * 60
PLAN_DAYS = 14  # planned absences are announced up to this many days ahead
EARLY_STAY = (0.3, 0.8)  # an early pick-up cuts the stay to this part
MESSAGE_LEAD = (20.0, 60.0)  # minutes between a sickness message and the pick-up
CLOSING_RUSH = 15.0  # who would stay past closing is fetched in this last stretch instead
VISIT_START = (9 * 60.0, 10 * 60 + 30.0)
VISIT_LENGTH = (60.0, 90.0)


def normal_above(rng: Rng, mean: Floats, sd: float, lower: Floats, upper: Floats | float = np.inf) -> Floats:
    """Draws of N(mean, sd) within (lower, upper)."""
    low, high = ndtr((mean - lower) / sd), ndtr((mean - upper) / sd)
    u = high + (low - high) * rng.random(low.shape)
    return np.asarray(np.clip(mean - sd * ndtri(np.clip(u, 1e-300, 1 - 1e-16)), lower, upper), dtype=np.float64)


# ---- arriving ----


def arrival_survival(knobs: Knobs, late_by: Floats) -> Floats:
    """P(a family is later than its mean and the day's common shift by more than `late_by`)."""
    tail = knobs.arrival_tail_share
    usual = ndtr(-late_by / knobs.arrival_day_sd)
    return np.asarray((1 - tail) * usual + tail * np.exp(-np.maximum(late_by, 0) / knobs.arrival_tail_mean))


def arrival_density(knobs: Knobs, late_by: Floats) -> Floats:
    tail, sd = knobs.arrival_tail_share, knobs.arrival_day_sd
    usual = np.exp(-0.5 * (late_by / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    delayed = np.where(late_by >= 0, np.exp(-np.maximum(late_by, 0) / knobs.arrival_tail_mean), 0)
    return np.asarray((1 - tail) * usual + tail * delayed / knobs.arrival_tail_mean)


def arrivals(rng: Rng, knobs: Knobs, center: Floats, after: float | None = None) -> Floats:
    """Arrival minutes given each family's mean plus the day's shift; with `after`, given that it comes later."""
    lower = np.full(center.shape, -np.inf if after is None or after < knobs.open_minute else after) - center
    tail = knobs.arrival_tail_share
    usual, delayed = (
        (1 - tail) * ndtr(-lower / knobs.arrival_day_sd),
        tail * np.exp(-np.maximum(lower, 0) / knobs.arrival_tail_mean),
    )
    in_tail = rng.random(center.shape) * (usual + delayed) >= usual
    noise = normal_above(rng, np.zeros(center.shape), knobs.arrival_day_sd, lower)
    delay = np.maximum(lower, 0) + rng.exponential(knobs.arrival_tail_mean, center.shape)
    return np.clip(center + np.where(in_tail, delay, noise), knobs.open_minute, knobs.last_arrival_minute)


# ---- leaving ----


def departure_survival(knobs: Knobs, arrival: Floats, stay: Floats, now: float) -> tuple[Floats, Floats]:
    """P(kind of pick-up and still here at `now`) for the usual and for those past closing.

    `stay` is the expected stay of the day: the family's mean plus the day's common shift. Early pick-ups ignore the
    shift; see `early_survival`.
    """
    close, mean = float(knobs.close_minute), arrival + stay
    early = knobs.early_pickup_rate
    usual_share = (1 - early) * (1 - knobs.late_pickup_rate)
    past_close = ndtr((mean - close) / knobs.stay_day_sd)
    here = ndtr((mean - now) / knobs.stay_day_sd)
    rush = np.clip((close - now) / CLOSING_RUSH, 0, 1)
    usual = usual_share * (np.maximum(here - past_close, 0) + past_close * rush)
    late = (1 - early) * knobs.late_pickup_rate * np.exp(-np.maximum(now - close, 0) / knobs.late_pickup_mean)
    return np.asarray(usual), np.broadcast_to(late, usual.shape)


def early_window(knobs: Knobs, arrival: Floats, stay_mean: Floats) -> tuple[Floats, Floats]:
    """The uniform range of an early pick-up."""
    low = arrival + EARLY_STAY[0] * stay_mean
    return low, np.maximum(np.minimum(arrival + EARLY_STAY[1] * stay_mean, knobs.close_minute), low + 1)


def early_survival(knobs: Knobs, low: Floats, high: Floats, now: float) -> tuple[Floats, Floats]:
    """P(early without a message, still here), P(early with a message, none sent yet)."""
    rate, said = knobs.early_pickup_rate, knobs.early_pickup_announced
    silent = rate * (1 - said) * np.clip((high - now) / (high - low), 0, 1)
    first, last = now + MESSAGE_LEAD[0], now + MESSAGE_LEAD[1]
    width = MESSAGE_LEAD[1] - MESSAGE_LEAD[0]

    def area(to: Floats) -> Floats:
        ramp = np.clip(to, first, last) - first
        return np.asarray(ramp**2 / (2 * width) + np.maximum(to - last, 0))

    announced = rate * said * (area(high) - area(low)) / (high - low)
    return np.asarray(silent), np.asarray(announced)


def departures(
    rng: Rng, knobs: Knobs, arrival: Floats, stay: Floats, stay_mean: Floats, now: float | None = None
) -> tuple[Floats, Floats]:
    """Pick-up minutes and minutes of sickness messages (nan: none), given still here and no message at `now`."""
    floor = -1e9 if now is None else now
    arrival, stay, stay_mean = np.broadcast_arrays(arrival, stay, stay_mean)
    usual, late = departure_survival(knobs, arrival, stay, floor)
    low, high = early_window(knobs, arrival, stay_mean)
    silent, announced = early_survival(knobs, low, high, floor)
    weights = np.cumsum(np.stack(np.broadcast_arrays(usual, late, silent, announced)), axis=0)
    kind = (rng.random(weights[0].shape) * weights[-1] >= weights).sum(axis=0)
    result = _usual_departures(rng, knobs, arrival + stay, floor)
    beyond = np.maximum(floor, knobs.close_minute) + rng.exponential(knobs.late_pickup_mean, kind.shape)
    result = np.where(kind == 1, beyond, result)
    early = np.maximum(low, floor) + rng.random(kind.shape) * np.maximum(high - np.maximum(low, floor), 0)
    result = np.where(kind == 2, early, result)
    messages = np.full(kind.shape, np.nan)
    where = np.nonzero(kind == 3)
    if where[0].size:
        pickup, lead = _announced(rng, low[where], high[where], floor)
        result[where], messages[where] = pickup, pickup - lead
    return result, messages


def _usual_departures(rng: Rng, knobs: Knobs, mean: Floats, floor: float) -> Floats:
    close = float(knobs.close_minute)
    past_close = ndtr((mean - close) / knobs.stay_day_sd)
    before = np.maximum(ndtr((mean - floor) / knobs.stay_day_sd) - past_close, 0)
    rushing = past_close * np.clip((close - floor) / CLOSING_RUSH, 0, 1)
    rush = rng.random(mean.shape) * (before + rushing) >= before
    inside = normal_above(rng, mean, knobs.stay_day_sd, np.full(mean.shape, floor), close) if floor < close else mean
    hurried = close - rng.random(mean.shape) * np.clip(close - floor, 0, CLOSING_RUSH)
    return np.where(rush, hurried, inside)


def _announced(rng: Rng, low: Floats, high: Floats, floor: float) -> tuple[Floats, Floats]:
    """Pick-up and lead of the message, both uniform, given that the message comes after `floor`."""
    start = np.minimum(np.maximum(low, floor + MESSAGE_LEAD[0]), high)
    pickup = start + rng.random(low.shape) * (high - start)
    lead = rng.uniform(*MESSAGE_LEAD, low.shape)
    for _ in range(60):
        wrong = pickup - lead <= floor
        if not wrong.any():
            break
        pickup[wrong] = start[wrong] + rng.random(int(wrong.sum())) * (high - start)[wrong]
        lead[wrong] = rng.uniform(*MESSAGE_LEAD, int(wrong.sum()))
    return pickup, lead


# ---- absence ----


def planned_rate(knobs: Knobs, day: date) -> float:
    """P(a family stays away on this day for another reason than illness)."""
    edge = knobs.monday_friday_points
    rate = knobs.absence_rate * (1 - knobs.illness_share) - edge * 2 / 5 + (edge if day.isoweekday() in (1, 5) else 0)
    return min(0.9, max(rate, 0.002) + season_drop(knobs, day))


def season_drop(knobs: Knobs, day: date) -> float:
    feast = thanksgiving(day.year)
    week = feast - timedelta(days=3)
    if week <= day <= feast + timedelta(days=1) or (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 2):
        return knobs.holiday_week_drop
    if day > feast:
        return knobs.holiday_season_drop
    return knobs.summer_drop if day.month in (6, 7, 8) else 0.0


def illness_hazard(knobs: Knobs, day: date, age_months: Floats, enrolled_days: Floats, outbreak: Bools) -> Floats:
    """P(a healthy child falls ill on this calendar day)."""
    by_age = np.interp(age_months, [12, 60], [1.0, 0.25])
    season = knobs.illness_winter if day.month in (11, 12, 1, 2, 3) else 1.0
    season = knobs.illness_summer if day.month in (6, 7, 8) else season
    newcomer = np.where(enrolled_days < 91, knobs.illness_newcomer, 1.0)
    spread = np.where(outbreak, knobs.outbreak_factor, 1.0)
    return np.asarray(np.minimum(0.5, _base_hazard(knobs) * by_age * season * newcomer * spread))


def _base_hazard(knobs: Knobs) -> float:
    """Chosen so that the year's mean illness absence meets the knob at the usual mix of ages."""
    mean_days = sum((n + 1) * share for n, share in enumerate(knobs.illness_days))
    season = (5 * knobs.illness_winter + 4 + 3 * knobs.illness_summer) / 12
    mean_outbreak = sum(knobs.outbreak_days) / 2
    outbreak_share = mean_outbreak * knobs.outbreaks_per_room_and_year / 365
    spread = 1 + outbreak_share * (knobs.outbreak_factor - 1)
    newcomer = 1 + 0.09 * (knobs.illness_newcomer - 1)
    ages = 0.56  # mean of the age factor over the usual enrolment
    return knobs.absence_rate * knobs.illness_share / (mean_days * season * spread * newcomer * ages)


def spell_goes_on(knobs: Knobs) -> Floats:
    """P(a spell that has lasted k days lasts another), for k = 0 (unused) to the longest."""
    alive = 1 - np.concatenate([[0.0], np.cumsum(knobs.illness_days)])
    rest = np.divide(np.maximum(alive[1:], 0), alive[:-1], out=np.zeros(len(alive) - 1), where=alive[:-1] > 1e-12)
    return np.concatenate([[0.0], rest])


def illness_notices(rng: Rng, knobs: Knobs, count: int) -> Floats:
    """Minute at which an absence by illness is reported; inf: never."""
    kind = rng.random(count)
    before = rng.uniform(NOTICE_START, NOTICE_TURN, count)
    later = rng.uniform(NOTICE_TURN, NOTICE_END, count)
    never = kind >= knobs.notice_before + knobs.notice_later
    return np.where(never, np.inf, np.where(kind < knobs.notice_before, before, later))


def illness_unreported(knobs: Knobs, minute: float) -> float:
    """P(not reported by this minute of the day | ill)."""
    before = float(np.clip((minute - NOTICE_START) / (NOTICE_TURN - NOTICE_START), 0, 1))
    later = float(np.clip((minute - NOTICE_TURN) / (NOTICE_END - NOTICE_TURN), 0, 1))
    return 1 - knobs.notice_before * before - knobs.notice_later * later


def plan_notices(rng: Rng, knobs: Knobs, count: int) -> Floats:
    """Like `illness_notices` for planned absences: minutes of the day, negative on earlier days, inf: never."""
    kind = rng.random(count)
    ahead = -1440.0 * rng.integers(1, PLAN_DAYS + 1, count) + rng.uniform(7 * 60, 21 * 60, count)
    later = rng.uniform(NOTICE_TURN, NOTICE_END, count)
    never = kind >= knobs.notice_before + knobs.notice_later
    return np.where(never, np.inf, np.where(kind < knobs.notice_before, ahead, later))


def plan_unreported(knobs: Knobs, days_ahead: int, minute: float) -> float:
    """P(not announced by `minute` of the day that lies `days_ahead` before | planned)."""
    if days_ahead:
        before = (PLAN_DAYS - days_ahead) / PLAN_DAYS
        before += float(np.clip((minute - 7 * 60) / (14 * 60), 0, 1)) / PLAN_DAYS if days_ahead <= PLAN_DAYS else 0
        return 1 - knobs.notice_before * max(0.0, before)
    later = float(np.clip((minute - NOTICE_TURN) / (NOTICE_END - NOTICE_TURN), 0, 1))
    return 1 - knobs.notice_before - knobs.notice_later * later


# ---- the calendar ----


def snow_rate(knobs: Knobs, day: date) -> float:
    """P(a winter weekday is called off that morning)."""
    return knobs.snow_days_per_winter / 62 if day.month in (12, 1, 2) else 0.0


def outbreak_start_rate(knobs: Knobs) -> float:
    mean = sum(knobs.outbreak_days) / 2
    free = 365 - knobs.outbreaks_per_room_and_year * (mean + knobs.outbreak_gap_days)
    return knobs.outbreaks_per_room_and_year / max(free, 1)


def thanksgiving(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21)


def holidays_of(year: int) -> dict[date, str]:
    """Days on which a US center is usually closed."""
    may_end, september, feast = date(year, 5, 31), date(year, 9, 1), thanksgiving(year)
    january = date(year, 1, 1)
    return {
        january: "New Year's Day",
        january + timedelta(days=(0 - january.weekday()) % 7 + 14): "Martin Luther King Jr. Day",
        may_end - timedelta(days=may_end.weekday()): "Memorial Day",
        date(year, 7, 4): "Independence Day",
        september + timedelta(days=(0 - september.weekday()) % 7): "Labor Day",
        feast: "Thanksgiving",
        feast + timedelta(days=1): "Day after Thanksgiving",
        date(year, 12, 24): "Christmas Eve",
        date(year, 12, 25): "Christmas Day",
    }

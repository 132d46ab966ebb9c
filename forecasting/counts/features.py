"""What was known at an origin about a target slot, as numbers.

Every series below is causal: its value at slot i is made of counts up to slot i. `Known.at` reads a series at chosen
slots and answers NaN for any slot after the origin, so a feature cannot know the future.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecasting.counts.analogs import BESIDE, WEEKS_BACK, analog_features
from forecasting.counts.grid import CARRIED_SLOTS, CountGrid, Floats, Horizon, Ints
from forecasting.counts.series import carry, later, mean_of_known, pick, rolling_mean, weighted

WEEKS = 8  # length of the weekly profile
MAX_NAMED_ROOMS = 6  # up to so many rooms each sees every other one by itself; beyond that their sum
ORDINARY = "ordinary_"  # prefix of what a single ordinary day held, for forecasts that cannot see the calendar
_EWMA_KEEPS = 0.75  # weight of a week in relation to the following one


@dataclass(frozen=True)
class Examples:
    """Pairs of origin and target slots (indices of the grid); the origin is the last known slot."""

    origin: Ints
    target: Ints


def examples(grid: CountGrid, horizon: Horizon, first_target: int, end_target: int) -> Examples:
    """Every target slot in [first_target, end_target) with its origin, which may lie before the grid."""
    target = np.arange(first_target, end_target, dtype=np.int64)
    if horizon.by_day:
        days = horizon.steps // grid.day
        origin = (target // grid.day - days + 1) * grid.day - 1
    else:
        origin = target - horizon.steps
    return Examples(origin, target)


class Features:
    """The features of a grid. Build once, then ask `matrix` for any examples."""

    def __init__(self, grid: CountGrid) -> None:
        self.grid = grid

    def matrix(self, pairs: Examples, *, short: bool) -> dict[str, Floats]:
        """name -> (examples, rooms). `short` adds what the last hours tell, which pays below a day ahead; without it
        the analog weeks come in, unless the weather is known ahead."""
        known = Known(self, pairs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a mean over nothing is NaN, which is what is meant
            values = known.weekly() | known.daily() | known.levels() | known.calendar() | known.weather()
            if short:
                values |= known.recent() | known.changes() | known.site()
            elif not self.grid.weather_ahead:  # which they could not see
                values |= known.analogs()
        return values

    @cached_property
    def carried(self) -> Floats:
        """Counts with short gaps filled by the last one."""
        return carry(self.grid.counts, CARRIED_SLOTS)

    @cached_property
    def silence(self) -> Floats:
        """Slots since the last known count, at most a day; some counters report more after a pause."""
        slots = np.arange(len(self.grid.counts), dtype=np.float64)[:, None]
        last = np.maximum.accumulate(np.where(np.isnan(self.grid.counts), -np.inf, slots), axis=0)
        return np.minimum(slots - last, self.grid.day)

    @cached_property
    def ordinary(self) -> Floats:
        """Counts of ordinary days: those off (a holiday, a closure) are unknown."""
        marked = np.zeros(len(self.grid.times), dtype=bool)
        for name in self.grid.days_off:
            marked |= np.nan_to_num(self.grid.calendar[name]) > 0
        return np.where(marked[:, None], np.nan, self.grid.counts)

    @cached_property
    def profile(self) -> Floats:
        """What the same slot held on average on the ordinary days of the eight weeks before."""
        return mean_of_known([later(self.ordinary, k * self.grid.week) for k in range(1, WEEKS + 1)])

    @cached_property
    def level(self) -> Floats:
        """Mean count of the last week."""
        return rolling_mean(self.grid.counts, self.grid.week)

    @cached_property
    def away(self) -> Floats:
        """What the profile held in the slots counted empty since somebody was last there, in days' worth of it."""
        held = np.cumsum(np.where(self.grid.counts == 0, np.nan_to_num(self.profile), 0.0), axis=0)
        since = held - np.maximum.accumulate(np.where(self.grid.counts > 0, held, 0.0), axis=0)
        return since / np.maximum(rolling_mean(self.profile, self.grid.week) * self.grid.day, 1.0)

    @cached_property
    def surprise(self) -> Floats:
        """Count minus profile."""
        return self.carried - self.profile


class Known:
    """Reads series at slots, as they were known at the origins of some examples."""

    def __init__(self, source: Features, pairs: Examples) -> None:
        self.source, self.grid = source, source.grid
        self.origin, self.target = pairs.origin, pairs.target
        lead = self.target - self.origin
        self.last_week = self.target - np.ceil(lead / self.grid.week).astype(np.int64) * self.grid.week
        self.last_day = self.target - np.ceil(lead / self.grid.day).astype(np.int64) * self.grid.day

    def at(self, series: Floats, slots: Ints) -> Floats:
        """The series at the slots, NaN where a slot lies after the origin or outside the grid."""
        seen = (slots >= 0) & (slots <= self.origin) & (slots < len(series))
        result = np.full((len(slots), series.shape[1]), np.nan)
        result[seen] = series[slots[seen]]
        return result

    def weekly(self) -> dict[str, Floats]:
        """The same slot in the weeks before, and its neighbours; all but the single weeks of ordinary days."""
        grid, week, ordinary = self.grid, self.grid.week, self.source.ordinary
        values = {f"week_{k + 1}": self.at(grid.counts, self.last_week - k * week) for k in range(4)}
        stack = np.stack([self.at(ordinary, self.last_week - k * week) for k in range(WEEKS)])
        values |= {f"{ORDINARY}week_{k + 1}": stack[k] for k in range(2)}
        values["week_mean_4"] = np.nanmean(stack[:4], axis=0)
        values["week_median_4"] = np.nanmedian(stack[:4], axis=0)
        values["week_mean_8"] = np.nanmean(stack, axis=0)
        values["week_median_8"] = np.nanmedian(stack, axis=0)
        values["week_ewma"] = weighted(stack, _EWMA_KEEPS ** np.arange(WEEKS, dtype=np.float64))
        values["week_sd_8"] = np.nanstd(stack, axis=0)
        values["week_min_4"] = np.nanmin(stack[:4], axis=0)
        values["week_max_4"] = np.nanmax(stack[:4], axis=0)
        for step in (-2, -1, 1, 2):
            beside = [self.at(ordinary, self.last_week - k * week + step) for k in range(WEEKS)]
            values[f"week_mean_8_{step:+d}"] = np.nanmean(np.stack(beside), axis=0)
        values["week_smooth"] = mean_of_known(
            [values["week_mean_8"], values["week_mean_8_-1"], values["week_mean_8_+1"]]
        )
        values["year_before"] = mean_of_known(
            [self.at(grid.counts, self.target - 52 * week + step) for step in (-1, 0, 1)]
        )
        return values

    def daily(self) -> dict[str, Floats]:
        """The same slot on the days before."""
        slots = [self.last_day - k * self.grid.day for k in range(7)]
        values = {f"day_{k + 1}": self.at(self.grid.counts, slots[k]) for k in range(3)}
        ordinary = np.stack([self.at(self.source.ordinary, slot) for slot in slots])
        return values | {f"{ORDINARY}day_1": ordinary[0], "day_mean_7": np.nanmean(ordinary, axis=0)}

    def levels(self) -> dict[str, Floats]:
        """How full the last day, week and four weeks were in relation to their profile."""
        source = self.source
        both = ~np.isnan(source.profile) & ~np.isnan(self.grid.counts)
        counted = np.where(both, self.grid.counts, np.nan)
        expected = np.where(both, source.profile, np.nan)
        values = {}
        for name, length in (("1d", self.grid.day), ("7d", self.grid.week), ("28d", 4 * self.grid.week)):
            ratio = (rolling_mean(counted, length) + 0.5) / (rolling_mean(expected, length) + 0.5)
            values[f"level_{name}"] = self.at(ratio, self.origin)
        return values

    def analogs(self) -> dict[str, Floats]:
        """Quantiles of the same slot of the week and its neighbours, by how near each week's level is to the present;
        unknown on days off."""
        grid, level = self.grid, self.source.level
        places = [(week, step) for week in range(WEEKS_BACK) for step in BESIDE]
        counts, ratios = [], []
        for week, step in places:
            slots = self.last_week - week * grid.week + step
            counts.append(self.at(self.source.ordinary, slots))
            around = np.minimum(slots + grid.week // 2, self.origin)  # the end of the week with the slot in its middle
            ratios.append((self.at(level, self.origin) + 0.5) / (self.at(level, around) + 0.5))
        weeks_ago, beside = np.array([week for week, _ in places]), np.array([BESIDE[step] for _, step in places])
        values = analog_features(np.stack(counts), np.stack(ratios), weeks_ago, beside)
        off = np.zeros(len(self.target), dtype=bool)
        for name in grid.days_off:
            off |= pick(grid.calendar[name], self.target) > 0
        return {name: np.where(off[:, None], np.nan, value) for name, value in values.items()}

    def calendar(self) -> dict[str, Floats]:
        grid, rooms = self.grid, len(self.grid.rooms)
        first_day = int(grid.times[0].day_of_year)
        columns = {
            "slot": (self.target % grid.day).astype(float),
            "day_share": self.target % grid.day / grid.day,
            "weekday": ((self.target // grid.day + int(grid.times[0].weekday())) % 7).astype(float),
            "day_of_year": ((self.target // grid.day + first_day) % 365.2425),
        }
        for name, facts in grid.calendar.items():
            if name not in grid.days_off:
                # a term's own name would only stand for its months; what repeats is that one begins or ends
                columns[name + "_change"] = pick(facts, self.target) - pick(facts, self.last_week)
                continue
            for label, shift in (("", 0), ("_before", -grid.day), ("_after", grid.day)):
                columns[name + label] = pick(facts, self.target + shift)
            columns[name + "_week_before"] = pick(facts, self.last_week)
        values = {name: np.repeat(column[:, None], rooms, axis=1) for name, column in columns.items()}
        values["room"] = np.repeat(np.arange(rooms, dtype=float)[None], len(self.target), axis=0)
        return values

    def weather(self) -> dict[str, Floats]:
        """The weather at the target if it was known ahead, else at the origin, and how it differs from weeks before."""
        slots = self.target if self.grid.weather_ahead else self.origin
        values = {}
        for name, column in self.grid.weather.items():
            now, before = pick(column, slots), pick(column, slots - (self.target - self.last_week))
            for label, one in ((name, now), (f"{name}_change", now - before)):
                values[label] = np.repeat(one[:, None], len(self.grid.rooms), axis=1)
        return values

    def recent(self) -> dict[str, Floats]:
        """The last counts and how far they were from the profile."""
        source = self.source
        values = {f"count_{k}": self.at(source.carried, self.origin - k) for k in (0, 1, 2, 3, 4, 6, 8)}
        values["silence"] = self.at(source.silence, self.origin)
        values["silence_before"] = self.at(source.silence, self.origin - 1)
        values["away"] = self.at(source.away, self.origin)
        values["step_1"] = values["count_0"] - values["count_1"]
        values["step_2"] = values["count_1"] - values["count_2"]
        values["step_4"] = values["count_0"] - values["count_4"]
        for length in (4, 8, 16):
            values[f"mean_{length}"] = self.at(rolling_mean(self.grid.counts, length), self.origin)
        for k in (0, 1, 2):
            values[f"surprise_{k}"] = self.at(source.surprise, self.origin - k)
        for length in (3, 6, 12, 24):
            values[f"surprise_mean_{length}"] = self.at(rolling_mean(source.surprise, length), self.origin)
        return values

    def changes(self) -> dict[str, Floats]:
        """What happened between the origin's and the target's time of day in earlier weeks and days."""
        counts, week, day = self.grid.counts, self.grid.week, self.grid.day
        shift = self.target - self.last_week
        past = [
            self.at(counts, self.last_week - k * week) - self.at(counts, self.origin - shift - k * week)
            for k in range(WEEKS)
        ]
        stack = np.stack(past)
        values = {f"change_week_{k + 1}": past[k] for k in range(4)}
        values["change_mean_4"] = np.nanmean(stack[:4], axis=0)
        values["change_mean_8"] = np.nanmean(stack, axis=0)
        values["change_median_8"] = np.nanmedian(stack, axis=0)
        values["change_sd_8"] = np.nanstd(stack, axis=0)
        shift = self.target - self.last_day
        days = [
            self.at(counts, self.last_day - k * day) - self.at(counts, self.origin - shift - k * day) for k in range(7)
        ]
        values |= {f"change_day_{k + 1}": days[k] for k in range(2)}
        values["change_day_mean_7"] = np.nanmean(np.stack(days), axis=0)
        values["drifted"] = self.at(self.source.carried, self.origin) + values["change_mean_8"]
        return values

    def site(self) -> dict[str, Floats]:
        """The other rooms: people move from one to the next."""
        rooms = len(self.grid.rooms)
        if rooms == 1:
            return {}
        carried, surprise = self.source.carried, self.source.surprise
        total = np.repeat(np.nansum(carried, axis=1, keepdims=True), rooms, axis=1)
        odd = np.repeat(np.nansum(surprise, axis=1, keepdims=True), rooms, axis=1)
        values = {"site": self.at(total, self.origin), "site_surprise": self.at(odd, self.origin)}
        values["site_step"] = values["site"] - self.at(total, self.origin - 1)
        if rooms <= MAX_NAMED_ROOMS:
            for room in range(rooms):
                now = self.at(carried, self.origin)[:, [room]]
                before = self.at(carried, self.origin - 1)[:, [room]]
                apart = self.at(surprise, self.origin)[:, [room]]
                for name, column in (("count", now), ("step", now - before), ("surprise", apart)):
                    values[f"room{room}_{name}"] = np.repeat(column, rooms, axis=1)
        return values

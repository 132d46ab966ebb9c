"""The model of one horizon: the mean of a few learners on what was known at the origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.counts.analogs import MOVES, Analogs
from forecasting.counts.baselines import OPEN_ABOVE
from forecasting.counts.blend import Blend, fit_blend
from forecasting.counts.calibration import FOLLOWED_DAYS_AHEAD
from forecasting.counts.features import Examples, Features
from forecasting.counts.grid import CountGrid, Floats, Horizon
from forecasting.counts.learners import RAW_LEVELS, Bools, LearnedTrees, Trees, Values, learn
from forecasting.counts.networks import LearnedNetwork, Network, learn_network
from forecasting.counts.path import Path, fit_path

FEWEST_EXAMPLES = 200
FEWEST_LESSONS = 3  # days learned from by days ahead; on fewer a learner takes one holiday for the rule
WEEKS_OF_A_YEAR = 52  # with less history the day of the year is only another name for the date
NETWORK_LESSONS, NETWORK_EXAMPLES = 28, 4000  # on fewer, networks learn their few examples by heart
_ALIVE_ABOVE = 0.3  # below it in every memory of the slot the room is taken as closed
_AWAY_DAYS = 1.25  # so long without anybody, the room is taken as closed; a single day off has not gone on till morning
_LESSONS_TO_NARROW = 2.0  # so many widen the raw interval to twice; what few lessons teach fits them too well
_CLOSED_SIGNS = ("week_mean_8", "week_mean_8_-1", "week_mean_8_+1", "day_mean_7", "count_0")

SHORT: tuple[Trees, ...] = (
    Trees("drifted", "everything", leaves=31, rounds=150, rate=0.1, least_rows=60),
    Trees("path", "everything", leaves=31, rounds=120, rate=0.1, least_rows=40, at_random=True),
)
SHORT_NETWORKS = (Network("path", hidden=(128, 64, 32), rounds=4, rate=2e-3),) * 4
LONG: tuple[Trees, ...] = (
    Trees("blend", "level", leaves=8, rounds=150, rate=0.05, least_rows=400),
    Trees("blend", "everything", leaves=15, rounds=200, rate=0.05, least_rows=300),
    Trees("", "weeks", leaves=31, rounds=200, rate=0.08, least_rows=30),
)


@dataclass(frozen=True)
class Design:
    """Examples of one horizon, what was known about each, and what happened (NaN: not known)."""

    horizon: Horizon
    short: bool  # the last hours (on a daily grid the last days) tell something about the target
    week: int  # slots
    calendar: tuple[str, ...]  # features that are calendar facts or weather
    pairs: Examples
    values: Values
    actual: Floats

    @staticmethod
    def of(features: Features, horizon: Horizon, pairs: Examples) -> Design:
        grid = features.grid
        short = is_short(grid, horizon)
        inside = pairs.target < len(grid.times)
        actual = np.full((len(inside), len(grid.rooms)), np.nan)
        actual[inside] = grid.counts[pairs.target[inside]]
        values = features.matrix(pairs, short=short)
        calendar = tuple(name for name in values if name.startswith((*grid.calendar, *grid.weather)))
        return Design(horizon, short, grid.week, calendar, pairs, values, actual)

    @property
    def in_use(self) -> Bools:
        """(examples, rooms): may somebody be there at this time of the week? Told where intervals follow their days."""
        followed = self.horizon.days(self.week // 7) <= FOLLOWED_DAYS_AHEAD
        return np.asarray(~(followed & (self.values["week_mean_8"] <= OPEN_ABOVE)))

    def where(self, keep: Bools) -> Design:
        pairs = Examples(self.pairs.origin[keep], self.pairs.target[keep])
        values = {name: column[keep] for name, column in self.values.items()}
        return Design(self.horizon, self.short, self.week, self.calendar, pairs, values, self.actual[keep])


@dataclass(frozen=True)
class HorizonModel:
    """Raw forecasts (q10, q50, q90) of one horizon, learned from the counts known up to slot `until`."""

    horizon: Horizon
    until: int
    line: Blend | Path  # the linear forecast some of the learners start from
    learned: list[LearnedTrees | LearnedNetwork]
    closed: Floats  # q10, q50, q90 of slots in which the room seemed closed
    lessons: float  # days learned from by days ahead: errors a week ahead hang together for a week

    def raw(self, design: Design) -> Floats:
        """(examples, rooms, 3), sorted and not below zero; NaN nowhere."""
        mean = np.sort(np.nanmean(self.members(design), axis=0), axis=-1)
        middle = mean[..., [1]]
        wide = middle + (mean - middle) * (1 + _LESSONS_TO_NARROW / self.lessons)
        open_now = alive(design.values)[..., None]
        return np.asarray(np.clip(np.where(open_now, wide, mean), 0, None))

    def members(self, design: Design) -> Floats:
        """(members, examples, rooms, 3): what each of them says, NaN where it has no answer; the learners first."""
        values = self._values(design)
        said = np.stack([one.forecast(values) for one in self.learned] + _analogs(design))
        said[:, ~alive(values)] = self.closed
        return said

    def contributions(self, design: Design) -> Values:
        """Feature -> persons it adds to the middle of the raw forecast, (examples, rooms)."""
        values = self._values(design)
        others = np.stack([said[..., 1] for said in _analogs(design)] or [np.full_like(values["week_1"], np.nan)])
        count = len(self.learned) + (~np.isnan(others)).sum(axis=0)
        total: Values = {"analog": np.nansum(others, axis=0) / count}
        for one in self.learned:
            for name, part in one.contributions(values).items():
                total[name] = total.get(name, np.zeros_like(part)) + part / count
        return total

    def drivers(self, count: int = 10) -> list[tuple[str, float]]:
        """The features that helped most and their share of all help."""
        total: dict[str, float] = {}
        for one in self.learned:
            gains = one.gains()
            whole = sum(gains.values()) or 1.0
            for name, gain in gains.items():
                total[name] = total.get(name, 0.0) + gain / whole
        whole = sum(total.values()) or 1.0
        best = sorted(total.items(), key=lambda item: -item[1])[:count]
        return [(name, gain / whole) for name, gain in best]

    def _values(self, design: Design) -> Values:
        return design.values | {_name(design): self.line.forecast(design.values)}


def fit(design: Design, until: int, seed: int) -> HorizonModel | None:
    """Learn from all targets up to slot `until`; None if there are too few to learn from."""
    design = design.where((design.pairs.target <= until) & (design.pairs.origin >= 0))
    values, actual = dict(design.values), design.actual
    known, living = ~np.isnan(actual), alive(values)
    rows = known & living
    lessons = _lessons(design, rows)
    if rows.sum() < FEWEST_EXAMPLES or lessons < FEWEST_LESSONS:
        return None
    if until < WEEKS_OF_A_YEAR * design.week:
        values["day_of_year"] = np.full_like(values["day_of_year"], np.nan)
    age_weeks = (until - design.pairs.target) / design.week
    line = fit_path(values, actual, rows) if design.short else fit_blend(values, actual, rows, age_weeks)
    values[_name(design)] = line.forecast(values)
    specs = SHORT if design.short else LONG
    learned: list[LearnedTrees | LearnedNetwork] = [
        learn(spec, values, actual, rows, design.calendar, seed + k) for k, spec in enumerate(specs)
    ]
    if design.short and lessons >= NETWORK_LESSONS and rows.sum() >= NETWORK_EXAMPLES:
        learned += [
            learn_network(spec, values, actual, rows, design.calendar, seed + k)
            for k, spec in enumerate(SHORT_NETWORKS)
        ]
    shut = actual[known & ~living]
    closed = np.quantile(shut, RAW_LEVELS) if len(shut) else np.zeros(len(RAW_LEVELS))
    return HorizonModel(design.horizon, until, line, learned, closed, lessons)


def _analogs(design: Design) -> list[Floats]:
    """(examples, rooms, 3) each; none below a day ahead."""
    analogs = [Analogs(move) for move in MOVES]
    return [one.forecast(design.values) for one in analogs if one.speaks(design.values)]


def _lessons(design: Design, rows: Bools) -> float:
    slots_of_day = design.week // 7
    days = len(np.unique(design.pairs.target[rows.any(axis=1)] // slots_of_day))
    return days / max(1.0, design.horizon.steps / slots_of_day)


def _name(design: Design) -> str:
    return "path" if design.short else "blend"


def is_short(grid: CountGrid, horizon: Horizon) -> bool:
    return not horizon.by_day or grid.day == 1


def alive(values: Values) -> Bools:
    """(examples, rooms): is there any sign that the room is used in this slot, or nothing known at all?"""
    signs = np.stack([values[name] for name in _CLOSED_SIGNS if name in values])
    used = (np.nan_to_num(signs) > _ALIVE_ABOVE).any(axis=0) | np.isnan(signs).all(axis=0)
    return np.asarray(used & ~(values["away"] > _AWAY_DAYS) if "away" in values else used)

"""The model of one horizon: the mean of a few learners on what was known at the origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.counts.blend import Blend, fit_blend
from forecasting.counts.features import Examples, Features
from forecasting.counts.grid import CountGrid, Floats, Horizon
from forecasting.counts.learners import RAW_LEVELS, Bools, Learned, Spread, Trees, Values, learn
from forecasting.counts.path import Path, fit_path

FEWEST_EXAMPLES = 200
WEEKS_OF_A_YEAR = 52  # with less history the day of the year is only another name for the date
_SPREAD_WEEKS = 26  # errors of a simple forecast that still tell how wide it must be
_ALIVE_ABOVE = 0.3  # below it in every memory of the slot the room is taken as closed
_CLOSED_SIGNS = ("week_mean_8", "week_mean_8_-1", "week_mean_8_+1", "day_mean_7", "count_0")

SHORT: tuple[Trees | Spread, ...] = (
    Trees("drifted", "everything", leaves=31, rounds=250, rate=0.06, least_rows=60),
    Trees("path", "everything", leaves=31, rounds=250, rate=0.06, least_rows=60),
)
LONG: tuple[Trees | Spread, ...] = (
    Spread("blend"),
    Trees("blend", "level", leaves=8, rounds=150, rate=0.05, least_rows=400),
    Trees("blend", "everything", leaves=15, rounds=200, rate=0.05, least_rows=300),
    Trees("week_median_8", "everything", leaves=15, rounds=200, rate=0.05, least_rows=500),
)


@dataclass(frozen=True)
class Design:
    """Examples of one horizon, what was known about each, and what happened (NaN: not known)."""

    horizon: Horizon
    short: bool  # the last hours (on a daily grid the last days) tell something about the target
    week: int  # slots
    calendar: tuple[str, ...]  # features that are calendar facts
    marked: Bools  # (examples,): the target's day has a calendar fact
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
        calendar = tuple(name for name in values if any(name.startswith(fact) for fact in grid.calendar))
        facts = [values[name][:, 0] > 0 for name in grid.calendar]
        marked = np.logical_or.reduce([np.zeros(len(inside), dtype=bool), *facts])
        return Design(horizon, short, grid.week, calendar, marked, pairs, values, actual)

    def where(self, keep: Bools) -> Design:
        pairs = Examples(self.pairs.origin[keep], self.pairs.target[keep])
        values = {name: column[keep] for name, column in self.values.items()}
        return Design(
            self.horizon, self.short, self.week, self.calendar, self.marked[keep], pairs, values, self.actual[keep]
        )


@dataclass(frozen=True)
class HorizonModel:
    """Raw forecasts (q10, q50, q90) of one horizon, learned from the counts known up to slot `until`."""

    horizon: Horizon
    until: int
    line: Blend | Path  # the linear forecast some of the learners start from
    learned: list[Learned]
    closed: Floats  # q10, q50, q90 of slots in which the room seemed closed

    def raw(self, design: Design) -> Floats:
        """(examples, rooms, 3), sorted and not below zero; NaN nowhere."""
        said = self.members(design)
        sees = np.array([one.sees_calendar for one in self.learned])
        if sees.any():
            weights = np.where(design.marked[None, :], sees[:, None], 1.0)
            said = said * (weights / weights.sum(axis=0))[..., None, None]
            mean = said.sum(axis=0)
        else:
            mean = said.mean(axis=0)
        return np.asarray(np.sort(np.clip(mean, 0, None), axis=-1))

    def members(self, design: Design) -> Floats:
        """(learners, examples, rooms, 3): what each of them says."""
        values = design.values | {_name(design): self.line.forecast(design.values)}
        said = np.stack([one.forecast(values) for one in self.learned])
        said[:, ~alive(values)] = self.closed
        return said

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


def fit(design: Design, until: int, seed: int) -> HorizonModel | None:
    """Learn from all targets up to slot `until`; None if there are too few to learn from."""
    design = design.where((design.pairs.target <= until) & (design.pairs.origin >= 0))
    values, actual = dict(design.values), design.actual
    known, living = ~np.isnan(actual), alive(values)
    rows = known & living
    if rows.sum() < FEWEST_EXAMPLES:
        return None
    if until < WEEKS_OF_A_YEAR * design.week:
        values["day_of_year"] = np.full_like(values["day_of_year"], np.nan)
    age_weeks = (until - design.pairs.target) / design.week
    line = fit_path(values, actual, rows) if design.short else fit_blend(values, actual, rows, age_weeks)
    values[_name(design)] = line.forecast(values)
    specs = SHORT if design.short else LONG
    recent = rows & (~design.marked & (age_weeks <= _SPREAD_WEEKS))[:, None]
    learned = [
        learn(spec, values, actual, recent if isinstance(spec, Spread) else rows, design.calendar, seed + k)
        for k, spec in enumerate(specs)
    ]
    shut = actual[known & ~living]
    closed = np.quantile(shut, RAW_LEVELS) if len(shut) else np.zeros(len(RAW_LEVELS))
    return HorizonModel(design.horizon, until, line, learned, closed)


def _name(design: Design) -> str:
    return "path" if design.short else "blend"


def is_short(grid: CountGrid, horizon: Horizon) -> bool:
    return not horizon.by_day or grid.day == 1


def alive(values: Values) -> Bools:
    """(examples, rooms): is there any sign that the room is used in this slot, or nothing known at all?"""
    signs = np.stack([values[name] for name in _CLOSED_SIGNS if name in values])
    return np.asarray((np.nan_to_num(signs) > _ALIVE_ABOVE).any(axis=0) | np.isnan(signs).all(axis=0))

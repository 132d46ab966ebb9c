"""Ways to learn the low, middle and high quantile of a count; the model is the mean of several of them.

Most start from a simple forecast (`base`) and learn the distance from it in units of the square root of its
size, which makes rooms of different size alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from forecasting.counts.features import ORDINARY
from forecasting.counts.grid import Floats

Bools = npt.NDArray[np.bool_]
Values = dict[str, Floats]  # feature -> (examples, rooms)

RAW_LEVELS = (0.1, 0.5, 0.9)
_RELATIVE = (
    "week_1", "week_2", "week_3", "week_median_4", "week_mean_8", "week_median_8", "week_smooth", "week_ewma",
    "day_1", "day_mean_7",
)  # fmt: skip
_WEEKS = ("week_1", "week_2", "week_3", "week_4", "slot", "weekday", "room")
_STEADY = ("level_1d", "level_7d", "level_28d", "slot", "weekday", "day_of_year", "room")
_NOT_FOR_TREES = (ORDINARY, "day_share", "analog_", "away")
_INSTEAD = ("count_0", "week_mean_8", "day_mean_7")  # where a base is unknown, the next best


@dataclass(frozen=True)
class Trees:
    """Boosted quantile trees; `sees` all features, only levels and how far earlier weeks are from the base, or only the
    last four weeks."""

    base: str  # a feature, or '' to learn the count as it is
    sees: Literal["everything", "level", "weeks"]
    leaves: int
    rounds: int
    rate: float
    least_rows: int
    at_random: bool = False  # thresholds of splits are drawn, not searched (extremely randomised): other errors


def learn(spec: Trees, values: Values, actual: Floats, rows: Bools, calendar: Sequence[str], seed: int) -> LearnedTrees:
    """`actual` and `rows` are (examples, rooms): what happened, and which of it may be learned from."""
    columns = _columns(spec, values, calendar)
    names = sorted(name for name, column in columns.items() if not np.isnan(column[rows]).all())
    base, scale = base_and_unit(spec.base, values)
    table = np.stack([columns[name][rows] for name in names], axis=-1).astype(np.float32)
    target = ((actual - base) / scale)[rows]
    data = lgb.Dataset(table, target, weight=scale[rows], feature_name=names, params=_parameters(spec, 0.5, seed))
    boosters = [lgb.train(_parameters(spec, level, seed), data, spec.rounds) for level in RAW_LEVELS]
    return LearnedTrees(spec, tuple(calendar), names, boosters)


@dataclass(frozen=True)
class LearnedTrees:
    spec: Trees
    calendar: tuple[str, ...]
    names: list[str]
    boosters: list[lgb.Booster]

    def forecast(self, values: Values) -> Floats:
        base, scale = base_and_unit(self.spec.base, values)
        table = self._table(values)
        parts = [np.asarray(booster.predict(table, num_threads=1)).reshape(base.shape) for booster in self.boosters]
        return np.asarray(base[..., None] + scale[..., None] * np.stack(parts, axis=-1))

    def contributions(self, values: Values) -> Values:
        """Feature -> persons it adds to the middle forecast, (examples, rooms); the base is one of them."""
        base, scale = base_and_unit(self.spec.base, values)
        booster = self.boosters[RAW_LEVELS.index(0.5)]
        parts = np.asarray(booster.predict(self._table(values), pred_contrib=True, num_threads=1))
        found = {name: parts[:, k].reshape(base.shape) * scale for k, name in enumerate(self.names)}
        start = base + parts[:, -1].reshape(base.shape) * scale
        return found | {self.spec.base: start + found.get(self.spec.base, 0.0)}

    def gains(self) -> dict[str, float]:
        gain = np.sum([booster.feature_importance("gain") for booster in self.boosters], axis=0)
        return dict(zip(self.names, gain.tolist(), strict=True))

    def _table(self, values: Values) -> npt.NDArray[np.float32]:
        """(examples x rooms, features); a feature that is not given is unknown."""
        columns = _columns(self.spec, values, self.calendar)
        unknown = np.full(values["week_1"].shape, np.nan)
        return np.stack([columns.get(name, unknown).ravel() for name in self.names], axis=-1).astype(np.float32)


def base_and_unit(name: str, values: Values) -> tuple[Floats, Floats]:
    """The simple forecast and the unit of distance from it, (examples, rooms) each; where unknown, the next best."""
    if not name:
        return np.zeros_like(values["week_1"]), np.ones_like(values["week_1"])
    base = values[name]
    for other in _INSTEAD:
        if other in values:
            base = np.where(np.isnan(base), values[other], base)
    base = np.nan_to_num(base)
    return base, np.sqrt(np.maximum(base, 0) + 3)


def _columns(spec: Trees, values: Values, calendar: Sequence[str]) -> Values:
    if spec.sees == "everything":
        return {name: column for name, column in values.items() if not name.startswith(_NOT_FOR_TREES)}
    if spec.sees == "weeks":
        return {name: values[name] for name in (*_WEEKS, *calendar) if name in values}
    base, scale = base_and_unit(spec.base, values)
    columns = {name: (values[name] - base) / scale for name in _RELATIVE}
    columns |= {name: values[name] for name in (*_STEADY, *calendar) if name in values}
    return columns | {"base": base, "week_sd_8": values["week_sd_8"] / scale}


def _parameters(spec: Trees, level: float, seed: int) -> dict[str, object]:
    return {
        "objective": "quantile", "alpha": level, "num_leaves": spec.leaves, "learning_rate": spec.rate,
        "min_data_in_leaf": spec.least_rows, "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1,
        "lambda_l2": 1.0, "max_bin": 127, "seed": seed, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbose": -1, "feature_pre_filter": False, "extra_trees": spec.at_random,
    }  # fmt: skip

"""Ways to learn the low, middle and high quantile of a count; the model is the mean of several of them.

All but one start from a simple forecast (`base`) and learn the distance from it in units of the square root of its
size, which makes rooms of different size alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from forecasting.counts.calibration import DAY_BLOCKS
from forecasting.counts.features import ORDINARY
from forecasting.counts.grid import Floats

Bools = npt.NDArray[np.bool_]
Values = dict[str, Floats]  # feature -> (examples, rooms)

RAW_LEVELS = (0.1, 0.5, 0.9)
_RELATIVE = (
    "week_1", "week_2", "week_3", "week_median_4", "week_mean_8", "week_median_8", "week_smooth", "week_ewma",
    "day_1", "day_mean_7",
)  # fmt: skip
_STEADY = ("level_1d", "level_7d", "level_28d", "slot", "weekday", "day_of_year", "room")
_FEWEST_ERRORS = 100
_NOT_FOR_TREES = (ORDINARY, "day_share")
_INSTEAD = ("count_0", "week_mean_8", "day_mean_7")  # where a base is unknown, the next best


@dataclass(frozen=True)
class Trees:
    """Boosted quantile trees; `sees` all features, or only levels and how far earlier weeks are from the base."""

    base: str  # a feature, or '' to learn the count as it is
    sees: Literal["everything", "level"]
    leaves: int
    rounds: int
    rate: float
    least_rows: int


@dataclass(frozen=True)
class Spread:
    """The base itself, with the quantiles of its past errors per room and part of the day."""

    base: str


class Learned(Protocol):
    @property
    def sees_calendar(self) -> bool: ...

    def forecast(self, values: Values) -> Floats:
        """(examples, rooms, 3)"""
        ...

    def gains(self) -> dict[str, float]:
        """How much each feature helped, in any unit."""
        ...


def learn(
    spec: Trees | Spread, values: Values, actual: Floats, rows: Bools, calendar: Sequence[str], seed: int
) -> Learned:
    """`actual` and `rows` are (examples, rooms): what happened, and which of it may be learned from."""
    if isinstance(spec, Spread):
        return _learn_spread(spec, values, actual, rows)
    columns = _columns(spec, values, calendar)
    names = sorted(name for name, column in columns.items() if not np.isnan(column[rows]).all())
    base, scale = _base(spec.base, values)
    table = np.stack([columns[name][rows] for name in names], axis=-1).astype(np.float32)
    target = ((actual - base) / scale)[rows]
    data = lgb.Dataset(table, target, weight=scale[rows], feature_name=names, params=_parameters(spec, 0.5, seed))
    boosters = [lgb.train(_parameters(spec, level, seed), data, spec.rounds) for level in RAW_LEVELS]
    return _LearnedTrees(spec, tuple(calendar), names, boosters)


@dataclass(frozen=True)
class _LearnedTrees:
    spec: Trees
    calendar: tuple[str, ...]
    names: list[str]
    boosters: list[lgb.Booster]
    sees_calendar = True

    def forecast(self, values: Values) -> Floats:
        columns = _columns(self.spec, values, self.calendar)
        base, scale = _base(self.spec.base, values)
        table = np.stack([columns[name].ravel() for name in self.names], axis=-1).astype(np.float32)
        parts = [np.asarray(booster.predict(table)).reshape(base.shape) for booster in self.boosters]
        return np.asarray(base[..., None] + scale[..., None] * np.stack(parts, axis=-1))

    def gains(self) -> dict[str, float]:
        gain = np.sum([booster.feature_importance("gain") for booster in self.boosters], axis=0)
        return dict(zip(self.names, gain.tolist(), strict=True))


@dataclass(frozen=True)
class _LearnedSpread:
    spec: Spread
    quantiles: Floats  # (rooms, parts of the day, 3), in units of the scale
    sees_calendar = False

    def forecast(self, values: Values) -> Floats:
        base, scale = _base(self.spec.base, values)
        part = _day_part(values)
        spread = self.quantiles[np.arange(base.shape[1])[None, :], part]
        return np.asarray(base[..., None] + scale[..., None] * spread)

    def gains(self) -> dict[str, float]:
        return {}


def _learn_spread(spec: Spread, values: Values, actual: Floats, rows: Bools) -> _LearnedSpread:
    base, scale = _base(spec.base, values)
    error = np.where(rows, (actual - base) / scale, np.nan)
    part = _day_part(values)
    everything = error[rows] if rows.any() else np.array([-1.0, 0.0, 1.0])
    quantiles = np.zeros((base.shape[1], DAY_BLOCKS, len(RAW_LEVELS)))
    for room in range(base.shape[1]):
        for block in range(DAY_BLOCKS):
            own = error[:, room][(part[:, room] == block) & rows[:, room]]
            quantiles[room, block] = np.quantile(own if len(own) >= _FEWEST_ERRORS else everything, RAW_LEVELS)
    quantiles[..., 1] = 0.0
    return _LearnedSpread(spec, quantiles)


def _day_part(values: Values) -> npt.NDArray[np.int64]:
    """(examples, rooms): the part of the day of the target."""
    return np.minimum((values["day_share"] * DAY_BLOCKS).astype(np.int64), DAY_BLOCKS - 1)


def _base(name: str, values: Values) -> tuple[Floats, Floats]:
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
    base, scale = _base(spec.base, values)
    columns = {name: (values[name] - base) / scale for name in _RELATIVE}
    columns |= {name: values[name] for name in (*_STEADY, *calendar) if name in values}
    return columns | {"base": base, "week_sd_8": values["week_sd_8"] / scale}


def _parameters(spec: Trees, level: float, seed: int) -> dict[str, object]:
    return {
        "objective": "quantile", "alpha": level, "num_leaves": spec.leaves, "learning_rate": spec.rate,
        "min_data_in_leaf": spec.least_rows, "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1,
        "lambda_l2": 1.0, "max_bin": 127, "seed": seed, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbose": -1, "feature_pre_filter": False,
    }  # fmt: skip

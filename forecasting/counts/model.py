"""The model of count-only rooms: boosted quantile trees on what was known at the origin, one set per horizon.

Each member of the ensemble learns the count in its own way: as it is, or as the distance from a simple forecast.
Their mean gives (q10, q50, q90); `calibration` turns that into the full set of quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np

from forecasting.counts.features import Examples, Features
from forecasting.counts.grid import CountGrid, Floats, Horizon

RAW_LEVELS = (0.1, 0.5, 0.9)
FEWEST_EXAMPLES = 200
_ALIVE_ABOVE = 0.3  # below it in every memory of the slot the room is taken as closed
_CLOSED_SIGNS = ("week_mean_8", "week_mean_8_-1", "week_mean_8_+1", "day_mean_7", "count_0")


@dataclass(frozen=True)
class Member:
    """One way to learn: distance from `base` ('' learns the count itself), and the trees' shape."""

    base: str
    leaves: int
    rounds: int
    rate: float
    least_rows: int
    columns: float = 0.5


SHORT = (Member("drifted", 31, 250, 0.06, 60), Member("", 31, 250, 0.06, 60))
LONG = (
    Member("week_median_8", 15, 200, 0.05, 500),
    Member("week_mean_4", 8, 250, 0.05, 400),
    Member("", 15, 250, 0.05, 300),
)


@dataclass(frozen=True)
class Design:
    """Examples of one horizon, what was known about each, and what happened (NaN: not known)."""

    horizon: Horizon
    short: bool
    pairs: Examples
    values: dict[str, Floats]
    actual: Floats

    @staticmethod
    def of(features: Features, horizon: Horizon, pairs: Examples) -> Design:
        short = is_short(features.grid, horizon)
        actual = features.grid.counts[pairs.target]
        return Design(horizon, short, pairs, features.matrix(pairs, short=short), actual)

    def where(self, keep: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Design:
        pairs = Examples(self.pairs.origin[keep], self.pairs.target[keep])
        values = {name: column[keep] for name, column in self.values.items()}
        return Design(self.horizon, self.short, pairs, values, self.actual[keep])


@dataclass
class HorizonModel:
    """Raw forecasts (q10, q50, q90) of one horizon, learned from the counts known up to slot `until`."""

    horizon: Horizon
    until: int
    names: list[str]
    boosters: list[tuple[Member, list[lgb.Booster]]]
    closed: Floats  # q10, q50, q90 of slots in which the room seemed closed
    importance: dict[str, float] = field(default_factory=dict)  # gain by feature, sums to 1

    def raw(self, design: Design) -> Floats:
        """(examples, rooms, 3), sorted and not below zero; NaN nowhere."""
        values = design.values
        shape = design.actual.shape
        matrix = _table(values, self.names)
        forecasts = [_member_forecast(member, trees, matrix, values) for member, trees in self.boosters]
        mean = np.mean(forecasts, axis=0).reshape(*shape, len(RAW_LEVELS))
        mean[~alive(values)] = self.closed
        return np.sort(np.clip(mean, 0, None), axis=-1)


def fit(design: Design, until: int, seed: int) -> HorizonModel | None:
    """Learn from all targets up to slot `until`; None if there are too few to learn from."""
    design = design.where(design.pairs.target <= until)
    values, actual = design.values, design.actual
    known, living = ~np.isnan(actual), alive(values)
    rows = known & living
    if rows.sum() < FEWEST_EXAMPLES:
        return None
    names = sorted(name for name, column in values.items() if not np.isnan(column[rows]).all())
    matrix = _table(values, names)[rows.ravel()]
    shut = actual[known & ~living]
    closed = np.quantile(shut, RAW_LEVELS) if len(shut) else np.zeros(len(RAW_LEVELS))
    members = SHORT if design.short else LONG
    boosters = []
    for number, member in enumerate(members):
        target = actual[rows] - _base(member, values)[rows]
        data = lgb.Dataset(
            matrix, target, feature_name=names, params=_parameters(member, 0.5, seed), free_raw_data=False
        )
        trees = [lgb.train(_parameters(member, level, seed + number), data, member.rounds) for level in RAW_LEVELS]
        boosters.append((member, trees))
    return HorizonModel(design.horizon, until, names, boosters, closed, _importance(names, boosters))


def is_short(grid: CountGrid, horizon: Horizon) -> bool:
    """Do the last hours (on a daily grid the last days) tell something about the target?"""
    return not horizon.by_day or grid.day == 1


def alive(values: dict[str, Floats]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(examples, rooms): is there any sign that the room is used in this slot, or nothing known at all?"""
    signs = np.stack([values[name] for name in _CLOSED_SIGNS if name in values])
    return np.asarray((np.nan_to_num(signs) > _ALIVE_ABOVE).any(axis=0) | np.isnan(signs).all(axis=0))


def _base(member: Member, values: dict[str, Floats]) -> Floats:
    """The simple forecast the member starts from; where it is unknown, the next best, at last nothing."""
    if not member.base:
        return np.zeros_like(values["week_mean_8"])
    base = values[member.base]
    for name in ("count_0", "week_mean_8", "day_mean_7"):
        if name in values:
            base = np.where(np.isnan(base), values[name], base)
    return np.nan_to_num(base)


def _member_forecast(member: Member, trees: list[lgb.Booster], matrix: Floats, values: dict[str, Floats]) -> Floats:
    base = _base(member, values).ravel()
    return np.stack([base + np.asarray(tree.predict(matrix)) for tree in trees], axis=-1)


def _table(values: dict[str, Floats], names: list[str]) -> Floats:
    """(examples x rooms, features)"""
    return np.stack([values[name].ravel() for name in names], axis=-1).astype(np.float32)


def _parameters(member: Member, level: float, seed: int) -> dict[str, object]:
    return {
        "objective": "quantile", "alpha": level, "num_leaves": member.leaves, "learning_rate": member.rate,
        "min_data_in_leaf": member.least_rows, "feature_fraction": member.columns, "bagging_fraction": 0.7,
        "bagging_freq": 1, "lambda_l2": 1.0, "max_bin": 127, "seed": seed, "deterministic": True,
        "force_row_wise": True, "num_threads": 1, "verbose": -1, "feature_pre_filter": False,
    }  # fmt: skip


def _importance(names: list[str], boosters: list[tuple[Member, list[lgb.Booster]]]) -> dict[str, float]:
    gain = np.sum([tree.feature_importance("gain") for _, trees in boosters for tree in trees], axis=0)
    return dict(zip(names, (gain / max(float(gain.sum()), 1e-9)).tolist(), strict=True))

"""LightGBM on top of the habits: what they miss about leaving and coming, learnt by rehearsing days of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np

from forecasting.attendance import Floats
from forecasting.hazards import COMING_FEATURES, KNOTS, LEAVING_FEATURES, Chances

if TYPE_CHECKING:
    from forecasting.rehearsal import Scene

PARAMETERS = {
    "objective": "binary", "learning_rate": 0.08, "num_leaves": 12, "min_data_in_leaf": 200, "lambda_l2": 20.0,
    "num_threads": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True, "seed": 7,
}  # fmt: skip
ROUNDS = 50
FEWEST_ROWS = 4000
FLOOR = 1e-4


@dataclass(frozen=True)
class Boost:
    """Corrections of logit chances, per row and minutes ahead; None where there was too little to learn from."""

    leaving: lgb.Booster | None
    coming: lgb.Booster | None

    def corrected(self, c: Chances, ahead: Floats) -> Chances:
        """The chances with their logits moved; between the knots the correction is interpolated."""
        return self.corrected_all([(c, ahead)])[0]

    def corrected_all(self, asked: Sequence[tuple[Chances, Floats]]) -> list[Chances]:
        """The same for many centers, in one prediction of each booster."""
        aheads = [ahead for _, ahead in asked]
        leaving = _asked(self.leaving, [c.leaving_features for c, _ in asked], aheads)
        coming = _asked(self.coming, [c.coming_features for c, _ in asked], aheads)
        return [
            replace(c, stay=_moved(c.stay, stay), come=_moved(c.come, come))
            for (c, _), stay, come in zip(asked, leaving, coming, strict=True)
        ]


def train_boost(scenes: Sequence[Scene]) -> Boost:
    """From rehearsed scenes: chances at KNOTS with what then happened."""
    leaving = [_rows(s.chances.leaving_features, s.chances.stay @ s.chances.stay_weights, s.stayed) for s in scenes]
    coming = [_rows(s.chances.coming_features, s.chances.come @ s.chances.come_weights, s.came) for s in scenes]
    return Boost(_fit(leaving, LEAVING_FEATURES), _fit(coming, COMING_FEATURES))


def _rows(features: Floats, chance: Floats, outcome: Floats) -> tuple[Floats, Floats, Floats]:
    """Stacked over the knots: features with the horizon in front, logit of the chance, outcome (NaN: unknown)."""
    x = np.concatenate([np.column_stack([np.full(len(features), ahead), features]) for ahead in KNOTS])
    return x, _logit(chance.T.ravel()), outcome.T.ravel()


def _fit(parts: Sequence[tuple[Floats, Floats, Floats]], names: tuple[str, ...]) -> lgb.Booster | None:
    if not parts:
        return None
    x, logit, outcome = (np.concatenate([part[n] for part in parts]) for n in range(3))
    known = np.isfinite(outcome)
    if known.sum() < FEWEST_ROWS:
        return None
    data = lgb.Dataset(x[known], outcome[known], init_score=logit[known], feature_name=list(names))
    return lgb.train(PARAMETERS, data, num_boost_round=ROUNDS)


def _asked(booster: lgb.Booster | None, features: Sequence[Floats], aheads: Sequence[Floats]) -> list[Floats]:
    """[row, time] corrections of each center."""
    rows = sum(len(one) for one in features)
    if booster is None or not rows:
        return [np.zeros((len(one), len(ahead))) for one, ahead in zip(features, aheads, strict=True)]
    together = np.concatenate(features)
    x = np.concatenate([np.column_stack([np.full(rows, knot), together]) for knot in KNOTS])
    score = np.asarray(booster.predict(x, raw_score=True, num_threads=1)).reshape(len(KNOTS), rows)
    parts = np.split(score, np.cumsum([len(one) for one in features])[:-1], axis=1)
    return [_between(part, ahead) for part, ahead in zip(parts, aheads, strict=True)]


def _between(score: Floats, ahead: Floats) -> Floats:
    """score[knot, row] at minutes ahead: [row, time]."""
    at = np.clip(np.searchsorted(KNOTS, ahead), 1, len(KNOTS) - 1)
    part = np.clip((ahead - KNOTS[at - 1]) / (KNOTS[at] - KNOTS[at - 1]), 0, 1)
    return np.asarray(score[at - 1].T * (1 - part) + score[at].T * part)


def _moved(chance: Floats, by: Floats) -> Floats:
    odds = np.exp(by)[:, :, None] * chance
    return np.asarray(odds / (odds + 1 - chance + 1e-12))


def _logit(chance: Floats) -> Floats:
    clipped = np.clip(chance, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(clipped / (1 - clipped)))

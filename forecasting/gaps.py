"""The odds of a gap, P(required > counted) per room, and what the record has taught of them.

Children and adults are drawn together and the law is asked draw by draw. That knows nothing of the people who keep a
room from falling short: a break put off, a float called over, a teacher who stays. How far they do is learnt: a
logistic map of the odds, taught by each day gone by, leaning on what simulated centers showed while little is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from forecasting.attendance import Floats, Ints
from forecasting.forecast import Forecast

Required = Callable[[str, datetime, Ints], Ints]  # (room_id, at, children [n, band]) -> adults the law asks for [n]
DRAWS = 200
SHORT, WEEK = "short", "week"
SHORT_AHEAD = timedelta(hours=3)
# Intercept and slope on the logit of the odds drawn, as in simulated centers (`python -m benchmarks forecasting_gap`),
# and how surely: a center whose rooms fall short as often as drawn has (0, 1).
PRIOR = {SHORT: (-2.5, 0.6), WEEK: (-2.8, 0.8)}
PRIOR_SD = (1.0, 0.25)
MEMORY = 0.995  # of what a day taught, kept for the next day


@dataclass(frozen=True)
class GapMap:
    """A logistic map with its certainty: mean (intercept, slope) and precision [2, 2] of a normal belief."""

    mean: Floats
    precision: Floats

    @staticmethod
    def of(kind: str) -> GapMap:
        """Before a center has taught anything."""
        return GapMap(np.array(PRIOR[kind]), np.diag(1 / np.array(PRIOR_SD) ** 2))

    def odds(self, drawn: Floats) -> Floats:
        """What odds drawn have meant so far; rising with them."""
        logit = self.mean[0] + max(self.mean[1], 0.0) * _logit(drawn)
        return np.asarray(1 / (1 + np.exp(-logit)))

    def seen(self, drawn: Floats, short: Floats) -> GapMap:
        """The belief after a day's rooms and instants: the odds drawn, and 1 where an adult was missing then.

        Instants of a day hang together (a call-out lasts), so a day counts as a quarter of its instants.
        """
        x = np.stack([np.ones_like(drawn), _logit(drawn)], axis=1)
        prior = self.precision * MEMORY
        mean = self.mean
        for _ in range(12):
            chance = 1 / (1 + np.exp(-x @ mean))
            slope = x.T @ (short - chance) / 4 - prior @ (mean - self.mean)
            precision = (x * (chance * (1 - chance))[:, None]).T @ x / 4 + prior
            mean = mean + np.clip(np.linalg.solve(precision, slope), -1, 1)
        return GapMap(mean, precision)

    def to_json(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "precision": self.precision.tolist()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> GapMap:
        return GapMap(np.array(value["mean"]), np.array(value["precision"]))


@dataclass(frozen=True)
class GapMaps:
    """By horizon: the next hours, or a day and more ahead."""

    maps: Mapping[str, GapMap] = field(default_factory=lambda: {kind: GapMap.of(kind) for kind in PRIOR})

    def seen(self, days: Mapping[str, tuple[Floats, Floats]]) -> GapMaps:
        """After what a day taught: by horizon the odds drawn and what came true."""
        return GapMaps({kind: one.seen(*days[kind]) if kind in days else one for kind, one in self.maps.items()})

    def to_json(self) -> dict[str, Any]:
        return {kind: one.to_json() for kind, one in self.maps.items()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> GapMaps:
        return GapMaps({kind: GapMap.from_json(one) for kind, one in value.items()})

    def odds(self, forecast: Forecast, required: Required, seed: int = 0) -> Floats:
        """[room, time] P(required > counted) of each room by itself. NotFound where the staff side is unknown."""
        drawn, soon = drawn_odds(forecast, required, seed), np.array([is_soon(forecast, at) for at in forecast.times])
        return np.where(soon, self.maps[SHORT].odds(drawn), self.maps[WEEK].odds(drawn))


def drawn_odds(forecast: Forecast, required: Required, seed: int = 0) -> Floats:
    """[room, time] the share of draws in which the law asks for more adults than are drawn."""
    children, adults = forecast.samples_with_adults(DRAWS, seed)
    needed = np.zeros(adults.shape, dtype=np.int64)
    for row, room_id in enumerate(forecast.room_ids):
        for column, at in enumerate(forecast.times):
            needed[:, row, column] = required(room_id, at, children[:, row, column])
    return np.asarray((needed > adults).mean(axis=0), dtype=np.float64)


def is_soon(forecast: Forecast, at: datetime) -> bool:
    return at - forecast.origin <= SHORT_AHEAD


def _logit(odds: Floats) -> Floats:
    clipped = np.clip(odds, 0.25 / DRAWS, 1 - 0.25 / DRAWS)
    return np.asarray(np.log(clipped / (1 - clipped)))

"""The odds of a gap, P(required > counted) per room, from joint draws of children and adults.

Children and adults are drawn together and the law is asked draw by draw how many adults the room has beyond those
required. What is drawn is not what comes true: where an adult lacks others mostly come to help (a float, a break put
off, a teacher who stays), and where there are just enough somebody steps out for some minutes. So each kind of headroom
counts at the rate at which rooms drawn so truly fall short: that of simulated centers, where the truth is known, times
what the center's own record has shown of it so far.
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
HEADROOM = ("lacking", "just enough", "to spare")  # adults drawn less those required; an empty room cannot fall short
# How often a room drawn so is truly short, and how often its record says so (moves go unlogged, so rooms look short
# that are not; most of those who step out are not logged either): `python -m benchmarks forecasting_gap`.
TRUE_RATES = {SHORT: (0.11, 0.038, 0.003), WEEK: (0.05, 0.034, 0.003)}
RECORDED_RATES = {SHORT: (0.40, 0.009, 0.0025), WEEK: (0.05, 0.050, 0.003)}
CONFIDENCE = 20.0  # recorded shortages of each headroom for which simulated centers count
MEMORY = 0.995  # of what a day taught, kept for the next day
HANGING_TOGETHER = 4.0  # instants of a day hang together (a call-out lasts): so many count as one


@dataclass(frozen=True)
class GapMap:
    """seen[headroom] instants drawn so in the center's days gone by, found[headroom] of them short in its record."""

    kind: str
    seen: Floats = field(default_factory=lambda: np.zeros(len(HEADROOM)))
    found: Floats = field(default_factory=lambda: np.zeros(len(HEADROOM)))

    @property
    def learnt(self) -> Floats:
        """How many times as often as in simulated centers the record says that a room drawn so is short."""
        expected = self.seen * np.array(RECORDED_RATES[self.kind])
        return np.asarray((self.found + CONFIDENCE) / (expected + CONFIDENCE))

    @property
    def rates(self) -> Floats:
        """How often a room drawn so is truly short."""
        return np.asarray(np.minimum(np.array(TRUE_RATES[self.kind]) * self.learnt, 1.0))

    def odds(self, headroom: Floats) -> Floats:
        """P(short) for shares of draws [..., headroom]."""
        return np.asarray(headroom @ self.rates)

    def taught(self, headroom: Floats, short: Floats) -> GapMap:
        """After a day's rooms and instants: shares of draws [n, headroom], and 1 where the record lacked an adult.

        Which headroom a room truly had is not known: each outcome is shared out by the rates (one step of expectation
        and maximization).
        """
        rates = np.minimum(np.array(RECORDED_RATES[self.kind]) * self.learnt, 1.0)
        blamed = headroom * rates / np.maximum((headroom * rates).sum(axis=1, keepdims=True), 1e-9)
        spared = headroom * (1 - rates)
        spared *= headroom.sum(axis=1, keepdims=True) / np.maximum(spared.sum(axis=1, keepdims=True), 1e-9)
        found = (blamed * short[:, None]).sum(axis=0)
        seen = found + (spared * (1 - short[:, None])).sum(axis=0)
        return GapMap(
            self.kind, self.seen * MEMORY + seen / HANGING_TOGETHER, self.found * MEMORY + found / HANGING_TOGETHER
        )

    def to_json(self) -> dict[str, Any]:
        return {"seen": self.seen.tolist(), "found": self.found.tolist()}

    @staticmethod
    def from_json(kind: str, value: Mapping[str, Any]) -> GapMap:
        return GapMap(kind, np.array(value["seen"]), np.array(value["found"]))


@dataclass(frozen=True)
class GapMaps:
    """By horizon: the next hours, or a day and more ahead."""

    maps: Mapping[str, GapMap] = field(default_factory=lambda: {kind: GapMap(kind) for kind in TRUE_RATES})

    def taught(self, days: Mapping[str, tuple[Floats, Floats]]) -> GapMaps:
        """After what a day taught: by horizon the headroom drawn and what the record then said."""
        return GapMaps({kind: one.taught(*days[kind]) if kind in days else one for kind, one in self.maps.items()})

    def to_json(self) -> dict[str, Any]:
        return {kind: one.to_json() for kind, one in self.maps.items()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> GapMaps:
        """An artifact of another kind of map has taught nothing."""
        known = {kind for kind in TRUE_RATES if "seen" in value.get(kind, ())}
        return GapMaps({k: GapMap.from_json(k, value[k]) if k in known else GapMap(k) for k in TRUE_RATES})

    def odds(self, forecast: Forecast, required: Required, seed: int = 0) -> Floats:
        """[room, time] P(required > counted) of each room by itself. NotFound where the staff side is unknown."""
        drawn = drawn_headroom(forecast, required, seed)
        soon = np.array([is_soon(forecast, at) for at in forecast.times], dtype=bool)
        return np.where(soon, self.maps[SHORT].odds(drawn), self.maps[WEEK].odds(drawn))


def drawn_headroom(forecast: Forecast, required: Required, seed: int = 0) -> Floats:
    """[room, time, HEADROOM] the shares of draws; what is missing to 1 is the share in which the room is empty."""
    children, adults = forecast.samples_with_adults(DRAWS, seed)
    needed = np.zeros(adults.shape, dtype=np.int64)
    for row, room_id in enumerate(forecast.room_ids):
        for column, at in enumerate(forecast.times):
            needed[:, row, column] = required(room_id, at, children[:, row, column])
    more, there = adults - needed, needed > 0
    kinds = [(more < 0) & there, (more == 0) & there, (more > 0) & there]
    return np.stack([kind.mean(axis=0) for kind in kinds], axis=-1).astype(np.float64)


def is_soon(forecast: Forecast, at: datetime) -> bool:
    return at - forecast.origin <= SHORT_AHEAD

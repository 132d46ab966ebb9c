"""The forecast: a count distribution per room and instant, joint samples, the staff side, drivers in words, a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import NotFound
from domain.time import as_utc, format_instant
from forecasting.draws import following
from forecasting.frames import INSTANT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
TABLE_COLUMNS = ("center_id", "room_id", "origin", "target_time", "horizon", "q05", "q10", "q25", "q50", "q75", "q90",
                 "q95", "mean", "model")  # fmt: skip
Sampler = Callable[[int, int], Ints]
_NO_STAFF = "this forecast has no staff side; the history holds no shifts"


class Crew(Protocol):
    """The adults behind a forecast's staff side; the same seed gives draws that belong to those of the children."""

    def draws(self, n: int, seed: int) -> Ints:
        """(n, rooms, times) counted adults."""
        ...


@dataclass(frozen=True)
class Forecast:
    """What one center's rooms will hold at `times`, as seen at `origin`.

    pmf[r, t, k] = P(k children in room r at times[t]); its last bin holds the rest. adults[r, t, k] the same for
    counted adults (None: unknown). band_mean[r, t, b] = expected children of band bands[b]. Immutable by convention.
    """

    center_id: str
    origin: datetime
    room_ids: tuple[str, ...]
    times: tuple[datetime, ...]
    pmf: Floats
    model: str
    bands: tuple[str, ...] = ()
    band_mean: Floats | None = None
    adults: Floats | None = None
    sampler: Sampler | None = None  # (n, seed) -> (n, rooms, times, bands) children; made to follow pmf
    crew: Crew | None = None
    reasons: Callable[[int, int], list[str]] | None = None
    stand_ins: Mapping[tuple[str, datetime], str] = field(default_factory=dict)  # where another model stands in
    notes: tuple[str, ...] = ()  # of the whole forecast: fall-backs in force, widened intervals
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {room_id: row for row, room_id in enumerate(self.room_ids)})

    def quantile(self, room_id: str, target_time: datetime, level: float) -> int:
        """The smallest count k with P(count <= k) >= level."""
        return int(quantiles(self._pmf(room_id, target_time), (level,))[0])

    def mean(self, room_id: str, target_time: datetime) -> float:
        pmf = self._pmf(room_id, target_time)
        return float(pmf @ np.arange(len(pmf)))

    def at_least(self, room_id: str, target_time: datetime, count: int) -> float:
        """P(children in the room >= count)."""
        return float(min(1.0, self._pmf(room_id, target_time)[max(0, count) :].sum()))

    def adults_at_least(self, room_id: str, target_time: datetime, count: int) -> float:
        """P(counted adults in the room >= count); raises NotFound where the staff side is unknown."""
        if self.adults is None:
            raise NotFound(_NO_STAFF)
        row, column = self.position(room_id, target_time)
        return float(min(1.0, self.adults[row, column, max(0, count) :].sum()))

    def samples(self, n: int, seed: int) -> Ints:
        """(n, rooms, times) joint draws: the same draw holds together over rooms and times. Same seed, same draws."""
        return np.asarray(self.samples_by_band(n, seed).sum(axis=3))

    def samples_by_band(self, n: int, seed: int) -> Ints:
        """(n, rooms, times, bands) joint draws of children by age band (`bands`)."""
        if self.sampler is None:
            return independent_samples(self.pmf, n, seed)[..., None]
        return following(self.sampler(n, seed), self.pmf, seed)

    def samples_with_adults(self, n: int, seed: int) -> tuple[Ints, Ints]:
        """`samples_by_band` and (n, rooms, times) counted adults, draw by draw together: on days on which many children
        stay away, more adults call out. NotFound where the staff side is unknown.
        """
        return self.samples_by_band(n, seed), self._crew().draws(n, seed)

    def drivers(self, room_id: str, target_time: datetime) -> list[str]:
        """The main reasons for this room and time, in words, the strongest first."""
        return [] if self.reasons is None else self.reasons(*self.position(room_id, target_time))

    def table(self) -> pd.DataFrame:
        """The rows of docs/formats.md, one per room and time."""
        rooms, times = len(self.room_ids), len(self.times)
        return self.rows(np.repeat(np.arange(rooms), times), np.tile(np.arange(times), rooms))

    def rows(self, room: Ints, time: Ints) -> pd.DataFrame:
        """The rows for pairs of room and time, given by their indices in `room_ids` and `times`."""
        pmf = self.pmf[room, time]
        levels = quantiles(pmf, LEVELS).astype(float)
        horizons = [horizon_name(at - self.origin) for at in self.times]
        instants = pd.Series([self.origin, *self.times], dtype=INSTANT)
        columns = {
            "center_id": self.center_id,
            "room_id": np.array(self.room_ids, dtype=object)[room],
            "origin": instants.array.take(np.zeros(len(room), dtype=int)),
            "target_time": instants.array.take(np.asarray(time, dtype=int) + 1),
            "horizon": [horizons[n] for n in time],
            **{f"q{round(level * 100):02d}": levels[:, n] for n, level in enumerate(LEVELS)},
            "mean": (pmf * np.arange(pmf.shape[1])).sum(axis=1),
            "model": [
                self.stand_ins.get((self.room_ids[r], self.times[t]), self.model)
                for r, t in zip(room, time, strict=True)
            ],
        }
        return pd.DataFrame(columns, columns=list(TABLE_COLUMNS), index=range(len(room)))

    def position(self, room_id: str, target_time: datetime) -> tuple[int, int]:
        """(row, column) of a room and time; raises NotFound with what there is."""
        if room_id not in self._index:
            raise NotFound(f"the forecast has no room '{room_id}'; it has {', '.join(self.room_ids)}")
        try:
            return self._index[room_id], self.times.index(as_utc(target_time))
        except ValueError as error:
            span = f"{format_instant(self.times[0])} to {format_instant(self.times[-1])}" if self.times else "nothing"
            raise NotFound(f"the forecast has no time {format_instant(target_time)}; it spans {span}") from error

    def _crew(self) -> Crew:
        if self.crew is None:
            raise NotFound(_NO_STAFF)
        return self.crew

    def _pmf(self, room_id: str, target_time: datetime) -> Floats:
        row, column = self.position(room_id, target_time)
        return np.asarray(self.pmf[row, column])


def quantiles(pmf: Floats, levels: Sequence[float]) -> Ints:
    """Smallest k with CDF(k) >= level, for pmf[..., k]; result[..., level]. They cannot cross."""
    cdf = np.cumsum(pmf, axis=-1)
    return np.stack([np.argmax(cdf >= level - 1e-9, axis=-1) for level in levels], axis=-1)


def independent_samples(pmf: Floats, n: int, seed: int) -> Ints:
    """(n, ...) draws from pmf[..., k] that share one uniform per draw and room over time, so paths do not flicker."""
    uniform = np.random.default_rng(seed).random((n, pmf.shape[0], 1))
    cdf = np.cumsum(pmf, axis=-1)
    return np.stack([(cdf < row[..., None]).sum(axis=-1) for row in uniform]).astype(np.int64)


def horizon_name(ahead: timedelta) -> str:
    """'15min', '2h', '7d': whole days, else whole hours, else minutes."""
    minutes = round(ahead.total_seconds() / 60)
    if minutes % 1440 == 0 and minutes:
        return f"{minutes // 1440}d"
    return f"{minutes}min" if minutes % 60 or minutes < 120 else f"{minutes // 60}h"

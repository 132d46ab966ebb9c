"""A trained model of count-only rooms, for forecasts from any later origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from domain.errors import BadInput, LeakageError
from forecasting.code_version import code_version
from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS, mean_of
from forecasting.counts.calibration import MEMORY_DAYS, Errors, calibrated
from forecasting.counts.card import model_card, rehearsal_scores, site_card
from forecasting.counts.features import Examples, Features, examples
from forecasting.counts.grid import CountGrid, Floats, Horizon, Ints, grid_minutes, grids, horizon
from forecasting.counts.model import Design, HorizonModel, fit
from forecasting.counts.plain import HISTORY_DAYS, WIDE, plain_forecast
from forecasting.counts.reasons import reasons
from forecasting.counts.weather import Weather

MODEL_NAME = "ratiocast"
FALLBACK_NAME = "fallback"
WARM_UP_DAYS = 28  # the first intervals learn from forecasts of so many days that their model did not see
_FALLBACK_WORDS = "too little is known of this room: the last counts and weeks, with a wide interval"


@dataclass(frozen=True)
class CountModel:
    """One model per site and horizon, with the errors its intervals were learned from. Made by `train`."""

    until: pd.Timestamp
    minutes: int
    known_ahead: tuple[str, ...] | None
    country: str
    rooms: dict[str, tuple[str, ...]]  # by site
    horizons: tuple[Horizon, ...]
    models: dict[tuple[str, str], HorizonModel | None]  # by site and horizon; None: too little history
    errors: dict[tuple[str, str], Errors]
    starts: dict[str, pd.Timestamp]  # by site: the first slot of the grid that the errors' slots are counted on
    card: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def train(
        frame: pd.DataFrame,
        until: pd.Timestamp,
        horizons: Sequence[str] = ("15min", "30min", "7d"),
        *,
        known_ahead: Sequence[str] | None = None,
        country: str = "",
        weather: Weather | None = None,
        seed: int = 1,
    ) -> CountModel:
        """Learn from the counts up to `until` (local); later rows of the frame are not looked at."""
        frame = frame[frame["ts"] <= until]
        if frame.empty:
            raise BadInput(f"there is no count up to {until}; nothing can be learned")
        minutes = grid_minutes(frame["ts"])
        spans = tuple(horizon(name, minutes) for name in horizons)
        named = None if known_ahead is None else tuple(known_ahead)
        card: dict[str, Any] = {
            "purpose": "counts of rooms without child-level data",
            "code": code_version("counts", Path(__file__).parent),
        }
        card |= {"trained_until": until.isoformat(), "seed": seed, "sites": {}}
        model = CountModel(until, minutes, named, country, {}, spans, {}, {}, {}, card)
        for grid in model._grids(frame, until, weather):
            model.rooms[grid.site], model.starts[grid.site] = grid.rooms, grid.times[0]
            features, cards = Features(grid), {}
            for span in spans:
                key = (grid.site, span.name)
                model.models[key], model.errors[key], scores = _learn(features, span, grid.index(until), seed)
                cards[span.name] = model_card(model.models[key], scores)
            card["sites"][grid.site] = {"data": site_card(grid), "horizons": cards}
        return model

    def forecast(
        self,
        known_frame: pd.DataFrame,
        origin: pd.Timestamp,
        targets: Sequence[pd.Timestamp],
        *,
        weather: Weather | None = None,
        with_reasons: bool = False,
    ) -> pd.DataFrame:
        """One row per room and target: site, room, origin, target_time, horizon, quantiles, mean, model.

        `known_frame` holds what was known at `origin`; a count after it raises LeakageError (rows with calendar facts
        and an empty count may lie ahead). Each target is answered by the shortest trained horizon that reaches it.
        Rooms the model never saw, and sites with too little history, get a simple forecast with wide intervals, named
        "fallback". `with_reasons` adds `words`: the main drivers of each forecast.
        """
        if ((known_frame["ts"] > origin) & known_frame["count"].notna()).any():
            raise LeakageError(f"the frame holds counts after the origin {origin}; cut it there")
        wanted = pd.DatetimeIndex(list(targets))
        if len(wanted) == 0 or (wanted <= origin).any():
            raise BadInput("every target must lie after the origin, and there must be one")
        parts = [
            self._site(grid, origin, wanted, with_reasons) for grid in self._grids(known_frame, wanted.max(), weather)
        ]
        return pd.concat(parts, ignore_index=True)

    def refreshed(
        self, known_frame: pd.DataFrame, origin: pd.Timestamp, *, weather: Weather | None = None
    ) -> CountModel:
        """The same model with intervals that also know its errors from its training up to `origin`. It may be asked
        again: what the frame tells of a slot replaces what was known of it before."""
        errors = dict(self.errors)
        known = known_frame[known_frame["ts"] <= origin]
        for grid in self._grids(known, origin, weather):
            if grid.site not in self.rooms:
                continue
            features, moved = Features(grid.of_rooms(self.rooms[grid.site])), self._moved(grid)
            first = max(grid.index(self.until) + 1, 0)
            for span in self.horizons:
                model = self.models.get((grid.site, span.name))
                if model is not None:
                    later = _errors(features, span, model, first, grid.index(origin) + 1).moved(-moved)
                    before = errors[grid.site, span.name]
                    errors[grid.site, span.name] = before.where(before.slot < first - moved).joined(later)
        return replace(self, errors=errors)

    def _moved(self, grid: CountGrid) -> int:
        """How many slots later the training's grid started than this one."""
        return grid.index(self.starts[grid.site])

    def _grids(self, frame: pd.DataFrame, through: pd.Timestamp, weather: Weather | None) -> list[CountGrid]:
        return grids(
            frame,
            minutes=self.minutes,
            through=through,
            known_ahead=self.known_ahead,
            country=self.country,
            weather=weather,
        )

    def _site(
        self, grid: CountGrid, origin: pd.Timestamp, wanted: pd.DatetimeIndex, with_reasons: bool
    ) -> pd.DataFrame:
        slots = np.array([grid.index(one) for one in wanted], dtype=np.int64)
        names = [self._span(grid, origin, one).name for one in wanted]
        tables = []
        for span in self.horizons:
            own = np.array([name == span.name for name in names])
            if own.any():
                tables.append(self._table(grid, origin, wanted[own], slots[own], span, with_reasons))
        return pd.concat(tables, ignore_index=True)

    def _span(self, grid: CountGrid, origin: pd.Timestamp, target: pd.Timestamp) -> Horizon:
        lead = int(np.ceil((target - origin) / pd.Timedelta(minutes=grid.minutes)))
        ordered = sorted(self.horizons, key=lambda span: span.steps)
        return next((span for span in ordered if span.steps >= lead), ordered[-1])

    def _table(
        self,
        grid: CountGrid,
        origin: pd.Timestamp,
        wanted: pd.DatetimeIndex,
        slots: Ints,
        span: Horizon,
        with_reasons: bool,
    ) -> pd.DataFrame:
        last = grid.index(origin)
        if span.by_day and grid.day > 1 and origin == origin.normalize():
            last -= 1  # as in training: the day that ends at this midnight
        pairs = Examples(np.full(len(slots), last, dtype=np.int64), slots)
        asked = Design.of(Features(grid), span, pairs)
        quantiles = _fallback(asked)
        names = np.full(quantiles.shape[:2], FALLBACK_NAME, dtype=object)
        words = np.full(quantiles.shape[:2], _FALLBACK_WORDS, dtype=object)
        model = self.models.get((grid.site, span.name))
        known = self.rooms.get(grid.site, ())
        if model is None and grid.site in self.rooms:
            past = examples(grid, span, max(0, last + 1 - HISTORY_DAYS * grid.day), last + 1)
            quantiles = plain_forecast(Design.of(Features(grid), span, past), asked)
        here = [(grid.rooms.index(room), k) for k, room in enumerate(known) if room in grid.rooms]
        if model is not None and here:
            columns, learned = map(list, zip(*here, strict=True))
            moved = self.errors[grid.site, span.name].moved(self._moved(grid))
            errors = moved.between(last - MEMORY_DAYS * grid.day, last + 1)
            own = Design.of(Features(grid.of_rooms(known)), span, pairs)
            found = calibrated(model.raw(own), slots, errors, grid.day, days_ahead=span.days(grid.day))
            quantiles[:, columns] = found[:, learned]
            names[:, columns] = MODEL_NAME
            if with_reasons:
                words[:, columns] = reasons(model, own)["words"].to_numpy().reshape(len(slots), -1)[:, learned]
        rooms = len(grid.rooms)
        table: dict[str, object] = {
            "site": grid.site,
            "room": np.tile(np.array(grid.rooms, dtype=object), len(slots)),
            "origin": origin,
            "target_time": np.repeat(wanted, rooms),
            "horizon": span.name,
        }
        flat = quantiles.reshape(-1, len(LEVELS))
        table |= {name: flat[:, k] for k, name in enumerate(QUANTILE_COLUMNS)}
        table |= {"mean": mean_of(flat), "model": names.ravel()}
        return pd.DataFrame(table | ({"words": words.ravel()} if with_reasons else {}))


def rehearsal_start(grid: CountGrid, end: int) -> int:
    """The slot from which the first intervals learn: the last weeks before slot `end`, or half of a shorter history,
    so that as much is left to learn the forecasts from."""
    return max(end - WARM_UP_DAYS * grid.day, end // 2, grid.week)


def _learn(
    features: Features, span: Horizon, until: int, seed: int
) -> tuple[HorizonModel | None, Errors, dict[str, Any]]:
    """The model, and the errors and scores of another one, trained on all but the last weeks, in these."""
    grid = features.grid
    design = Design.of(features, span, examples(grid, span, 0, until + 1))
    first = rehearsal_start(grid, until + 1)
    asked = design.where(design.pairs.target >= first)
    errors, scores = Errors.none(), {}
    earlier = fit(design, int(asked.pairs.origin.min()), seed) if len(asked.pairs.target) else None
    if earlier is not None:
        raw = earlier.raw(asked)
        errors = Errors.of_forecasts(raw, asked.actual, asked.pairs.target, grid.day, asked.in_use)
        scores = rehearsal_scores(features, span, asked, raw)
    return fit(design, until, seed), errors, scores


def _errors(features: Features, span: Horizon, model: HorizonModel, first: int, end: int) -> Errors:
    grid = features.grid
    pairs = examples(grid, span, first, end)
    # a day-ahead origin before the training's end would know too little, never too much
    design = Design.of(features, span, pairs)
    return Errors.of_forecasts(model.raw(design), design.actual, pairs.target, grid.day, design.in_use)


def _fallback(design: Design) -> Floats:
    """(targets, rooms, levels) from whatever is known: the last count, the same slot, the day, the site's middle."""
    values = design.values
    point = np.full(design.actual.shape, np.nan)
    for name in ("count_0", "week_median_4", "day_mean_7"):
        if name in values:
            point = np.where(np.isnan(point), values[name], point)
    middle = np.nanmedian(point, axis=1, keepdims=True) if not np.isnan(point).all() else 0.0
    point = np.nan_to_num(np.where(np.isnan(point), middle, point))
    wide = np.sqrt(point + 3)[..., None] * WIDE
    return np.asarray(np.clip(point[..., None] + wide, 0, None))

"""The best plain rule in the place of a model that got worse than it: in the table, the odds and the joint draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from domain.errors import NotFound
from forecasting.attendance import attendance_of
from forecasting.baselines import NAMES, BaselineSession
from forecasting.counting import padded_to
from forecasting.forecast import Floats, Forecast
from forecasting.history import Known
from forecasting.monitoring import BASELINE, Health, reviewed_as
from forecasting.session import Present, Session


def with_fallbacks(forecast: Forecast, baselines: Mapping[str, Forecast], health: Sequence[Health]) -> Forecast:
    """The forecast with the rooms and horizons fallen back taken from their baselines' (by rule name), and a note each.

    Joint draws follow: they keep the order the model gives them, so that rooms and times still hang together; in each
    cell fallen back their counts are the plain rule's, and the age bands keep the model's proportions.
    """
    cells = _cells(forecast, health)
    if not cells:
        return forecast
    for one in cells.values():
        if one.baseline not in baselines:
            raise NotFound(f"room {one.room_id} falls back on '{one.baseline}', of which no forecast was given")
    size = max([forecast.pmf.shape[2], *(baselines[one.baseline].pmf.shape[2] for one in cells.values())])
    pmf = padded_to(forecast.pmf, size).copy()
    for (row, column), one in cells.items():
        rule = baselines[one.baseline]
        place = rule.position(one.room_id, forecast.times[column])
        pmf[row, column] = padded_to(rule.pmf[place], size)
    models = {(one.room_id, forecast.times[column]): f"{BASELINE}{one.baseline}" for (_, column), one in cells.items()}
    notes = (*forecast.notes, *dict.fromkeys(one.sentence for one in cells.values()))
    return replace(
        forecast, pmf=pmf, stand_ins=models, notes=notes,
        band_mean=_band_mean(forecast, pmf, list(cells)), reasons=lambda *cell: _reasons(forecast, cells, *cell),
    )  # fmt: skip


@dataclass
class WatchedSession:
    """A center's day in which the rooms that have fallen back are the plain rules'."""

    session: Session
    rules: Mapping[str, BaselineSession]
    health: Sequence[Health]

    @staticmethod
    def of(session: Session, known: Known, center_id: str, health: Sequence[Health]) -> WatchedSession:
        names = {one.baseline for one in health if one.fallen_back and one.horizon != "week"}
        return WatchedSession(session, plain_sessions(known, center_id, sorted(names)), health)

    def refresh(self, now: datetime, present: Sequence[Present]) -> Forecast:
        """The forecast at `now` of the session, out to 60 minutes."""
        made = self.session.refresh(now, present)
        plain = {name: rule.refresh(now, present, made.times) for name, rule in self.rules.items()}
        return with_fallbacks(made, plain, self.health)


def plain_sessions(
    known: Known, center_id: str, names: Sequence[str] = NAMES, ahead_days: int = 0
) -> dict[str, BaselineSession]:
    """The plain rules on one center's day; they share its arrays."""
    if not names:
        return {}
    attendance = attendance_of(known, center_id, ahead_days)
    return {name: BaselineSession(name, attendance) for name in names}


def _cells(forecast: Forecast, health: Sequence[Health]) -> dict[tuple[int, int], Health]:
    """By row and column: whose health says that a rule stands in."""
    fallen = {
        (one.room_id, one.horizon): one for one in health if one.fallen_back and one.center_id == forecast.center_id
    }
    horizons = [reviewed_as(at - forecast.origin) for at in forecast.times]
    return {
        (row, column): one
        for row, room_id in enumerate(forecast.room_ids)
        for column, horizon in enumerate(horizons)
        if (one := fallen.get((room_id, horizon)))
    }


def _band_mean(forecast: Forecast, pmf: Floats, cells: Sequence[tuple[int, int]]) -> Floats | None:
    if forecast.band_mean is None:
        return None
    result = forecast.band_mean.copy()
    for row, column in cells:
        total = result[row, column].sum()
        mean = float(pmf[row, column] @ np.arange(pmf.shape[2]))
        result[row, column] = result[row, column] * (mean / total) if total > 0 else 0.0
    return result


def _reasons(forecast: Forecast, cells: Mapping[tuple[int, int], Health], row: int, column: int) -> list[str]:
    said = [] if forecast.reasons is None else forecast.reasons(row, column)
    one = cells.get((row, column))
    return said if one is None else [f"the plain rule '{one.baseline}' stands in for the model, which was worse here"]

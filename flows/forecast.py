"""Forecast: the next 30 minutes and the next 14 days of every center, as Parquet files and in the warehouse."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from domain.errors import BadInput, UnknownRule
from domain.places import Center
from domain.time import as_utc
from flows.artifacts import write_file, write_version
from flows.choices import Choices
from flows.progress import Progress, silent
from flows.review import checked_forecast, law_of, review_center, taught
from flows.rows import center_of
from flows.train import MODELS, history_of, load_model
from forecasting import Forecast, Known, Model
from forecasting.gaps import Required
from storage.warehouse import Warehouse

HORIZONS = ("15min", "30min", "week")
ODDS_OF = ("15min", "30min")  # horizons whose odds of a gap are kept; those of a week are of its plan (`risks`)
FORECASTS = "forecasts"
KEPT_FILES = 60  # per center and kind


@dataclass(frozen=True, slots=True)
class ForecastResult:
    origin: datetime
    centers: int
    rows: int
    folder: str
    stand_ins: tuple[str, ...]  # where a plain rule stands in for the model, in words


def make_forecasts(
    warehouse: Warehouse,
    data_dir: Path,
    now: datetime,
    choices: Choices,
    *,
    horizons: Sequence[str] = HORIZONS,
    progress: Progress = silent,
) -> ForecastResult:
    """Forecast every center and keep the result of each horizon: the newest in the warehouse, the last ones as files
    forecasts/<center>/<horizon>-<origin>.parquet.

    What was forecast before is reviewed first: days over since teach the model's calibration, and in a room whose model
    is worse than a plain rule that rule stands in (`flows.review`). `choices` are the centers' own rules, by which the
    model learns what the odds of a gap were.
    """
    unknown = sorted(set(horizons) - set(HORIZONS))
    if unknown:
        raise BadInput(f"the horizon '{unknown[0]}' is unknown; choose from {', '.join(HORIZONS)}")
    now = as_utc(now)
    known = history_of(warehouse).known_at(now)
    folder = data_dir / FORECASTS
    rows, stand_ins = 0, list[str]()
    listed = map(center_of, warehouse.rows("SELECT * FROM centers ORDER BY center_id"))
    centers = [center for center in listed if len(known.of(center.center_id)["stays"])]
    model = _taught_model(warehouse, data_dir, centers, choices, now)
    for number, center in enumerate(centers, start=1):
        center_id = center.center_id
        health = review_center(warehouse, center, now)
        stand_ins += [f"center {center_id}, {one.sentence}" for one in health if one.fallen_back]
        law = law_of(warehouse, center, choices)
        for horizon in horizons:
            made = forecast_center(model, known, now, center_id, horizon)
            checked = checked_forecast(warehouse, known, center, made, health, horizon)
            table = checked.table()
            _keep(warehouse, folder / center_id, center_id, horizon, now, table)
            if horizon in ODDS_OF:
                odds = gap_table(model, checked, law, horizon)
                warehouse.replace("gap_odds", {"center_id": center_id, "kind": horizon}, odds)
            rows += len(table)
        progress("forecast", number, len(centers))
    return ForecastResult(now, len(centers), rows, str(folder), tuple(stand_ins))


def _taught_model(
    warehouse: Warehouse, data_dir: Path, centers: Sequence[Center], choices: Choices, now: datetime
) -> Model:
    """The model in force; if days have taught its calibration since, a new version of the artifact."""
    model = load_model(data_dir)
    wiser = taught(model, warehouse, centers, choices, now)
    if wiser is not model:
        write_version(data_dir / MODELS, wiser.save)
    return wiser


def forecast_center(model: Model, known: Known, now: datetime, center_id: str, horizon: str) -> Forecast:
    """One center's forecast: an instant 15 or 30 minutes ahead, or every quarter of an hour of two weeks."""
    if horizon == "week":
        return model.forecast_week(known, now, center_id=center_id)
    minutes = int(horizon.removesuffix("min"))
    return model.forecast_short(known, now, [now + timedelta(minutes=minutes)], center_id)


def gap_table(model: Model, forecast: Forecast, law: Required, horizon: str) -> list[dict[str, Any]]:
    """Rows of `gap_odds`; none where the staff side or the law is unknown."""
    if forecast.crew is None:
        return []
    try:
        odds = model.gap_odds(forecast, law)
    except UnknownRule:
        return []
    return [
        {"center_id": forecast.center_id, "room_id": room_id, "origin": forecast.origin, "target_time": at,
         "kind": horizon, "p_short": float(odds[row, column])}
        for row, room_id in enumerate(forecast.room_ids) for column, at in enumerate(forecast.times)
    ]  # fmt: skip


def latest(table: pd.DataFrame, horizons: Sequence[str]) -> pd.DataFrame:
    """Of the warehouse's forecasts those of the horizons, in the columns of docs/formats.md."""
    table = table[table["kind"].isin(horizons)].drop(columns="kind")
    return table.sort_values(["center_id", "room_id", "target_time"], ignore_index=True)


def parquet(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    return content.getvalue()


def _keep(warehouse: Warehouse, folder: Path, center_id: str, horizon: str, now: datetime, table: pd.DataFrame) -> None:
    write_file(folder / f"{horizon}-{now:%Y%m%dT%H%M%SZ}.parquet", parquet(table))
    warehouse.replace("forecasts", {"center_id": center_id, "kind": horizon}, table.assign(kind=horizon))
    for old in sorted(folder.glob(f"{horizon}-*.parquet"))[:-KEPT_FILES]:
        old.unlink(missing_ok=True)

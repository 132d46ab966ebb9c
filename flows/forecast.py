"""Forecast: the next 30 minutes and the next 14 days of every center, as Parquet files and in the warehouse."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from domain.errors import BadInput
from domain.time import as_utc
from flows.artifacts import write_file
from flows.progress import Progress, silent
from flows.train import history_of, load_model
from forecasting import Forecast, Known, Model
from storage.warehouse import Warehouse

HORIZONS = ("15min", "30min", "week")
FORECASTS = "forecasts"
KEPT_FILES = 60  # per center and kind


@dataclass(frozen=True, slots=True)
class ForecastResult:
    origin: datetime
    centers: int
    rows: int
    folder: str


def make_forecasts(
    warehouse: Warehouse,
    data_dir: Path,
    now: datetime,
    *,
    horizons: Sequence[str] = HORIZONS,
    progress: Progress = silent,
) -> ForecastResult:
    """Forecast every center and keep the result of each horizon: the newest in the warehouse, the last ones as files
    forecasts/<center>/<horizon>-<origin>.parquet.
    """
    unknown = sorted(set(horizons) - set(HORIZONS))
    if unknown:
        raise BadInput(f"the horizon '{unknown[0]}' is unknown; choose from {', '.join(HORIZONS)}")
    now = as_utc(now)
    model, known = load_model(data_dir), history_of(warehouse).known_at(now)
    folder = data_dir / FORECASTS
    rows = 0
    centers = [center_id for center_id in known.center_ids if len(known.of(center_id)["stays"])]
    for number, center_id in enumerate(centers, start=1):
        for horizon in horizons:
            table = forecast_center(model, known, now, center_id, horizon).table()
            _keep(warehouse, folder / center_id, center_id, horizon, now, table)
            rows += len(table)
        progress("forecast", number, len(centers))
    return ForecastResult(now, len(centers), rows, str(folder))


def forecast_center(model: Model, known: Known, now: datetime, center_id: str, horizon: str) -> Forecast:
    """One center's forecast: an instant 15 or 30 minutes ahead, or every quarter of an hour of two weeks."""
    if horizon == "week":
        return model.forecast_week(known, now, center_id=center_id)
    minutes = int(horizon.removesuffix("min"))
    return model.forecast_short(known, now, [now + timedelta(minutes=minutes)], center_id)


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

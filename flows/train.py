"""Train: one model over all centers from what is known now, saved as a versioned artifact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from domain.errors import BadInput, NotFound, StoreError
from flows.artifacts import current_version, write_version
from flows.weather import kept_weather
from forecasting import History, Model, train
from storage.reader import FRAMES
from storage.warehouse import Warehouse

MODELS = "models"


@dataclass(frozen=True, slots=True)
class TrainResult:
    model: str  # the artifact's folder
    trained_until: datetime
    centers: int
    stays: int


def train_model(warehouse: Warehouse, data_dir: Path, now: datetime) -> TrainResult:
    """Train on the built warehouse and move the pointer to the new model; BadInput if there is nothing to learn."""
    history = history_of(warehouse)
    known = history.known_at(now)
    stays = len(known["stays"])
    if not stays:
        raise BadInput(
            f"no stay is known by {now:%Y-%m-%d %H:%M} UTC, so there is nothing to learn from; run "
            "`ratiocast ingest` first"
        )
    model = _still_taught(train(history, now), data_dir)
    folder = write_version(data_dir / MODELS, model.save)
    return TrainResult(str(folder), model.trained_until, len(known.center_ids), stays)


def _still_taught(model: Model, data_dir: Path) -> Model:
    """The new model with what days have taught the last one of the odds of a gap: that takes weeks."""
    try:
        return replace(model, gaps=load_model(data_dir).gaps)
    except (NotFound, StoreError):
        return model


def load_model(data_dir: Path) -> Model:
    """The model trained last; NotFound before the first training."""
    return Model.load(current_version(data_dir / MODELS, "no model has been trained yet; run `ratiocast train` first"))


def history_of(warehouse: Warehouse, center_id: str | None = None) -> History:
    """What is recorded, with the weather kept in the data folder."""
    frames = {name: warehouse.frame(name, center_id) for name in FRAMES if name != "headcounts"}
    return History(frames, kept_weather(warehouse.data_dir))

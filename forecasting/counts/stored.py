"""A trained count model on disk: a folder of JSON, arrays and the learners' own text, with its model card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path as Folder
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import StoreError
from forecasting.counts.blend import Blend
from forecasting.counts.calibration import Errors
from forecasting.counts.grid import Horizon
from forecasting.counts.learners import LearnedTrees, Trees
from forecasting.counts.model import HorizonModel
from forecasting.counts.networks import LearnedNetwork, Network
from forecasting.counts.path import Path
from forecasting.counts.trained import CountModel

FORMAT = 3
_LINES: dict[str, type[Path] | type[Blend]] = {"path": Path, "blend": Blend}
_ERRORS = ("slot", "block", "below", "above")

Arrays = dict[str, npt.NDArray[Any]]


def save(model: CountModel, folder: Folder) -> None:
    """Write model.json, arrays.npz and, to be read by people, card.json; what stood there is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: Arrays = {}
    parts = []
    for number, (key, one) in enumerate(model.models.items()):
        arrays |= {f"{number}_{name}": getattr(model.errors[key], name) for name in _ERRORS}
        parts.append({"site": key[0], "horizon": key[1], "model": None if one is None else _told(one, number, arrays)})
    document = {
        "format": FORMAT, "until": model.until.isoformat(), "minutes": model.minutes, "known_ahead": model.known_ahead,
        "country": model.country, "rooms": model.rooms, "horizons": [asdict(span) for span in model.horizons],
        "starts": {site: start.isoformat() for site, start in model.starts.items()}, "parts": parts, "card": model.card,
    }  # fmt: skip
    np.savez_compressed(folder / "arrays.npz", allow_pickle=False, **arrays)
    (folder / "card.json").write_text(json.dumps(model.card, indent=2) + "\n")
    (folder / "model.json").write_text(json.dumps(document))


def load(folder: Folder) -> CountModel:
    """The model saved in a folder; StoreError if there is none or it is of another format."""
    try:
        document = json.loads((folder / "model.json").read_text())
        if document["format"] != FORMAT:
            raise StoreError(f"the count model in {folder} has format {document['format']}, not {FORMAT}; train anew")
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _model(document, arrays)
    except (OSError, ValueError, KeyError, TypeError, lgb.basic.LightGBMError) as error:
        raise StoreError(f"no readable count model in {folder}: {error}; train anew") from error


def _model(document: dict[str, Any], arrays: Arrays) -> CountModel:
    spans = tuple(Horizon(**span) for span in document["horizons"])
    by_name = {span.name: span for span in spans}
    models: dict[tuple[str, str], HorizonModel | None] = {}
    errors = {}
    for number, part in enumerate(document["parts"]):
        key, told = (part["site"], part["horizon"]), part["model"]
        models[key] = None if told is None else _horizon_model(told, by_name[key[1]], number, arrays)
        errors[key] = Errors(*(arrays[f"{number}_{name}"] for name in _ERRORS))
    return CountModel(
        pd.Timestamp(document["until"]), document["minutes"],
        None if document["known_ahead"] is None else tuple(document["known_ahead"]), document["country"],
        {site: tuple(rooms) for site, rooms in document["rooms"].items()}, spans, models, errors,
        {site: pd.Timestamp(start) for site, start in document["starts"].items()}, document["card"],
    )  # fmt: skip


def _told(model: HorizonModel, number: int, arrays: Arrays) -> dict[str, Any]:
    arrays[f"{number}_line"], arrays[f"{number}_closed"] = model.line.weights, model.closed
    line = next(name for name, kind in _LINES.items() if isinstance(model.line, kind))
    learned = [_learner_told(one, f"{number}_{k}", arrays) for k, one in enumerate(model.learned)]
    return {"until": model.until, "line": line, "learned": learned, "lessons": model.lessons}


def _horizon_model(told: dict[str, Any], span: Horizon, number: int, arrays: Arrays) -> HorizonModel:
    learned = [_learner(one, f"{number}_{k}", arrays) for k, one in enumerate(told["learned"])]
    line = _LINES[told["line"]](arrays[f"{number}_line"])
    return HorizonModel(span, told["until"], line, learned, arrays[f"{number}_closed"], told["lessons"])


def _learner_told(one: LearnedTrees | LearnedNetwork, label: str, arrays: Arrays) -> dict[str, Any]:
    told: dict[str, Any] = {"spec": asdict(one.spec), "calendar": one.calendar, "names": one.names}
    if isinstance(one, LearnedTrees):
        return told | {"boosters": [booster.model_to_string() for booster in one.boosters]}
    arrays[f"{label}_usual"] = one.usual
    arrays |= {f"{label}_layer_{k}": layer for k, layer in enumerate(one.layers)}
    return told | {"layers": len(one.layers)}


def _learner(told: dict[str, Any], label: str, arrays: Arrays) -> LearnedTrees | LearnedNetwork:
    calendar, names = tuple(told["calendar"]), told["names"]
    if "boosters" in told:
        boosters = [lgb.Booster(model_str=text) for text in told["boosters"]]
        return LearnedTrees(Trees(**told["spec"]), calendar, names, boosters)
    spec = Network(**told["spec"] | {"hidden": tuple(told["spec"]["hidden"])})
    layers = [arrays[f"{label}_layer_{k}"] for k in range(told["layers"])]
    return LearnedNetwork(spec, calendar, names, arrays[f"{label}_usual"], layers)

"""Artifacts: saved and read again, with their card, and the words of each forecast."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import StoreError
from forecasting.counts import CountModel, load, save
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import grids, horizon
from forecasting.counts.model import Design
from forecasting.counts.reasons import family_of, reasons

UNTIL = pd.Timestamp("2024-03-01 10:00")
TARGETS = [UNTIL + pd.Timedelta(hours=k) for k in (1, 30)]


@pytest.fixture(scope="module")
def frame(counts_world: pd.DataFrame) -> pd.DataFrame:
    return counts_world[counts_world["ts"] <= UNTIL]


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> CountModel:
    return CountModel.train(frame, UNTIL, ["1h", "7d"])


def test_a_model_read_from_disk_forecasts_the_same(model: CountModel, frame: pd.DataFrame, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.forecast(frame, UNTIL, TARGETS), model.forecast(frame, UNTIL, TARGETS))
    assert again.card == model.card


def test_a_site_with_too_little_history_is_stored_as_well(frame: pd.DataFrame, tmp_path: Path) -> None:
    young = frame[frame["ts"] <= pd.Timestamp("2024-01-02 12:00")]
    origin = young["ts"].max()
    save(CountModel.train(young, origin, ["1h"]), tmp_path)
    answers = load(tmp_path).forecast(young, origin, [origin + pd.Timedelta(hours=1)], with_reasons=True)
    assert (answers["model"] == "fallback").all()
    assert answers["words"].str.contains("too little is known").all()


def test_the_card_says_data_features_scores_and_code(model: CountModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    site = card["sites"]["home"]
    assert site["data"]["last_count"] == "2024-03-01T10:00:00"
    assert site["data"]["rooms"] == ["room 0", "room 1"]
    hour = site["horizons"]["1h"]
    assert "count_0" in hour["learners"][0]["features"]
    assert 0 < hour["scores"]["pinball"] < hour["scores"]["best_baseline_pinball"]
    assert set(card["code"]) == {"ratiocast", "counts", "lightgbm"}


@pytest.mark.parametrize("spoil", ["missing", "format", "broken"])
def test_a_folder_without_a_readable_model_is_refused(model: CountModel, tmp_path: Path, spoil: str) -> None:
    if spoil != "missing":
        save(model, tmp_path)
        path = tmp_path / "model.json"
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {"format": 0}) if spoil == "format" else "{")
    with pytest.raises(StoreError, match="train anew"):
        load(tmp_path)


def test_a_known_frame_that_starts_later_gets_the_same_intervals(model: CountModel, frame: pd.DataFrame) -> None:
    late = frame[frame["ts"] >= "2024-01-04"]  # more than the eight weeks that features look back on
    full, part = (model.forecast(one, UNTIL, TARGETS[:1]) for one in (frame, late))
    np.testing.assert_allclose(part[["q10", "q50", "q90"]], full[["q10", "q50", "q90"]], rtol=0.1)


@pytest.mark.parametrize("span", ["1h", "7d"])
def test_what_the_reasons_add_up_to_is_the_raw_forecast(model: CountModel, frame: pd.DataFrame, span: str) -> None:
    grid = grids(frame)[0]
    design = Design.of(Features(grid), horizon(span, 60), examples(grid, horizon(span, 60), 1300, 1340))
    learned = model.models["home", span]
    assert learned is not None
    told = reasons(learned, design)
    middle = learned.members(design)[..., 1].mean(axis=0).ravel()
    open_now = told["adds"].map(bool).to_numpy()
    total = told["usual"] + told["adds"].map(lambda adds: sum(adds.values()))
    assert open_now.any()
    np.testing.assert_allclose(total[open_now], middle[open_now], atol=1e-3)
    assert (told.loc[~open_now, "words"] == "no sign that the room is used at this time").all()


def test_the_words_name_what_moved_the_forecast(counts_world: pd.DataFrame, model: CountModel) -> None:
    full = counts_world[counts_world["ts"] <= UNTIL].copy()
    today = full["ts"] >= UNTIL.normalize()
    full.loc[today, "count"] = full.loc[today, "count"] * 2 + 10
    words = model.forecast(full, UNTIL, TARGETS[:1], with_reasons=True)["words"]
    assert words.str.match(r"usually \d+ at this time").all()
    assert words.str.contains(r"\+\d+ by the last counts").any()


@pytest.mark.parametrize(
    ("feature", "family"),
    [
        ("count_0", "the last counts"), ("surprise_mean_3", "the last counts"), ("path", "the last counts"),
        ("holiday_before", "days off"), ("semester_change", "the term"), ("weather_rain", "the weather"),
        ("room1_step", "the other rooms"), ("room", "the time of day and year"), ("day_1", "the days before"),
        ("level_7d", "how full the last days were"), ("change_day_1", "the usual change at this time"),
        ("week_mean_8", "the same time in earlier weeks"), ("blend", "the same time in earlier weeks"),
    ],
)  # fmt: skip
def test_each_feature_belongs_to_a_kind_of_evidence(feature: str, family: str) -> None:
    assert family_of(feature) == family


def test_every_feature_of_a_model_has_a_kind_of_its_own(model: CountModel) -> None:
    learned = model.models["home", "1h"]
    assert learned is not None
    names = {name for one in learned.learned for name in one.names}
    strays = {name for name in names if family_of(name) == "the same time in earlier weeks"}
    assert all(name.startswith(("week_", "year_before", "base", "blend", "ordinary_week")) for name in strays), strays

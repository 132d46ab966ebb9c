"""Networks: their slopes against differences, what they learn, their shares, and where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.counts import CountModel, load, save
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import grids, horizon
from forecasting.counts.learners import RAW_LEVELS, Values
from forecasting.counts.model import SHORT_NETWORKS, Design
from forecasting.counts.networks import LearnedNetwork, Network, _activations, _slopes, _start, learn_network
from forecasting.counts.reasons import reasons

SPEC = Network("path", hidden=(16, 8), rounds=12, rate=5e-3)
EXAMPLES = 20_000
UNTIL = pd.Timestamp("2024-03-01 10:00")


def values(n: int, rng: np.random.Generator) -> Values:
    """A simple forecast of 13 persons, of which the last change still says something."""
    flat = np.full((n, 1), 13.0)
    step = rng.normal(size=(n, 1)) * 4
    return {
        "path": flat, "week_1": flat, "count_0": flat + step, "step_1": step, "day_share": rng.uniform(size=(n, 1)),
        "weekday": rng.integers(0, 7, (n, 1)).astype(float), "room": np.zeros((n, 1)),
    }  # fmt: skip


def happened(given: Values, rng: np.random.Generator) -> np.ndarray:
    """Bent in the last change, and noisier by day than by night."""
    bent = 13 + 2 * np.abs(given["step_1"])
    return np.asarray(bent + rng.normal(size=bent.shape) * np.where(given["day_share"] > 0.5, 3.0, 1.0))


@pytest.fixture(scope="module")
def learned() -> LearnedNetwork:
    rng = np.random.default_rng(1)
    given = values(EXAMPLES, rng)
    actual = happened(given, rng)
    return learn_network(SPEC, given, actual, ~np.isnan(actual), (), seed=1)


def test_slopes_are_those_of_small_differences() -> None:
    rng = np.random.default_rng(2)
    layers = [one.astype(np.float64) + 0.01 * rng.normal(size=one.shape) for one in _start((5, 6, 4, 3), rng)]
    table, aim = rng.normal(size=(7, 5)), rng.normal(size=(7, 3))

    def loss() -> float:
        return float(((_activations(layers, table)[-1] - aim) ** 2).sum() / 2)  # type: ignore[arg-type]

    active = _activations(layers, table)  # type: ignore[arg-type]
    slopes = _slopes(layers, active, active[-1] - aim)  # type: ignore[arg-type]
    for layer, slope in zip(layers, slopes, strict=True):
        for place in [tuple(rng.integers(0, size) for size in layer.shape) for _ in range(5)]:
            middle, step = layer[place], 1e-6
            layer[place] = middle + step
            above = loss()
            layer[place] = middle - step
            assert slope[place] == pytest.approx((above - loss()) / (2 * step), rel=1e-4, abs=1e-5)
            layer[place] = middle


def test_a_network_finds_the_bend_and_the_noise(learned: LearnedNetwork) -> None:
    rng = np.random.default_rng(3)
    given = values(4000, rng)
    actual = happened(given, rng)
    low, middle, high = np.moveaxis(learned.forecast(given), -1, 0)
    assert np.abs(actual - middle).mean() < 1.15 * np.abs(actual - 13 - 2 * np.abs(given["step_1"])).mean()
    assert 0.75 < ((actual >= low) & (actual <= high)).mean() < 0.85
    day = given["day_share"] > 0.5
    assert (high - low)[day].mean() > 2 * (high - low)[~day].mean()


def test_the_same_seed_gives_the_same_network_and_another_one_another(learned: LearnedNetwork) -> None:
    rng = np.random.default_rng(1)
    given = values(EXAMPLES, rng)
    actual = happened(given, rng)
    again, other = (learn_network(SPEC, given, actual, ~np.isnan(actual), (), seed) for seed in (1, 2))
    np.testing.assert_array_equal(again.forecast(given), learned.forecast(given))
    assert not np.allclose(other.forecast(given), learned.forecast(given))


def test_the_shares_of_the_features_add_up_to_the_middle_and_name_the_one_that_counts(learned: LearnedNetwork) -> None:
    given = values(200, np.random.default_rng(4))
    shares = learned.contributions(given)
    middle = learned.forecast(given)[..., RAW_LEVELS.index(0.5)]
    np.testing.assert_allclose(np.sum(list(shares.values()), axis=0), middle, atol=1e-3)
    spread = {name: float(np.std(share)) for name, share in shares.items() if name != "path"}
    assert spread["step_1"] + spread["count_0"] > spread["weekday"] + spread["slot"]


def test_what_is_unknown_is_taken_as_usual(learned: LearnedNetwork) -> None:
    given = values(50, np.random.default_rng(5))
    unknown = given | {"step_1": np.full((50, 1), np.nan)}
    assert not np.isnan(learned.forecast(unknown)).any()
    missing = {name: column for name, column in given.items() if name != "step_1"}
    np.testing.assert_array_equal(learned.forecast(missing), learned.forecast(unknown))


def test_networks_come_with_enough_examples_and_are_stored(counts_world: pd.DataFrame, tmp_path: Path) -> None:
    rooms = [counts_world.assign(room=counts_world["room"] + suffix) for suffix in ("", " b", " c", " d")]
    frame = pd.concat(rooms)
    frame = frame[frame["ts"] <= UNTIL]
    model = CountModel.train(frame, UNTIL, ["1h"])
    horizon_model = model.models["home", "1h"]
    assert horizon_model is not None
    assert sum(isinstance(one, LearnedNetwork) for one in horizon_model.learned) == len(SHORT_NETWORKS)
    save(model, tmp_path)
    targets = [UNTIL + pd.Timedelta(hours=1)]
    again = load(tmp_path).forecast(frame, UNTIL, targets, with_reasons=True)
    pd.testing.assert_frame_equal(again, model.forecast(frame, UNTIL, targets, with_reasons=True))
    grid = grids(frame)[0]
    span = horizon("1h", grid.minutes)
    design = Design.of(Features(grid), span, examples(grid, span, grid.index(UNTIL) - 5, grid.index(UNTIL) + 1))
    told = reasons(horizon_model, design)
    middle = horizon_model.members(design)[..., 1].mean(axis=0).ravel()
    for row, expected in zip(told.to_dict("records"), middle, strict=True):
        if row["adds"]:
            assert row["usual"] + sum(row["adds"].values()) == pytest.approx(expected, abs=1e-2)


def test_few_examples_have_no_networks(counts_world: pd.DataFrame) -> None:
    few = CountModel.train(counts_world[counts_world["ts"] <= UNTIL], UNTIL, ["1h"]).models["home", "1h"]
    assert few is not None
    assert not any(isinstance(one, LearnedNetwork) for one in few.learned)

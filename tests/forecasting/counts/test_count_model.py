from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from domain.errors import BadInput, LeakageError
from forecasting.counts import CountModel, backtest, scored, significance, summary
from forecasting.counts.backtest import COLUMNS
from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS, mean_of
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import grids, horizon
from forecasting.counts.model import Design, alive
from forecasting.counts.trained import FALLBACK_NAME, MODEL_NAME, rehearsal_start
from tests.forecasting.counts.conftest import world

HORIZONS = ["1h", "7d"]
LAST = "7d"
UNTIL = pd.Timestamp("2024-03-01 10:00")
TARGETS = [UNTIL + pd.Timedelta(hours=k) for k in (1, 2, 30, 24 * 6)]


@pytest.fixture(scope="module")
def table(counts_world: pd.DataFrame) -> pd.DataFrame:
    return backtest(counts_world, HORIZONS, LAST, retrain="28d")


@pytest.fixture(scope="module")
def model(counts_world: pd.DataFrame) -> CountModel:
    return CountModel.train(counts_world, UNTIL, HORIZONS)


def known(frame: pd.DataFrame, origin: pd.Timestamp = UNTIL) -> pd.DataFrame:
    return frame[frame["ts"] <= origin]


def test_every_target_is_answered_by_the_model_and_each_baseline(table: pd.DataFrame) -> None:
    assert list(table.columns) == list(COLUMNS)
    sizes = table.groupby(["horizon", "model"]).size()
    assert set(sizes) == {7 * 24 * 2}
    assert {model for name, model in sizes.index if name == "1h"} == {
        "ratiocast",
        "last",
        "delta",
        "snaive",
        "mean4",
        "med4",
    }
    assert {model for name, model in sizes.index if name == "7d"} == {"ratiocast", "snaive", "mean4", "med4"}


def test_origins_are_one_horizon_before_and_at_midnight_for_days(table: pd.DataFrame) -> None:
    hour, week = table[table["horizon"] == "1h"], table[table["horizon"] == "7d"]
    assert set(hour["target_time"] - hour["origin"]) == {pd.Timedelta(hours=1)}
    assert (week["origin"] == week["target_time"].dt.normalize() - pd.Timedelta(days=6)).all()


def test_quantiles_never_cross_nor_fall_below_zero(table: pd.DataFrame) -> None:
    quantiles = table.loc[table["model"] == MODEL_NAME, list(QUANTILE_COLUMNS)].to_numpy()
    assert not np.isnan(quantiles).any()
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_the_model_beats_every_baseline_on_people_who_come_and_go(table: pd.DataFrame) -> None:
    scores = summary(scored(table))
    for _, part in scores.groupby("horizon"):
        assert part.sort_values("pinball").iloc[0]["model"] == MODEL_NAME
    tests = significance(scored(table), MODEL_NAME)
    assert (tests["gain"] > 0).all()
    assert (tests["low"] <= tests["gain"]).all()
    assert (tests["gain"] <= tests["high"]).all()


def test_the_same_frame_and_seed_give_the_same_forecasts(table: pd.DataFrame, counts_world: pd.DataFrame) -> None:
    again = backtest(counts_world.sample(frac=1, random_state=7), HORIZONS, LAST, retrain="28d")
    pd.testing.assert_frame_equal(table, again)


def test_a_signal_planted_in_the_future_is_not_found(table: pd.DataFrame, counts_world: pd.DataFrame) -> None:
    last_day = counts_world["ts"].max().normalize()
    planted = counts_world.copy()
    planted.loc[planted["ts"] >= last_day, "count"] = 777.0
    after = backtest(planted, HORIZONS, LAST, retrain="28d")
    before = table["origin"] < last_day
    columns = ["origin", "target_time", "model", *QUANTILE_COLUMNS, "mean"]
    pd.testing.assert_frame_equal(table.loc[before, columns], after.loc[before, columns])


def test_a_forecast_reads_nothing_after_its_origin(model: CountModel, counts_world: pd.DataFrame) -> None:
    with pytest.raises(LeakageError, match="after the origin"):
        model.forecast(counts_world, UNTIL, TARGETS)
    blank = counts_world.assign(count=counts_world["count"].where(counts_world["ts"] <= UNTIL))
    cut = model.forecast(known(counts_world), UNTIL, TARGETS)
    pd.testing.assert_frame_equal(model.forecast(blank, UNTIL, TARGETS), cut)


def test_training_looks_at_nothing_later(model: CountModel, counts_world: pd.DataFrame) -> None:
    planted = counts_world.assign(count=counts_world["count"].where(counts_world["ts"] <= UNTIL, 999.0))
    other = CountModel.train(planted, UNTIL, HORIZONS)
    frame = known(counts_world)
    pd.testing.assert_frame_equal(model.forecast(frame, UNTIL, TARGETS), other.forecast(frame, UNTIL, TARGETS))


def test_each_target_is_answered_by_the_shortest_horizon_that_reaches_it(
    model: CountModel, counts_world: pd.DataFrame
) -> None:
    answers = model.forecast(known(counts_world), UNTIL, TARGETS)
    asked = answers.drop_duplicates("target_time").set_index("target_time")["horizon"]
    assert asked.loc[TARGETS].tolist() == ["1h", "7d", "7d", "7d"]
    assert (answers["model"] == MODEL_NAME).all()


def test_a_room_the_model_never_saw_gets_a_wide_simple_forecast(model: CountModel, counts_world: pd.DataFrame) -> None:
    frame = known(counts_world)
    first = frame[(frame["room"] == "room 0") & (frame["ts"] > UNTIL - pd.Timedelta(hours=2))]
    answers = model.forecast(pd.concat([frame, first.assign(room="annexe")]), UNTIL, TARGETS[:1]).set_index("room")
    assert answers.loc["annexe", "model"] == FALLBACK_NAME
    assert answers.loc["room 0", "model"] == MODEL_NAME
    width = answers["q90"] - answers["q10"]
    assert width["annexe"] > width["room 0"]


def test_a_room_that_is_no_longer_counted_leaves_the_model_to_the_others(
    model: CountModel, counts_world: pd.DataFrame
) -> None:
    frame = known(counts_world)
    answers = model.forecast(frame[frame["room"] == "room 0"], UNTIL, TARGETS, with_reasons=True)
    assert set(answers["room"]) == {"room 0"}
    assert (answers["model"] == MODEL_NAME).all()
    assert answers["words"].str.startswith("usually").all()


def test_too_little_history_falls_back_instead_of_failing(counts_world: pd.DataFrame) -> None:
    frame = known(counts_world, pd.Timestamp("2024-01-02 12:00"))
    origin = frame["ts"].max()
    young = CountModel.train(frame, origin, HORIZONS)
    answers = young.forecast(frame, origin, [origin + pd.Timedelta(hours=1), origin + pd.Timedelta(days=2)])
    assert (answers["model"] == FALLBACK_NAME).all()
    assert not answers[list(QUANTILE_COLUMNS)].isna().any(axis=None)


def test_a_closed_room_is_forecast_as_empty_and_reopens(counts_world: pd.DataFrame) -> None:
    shut = (counts_world["ts"] >= "2024-01-25") & (counts_world["room"] == "room 1")
    frame = known(counts_world.assign(count=counts_world["count"].where(~shut, 0.0)))
    answers = CountModel.train(frame, UNTIL, HORIZONS).forecast(frame, UNTIL, TARGETS[:2]).set_index("room")
    assert (answers.loc["room 1", "q90"] < 3).all()
    assert (answers.loc["room 0", "q50"] > 3).all()


def test_a_room_without_anybody_for_a_second_day_is_closed_until_somebody_comes(counts_world: pd.DataFrame) -> None:
    shut = counts_world["ts"].between("2024-02-20", "2024-02-21 14:00")
    grid = grids(counts_world.assign(count=counts_world["count"].where(~shut, 0.0)))[0]
    span = horizon("1h", grid.minutes)

    def closed(target: str) -> bool:
        slot = grid.index(pd.Timestamp(target))
        return not alive(Design.of(Features(grid), span, examples(grid, span, slot, slot + 1)).values).any()

    assert not closed("2024-02-21 09:00")  # one day off says nothing of the next
    assert closed("2024-02-21 14:00")
    assert not closed("2024-02-21 16:00")  # at 15:00 people are back


@pytest.mark.parametrize(("weeks", "first"), [(20, 16), (8, 4), (4, 2), (1, 1)])
def test_intervals_learn_from_four_weeks_or_from_half_of_a_shorter_history(weeks: int, first: int) -> None:
    grid = grids(world(days=150, minutes=1440))[0]
    assert rehearsal_start(grid, weeks * grid.week) == first * grid.week


def test_an_outage_leaves_forecasts_without_holes(counts_world: pd.DataFrame) -> None:
    gap = counts_world["ts"].between("2024-02-20", "2024-03-01 09:00")
    frame = known(counts_world[~gap])
    answers = CountModel.train(frame, UNTIL, ["1h"]).forecast(frame, UNTIL, TARGETS[:1])
    assert not answers[list(QUANTILE_COLUMNS)].isna().any(axis=None)


def test_intervals_learn_from_errors_made_after_training(model: CountModel, counts_world: pd.DataFrame) -> None:
    later = UNTIL + pd.Timedelta(days=7)
    wild = counts_world.assign(
        count=counts_world["count"].where(counts_world["ts"] <= UNTIL, counts_world["count"] * 2)
    )
    frame = known(wild, later)
    before = model.forecast(frame, later, [later + pd.Timedelta(hours=1)])
    after = model.refreshed(frame, later).forecast(frame, later, [later + pd.Timedelta(hours=1)])
    assert (after["q90"] - after["q10"] > before["q90"] - before["q10"]).all()


def test_refreshing_again_counts_no_error_twice(model: CountModel, counts_world: pd.DataFrame) -> None:
    later = UNTIL + pd.Timedelta(days=7)
    frame = known(counts_world, later)
    once = model.refreshed(frame, later)
    often = model.refreshed(known(counts_world, later - pd.Timedelta(days=3)), later - pd.Timedelta(days=3))
    again = often.refreshed(frame, later).refreshed(frame, later)
    for key, errors in once.errors.items():
        assert len(errors.slot) > len(model.errors[key].slot)
        np.testing.assert_array_equal(again.errors[key].slot, errors.slot)
        np.testing.assert_array_equal(again.errors[key].above, errors.above)


def test_a_frame_that_starts_after_the_training_adds_the_errors_of_its_own_slots_alone(
    model: CountModel, counts_world: pd.DataFrame
) -> None:
    start, later = UNTIL.normalize() + pd.Timedelta(days=2), UNTIL + pd.Timedelta(days=7)
    frame = known(counts_world, later)
    refreshed = model.refreshed(frame[frame["ts"] >= start], later)
    first = (start - counts_world["ts"].min()) // pd.Timedelta(hours=1)
    for key, errors in refreshed.errors.items():
        before = model.errors[key].slot
        assert set(errors.slot) - set(before) <= set(range(first, first + 6 * 24))


def test_a_new_room_does_not_keep_the_intervals_of_the_others_from_learning(
    model: CountModel, counts_world: pd.DataFrame
) -> None:
    later = UNTIL + pd.Timedelta(days=7)
    frame = known(counts_world, later)
    annexe = frame[(frame["room"] == "room 0") & (frame["ts"] > UNTIL)].assign(room="annexe")
    alone, beside = model.refreshed(frame, later), model.refreshed(pd.concat([frame, annexe]), later)
    for key, errors in alone.errors.items():
        np.testing.assert_array_equal(beside.errors[key].above, errors.above)


def test_a_file_shorter_than_the_test_is_refused(counts_world: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match="less than a week to learn from"):
        backtest(known(counts_world, pd.Timestamp("2024-01-10")), HORIZONS, "28d")


def test_a_file_in_which_nobody_ever_was_says_that_nothing_is_scored() -> None:
    said: list[str] = []
    table = backtest(world(days=20).assign(count=0.0), ["1h"], "7d", progress=said.append)
    assert any("nothing is scored" in line for line in said)
    assert (table.loc[table["model"] == MODEL_NAME, "q95"] < 1).all()


def test_a_rule_that_never_erred_has_no_share_to_save() -> None:
    days = pd.date_range("2024-01-01", periods=4)
    parts = {"ratiocast": [1.0, 1, 1, 1], "perfect": [0.0] * 4, "once wrong": [0.0, 4, 0, 0]}
    tables = [
        pd.DataFrame({"site": "s", "horizon": "1d", "model": name, "target_time": days, "pinball": loss})
        for name, loss in parts.items()
    ]
    rows = pd.concat(tables, ignore_index=True)
    found = significance(rows, "ratiocast").set_index("other")
    assert list(found.index) == ["once wrong"]
    assert np.isfinite(found.loc["once wrong", ["gain", "low", "high", "p"]].to_numpy(float)).all()


def test_the_mean_of_a_symmetric_distribution_is_its_middle() -> None:
    quantiles = np.array([[1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 9.0]])
    assert len(LEVELS) == quantiles.shape[1]
    np.testing.assert_allclose(mean_of(quantiles), [5.0])

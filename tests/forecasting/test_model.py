from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import BadInput, LeakageError, NotFound, StoreError
from forecasting import Forecast, History, Model, train
from forecasting.forecast import TABLE_COLUMNS
from sandbox.world import World
from tests.forecasting.conftest import ORIGIN, local

MORNING = local(1, 8.25)


def same(left: Forecast, right: Forecast) -> bool:
    return left.times == right.times and np.array_equal(left.pmf, right.pmf)


def both(model: Model, history: History, now: datetime) -> tuple[Forecast, Forecast]:
    known = history.known_at(now)
    return model.forecast_short(known, now), model.forecast_week(known, now)


def width(forecast: Forecast) -> float:
    table = forecast.table()
    return float((table["q95"] - table["q05"]).mean())


def test_training_twice_gives_the_same_forecasts(small_model: Model, small_history: History) -> None:
    again = train(small_history, ORIGIN)
    for left, right in zip(both(small_model, small_history, MORNING), both(again, small_history, MORNING), strict=True):
        assert same(left, right)


def test_a_saved_model_forecasts_the_same(small_model: Model, small_history: History, tmp_path: Path) -> None:
    small_model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    for left, right in zip(both(small_model, small_history, MORNING), both(again, small_history, MORNING), strict=True):
        assert same(left, right)
    assert again.trained_until == small_model.trained_until


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="run `ratiocast train`"):
        Model.load(tmp_path)


def test_a_signal_planted_in_the_future_is_not_found(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    """After the origin everybody stays away, moves room and is booked out: nothing of it may show before."""
    planted = dict(small_frames)
    after = pd.Timestamp(MORNING)
    events, bookings = planted["events"].copy(), planted["bookings"].copy()
    future = events["recorded_at"] > after
    events.loc[future & (events["event_type"] == "check_in"), "room_id"] = "c01-r01"
    planted["events"] = events[~(future & (events["event_type"] == "check_out"))]
    stays = planted["stays"]
    ends_later = stays["end_recorded_at"] > after
    stays = stays.assign(end=stays["end"].mask(ends_later, stays["start"] + pd.Timedelta(days=30)))
    planted["stays"] = stays[~(stays["start_recorded_at"] > after)]
    later = bookings["reported_at"] > after
    planted["bookings"] = bookings.assign(status=bookings["status"].mask(later, "cancelled"))
    planted["shifts"] = planted["shifts"][planted["shifts"]["recorded_at"] <= after]
    for left, right in zip(
        both(small_model, History(small_frames), MORNING), both(small_model, History(planted), MORNING), strict=True
    ):
        assert same(left, right)


def test_knowledge_from_after_now_is_refused(small_model: Model, small_history: History) -> None:
    known = small_history.known_at(MORNING)
    with pytest.raises(LeakageError):
        small_model.forecast_short(known, MORNING - timedelta(minutes=1))
    with pytest.raises(LeakageError):
        small_model.forecast_week(known, MORNING - timedelta(days=1))


def test_the_table_has_its_columns_and_quantiles_in_order(small_model: Model, small_history: History) -> None:
    for forecast in both(small_model, small_history, MORNING):
        table = forecast.table()
        assert tuple(table.columns) == TABLE_COLUMNS
        assert {str(table[name].dtype) for name in ("origin", "target_time")} == {"datetime64[us, UTC]"}
        assert forecast.pmf.sum(axis=-1) == pytest.approx(np.ones(forecast.pmf.shape[:2]))
        levels = table[["q05", "q10", "q25", "q50", "q75", "q90", "q95"]].to_numpy()
        assert (np.diff(levels, axis=1) >= 0).all()
        assert (table["q05"] >= 0).all()
        room, at = forecast.room_ids[0], forecast.times[3]
        assert forecast.at_least(room, at, 0) == pytest.approx(1)
        assert forecast.at_least(room, at, 99) == 0
        assert forecast.drivers(room, at)


def test_the_short_horizon_is_every_five_minutes_and_the_week_every_quarter(
    small_model: Model, small_history: History
) -> None:
    short, week = both(small_model, small_history, MORNING)
    assert [at - MORNING for at in short.times] == [timedelta(minutes=5 * n) for n in range(1, 13)]
    assert {at.minute % 15 for at in week.times} == {0}
    assert week.times[-1] - MORNING > timedelta(days=13)
    assert {at.astimezone(UTC).weekday() for at in week.times} <= {0, 1, 2, 3, 4}


def test_joint_samples_agree_with_the_marginals_and_repeat(small_model: Model, small_history: History) -> None:
    for forecast in both(small_model, small_history, MORNING):
        draws = forecast.samples(300, seed=3)
        assert np.array_equal(draws, forecast.samples(300, seed=3))
        mean = forecast.pmf @ np.arange(forecast.pmf.shape[2])
        assert np.abs(draws.mean(axis=0) - mean).mean() < 0.35
        bands = forecast.samples_by_band(20, seed=3)
        assert bands.shape == (20, len(forecast.room_ids), len(forecast.times), len(forecast.bands))


def test_an_unknown_room_or_time_is_named(small_model: Model, small_history: History) -> None:
    short, _ = both(small_model, small_history, MORNING)
    with pytest.raises(NotFound, match="no room 'attic'"):
        short.mean("attic", short.times[0])
    with pytest.raises(NotFound, match="it spans"):
        short.mean(short.room_ids[0], MORNING + timedelta(days=3))


def test_several_centers_need_a_name_and_share_one_model(simulated: object, small_model: Model) -> None:
    history = simulated(8, 42, centers=2)  # type: ignore[operator]
    now = datetime(2025, 4, 11, 13, tzinfo=UTC)
    model, known = train(history, now), history.known_at(now)
    with pytest.raises(BadInput, match="name one"):
        model.forecast_week(known, now)
    assert model.forecast_week(known, now, center_id="c02").center_id == "c02"
    with pytest.raises(NotFound, match="no center 'c99'"):
        model.forecast_week(known, now, center_id="c99")


def test_the_staff_side_is_a_distribution_and_a_call_out_lowers_it(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    noon = local(2, 10)
    before = small_model.forecast_week(History(small_frames).known_at(MORNING), MORNING, [noon])
    assert before.adults is not None
    assert before.adults.sum(axis=-1) == pytest.approx(np.ones(before.adults.shape[:2]))
    shifts = small_frames["shifts"]
    tomorrow = (shifts["start"] <= pd.Timestamp(noon)) & (shifts["end"] > pd.Timestamp(noon))
    gone = shifts.assign(status=shifts["status"].mask(tomorrow, "called_out"))
    after = small_model.forecast_week(History(small_frames | {"shifts": gone}).known_at(MORNING), MORNING, [noon])
    room = before.room_ids[1]
    assert before.adults_at_least(room, noon, 1) > 0.8
    assert after.adults is None or after.adults_at_least(room, noon, 1) < 0.2


def test_our_forecasts_beat_every_baseline_on_the_truth(
    small_world: World, small_history: History, small_model: Model
) -> None:
    from forecasting.backtest import answer, pinball
    from forecasting.baselines import NAMES

    rows = [
        {"center_id": "c01", "room_id": room.room_id, "origin": target - ahead, "target_time": target}
        for day in (1, 2)
        for hour in (7.25, 8, 8.5, 9, 11, 15.5, 16, 16.5, 17, 17.5)
        for ahead in (timedelta(minutes=15), timedelta(minutes=30))
        for target in [local(day, hour)]
        for room in small_world.rooms
    ]
    asked = pd.DataFrame(rows)
    answers = answer(small_history, asked, model=small_model, baselines=NAMES)
    asked["actual"] = [
        small_world.true_headcounts(room, [at])[0]
        for room, at in zip(asked["room_id"], asked["target_time"], strict=True)
    ]
    loss = {
        name: float(pinball(own.reset_index(drop=True), asked["actual"].astype(float)).mean())
        for name, own in answers.groupby("model", sort=False)
    }
    ours = loss.pop("child-hazard")
    assert ours < 0.75 * min(loss.values())


def test_a_closed_day_is_empty_and_a_told_absence_counts(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    noon = local(3, 11)
    usual = small_model.forecast_week(History(small_frames).known_at(MORNING), MORNING, [noon])
    closure = pd.DataFrame(
        {"center_id": ["c01"], "day": [date(2025, 5, 22)], "room_id": [None], "reason": ["training"],
         "recorded_at": [pd.Timestamp(MORNING) - pd.Timedelta(days=1)]}
    )  # fmt: skip
    closed = small_model.forecast_week(History(small_frames | {"closures": closure}).known_at(MORNING), MORNING, [noon])
    room = usual.room_ids[2]
    assert usual.mean(room, noon) > 8
    assert closed.mean(room, noon) == 0
    assert "closed" in closed.drivers(room, noon)[0]
    bookings = small_frames["bookings"]
    day = (pd.to_datetime(bookings["day"]).dt.date == date(2025, 5, 22)) & (bookings["room_id"] == room)
    told = bookings[day].drop_duplicates("child_id").head(4)
    told = told.assign(status="absent", reported_at=MORNING - timedelta(hours=1), recorded_at=MORNING)
    fewer = History(small_frames | {"bookings": pd.concat([bookings, told], ignore_index=True)})
    less = small_model.forecast_week(fewer.known_at(MORNING), MORNING, [noon])
    assert less.mean(room, noon) < usual.mean(room, noon) - 2
    assert any("absence" in text for text in less.drivers(room, noon))


def test_the_wall_clock_is_kept_over_a_clock_change(simulated: object) -> None:
    history = simulated(9, 35)  # type: ignore[operator]
    now = datetime(2025, 3, 7, 18, tzinfo=UTC)  # the clock went forward on 9 March
    model = train(history, now)
    week = model.forecast_week(history.known_at(now), now)
    opens = {at.astimezone(UTC).time() for at in week.times if at.weekday() == 0}
    assert min(opens) == time(11, 0)  # 06:00 in summer time, half an hour before opening

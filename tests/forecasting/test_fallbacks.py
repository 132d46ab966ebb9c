"""Little history, or a break in it: a sensible forecast with wide intervals, and no crash."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting import Forecast, History, Model, train
from forecasting.attendance import attendance_of
from forecasting.expected_rooms import rooms_expected
from forecasting.frames import typed
from forecasting.showup import FEATURES, LONG_ENROLLED, features, record_of
from forecasting.week import centered_odds
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from tests.forecasting.conftest import ORIGIN, local
from tests.forecasting.conftest import frames as world_frames

MORNING = local(1, 8)
NOON = local(2, 11)


def total_spread(forecast: Forecast) -> float:
    """Standard deviations of all rooms and times, added up."""
    k = np.arange(forecast.pmf.shape[2])
    mean = forecast.pmf @ k
    return float(np.sqrt(forecast.pmf @ k**2 - mean**2).sum())


def week(model: Model, frames: dict[str, pd.DataFrame], now: datetime = MORNING, at: datetime = NOON) -> Forecast:
    return model.forecast_week(History(frames).known_at(now), now, [at, at + timedelta(hours=1)])


def since(frames: dict[str, pd.DataFrame], start: datetime) -> dict[str, pd.DataFrame]:
    """The frames of a center that began at `start`."""
    result = dict(frames)
    result["events"] = frames["events"][frames["events"]["happened_at"] >= start]
    for name in ("stays", "staff_stays", "shifts"):
        result[name] = frames[name][frames[name]["start"] >= start]
    result["bookings"] = frames["bookings"][pd.to_datetime(frames["bookings"]["day"]).dt.date >= start.date()]
    return result


def test_four_weeks_of_history_are_enough_to_train(small_frames: dict[str, pd.DataFrame]) -> None:
    history = History(since(small_frames, MORNING - timedelta(days=28)))
    model = train(history, MORNING)
    known = history.known_at(MORNING)
    forecast = model.forecast_week(known, MORNING, [NOON])
    assert 8 < sum(forecast.mean(room, NOON) for room in forecast.room_ids) < 45
    assert model.forecast_short(known, MORNING).pmf.shape[0] == 3


def test_a_center_of_three_days_leans_on_the_model_and_says_so(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    young = week(small_model, since(small_frames, MORNING - timedelta(days=5)))
    grown = week(small_model, small_frames)
    assert any("only" in note for note in young.notes)
    assert not grown.notes
    assert total_spread(young) > 1.05 * total_spread(grown)


def test_a_center_without_any_stay_is_forecast_from_its_bookings(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    empty = since(small_frames, MORNING + timedelta(days=300)) | {"bookings": small_frames["bookings"]}
    forecast = week(small_model, empty)
    booked = small_frames["bookings"]
    there = booked[pd.to_datetime(booked["day"]).dt.date == date(2025, 5, 21)]["child_id"].nunique()
    assert 0.5 * there < sum(forecast.mean(room, NOON) for room in forecast.room_ids) < there
    assert total_spread(forecast) > 1.1 * total_spread(week(small_model, small_frames))


def test_a_new_center_is_not_one_of_new_children(small_frames: dict[str, pd.DataFrame]) -> None:
    empty = since(small_frames, MORNING + timedelta(days=300)) | {"bookings": small_frames["bookings"]}
    a = attendance_of(History(empty).known_at(MORNING), "c01", 3)
    x = features(a, record_of(a, rooms_expected(a)), a.future, a.future + 1, usual=0.9)
    known = dict(zip(FEATURES, x.T, strict=True))
    enrolled = a.enrolled[:, 0]
    assert np.all(known["own_rate"] == 0.9)
    assert np.all(known["own_weekday_rate"] == 0.9)
    assert np.all(known["days_enrolled"][enrolled] == LONG_ENROLLED)


def test_holidays_alone_do_not_tell_of_the_weeks_after_them() -> None:
    world = simulate(Knobs(size="small", faults=0), 31, date(2024, 12, 2), 8 * 7)
    history, monday = History(world_frames(world)), datetime(2025, 1, 6, 6, tzinfo=UTC)
    noons = [monday + timedelta(days=day, hours=12) for day in range(1, 5)]
    forecast = train(history, monday).forecast_week(history.known_at(monday), monday, noons)
    rooms = forecast.room_ids
    truth = sum(sum(world.true_headcounts(room, noons)) for room in rooms)
    assert sum(forecast.mean(room, at) for room in rooms for at in noons) > 0.85 * truth


@pytest.mark.parametrize("shock", [0.3, 0.9])
def test_a_shock_shared_by_all_leaves_the_mean_chance_of_coming(shock: float) -> None:
    chance = np.array([0.3, 0.9, 0.97])
    luck = np.random.default_rng(1).standard_normal((100_000, 1))
    mean = (1 / (1 + np.exp(-centered_odds(chance, shock) - shock * luck))).mean(axis=0)
    assert mean == pytest.approx(chance, abs=0.004)


def test_nothing_at_all_is_forecast_as_nothing(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    nothing = {
        name: frame.iloc[:0] if name not in ("centers", "rooms") else frame for name, frame in small_frames.items()
    }
    model = train(History(nothing), MORNING)
    for one in (model, small_model):
        known = History(nothing).known_at(MORNING)
        assert one.forecast_short(known, MORNING).table()["mean"].max() == 0
        assert one.forecast_week(known, MORNING, [NOON]).table()["mean"].max() == 0


def test_a_new_child_is_expected_without_bookings_where_nobody_books(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    plain = small_frames | {"bookings": small_frames["bookings"].iloc[:0]}
    children = small_frames["children"]
    new = children.iloc[[0]].assign(child_id="new", enrolled_from=date(2025, 5, 20), enrolled_to=None)
    new = new.assign(recorded_at=pd.Timestamp(MORNING) - pd.Timedelta(days=3))
    more = plain | {"children": typed(pd.concat([children, new], ignore_index=True))}
    room = str(new["room_id"].iloc[0])
    assert 0.5 < week(small_model, more).mean(room, NOON) - week(small_model, plain).mean(room, NOON) <= 1


def test_a_new_child_is_expected_by_its_booking(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    room = small_frames["rooms"]["room_id"].iloc[1]
    made = pd.Timestamp(MORNING) - pd.Timedelta(days=1)
    booking = typed(
        pd.DataFrame(
            {"center_id": ["c01"], "child_id": ["new"], "room_id": [room], "day": [date(2025, 5, 21)],
             "expected_in": [time(8)], "expected_out": [time(17)], "status": ["booked"], "reported_at": [made],
             "recorded_at": [made]}
        )
    )  # fmt: skip
    more = small_frames | {"bookings": pd.concat([small_frames["bookings"], booking], ignore_index=True)}
    gain = week(small_model, more).mean(room, NOON) - week(small_model, small_frames).mean(room, NOON)
    assert 0.6 < gain <= 1


def test_a_new_room_takes_the_children_booked_into_it(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    rooms = small_frames["rooms"]
    new = rooms.iloc[[1]].assign(room_id="c01-new", name="New room")
    old, bookings = rooms["room_id"].iloc[1], small_frames["bookings"]
    half = set(sorted(bookings[bookings["room_id"] == old]["child_id"].unique())[::2])
    future = (pd.to_datetime(bookings["day"]).dt.date >= date(2025, 5, 20)) & bookings["child_id"].isin(half)
    split = small_frames | {
        "rooms": pd.concat([rooms, new], ignore_index=True),
        "bookings": bookings.assign(room_id=bookings["room_id"].mask(future & (bookings["room_id"] == old), "c01-new")),
    }
    before, after = week(small_model, small_frames), week(small_model, split)
    assert after.mean("c01-new", NOON) > 2
    assert after.mean("c01-new", NOON) + after.mean(old, NOON) == pytest.approx(before.mean(old, NOON), abs=1.5)


@pytest.mark.parametrize("booked", [True, False], ids=["booked into the old room", "without bookings"])
def test_when_a_room_is_split_its_children_are_expected_where_the_record_put_them(
    booked: bool, small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    rooms, children = small_frames["rooms"], small_frames["children"]
    old = rooms["room_id"].iloc[1]
    half = set(sorted(children[children["room_id"] == old]["child_id"].unique())[::2])
    moved = children[children["child_id"].isin(half)].drop_duplicates("child_id", keep="last")
    moved = moved.assign(room_id="c01-new", recorded_at=pd.Timestamp(MORNING) - pd.Timedelta(hours=2))
    bookings = small_frames["bookings"]
    usual = small_frames | {"bookings": bookings if booked else bookings.iloc[:0]}
    split = usual | {
        "rooms": pd.concat([rooms, rooms.iloc[[1]].assign(room_id="c01-new", name="New room")], ignore_index=True),
        "children": typed(pd.concat([children, moved], ignore_index=True)),
    }
    before, after = week(small_model, usual), week(small_model, split)
    assert min(after.mean("c01-new", NOON), after.mean(old, NOON)) > 0.3 * before.mean(old, NOON)
    assert after.mean("c01-new", NOON) + after.mean(old, NOON) == pytest.approx(before.mean(old, NOON), abs=0.5)


def going_to_a_new_room(frames: dict[str, pd.DataFrame], days: int) -> tuple[dict[str, pd.DataFrame], str]:
    """Half of a room's children have gone to a new one for so many days; home and bookings still name the old one."""
    rooms, children = frames["rooms"], frames["children"].drop_duplicates("child_id", keep="last")
    old = rooms["room_id"].iloc[1]
    half = set(sorted(children[children["room_id"] == old]["child_id"])[::2])
    changed = dict(frames)
    for name, column in (("stays", "start"), ("events", "happened_at")):
        frame = frames[name]
        gone = (frame[column] >= local(1 - days, 0)) & (frame["room_id"] == old) & frame["child_id"].isin(half)
        changed[name] = frame.assign(room_id=frame["room_id"].mask(gone, "c01-new"))
    new = rooms.iloc[[1]].assign(room_id="c01-new", name="New room")
    return changed | {"rooms": pd.concat([rooms, new], ignore_index=True)}, old


def test_who_keeps_going_elsewhere_than_booked_is_expected_there(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    changed, old = going_to_a_new_room(small_frames, days=8)
    before, after = week(small_model, small_frames), week(small_model, changed)
    assert min(after.mean("c01-new", NOON), after.mean(old, NOON)) > 0.3 * before.mean(old, NOON)
    assert after.mean("c01-new", NOON) + after.mean(old, NOON) == pytest.approx(before.mean(old, NOON), abs=0.5)


def test_one_day_elsewhere_moves_nobody(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    changed, _ = going_to_a_new_room(small_frames, days=1)
    assert week(small_model, changed).mean("c01-new", NOON) < 0.1


def test_a_child_given_another_home_is_expected_there_also_after_its_first_day_there(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    changed, old = going_to_a_new_room(small_frames, days=1)
    children = small_frames["children"].drop_duplicates("child_id", keep="last")
    half = set(sorted(children[children["room_id"] == old]["child_id"])[::2])
    moved = children[children["child_id"].isin(half)].assign(room_id="c01-new", recorded_at=local(-1, 12))
    changed["children"] = typed(pd.concat([small_frames["children"], moved], ignore_index=True))
    assert week(small_model, changed).mean("c01-new", NOON) > 0.3 * week(small_model, small_frames).mean(old, NOON)


def test_nobody_is_expected_in_a_closed_week_and_everybody_after_it(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    closed = pd.DataFrame({"center_id": "c01", "day": [date(2025, 5, 21) + timedelta(days=n) for n in range(6)]})
    closed = typed(closed.assign(room_id=None, reason="Holiday", recorded_at=MORNING - timedelta(days=9)))
    closures = small_frames | {"closures": pd.concat([small_frames["closures"], closed], ignore_index=True)}
    again = NOON + timedelta(days=6)
    forecast = small_model.forecast_week(History(closures).known_at(MORNING), MORNING, [NOON, again])
    usual = small_model.forecast_week(History(small_frames).known_at(MORNING), MORNING, [again])
    for room in usual.room_ids:
        assert forecast.mean(room, NOON) == 0
        assert forecast.mean(room, again) == pytest.approx(usual.mean(room, again))
    times = small_model.forecast_week(History(closures).known_at(MORNING), MORNING).times
    assert not [at for at in times if local(2, 0) <= at < local(8, 0)]


def test_children_of_a_closed_room_are_expected_in_the_open_room_nearest_in_age(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    infants, toddlers, preschool = small_frames["rooms"]["room_id"]
    closed = pd.DataFrame({"center_id": "c01", "day": [date(2025, 5, 21)], "room_id": infants, "reason": "Repair"})
    closed = typed(closed.assign(recorded_at=MORNING - timedelta(days=1)))
    changed = small_frames | {"closures": pd.concat([small_frames["closures"], closed], ignore_index=True)}
    usual, without = week(small_model, small_frames), week(small_model, changed)
    assert without.mean(infants, NOON) == 0
    both = usual.mean(infants, NOON) + usual.mean(toddlers, NOON)
    assert without.mean(toddlers, NOON) == pytest.approx(both, abs=0.3)
    assert without.mean(preschool, NOON) == pytest.approx(usual.mean(preschool, NOON), abs=0.1)


def test_after_a_closed_week_children_are_expected_again(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    closed = [local(-7, 0), local(-2, 0)]
    holes = dict(small_frames)
    for name, column in (("events", "happened_at"), ("stays", "start"), ("staff_stays", "start")):
        at = small_frames[name][column]
        holes[name] = small_frames[name][~((at >= closed[0]) & (at < closed[1]))]
    usual, again = week(small_model, small_frames), week(small_model, holes)
    for room in usual.room_ids:
        assert again.mean(room, NOON) == pytest.approx(usual.mean(room, NOON), abs=2)


def test_longer_opening_hours_are_followed(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    longer = small_frames | {"centers": small_frames["centers"].assign(opens=time(6), closes=time(19))}
    times = small_model.forecast_week(History(longer).known_at(MORNING), MORNING).times
    assert max((at - timedelta(hours=5)).time() for at in times) >= time(19)


def test_when_it_closes_earlier_children_are_gone_by_then_and_the_interval_is_wide(
    small_frames: dict[str, pd.DataFrame], small_model: Model
) -> None:
    shorter = small_frames | {"centers": small_frames["centers"].assign(closes=time(16))}
    at = NOON + timedelta(hours=5.25)  # 16:15
    usual, early = (week(small_model, frames, at=at) for frames in (small_frames, shorter))
    total = [sum(forecast.mean(room, at) for room in forecast.room_ids) for forecast in (usual, early)]
    assert total[1] < 0.3 * total[0]
    same = [week(small_model, frames).table()["mean"].sum() for frames in (small_frames, shorter)]
    assert same[1] == pytest.approx(same[0], abs=0.5)


def test_when_it_opens_later_nobody_is_there_before(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    later = small_frames | {"centers": small_frames["centers"].assign(opens=time(8))}
    times = [NOON - timedelta(hours=3.5), NOON - timedelta(hours=2)]  # 7:30 and 9:00
    usual, moved = (
        small_model.forecast_week(History(frames).known_at(MORNING), MORNING, times) for frames in (small_frames, later)
    )
    for room in usual.room_ids:
        assert moved.mean(room, times[0]) == 0
        assert moved.mean(room, times[1]) == pytest.approx(usual.mean(room, times[1]), abs=0.2)


def test_a_center_without_bookings_goes_by_weekdays(small_frames: dict[str, pd.DataFrame]) -> None:
    plain = small_frames | {"bookings": small_frames["bookings"].iloc[:0]}
    model = train(History(plain), MORNING)
    forecast = week(model, plain)
    assert sum(forecast.mean(room, NOON) for room in forecast.room_ids) > 15
    part_time = week(model, plain, at=NOON + timedelta(days=1))
    assert np.isfinite(part_time.pmf).all()


def test_another_center_is_forecast_by_a_model_that_never_saw_it(
    simulated: Callable[..., History], small_model: Model
) -> None:
    history = simulated(21, 84)
    known = history.known_at(MORNING)
    forecast = small_model.forecast_week(known, MORNING, [NOON])
    assert sum(forecast.mean(room, NOON) for room in forecast.room_ids) > 15


def test_a_round_the_clock_center_does_not_crash(small_frames: dict[str, pd.DataFrame], small_model: Model) -> None:
    always = small_frames | {"centers": small_frames["centers"].assign(opens=time(0), closes=time(0))}
    known = History(always).known_at(ORIGIN)
    assert small_model.forecast_week(known, ORIGIN, [NOON]).mean("c01-r02", NOON) > 5
    assert small_model.forecast_short(known, datetime(2025, 5, 20, 5, tzinfo=UTC)).times

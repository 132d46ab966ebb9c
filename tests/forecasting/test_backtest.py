from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.errors import BadInput, NotFound
from forecasting import History, Model
from forecasting.attendance import Attendance, attendance_of
from forecasting.backtest import answer, checked, pinball, recorded_counts, rolling_questions, scores
from forecasting.baselines import NAMES, Baseline, BaselineSession
from forecasting.forecast import TABLE_COLUMNS
from forecasting.model import whereabouts
from tests.forecasting.conftest import ORIGIN, local

NOON = local(1, 12)


def question(room: str = "c01-r02", ahead: float = 0.25, target: object = NOON) -> dict[str, object]:
    return {
        "center_id": "c01",
        "room_id": room,
        "origin": pd.Timestamp(target) - pd.Timedelta(hours=ahead),
        "target_time": target,
    }  # type: ignore[arg-type]


def test_exactly_the_questions_are_answered_in_their_order(small_model: Model, small_history: History) -> None:
    asked = pd.DataFrame(
        [
            question(ahead=168, target=local(2, 9)),
            question("c01-r03"),
            question("c01-r01", 0.5),
            question(),
            question("c01-r03"),
        ]
    ).iloc[1:]
    table = answer(small_history, asked, model=small_model)
    assert tuple(table.columns) == TABLE_COLUMNS
    assert list(table["room_id"]) == ["c01-r03", "c01-r01", "c01-r02", "c01-r03"]
    assert list(table["horizon"]) == ["15min", "30min", "15min", "15min"]
    assert table.iloc[0].to_dict() == table.iloc[3].to_dict()
    assert (table["target_time"] == pd.Timestamp(NOON)).all()


def test_a_week_ahead_is_answered_by_the_week_model_trained_before(small_history: History) -> None:
    table = answer(
        small_history, pd.DataFrame([question(ahead=168, target=local(2, 9))]), baselines=("mean4", "bookings")
    )
    assert list(table["model"]) == ["child-week", "baseline:mean4", "baseline:bookings"]
    assert table["horizon"].unique() == ["7d"]


def test_an_answer_does_not_depend_on_questions_about_later(small_model: Model, small_history: History) -> None:
    early = question(target=local(1, 9))
    alone = answer(small_history, pd.DataFrame([early]), model=small_model)
    among = answer(small_history, pd.DataFrame([question(target=local(1, 17)), early, question()]), model=small_model)
    assert alone.iloc[0].to_dict() == among.iloc[1].to_dict()


def test_a_model_from_the_future_is_refused(small_model: Model, small_history: History) -> None:
    with pytest.raises(BadInput, match="after the origin"):
        answer(small_history, pd.DataFrame([question(target=ORIGIN - timedelta(days=1))]), model=small_model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"origin": "yesterday"}, "row 2 of the questions: 'yesterday' in origin is no time"),
        ({"origin": NOON + timedelta(hours=1)}, "row 2 of the questions: target_time lies before origin"),
        ({"room_id": "attic"}, "name room 'attic', which center 'c01' does not have"),
    ],
)
def test_a_bad_question_is_named(
    change: dict[str, object], message: str, small_model: Model, small_history: History
) -> None:
    with pytest.raises(BadInput, match=message):
        answer(small_history, pd.DataFrame([question() | change]), model=small_model)


def test_an_unknown_center_and_a_missing_column_are_named(small_history: History) -> None:
    with pytest.raises(NotFound, match="no center 'c77'"):
        answer(small_history, pd.DataFrame([question() | {"center_id": "c77"}]))
    with pytest.raises(BadInput, match=r"lack the column\(s\) room_id"):
        checked(pd.DataFrame([question()]).drop(columns="room_id"))


def test_rolling_questions_cover_the_opening_hours_and_are_scored(small_model: Model, small_history: History) -> None:
    asked = rolling_questions(small_history, timedelta(days=2))
    local_times = asked["target_time"].dt.tz_convert("America/Chicago")
    assert asked["room_id"].nunique() == 3
    assert local_times.dt.hour.min() == 6
    assert local_times.dt.hour.max() == 17
    some = asked[(local_times.dt.hour == 12) & (asked["target_time"] - asked["origin"] < pd.Timedelta(days=1))]
    table = answer(small_history, some, model=small_model, baselines=("last",))
    found = scores(table, recorded_counts(small_history, table)).set_index(["horizon", "model"])
    assert found.loc[("15min", "child-hazard"), "n"] == len(some) / 2
    assert found.loc[("15min", "child-hazard"), "pinball"] < 0.5


def test_pinball_loss_is_that_of_the_book() -> None:
    row = pd.DataFrame({"q10": [8.0], "q50": [10.0], "q90": [12.0]})
    assert pinball(row, pd.Series([13.0]))[0] == pytest.approx((0.1 * 5 + 0.5 * 3 + 0.9 * 1) / 3)
    assert pinball(row, pd.Series([7.0]))[0] == pytest.approx((0.9 * 1 + 0.5 * 3 + 0.1 * 5) / 3)


@pytest.fixture(scope="module")
def past(small_history: History) -> Attendance:
    return attendance_of(small_history.known_at(ORIGIN), "c01", 7)


def test_baselines_are_what_their_names_say(small_history: History, past: Attendance) -> None:
    now = local(1, 9)
    present, _ = whereabouts(small_history.known_at(now), now, "c01")
    target = [now + timedelta(minutes=30)]
    day = past.future + 1
    counts = BaselineSession("last", past).counts
    weeks = [counts(day - 7 * n, 570) for n in (1, 2, 3, 4)]
    here = np.array([sum(room == r for _, room, _ in present) for r in past.room_ids])
    change = np.mean([counts(day - 7 * n, 570) - counts(day - 7 * n, 540) for n in (1, 2, 3, 4)], axis=0)
    expected = {"last": here, "weekday": weeks[0], "mean4": np.mean(weeks, axis=0), "change": here + change}
    for name, points in expected.items():
        session = BaselineSession(name, past)
        point = session._point(day, 570, 540, here.astype(float), past.future)
        assert point == pytest.approx(points), name
        table = session.refresh(now, present, target).table()
        assert (table["q10"] <= table["q50"]).all()
        assert set(table["model"]) == {f"baseline:{name}"}


def test_every_baseline_has_the_interface_of_the_model(small_history: History) -> None:
    now = local(1, 9)
    known = small_history.known_at(now)
    present, _ = whereabouts(known, now, "c01")
    for name in NAMES:
        short = Baseline(name).forecast_short(known, now, present, "c01")
        assert len(short.times) == 12
        assert short.pmf.sum(axis=-1) == pytest.approx(np.ones(short.pmf.shape[:2]))
    week = Baseline("bookings").forecast_week(known, now, "c01", [local(2, 11)])
    assert 15 < week.table()["mean"].sum() < 45
    with pytest.raises(BadInput, match="no baseline is called 'magic'"):
        Baseline("magic")

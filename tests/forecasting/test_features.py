"""What the models learn from, against SQL window functions as an independent oracle."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecasting import History
from forecasting.attendance import Attendance, attendance_of
from forecasting.expected_rooms import rooms_expected
from forecasting.habits import Learning, common_shift, learn
from forecasting.showup import calendar, record_of, season
from tests.forecasting.conftest import ORIGIN


@pytest.fixture(scope="module")
def past(small_history: History) -> Attendance:
    return attendance_of(small_history.known_at(ORIGIN), "c01")


@pytest.fixture(scope="module")
def long(past: Attendance) -> pd.DataFrame:
    """The candidate days of every row, as a table for SQL."""
    record = record_of(past, rooms_expected(past))
    rows = []
    for day in range(past.future):
        for row in range(len(past.child_ids)):
            if past.open_day[day] and (record.candidate[row, day] or past.present[row, day]):
                rows.append(
                    {"row": row, "day": day, "came": int(past.present[row, day]), "streak": record.streak[row, day],
                     "seen": record.seen[row, day], "rate": record.rate[row, day]}
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_the_streak_of_absence_and_the_days_seen_equal_window_functions(long: pd.DataFrame) -> None:
    con = duckdb.connect()
    con.register("t", long)
    wrong = con.sql(
        """
        WITH marked AS (
          SELECT *, coalesce(sum(came) OVER before, 0) AS block, count(*) OVER before AS n
          FROM t WINDOW before AS (PARTITION BY row ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
        last AS (
          SELECT *, max(CASE WHEN came = 1 THEN n END) OVER (PARTITION BY row ORDER BY day
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS last_came FROM marked)
        SELECT count(*) FROM last
        WHERE seen <> n OR streak <> CASE WHEN last_came IS NULL THEN n ELSE n - last_came - 1 END
        """
    ).fetchall()
    assert len(long) > 1000
    assert wrong == [(0,)]


def test_the_forgetting_rate_equals_a_weighted_window(long: pd.DataFrame) -> None:
    con = duckdb.connect()
    con.register("t", long)
    worst = con.sql(
        """
        WITH pairs AS (
          SELECT a.row, a.day, a.rate, b.came,
                 power(0.5, (SELECT count(*) FROM (SELECT DISTINCT day FROM t) d WHERE d.day > b.day AND d.day < a.day)
                       / 90.0) AS weight
          FROM t a JOIN t b ON a.row = b.row AND b.day < a.day WHERE a.row % 7 = 0)
        SELECT max(abs(rate - expected)) FROM (
          SELECT row, day, any_value(rate) AS rate, sum(weight * came) / sum(weight) AS expected
          FROM pairs GROUP BY row, day HAVING sum(weight) > 0.5)
        """
    ).fetchall()[0][0]
    assert worst < 1e-9


def test_a_habit_foresees_from_earlier_days_alone(past: Attendance) -> None:
    weekday = np.array([day.weekday() for day in past.days])
    group = rooms_expected(past)[:, past.future]
    day = past.future - 10
    before = learn(past.arrive, past.expected_in, group, weekday, Learning())
    changed = past.arrive.copy()
    changed[:, day:] = np.where(np.isnan(changed[:, day:]), np.nan, 777.0)
    after = learn(changed, past.expected_in, group, weekday, Learning())
    assert np.array_equal(before.location[:, : day + 1], after.location[:, : day + 1], equal_nan=True)
    assert not np.array_equal(before.location[:, day + 1], after.location[:, day + 1], equal_nan=True)


def test_a_habit_settles_on_the_childs_own_time() -> None:
    draw = np.random.default_rng(1)
    own = np.array([[430.0], [520.0]])
    observed = own + draw.normal(0, 5, (2, 120))
    habit = learn(observed, np.full((2, 120), np.nan), np.array([0, 0]), np.arange(120) % 7, Learning())
    assert habit.location[:, -1] == pytest.approx(own[:, 0], abs=8)
    assert (habit.spread[:, -1] < habit.spread[:, 0]).all()


def test_the_common_shift_is_robust_and_shrunk() -> None:
    spread = np.full(20, 10.0)
    errors = np.full(20, 12.0)
    errors[0] = 400
    assert 9 < common_shift(errors, spread, 12.0) < 13.5
    assert abs(common_shift(np.array([12.0]), spread[:1], 12.0)) < 12 * 0.7
    assert common_shift(np.zeros(0), np.zeros(0), 12.0) == 0


def test_the_calendar_knows_thanksgiving() -> None:
    feast = pd.Timestamp("2025-11-27").date()
    assert calendar(feast)[0] == 0
    days = ("2025-11-24", "2025-12-05", "2025-12-24", "2026-01-05", "2026-07-01")
    assert [season(pd.Timestamp(day).date()) for day in days] == [2, 1, 2, 0, 3]

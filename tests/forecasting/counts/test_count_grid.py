from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import BadInput
from forecasting.counts.grid import checked, grid_minutes, grids, horizon, read_counts


def rows(**columns: object) -> pd.DataFrame:
    times = pd.date_range("2024-01-01 07:00", periods=4, freq="15min")
    return pd.DataFrame({"site": "s", "room": "a", "ts": times, "count": [1.0, 2.0, 3.0, 4.0]} | columns)


def test_a_slot_without_a_row_is_unknown_and_not_zero() -> None:
    grid = grids(rows().drop(index=2))[0]
    at = grid.index(pd.Timestamp("2024-01-01 07:30"))
    assert np.isnan(grid.counts[at, 0])
    assert grid.counts[at + 1, 0] == 4.0
    assert len(grid.times) == 96


def test_each_site_has_its_own_grid() -> None:
    both = pd.concat([rows(), rows(site="t", room="b")])
    assert [(grid.site, grid.rooms) for grid in grids(both)] == [("s", ("a",)), ("t", ("b",))]


@pytest.mark.parametrize(("freq", "minutes"), [("10min", 10), ("15min", 15), ("1h", 60), ("1D", 1440)])
def test_the_grid_is_found_from_the_times(freq: str, minutes: int) -> None:
    times = pd.Series(pd.date_range("2024-01-01", periods=50, freq=freq))
    assert grid_minutes(times) == minutes


def test_a_horizon_between_two_slots_takes_the_shorter_and_says_so() -> None:
    span = horizon("15min", 10)
    assert (span.steps, span.by_day) == (1, False)
    assert "10min taken" in span.note


def test_a_horizon_of_days_starts_at_midnight() -> None:
    assert horizon("7d", 15).by_day
    assert not horizon("2h", 15).by_day


@pytest.mark.parametrize("wish", ["15min", "soon", "0min", "-1d", ""])
def test_a_senseless_horizon_is_refused_with_a_sentence(wish: str) -> None:
    with pytest.raises(BadInput, match=r"horizon|span of time"):
        horizon(wish, 1440)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (rows().drop(columns="room"), "column 'room' is missing"),
        (rows(ts="monday"), "'ts' must hold local times"),
        (rows(count="many"), "'count' must hold numbers"),
        (rows(count=[1, -1, 2, 3]), "row 2: the count is below zero"),
        (rows(ts=pd.Timestamp("2024-01-01")), "row 2: this site, room and time stands twice"),
        (rows(count=[1, np.inf, 2, 3]), "row 2: the count is infinite"),
        (rows(room=["a", "a", None, "a"]), "row 3: 'room' is empty"),
        (rows(count=np.nan), "no count"),
        (rows(holiday="no"), "'holiday' must hold numbers"),
        (rows(ts=pd.date_range("2024-01-01 07:00:00", periods=4, freq="7min")), "regular grid"),
    ],
)
def test_bad_counts_are_refused_with_a_sentence(frame: pd.DataFrame, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        grids(checked(frame))


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "counts.parquet"
    path.write_text("hello")
    with pytest.raises(BadInput, match=r"counts\.parquet cannot be read"):
        read_counts(path)
    with pytest.raises(BadInput, match="there is no file"):
        read_counts(tmp_path / "none.parquet")


def test_csv_and_parquet_give_the_same_frame(tmp_path: Path) -> None:
    rows().to_parquet(tmp_path / "a.parquet")
    rows().to_csv(tmp_path / "a.csv", index=False)
    one, two = read_counts(tmp_path / "a.parquet"), read_counts(tmp_path / "a.csv")
    pd.testing.assert_frame_equal(one, two, check_dtype=False)


def test_public_holidays_are_added_by_country() -> None:
    times = pd.date_range("2024-04-30", periods=96, freq="1h")
    frame = pd.DataFrame({"site": "s", "room": "a", "ts": times, "count": 1.0})
    facts = grids(frame, country="PL")[0].calendar["holiday"].reshape(4, 24)[:, 0]
    assert facts.tolist() == [0.0, 1.0, 0.0, 1.0]
    with pytest.raises(BadInput, match="not known"):
        grids(frame, country="XX")

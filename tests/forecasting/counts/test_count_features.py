"""Features of count files: an independent oracle in SQL, and no knowledge of the future."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecasting.counts.features import Examples, Features, carry, examples, rolling_mean
from forecasting.counts.grid import CountGrid, Floats, grids, horizon

SQL = """
with slots as (select * from grid),
known as (
    select *,
        avg(value) over week_rows as profile_8,
        avg(value) over four_rows as mean_3,
        lag(value, 1) over (partition by room, slot_of_week order by slot) as week_before,
        lag(value, 2) over (partition by room, slot_of_week order by slot) as two_weeks_before
    from slots
    window week_rows as (partition by room, slot_of_week order by slot rows between 8 preceding and 1 preceding),
           four_rows as (partition by room, slot_of_week order by slot rows between 4 preceding and 1 preceding)
)
select o.slot as origin, t.slot as target, t.room,
    t.profile_8 as week_mean_8, t.mean_3 as week_mean_4, t.week_before as week_1, t.two_weeks_before as week_2,
    o.value as count_0, p.value as count_1, o.value - o.profile_8 as surprise_0,
    avg(r.value) as mean_8,
    t.week_before - o.week_before as change_week_1
from known t
join known o on o.room = t.room and o.slot = t.slot - {lead}
join known p on p.room = t.room and p.slot = o.slot - 1
join known r on r.room = t.room and r.slot between o.slot - 7 and o.slot
where t.slot >= 1400
group by all order by target, room
"""


@pytest.fixture(scope="module")
def grid(counts_world: pd.DataFrame) -> CountGrid:
    return grids(counts_world)[0]


@pytest.mark.parametrize("lead", [1, 3])
def test_features_equal_those_of_sql_window_functions(grid: CountGrid, lead: int) -> None:
    slots = np.arange(len(grid.times))
    table = pd.concat(
        pd.DataFrame({"slot": slots, "slot_of_week": slots % grid.week, "room": r, "value": grid.counts[:, r]})
        for r in range(len(grid.rooms))
    )
    with duckdb.connect() as connection:
        connection.register("grid", table)
        oracle = connection.execute(SQL.format(lead=lead)).df()
    pairs = examples(grid, horizon(f"{lead}h", 60), 1400, len(grid.times))
    ours = Features(grid).matrix(pairs, short=True)
    for name in oracle.columns.drop(["origin", "target", "room"]):
        np.testing.assert_allclose(ours[name].ravel(), oracle[name].to_numpy(), atol=1e-9, err_msg=name)


def test_no_feature_changes_when_everything_after_the_origin_does(grid: CountGrid) -> None:
    for wish in ("1h", "5h", "1d", "7d", "14d"):
        pairs = examples(grid, horizon(wish, 60), 900, 1100)
        before = Features(grid).matrix(pairs, short=True)
        for k in (0, 57, 199):
            origin = int(pairs.origin[k])
            planted = grid.counts.copy()
            planted[origin + 1 :] = 10_000.0
            other = CountGrid(grid.site, grid.rooms, grid.times, grid.minutes, planted, grid.calendar)
            one = Examples(pairs.origin[k : k + 1], pairs.target[k : k + 1])
            after = Features(other).matrix(one, short=True)
            for name, column in after.items():
                np.testing.assert_array_equal(column[0], before[name][k], err_msg=f"{name} of {wish}")


def test_a_calendar_fact_of_the_target_day_is_known_ahead(counts_world: pd.DataFrame) -> None:
    frame = counts_world.assign(holiday=(counts_world["ts"].dt.normalize() == pd.Timestamp("2024-03-01")).astype(int))
    grid = grids(frame)[0]
    day = grid.index(pd.Timestamp("2024-03-01"))
    values = Features(grid).matrix(examples(grid, horizon("7d", 60), day - 24, day + 48), short=False)
    assert values["holiday"][:, 0].tolist() == [0.0] * 24 + [1.0] * 24 + [0.0] * 24
    assert values["holiday_after"][:24, 0].tolist() == [1.0] * 24


def test_a_term_is_told_by_its_beginning_and_end_and_leaves_its_days_ordinary(counts_world: pd.DataFrame) -> None:
    frame = counts_world.assign(term_spring=(counts_world["ts"] >= "2024-02-20").astype(int))
    grid = grids(frame)[0]
    day = grid.index(pd.Timestamp("2024-02-20"))
    source = Features(grid)
    values = source.matrix(examples(grid, horizon("7d", 60), day - 24, day + 9 * 24), short=False)
    assert values["term_spring_change"][::24, 0].tolist() == [0.0] + [1.0] * 7 + [0.0] * 2
    assert not any(name.startswith("term") and not name.endswith("_change") for name in values)
    np.testing.assert_array_equal(source.ordinary, grid.counts)


def test_silence_counts_the_slots_since_the_last_known_count_up_to_the_origin(grid: CountGrid) -> None:
    counts = grid.counts.copy()
    counts[1000:1004, 0] = np.nan
    source = Features(replace(grid, counts=counts))
    values = source.matrix(examples(grid, horizon("1h", 60), 999, 1007), short=True)
    assert values["silence"][:, 0].tolist() == [0, 0, 1, 2, 3, 4, 0, 0]
    assert values["silence_before"][:, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 0]
    assert (values["silence"][:, 1] == 0).all()


def test_other_columns_of_the_file_are_not_read(counts_world: pd.DataFrame) -> None:
    frame = counts_world.assign(absent=counts_world["count"] * 2)
    assert grids(frame)[0].calendar == {}


def test_a_missing_count_is_carried_for_four_slots_and_then_unknown() -> None:
    series: Floats = np.array([[1.0], [np.nan], [np.nan], [np.nan], [np.nan], [np.nan], [2.0]])
    carried = carry(series, 4)[:, 0]
    assert carried[:5].tolist() == [1.0] * 5
    assert np.isnan(carried[5])
    assert carried[6] == 2.0


def test_a_rolling_mean_leaves_unknown_counts_out() -> None:
    series: Floats = np.array([[1.0], [np.nan], [3.0], [np.nan], [np.nan]])
    assert np.isnan(rolling_mean(series, 2)[4, 0])
    assert rolling_mean(series, 3)[2, 0] == 2.0

"""The data feed: the same headcounts as the platform's API for the same world, whatever happens to the files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from connectors.feeds import Feed
from connectors.sites import centers_of
from domain.errors import BadInput
from domain.events import Event
from domain.places import Center
from flows.build import build
from flows.feed import ingest_feed
from flows.ingest import IngestResult
from flows.rows import center_row, child_row, event_row, room_row
from sandbox import Knobs, simulate
from sandbox.feed import FeedWriter
from sandbox.world import World
from storage.warehouse import Warehouse, open_warehouse

START = date(2026, 3, 2)  # the clocks change on the 8th
DAYS = 9
NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(size="small", faults=0.0), 11, START, DAYS)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path / "data") as opened:
        yield opened


def described(world: World) -> dict[str, Center]:
    """What the operator writes into centers.toml."""
    return {center.name: center for center in world.centers}


def read(warehouse: Warehouse, world: World, location: str, hours: float = 0) -> IngestResult:
    return ingest_feed(warehouse, Feed(location), described(world), NOW + timedelta(hours=hours))


def headcounts(warehouse: Warehouse) -> pd.DataFrame:
    build(warehouse)
    frame = warehouse.frame("headcounts")
    frame = frame[frame["band"] == "all"].set_index(["room_id", "slot"]).sort_index()
    return frame[["children_mean", "children_max", "children_at_start"]]


def through_the_api(tmp_path: Path, world: World, events: list[Event]) -> pd.DataFrame:
    """The headcounts of the same world's event log, without the moves a feed cannot carry."""
    with open_warehouse(tmp_path / "api") as warehouse:
        for center in world.centers:
            warehouse.put("centers", [center_row(center)])
        warehouse.put("rooms", [room_row(room) for room in world.rooms])
        warehouse.put("children", [child_row(row.value, NOW, store_names=False) for row in world.children])
        warehouse.put("events", [event_row(event) for event in events])
        return headcounts(warehouse)


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "xlsx"])
def test_the_feed_and_the_api_give_the_same_headcounts(
    tmp_path: Path, world: World, warehouse: Warehouse, form: str
) -> None:
    location = str(tmp_path / "feed" / "{year}" / "{month:02d}" / "{day:02d}")
    FeedWriter(world, location, form, late=(), truncated=()).write_until(NOW)
    result = read(warehouse, world, location)
    assert result.problems == ()
    carried = [event for event in world.events if event.event_type in ("check_in", "check_out")]
    api, feed = through_the_api(tmp_path, world, carried), headcounts(warehouse)
    assert api["children_max"].max() >= 5
    both = api.join(feed, suffixes=("", "_feed"), how="outer").fillna(0)  # the event logs end at different instants
    assert (both["children_at_start"] == both["children_at_start_feed"]).all()
    assert (both["children_max"] == both["children_max_feed"]).all()
    assert (both["children_mean"] - both["children_mean_feed"]).abs().max() < 0.002  # the feed tells whole seconds


def test_moves_change_rooms_but_not_the_house(tmp_path: Path, world: World, warehouse: Warehouse) -> None:
    """What the feed cannot carry: with moves, the whole building still agrees wherever each visit ends in some room."""
    location = str(tmp_path / "feed")
    FeedWriter(world, location, late=(), truncated=()).write_until(NOW)
    read(warehouse, world, location)
    everything = [event for event in world.events if event.child_id]
    assert any(event.event_type == "room_transfer" for event in everything)
    api = through_the_api(tmp_path, world, everything).groupby("slot").sum()
    feed = headcounts(warehouse).groupby("slot").sum()
    both = api.join(feed, suffixes=("", "_feed"), how="outer").fillna(0)
    assert (both["children_at_start"] == both["children_at_start_feed"]).all()


def test_reading_twice_changes_nothing(tmp_path: Path, world: World, warehouse: Warehouse) -> None:
    location = str(tmp_path / "feed" / "{year}{month:02d}{day:02d}")
    FeedWriter(world, location, late=(), truncated=()).write_until(NOW)
    assert read(warehouse, world, location).new_events > 0
    again = read(warehouse, world, location, hours=1)
    assert (again.new_events, again.changed_rows) == (0, 0)


def test_a_file_written_anew_is_read_again_and_ends_in_the_same_state(
    tmp_path: Path, world: World, warehouse: Warehouse
) -> None:
    """The same folder overwritten day after day: what was open is completed, nothing counts twice."""
    location, writer = str(tmp_path / "feed"), None
    for hours in (32, 56, 300):
        writer = FeedWriter(world, location, "parquet", late=(), truncated=())
        writer.write_until(datetime(2026, 3, 2, 6, tzinfo=UTC) + timedelta(hours=hours))
        read(warehouse, world, location, hours=hours)
    once = tmp_path / "once"
    with open_warehouse(once) as other:
        read(other, world, location)
        expected = headcounts(other)
    pd.testing.assert_frame_equal(headcounts(warehouse), expected)


def test_a_file_that_was_cut_off_is_told_and_read_once_it_is_whole(
    tmp_path: Path, world: World, warehouse: Warehouse
) -> None:
    location = str(tmp_path / "feed" / "{year}-{month:02d}-{day:02d}")
    broken = date(2026, 3, 4)
    FeedWriter(world, location, "parquet", late=(), truncated=(broken,)).write_until(NOW)
    result = read(warehouse, world, location)
    assert len(result.problems) == 1
    assert "2026-03-04/fct_session_time_entry_non_conformed.parquet is not a whole Parquet file" in result.problems[0]
    before = result.new_events
    FeedWriter(world, location, "parquet", late=(), truncated=()).write(broken)
    result = read(warehouse, world, location, hours=1)
    assert result.problems == ()
    assert 0 < result.new_events < before


def test_a_late_file_fills_its_day(tmp_path: Path, world: World, warehouse: Warehouse) -> None:
    location = str(tmp_path / "feed" / "{year}-{month:02d}-{day:02d}")
    FeedWriter(world, location, late=(), truncated=()).write_until(NOW)
    late = tmp_path / "feed" / "2026-03-03"
    held = tmp_path / "held"
    shutil.move(late, held)
    first = read(warehouse, world, location).new_events
    shutil.move(held, late)
    assert read(warehouse, world, location, hours=1).new_events > 0
    with open_warehouse(tmp_path / "whole") as other:
        assert read(other, world, location).new_events > first
        pd.testing.assert_frame_equal(headcounts(warehouse), headcounts(other))


SESSIONS = (
    "school,class,child,session_date,is_session_voided,check_in_time,check_out_time\n"
    "S,Bears,Ana Roe,2026-03-02,No,08:00,16:00\n"
    "S,Bears,Bo Poe,2026-03-02,No,2026-03-02 08:10:00,-1\n"
)
CLASSES = (
    "school,class,class_id,max_roster_size,start_age,start_age_unit,end_age,end_age_unit\n"
    "S,Bears,b1,12,78,Weeks,3,Years\n"
)
SITES = {"centers": {"S": {"state": "TX", "timezone": "America/Chicago", "opens": "07:00", "closes": "18:00"}}}


def hand_made(folder: Path, sessions: str = SESSIONS) -> Feed:
    folder.mkdir(exist_ok=True)
    (folder / "dim_class.csv").write_text(CLASSES)
    (folder / "fct_session_time_entry_non_conformed.csv").write_text(sessions)
    return Feed(str(folder))


def ingest_hand_made(warehouse: Warehouse, feed: Feed) -> IngestResult:
    return ingest_feed(warehouse, feed, centers_of(SITES, "centers.toml"), NOW)


def stays(warehouse: Warehouse) -> list[tuple[str, str | None]]:
    build(warehouse)
    rows = warehouse.rows(
        "SELECT strftime(start, '%H:%M') AS a, strftime(\"end\", '%H:%M') AS b FROM stays ORDER BY ALL"
    )
    return [(row["a"], row["b"]) for row in rows]


def test_corrections_voids_and_second_thoughts_of_the_feed(tmp_path: Path, warehouse: Warehouse) -> None:
    folder = tmp_path / "feed"
    feed = hand_made(folder)
    assert ingest_hand_made(warehouse, feed).problems == ()
    room = warehouse.rows("SELECT room_id, age_min_months, age_max_months, capacity FROM rooms")[0]
    assert tuple(room.values()) == ("b1", 18, 36, 12)
    assert stays(warehouse) == [("14:00", "22:00"), ("14:10", None)]

    hand_made(folder, SESSIONS.replace("16:00", "17:15").replace("-1", "15:00"))
    ingest_hand_made(warehouse, feed)
    assert stays(warehouse) == [("14:00", "23:15"), ("14:10", "21:00")]

    hand_made(folder, SESSIONS.replace("No,08:00", "Yes,08:00"))
    ingest_hand_made(warehouse, feed)
    assert stays(warehouse) == [("14:10", None)]

    hand_made(folder, SESSIONS)
    ingest_hand_made(warehouse, feed)
    assert stays(warehouse) == [("14:00", "22:00"), ("14:10", None)]
    sequences = [row["sequence"] for row in warehouse.rows("SELECT sequence FROM events ORDER BY 1")]
    assert sequences == list(range(1, len(sequences) + 1))


def test_overlapping_visits_of_the_feed_are_marked(tmp_path: Path, warehouse: Warehouse) -> None:
    second = "S,Bears,Ana Roe,2026-03-02,No,12:00,17:00\n"
    ingest_hand_made(warehouse, hand_made(tmp_path / "feed", SESSIONS + second))
    assert stays(warehouse) == [("14:00", "18:00"), ("14:10", None), ("18:00", "23:00")]
    doubts = [row["doubts"] for row in warehouse.rows("SELECT doubts FROM stays ORDER BY start")]
    assert doubts[0] == "checked in again without a check-out"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("S,Wolves,Cy,2026-03-02,No,08:00,16:00", "row 4: the class 'Wolves' of 'S' is in no dim_class file"),
        ("S,Bears,Cy,2026-03-02,No,noon,16:00", "row 4: 'noon' is not a time"),
        ("S,Bears,,2026-03-02,No,08:00,16:00", "row 4: neither 'child' nor the child's names are given"),
        ("S,Bears,Cy,2026-03-02,No,16:00,08:00", "row 4: the check-out .* the visit stands without a check-out"),
        ("T,Bears,Cy,2026-03-02,No,08:00,16:00", "the feed names the school 'T', which centers.toml does not describe"),
    ],
)
def test_a_wrong_row_is_told_and_the_others_are_read(
    tmp_path: Path, warehouse: Warehouse, row: str, words: str
) -> None:
    result = ingest_hand_made(warehouse, hand_made(tmp_path / "feed", f"{SESSIONS}{row}\n"))
    assert len(result.problems) == 1
    assert pytest.importorskip("re").search(words, result.problems[0])
    assert result.new_events >= 3


def test_a_school_described_later_is_read_then(tmp_path: Path, warehouse: Warehouse) -> None:
    feed = hand_made(tmp_path / "feed")
    other = {"centers": {"Another": SITES["centers"]["S"]}}
    result = ingest_feed(warehouse, feed, centers_of(other, "centers.toml"), NOW)
    assert result.new_events == 0
    assert ingest_hand_made(warehouse, feed).new_events == 3


def test_visits_of_a_class_described_later_are_read_then(tmp_path: Path, warehouse: Warehouse) -> None:
    feed = hand_made(tmp_path / "feed", f"{SESSIONS}S,Wolves,Cy,2026-03-02,No,08:00,16:00\n")
    for _ in range(2):
        assert "the class 'Wolves' of 'S' is in no dim_class file" in ingest_hand_made(warehouse, feed).problems[0]
    (tmp_path / "feed" / "dim_class.csv").write_text(f"{CLASSES}S,Wolves,w1,12,3,Years,5,Years\n")
    result = ingest_hand_made(warehouse, feed)
    assert (result.new_events, result.problems) == (2, ())
    assert len(stays(warehouse)) == 3


def test_a_visit_that_turns_out_to_be_an_absence_is_gone(tmp_path: Path, warehouse: Warehouse) -> None:
    feed = hand_made(tmp_path / "feed")
    ingest_hand_made(warehouse, feed)
    hand_made(tmp_path / "feed", SESSIONS.replace("No,08:00,16:00", "No,-1,-1"))
    ingest_hand_made(warehouse, feed)
    assert stays(warehouse) == [("14:10", None)]


@pytest.mark.parametrize("newer_first", [True, False])
@pytest.mark.parametrize(("older", "newer"), [("a", "b"), ("b", "a")])
def test_the_newer_of_two_files_holds_whichever_is_read_first(
    tmp_path: Path, warehouse: Warehouse, newer_first: bool, older: str, newer: str
) -> None:
    """Of a child's day and of a class, whatever the names; what the newer one does not name is told by the older."""
    folder = tmp_path / "feed"
    folder.mkdir()
    texts = {
        older: (SESSIONS, CLASSES, 1),
        newer: (
            SESSIONS.splitlines()[0] + "\nS,Bears,Ana Roe,2026-03-02,No,09:30,15:30\n",
            CLASSES.replace("12", "9"),
            2,
        ),
    }
    for name in (newer, older) if newer_first else (older, newer):
        sessions, classes, day = texts[name]
        for table, text in (("fct_session_time_entry_non_conformed", sessions), ("dim_class", classes)):
            (folder / f"{name}_{table}.csv").write_text(text)
            os.utime(folder / f"{name}_{table}.csv", (NOW.timestamp() + day,) * 2)
        ingest_hand_made(warehouse, Feed(str(folder)))
    assert stays(warehouse) == [("14:10", None), ("15:30", "21:30")]
    assert warehouse.rows("SELECT capacity FROM rooms") == [{"capacity": 9}]
    assert ingest_hand_made(warehouse, Feed(str(folder))).new_events == 0


def test_the_day_in_the_path_says_what_is_newer_though_the_older_was_written_again(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    feed = Feed(f"{tmp_path}/feed/{{year}}-{{month:02d}}-{{day:02d}}")
    for number, (day, came) in enumerate((("02", "08:00"), ("02", "08:20"), ("03", "08:30"), ("02", "08:40"))):
        folder = tmp_path / "feed" / f"2026-03-{day}"
        folder.parent.mkdir(exist_ok=True)
        hand_made(folder, SESSIONS.replace("No,08:00", f"No,{came}"))
        written = NOW.timestamp() - 1000 - (number if day == "03" else -number)  # the newer day's before the others
        for file in folder.iterdir():
            os.utime(file, (written, written))
        ingest_hand_made(warehouse, feed)
    assert stays(warehouse) == [("14:10", None), ("14:30", "22:00")]


def test_a_correction_that_arrives_weeks_later_moves_the_visit(tmp_path: Path, warehouse: Warehouse) -> None:
    feed = hand_made(tmp_path / "feed")
    ingest_hand_made(warehouse, feed)
    later = "S,Bears,Ana Roe,2026-04-01,No,08:00,16:00\n"
    hand_made(tmp_path / "feed", SESSIONS.replace("No,08:00,16:00", "No,09:30,15:30") + later)
    ingest_hand_made(warehouse, feed)
    assert stays(warehouse) == [("13:00", "21:00"), ("14:10", None), ("15:30", "21:30")]


def test_a_feed_without_its_columns_is_told_at_every_run(tmp_path: Path, warehouse: Warehouse) -> None:
    feed = hand_made(tmp_path / "feed", SESSIONS.replace("session_date", "day"))
    for _ in range(2):
        assert "lacks the column 'session_date'; it has: school, class" in ingest_hand_made(warehouse, feed).problems[0]


def test_a_wrong_row_of_classes_does_not_hold_up_the_other_files(tmp_path: Path, warehouse: Warehouse) -> None:
    feed = hand_made(tmp_path / "feed")
    (tmp_path / "feed" / "later_dim_class.csv").write_text(CLASSES.replace("78", "many"))
    result = ingest_hand_made(warehouse, feed)
    assert "row 2: the ages or the roster size are wrong" in result.problems[0]
    assert result.new_events == 3


def test_an_empty_or_unknown_feed_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no file named after dim_class"):
        Feed(str(tmp_path)).files()
    with pytest.raises(BadInput, match="cannot be opened"):
        Feed("nosuchstore://bucket/x")
    with pytest.raises(BadInput, match=r"the feed's template .* is wrong"):
        Feed("/feeds/{year")

"""From the platform into the warehouse: everything once, then what is new, whatever the platform does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import stamina

from connectors.platform import PlatformClient
from domain.errors import PlatformRefused, PlatformUnavailable
from flows.ingest import MOST_TOLD, IngestResult, ingest
from storage.warehouse import Warehouse, open_warehouse
from tests.platform_double import TOKEN, PlatformDouble, small_world

FIRST = date(2026, 2, 2)


@pytest.fixture
def double() -> Iterator[PlatformDouble]:
    server = PlatformDouble(small_world(FIRST, days=4), page_size=200)
    yield server
    server.close()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    stamina.set_testing(True, attempts=2, cap=True)
    yield
    stamina.set_testing(False)


def read(double: PlatformDouble, warehouse: Warehouse, hours: float = 0, since: datetime | None = None) -> IngestResult:
    with PlatformClient(double.url, TOKEN) as platform:
        return ingest(warehouse, platform, double.world.now + timedelta(hours=hours), since=since)


def count(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])  # noqa: S608


def test_the_first_run_reads_everything_and_the_second_nothing(double: PlatformDouble, warehouse: Warehouse) -> None:
    first = read(double, warehouse)
    assert first.new_events == len(double.world.events) == count(warehouse, "events")
    assert first.problems == ()
    for table, rows in {"children": 18, "staff": 5, "rooms": 3, "centers": 1}.items():
        assert count(warehouse, table) == rows
    assert count(warehouse, "bookings") == len(double.world.bookings)
    assert count(warehouse, "shifts") == len(double.world.shifts)
    assert count(warehouse, "availability") == len(double.world.availability)
    assert count(warehouse, "closures") == 1
    second = read(double, warehouse, hours=1)
    assert (second.new_events, second.changed_rows) == (0, 0)


def test_childrens_names_are_kept_only_where_the_center_wants_it(double: PlatformDouble, warehouse: Warehouse) -> None:
    read(double, warehouse)
    assert warehouse.rows("SELECT DISTINCT display_name AS n FROM children") == [{"n": None}]
    with PlatformClient(double.url, TOKEN) as platform:
        ingest(warehouse, platform, double.world.now + timedelta(hours=1), store_names=True)
    assert count(warehouse, "(SELECT * FROM children WHERE display_name = 'Kid 3')") == 1


def test_an_increment_reads_only_what_is_new(double: PlatformDouble, warehouse: Warehouse) -> None:
    read(double, warehouse)
    double.requests.clear()
    double.world.add_event("c1", "check_in", double.world.now, child_id="c1-k1", room_id="c1-r1")
    assert read(double, warehouse, hours=1).new_events == 1
    asked = [path for path in double.requests if "checkins" in path]
    assert [f"after_sequence={len(double.world.events) - 1}" in path for path in asked] == [True]


def test_gaps_in_the_sequence_are_fetched(double: PlatformDouble, warehouse: Warehouse) -> None:
    double.hidden_sequences = {1, 2, 17, 18, 40}
    result = read(double, warehouse)
    assert [problem.split(";")[0].split("events ")[1] for problem in result.problems] == [
        "1 to 2",
        "17 to 18",
        "40 to 40",
    ]
    double.hidden_sequences = {40}
    result = read(double, warehouse, hours=1)
    assert (result.new_events, len(result.problems)) == (4, 1)
    double.hidden_sequences = set()
    result = read(double, warehouse, hours=2)
    assert (result.new_events, result.problems) == (1, ())


@pytest.mark.parametrize("place", [0, 17, -1], ids=["first", "amid", "last"])
@pytest.mark.parametrize("since", [None, datetime(2026, 2, 4, 6, tzinfo=UTC)], ids=["all", "since"])
def test_a_wrong_event_is_set_aside_and_told_at_every_run_until_it_is_mended(
    double: PlatformDouble, warehouse: Warehouse, since: datetime | None, place: int
) -> None:
    log = sorted(double.world.events, key=lambda event: event["sequence"])
    asked = [event for event in log if since is None or event["timestamp"] >= since.isoformat()]
    wrong = asked[place]
    wrong["shift_id"] = 7
    for hours in (0, 1, 2):
        result = read(double, warehouse, hours, since if hours == 0 else None)
        assert result.centers == ("c1",)
        assert result.new_events == (len(asked) - 1 if hours == 0 else 0)
        assert len(result.problems) == 1
        assert f"event {wrong['event_id']} (sequence {wrong['sequence']}) was set aside" in result.problems[0]
        assert "the event's field 'shift_id' must be a text" in result.problems[0]
    del wrong["shift_id"]
    mended = read(double, warehouse, hours=3)
    assert (mended.new_events, mended.problems) == (1, ())


def test_a_wrong_event_is_told_no_more_once_another_voids_it(double: PlatformDouble, warehouse: Warehouse) -> None:
    wrong = double.world.add_event("c1", "check_in", double.world.now, child_id="c1-k1", room_id=7)
    assert "the event's field 'room_id' must be a text" in read(double, warehouse).problems[0]
    double.world.add_event("c1", "correction", double.world.now, supersedes=wrong["event_id"], voided=True)
    assert read(double, warehouse, hours=1).problems == ()
    assert read(double, warehouse, hours=2).problems == ()


def test_a_log_of_wrong_events_is_told_in_few_sentences(double: PlatformDouble, warehouse: Warehouse) -> None:
    for event in double.world.events:
        event["shift_id"] = 7
    problems = read(double, warehouse).problems
    assert len(problems) == MOST_TOLD + 1
    assert problems[-1] == f"center c1: {len(double.world.events) - MOST_TOLD} more events of its log were set aside"


def test_since_bounds_the_first_read(double: PlatformDouble, warehouse: Warehouse) -> None:
    result = read(double, warehouse, since=datetime(2026, 2, 4, 6, tzinfo=UTC))
    assert 0 < result.new_events < len(double.world.events)
    assert min(row["day"] for row in warehouse.rows("SELECT day FROM bookings")) == date(2026, 2, 4)
    assert read(double, warehouse, hours=1).new_events == 0


def test_a_changed_booking_is_a_new_state_and_the_old_one_is_kept(double: PlatformDouble, warehouse: Warehouse) -> None:
    read(double, warehouse)
    row = double.world.bookings[-1]
    row |= {"status": "absent", "reported_at": double.world.bookings[0]["reported_at"]}
    assert read(double, warehouse, hours=1).changed_rows == 1
    states = warehouse.rows(
        "SELECT status FROM bookings WHERE child_id = ? AND day = ? ORDER BY recorded_at",
        [row["child_id"], date.fromisoformat(row["date"])],
    )
    assert [state["status"] for state in states] == ["booked", "absent"]


def test_two_bookings_of_a_day_are_two_sessions(double: PlatformDouble, warehouse: Warehouse) -> None:
    first = double.world.bookings[-1]
    double.world.bookings.append(first | {"expected_in": "15:00", "expected_out": "18:00"})
    read(double, warehouse)
    sessions = warehouse.rows(
        "SELECT session, expected_in::VARCHAR AS comes FROM bookings WHERE child_id = ? AND day = ? ORDER BY 1",
        [first["child_id"], date.fromisoformat(first["date"])],
    )
    assert [(row["session"], row["comes"]) for row in sessions] == [(1, "08:00:00"), (2, "15:00:00")]


def test_what_the_platform_no_longer_lists_is_cancelled(double: PlatformDouble, warehouse: Warehouse) -> None:
    read(double, warehouse)
    gone = double.world.shifts.pop()
    booking = double.world.bookings.pop()
    double.world.availability.pop()
    double.world.closures.clear()
    assert read(double, warehouse, hours=1).changed_rows == 4
    versions = warehouse.rows("SELECT status FROM shifts WHERE shift_id = ? ORDER BY recorded_at", [gone["shift_id"]])
    assert [row["status"] for row in versions] == ["scheduled", "cancelled"]
    states = warehouse.rows(
        "SELECT status FROM bookings WHERE child_id = ? AND day = ? ORDER BY recorded_at",
        [booking["child_id"], date.fromisoformat(booking["date"])],
    )
    assert [row["status"] for row in states][-1] == "cancelled"
    assert count(warehouse, "availability") == len(double.world.availability)
    assert count(warehouse, "closures") == 0
    assert read(double, warehouse, hours=2).changed_rows == 0


def test_a_center_without_rooms_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    world = small_world(FIRST, days=2, centers=2)
    world.rooms = [room for room in world.rooms if room["center_id"] != "c1"]
    server = PlatformDouble(world, page_size=500)
    with open_warehouse(tmp_path) as warehouse:
        result = read(server, warehouse)
    server.close()
    assert result.centers == ("c2",)
    assert "center c1 (Center c1): the platform lists no rooms for it" in result.problems[0]


def test_an_unknown_time_zone_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    world = small_world(FIRST, days=2, centers=2)
    world.centers[1]["timezone"] = "Mars/Olympus"
    server = PlatformDouble(world, page_size=500)
    with open_warehouse(tmp_path) as warehouse:
        result = read(server, warehouse)
    server.close()
    assert result.centers == ("c1",)
    assert "center c2 (Center c2): the time zone 'Mars/Olympus' is unknown" in result.problems[0]


def test_a_token_without_the_right_ends_the_run_and_keeps_what_was_read(
    double: PlatformDouble, warehouse: Warehouse
) -> None:
    double.always["/bookings"] = (403, b"{}")
    with pytest.raises(PlatformRefused, match="the token lacks the right to read bookings"):
        read(double, warehouse)
    assert count(warehouse, "events") == len(double.world.events)
    double.always.clear()
    assert read(double, warehouse, hours=1).new_events == 0
    assert count(warehouse, "bookings") == len(double.world.bookings)


def test_a_platform_that_fails_in_the_middle_is_taken_up_where_it_stopped(tmp_path: Path) -> None:
    server = PlatformDouble(small_world(FIRST, days=4), page_size=50)
    with open_warehouse(tmp_path) as warehouse:
        for _ in range(2):
            server.fail_once("/never", 500)  # keeps the queue in order
        server.faults.clear()
        server.always["/bookings"] = (503, b"")
        with pytest.raises(PlatformUnavailable):
            read(server, warehouse)
        stored = count(warehouse, "events")
        server.always.clear()
        server.requests.clear()
        read(server, warehouse)
    assert stored == len(server.world.events)
    assert sum("checkins" in path for path in server.requests) == 1  # nothing was read twice
    server.close()

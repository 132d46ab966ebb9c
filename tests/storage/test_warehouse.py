"""The warehouse: one writer, versions, transactions, snapshots that are whole or not there, a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import NotFound, NothingPublished, StoreBusy, StoreError
from storage.reader import open_reader
from storage.snapshots import KEPT, current_snapshot
from storage.warehouse import Warehouse, open_warehouse

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
CHILD = {"child_id": "k1", "center_id": "c1", "birth_date": date(2024, 1, 1), "room_id": "r1", "recorded_at": NOW}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path) as opened:
        yield opened


def test_a_second_writer_is_refused_and_readers_are_not(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.publish(NOW)
    with pytest.raises(StoreBusy, match="another run is writing"):
        open_warehouse(tmp_path)
    with open_reader(tmp_path) as reader:
        assert reader.center_ids() == []


def test_a_writer_in_another_process_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    code = "import sys, pathlib, storage.warehouse as w; w.open_warehouse(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "StoreBusy" in done.stderr


def test_the_lock_goes_with_the_writer(tmp_path: Path) -> None:
    open_warehouse(tmp_path).close()
    open_warehouse(tmp_path).close()


def test_a_state_is_stored_once_and_a_change_becomes_a_version(warehouse: Warehouse) -> None:
    assert warehouse.add_versions("children", [CHILD]) == 1
    assert warehouse.add_versions("children", [CHILD | {"recorded_at": LATER}]) == 0
    assert warehouse.add_versions("children", [CHILD | {"room_id": "r2", "recorded_at": LATER}]) == 1
    assert warehouse.add_versions("children", [CHILD | {"room_id": "r3", "recorded_at": LATER}]) == 1  # same instant
    assert list(warehouse.frame("children", "c1").sort_values("recorded_at")["room_id"]) == ["r1", "r3"]


def test_going_back_to_an_older_state_is_a_change_too(warehouse: Warehouse) -> None:
    for day, room in enumerate(["r1", "r2", "r1"]):
        row = CHILD | {"room_id": room, "recorded_at": NOW + timedelta(days=day)}
        assert warehouse.add_versions("children", [row]) == 1


def test_the_same_facts_are_read_in_the_same_order_however_they_came(tmp_path: Path) -> None:
    children = [CHILD | {"child_id": f"k{n}"} for n in range(9)]
    children += [child | {"room_id": "r2", "recorded_at": LATER} for child in children[:4]]
    found = []
    for order in (children, children[::-1], children[5:] + children[:5]):
        with open_warehouse(tmp_path / str(len(found))) as one:
            for child in sorted(order, key=lambda child: child["recorded_at"]):
                one.put("children", [child])
            found.append((one.frame("children").to_csv(), one.latest("children", "c1", "true", ())))
    assert found[0] == found[1] == found[2]


def test_doubles_are_stored_once(warehouse: Warehouse) -> None:
    row = {"event_id": "e", "center_id": "c1", "sequence": 1, "happened_at": NOW, "recorded_at": NOW, "voided": False}
    assert warehouse.add_new("events", [row, row]) == 1
    assert warehouse.add_new("events", [row]) == 0


def test_a_failed_transaction_leaves_nothing(warehouse: Warehouse) -> None:
    with pytest.raises(RuntimeError), warehouse.transaction():
        warehouse.add_versions("children", [CHILD])
        warehouse.replace("children", {"center_id": "c1"}, [])
        raise RuntimeError
    assert warehouse.rows("SELECT * FROM children") == []
    assert warehouse.add_versions("children", [CHILD]) == 1  # and it can go on


def test_frames_have_utc_instants_and_days(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.add_versions("children", [CHILD])
    warehouse.publish(NOW)
    with open_reader(tmp_path) as reader:
        frame = reader.frames()["children"]
    assert str(frame["recorded_at"].dtype) == "datetime64[us, UTC]"
    assert frame["birth_date"][0] == date(2024, 1, 1)


def test_frames_as_known_at_an_instant_hide_what_came_later(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.add_versions("children", [CHILD])
    warehouse.add_versions("children", [CHILD | {"room_id": "r2", "recorded_at": LATER}])
    stay = {
        "center_id": "c1", "child_id": "k1", "room_id": "r1", "start": NOW, "start_recorded_at": NOW,
        "end": NOW + timedelta(hours=8), "end_recorded_at": NOW + timedelta(hours=9), "doubts": "",
    }  # fmt: skip
    headcount = {"center_id": "c1", "room_id": "r1", "slot": NOW, "band": "all", "children_mean": 1.0}
    warehouse.replace("stays", {}, [stay, stay | {"start_recorded_at": LATER, "start": LATER}])
    warehouse.replace("headcounts", {}, [headcount])
    warehouse.publish(NOW)
    with open_reader(tmp_path) as reader:
        then = reader.frames("c1", known_at=NOW + timedelta(hours=8, minutes=30))
        assert list(then["children"]["room_id"]) == ["r1"]
        assert len(then["stays"]) == 1
        assert then["stays"]["end"].isna().all()
        assert then["headcounts"].empty
        assert len(reader.frames("c1")["headcounts"]) == 1
        assert reader.frames("c2")["children"].empty


def test_a_reader_stays_on_its_snapshot_until_it_is_refreshed(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.publish(NOW)
    with open_reader(tmp_path) as reader:
        warehouse.add_versions("children", [CHILD])
        warehouse.publish(LATER)
        assert reader.frame("children").empty
        assert reader.refresh() is True
        assert len(reader.frame("children")) == 1
        assert reader.refresh() is False


def test_old_snapshots_are_pruned(warehouse: Warehouse, tmp_path: Path) -> None:
    for _ in range(KEPT + 3):
        version = warehouse.publish(NOW).version
    names = sorted(path.name for path in (tmp_path / "snapshots").glob("*.duckdb"))
    assert names == [f"warehouse-{number:06d}.duckdb" for number in range(version - KEPT + 1, version + 1)]


def test_leftovers_of_a_killed_publish_are_swept(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.publish(NOW)
    half = tmp_path / "snapshots" / "warehouse-000002.partial"
    half.write_bytes(b"half")
    assert current_snapshot(tmp_path).version == 1
    warehouse.publish(NOW)
    assert not half.exists()


def test_reading_before_anything_was_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="run `ratiocast ingest` first"):
        open_reader(tmp_path)


def test_a_damaged_pointer_or_snapshot_says_what_to_do(warehouse: Warehouse, tmp_path: Path) -> None:
    snapshot = warehouse.publish(NOW)
    snapshot.path.write_bytes(b"not a database")
    with pytest.raises(StoreError, match="flows run publish"):
        open_reader(tmp_path)
    (tmp_path / "snapshots" / "current.json").write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        open_reader(tmp_path)


def test_queries_of_analysts_are_checked(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.publish(NOW)
    with open_reader(tmp_path) as reader:
        assert reader.query("SELECT ?::INT AS n", [3])["n"][0] == 3
        with pytest.raises(StoreError, match="the query failed"):
            reader.query("SELECT nothing")
        with pytest.raises(StoreError, match="read-only"):
            reader.query("CREATE TABLE x(a INT)")
        with pytest.raises(NotFound, match="it has accepted_plans, availability"):
            reader.frame("nothing")


def test_another_schema_is_refused(tmp_path: Path) -> None:
    with open_warehouse(tmp_path) as warehouse:
        warehouse.set_mark("", "schema", "999")
    with pytest.raises(StoreError, match="written by another version"):
        open_warehouse(tmp_path)


def test_marks_are_remembered(tmp_path: Path) -> None:
    with open_warehouse(tmp_path) as warehouse:
        assert warehouse.mark("c1", "x") is None
        warehouse.set_mark("c1", "x", "1")
        warehouse.set_mark("c1", "x", "2")
    with open_warehouse(tmp_path) as warehouse:
        assert warehouse.mark("c1", "x") == "2"


_FILL = """
import resource, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from domain.errors import StoreError
from storage.warehouse import open_warehouse
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
now = datetime(2026, 3, 2, 12, tzinfo=UTC)
row = {"center_id": "c1", "sequence": 1, "happened_at": now, "recorded_at": now, "voided": False}
with open_warehouse(Path(sys.argv[1])) as warehouse:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    try:
        for page in range(2000):
            rows = [row | {"event_id": f"{page}-{n}", "event_type": f"{page * 31 + n * 17:0500x}"} for n in range(200)]
            warehouse.add_new("events", rows)
            if page % 5 == 4:
                warehouse.publish(now)
    except StoreError as error:
        print(error)
"""


@pytest.mark.parametrize("limit_kib", [1200, 3000])
def test_a_full_disk_is_told_and_nothing_half_written_is_published(tmp_path: Path, limit_kib: int) -> None:
    with open_warehouse(tmp_path) as warehouse:
        warehouse.add_versions("children", [CHILD])
        warehouse.publish(NOW)
    command = [sys.executable, "-c", _FILL, str(tmp_path), str(limit_kib * 1024)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "is full; free some space and run this again" in done.stdout, done.stderr
    with open_reader(tmp_path) as reader:
        assert len(reader.frame("children")) == 1
        published = len(reader.frame("events"))
        assert published % 1000 == 0  # whole publications only
    assert list((tmp_path / "snapshots").glob("*.partial")) == []
    with open_warehouse(tmp_path) as warehouse:  # with space again, the next run completes
        kept = warehouse.rows("SELECT count(*) AS n FROM events")[0]["n"]
        assert kept % 200 == 0
        assert kept >= published
        warehouse.publish(LATER)
    with open_reader(tmp_path) as reader:
        assert len(reader.frame("events")) == kept

"""From events to stays and headcounts: only what changed, nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors.platform import PlatformClient
from domain.errors import BadInput
from flows.build import build
from flows.ingest import ingest
from storage.warehouse import Warehouse, open_warehouse
from tests.platform_double import TOKEN, PlatformDouble, instant, small_world


@pytest.fixture
def double() -> Iterator[PlatformDouble]:
    server = PlatformDouble(small_world(date(2026, 2, 2), days=8, centers=2), page_size=1000)
    yield server
    server.close()


@pytest.fixture
def warehouse(tmp_path: Path, double: PlatformDouble) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path) as opened:
        read(double, opened)
        yield opened


def read(double: PlatformDouble, warehouse: Warehouse) -> None:
    with PlatformClient(double.url, TOKEN) as platform:
        ingest(warehouse, platform, double.world.now)


def test_headcounts_agree_with_a_count_by_hand(double: PlatformDouble, warehouse: Warehouse) -> None:
    """Slow oracle: at the start of each slot, count the children whose last event put them into the room."""
    build(warehouse)
    corrected = {event.get("supersedes") for event in double.world.events} - {None}
    events = [event for event in double.world.events if event["event_id"] not in corrected and event.get("child_id")]
    events.sort(key=lambda event: (instant(event["timestamp"]), event["sequence"]))
    headcounts = warehouse.rows(
        "SELECT * FROM headcounts WHERE band = 'all' AND doubtful = 0 AND hour(slot) BETWEEN 14 AND 22 USING SAMPLE 60 "
        "ROWS (reservoir, 3)"
    )
    assert max(row["children_at_start"] for row in headcounts) >= 4
    for row in headcounts:
        where: dict[str, str | None] = {}
        for event in events:
            if instant(event["timestamp"]) <= row["slot"]:
                kind = event.get("corrected_type") or event["event_type"]
                where[event["child_id"]] = None if kind == "check_out" else event["room_id"]
        there = sum(room == row["room_id"] for child, room in where.items() if child.startswith(row["center_id"]))
        stale = _forgotten(warehouse, row)
        assert row["children_at_start"] == there - stale


def _forgotten(warehouse: Warehouse, row: dict[str, object]) -> int:
    """Children whose check-out was forgotten on an earlier day: the hand count still has them."""
    found = warehouse.rows(
        "SELECT count(*) AS n FROM stays WHERE room_id = ? AND doubts <> '' AND start < ? AND (\"end\" IS NULL OR "
        '"end" > ?)',
        [row["room_id"], row["slot"], row["slot"]],
    )
    return int(found[0]["n"])


def test_bands_add_up_to_all(warehouse: Warehouse) -> None:
    build(warehouse)
    wrong = warehouse.rows(
        "SELECT center_id, room_id, slot FROM headcounts GROUP BY ALL "
        "HAVING sum(children_at_start) FILTER (band = 'all') "
        "<> coalesce(sum(children_at_start) FILTER (band <> 'all'), 0)"
    )
    assert wrong == []


def test_a_second_build_finds_nothing_to_do(warehouse: Warehouse) -> None:
    assert build(warehouse).built == ("c1", "c2")
    assert build(warehouse).unchanged == ("c1", "c2")


def test_only_the_center_that_changed_is_built(double: PlatformDouble, warehouse: Warehouse) -> None:
    build(warehouse)
    double.world.add_event("c2", "check_in", double.world.now, child_id="c2-k1", room_id="c2-r1")
    read(double, warehouse)
    assert build(warehouse).built == ("c2",)


def test_a_late_correction_changes_the_headcounts(double: PlatformDouble, warehouse: Warehouse) -> None:
    build(warehouse)
    out = next(event for event in double.world.events if event["event_type"] == "check_out")
    at = instant(out["timestamp"])
    double.world.add_event(
        "c1", "correction", at - timedelta(hours=3), late=90_000, supersedes=out["event_id"],
        corrected_type="check_out",
    )  # fmt: skip
    read(double, warehouse)
    build(warehouse)
    stays = warehouse.rows(
        'SELECT "end" FROM stays WHERE child_id = ? AND "end" = ?', [out["child_id"], at - timedelta(hours=3)]
    )
    assert len(stays) == 1


def test_doubtful_stays_are_marked_and_kept(double: PlatformDouble, warehouse: Warehouse) -> None:
    result = build(warehouse)
    outs = {
        (event["child_id"], event["timestamp"][:10])
        for event in double.world.events
        if event["event_type"] == "check_out"
    }
    ins = {
        (event["child_id"], event["timestamp"][:10])
        for event in double.world.events
        if event["event_type"] == "check_in"
    }
    assert len(ins - outs) == result.doubtful_stays > 0
    assert warehouse.rows("SELECT count(*) AS n FROM headcounts WHERE doubtful > 0")[0]["n"] > 0
    after_closing = "SELECT count(*) AS n FROM headcounts WHERE doubtful > 0 AND (hour(slot) < 12 AND hour(slot) > 0)"
    assert warehouse.rows(after_closing)[0]["n"] == 0  # forgotten check-outs do not stay overnight (UTC 00 = 18:00)


def test_a_room_the_platform_does_not_list_is_told(double: PlatformDouble, warehouse: Warehouse) -> None:
    double.world.add_event("c1", "check_in", double.world.now, child_id="c1-k1", room_id="a-new-room")
    read(double, warehouse)
    assert "1 stays lie in the room 'a-new-room', which the platform does not list" in build(warehouse).problems[0]


def test_an_empty_warehouse_says_what_to_do(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "empty") as warehouse, pytest.raises(BadInput, match="run `ratiocast ingest` first"):
        build(warehouse)

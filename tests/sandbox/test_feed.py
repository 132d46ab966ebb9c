"""The data feed as the real platform writes it: four formats, daily or overwritten, late and truncated."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from domain.errors import BadInput
from domain.time import local_instant, zone
from sandbox import World
from sandbox.feed import CLASSES, FORMATS, SESSIONS, FeedWriter

TZ = zone("America/Chicago")
MONDAY = date(2026, 3, 2)
DAILY = "{year}/{month:02d}/{day:02d}"


def read(file: Path) -> pd.DataFrame:
    content = file.read_bytes()
    if file.suffix == ".csv":
        return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    if file.suffix == ".ndjson":
        return pd.DataFrame([{k: str(v) for k, v in json.loads(line).items()} for line in content.splitlines()])
    if file.suffix == ".parquet":
        return pd.read_parquet(io.BytesIO(content)).astype(str)
    rows = list(load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))
    return pd.DataFrame([[str(cell) for cell in row] for row in rows[1:]], columns=rows[0])


def writer(world: World, folder: Path, form: str = "csv", **more: object) -> FeedWriter:
    return FeedWriter(world, str(folder), form, **{"late": (), "truncated": (), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_the_same_rows(spring: World, tmp_path: Path, form: str) -> None:
    writer(spring, tmp_path / "plain", "csv").write(MONDAY)
    writer(spring, tmp_path / form, form).write(MONDAY)
    for table in (CLASSES, SESSIONS):
        expected, found = read(tmp_path / "plain" / f"{table}.csv"), read(tmp_path / form / f"{table}.{form}")
        pd.testing.assert_frame_equal(found.astype(object), expected.astype(object))
        assert len(found) > 2


def test_rows_are_keyed_by_names_with_yes_and_no_and_minus_one(spring: World, tmp_path: Path) -> None:
    writer(spring, tmp_path / DAILY).write(MONDAY)
    rows = read(tmp_path / "2026" / "03" / "02" / f"{SESSIONS}.csv")
    ids = {row.value.child_id for row in spring.children}
    assert not ids & set(rows["child"])
    assert set(rows["is_present"]) == {"Yes", "No"}
    away = rows[rows["is_present"] == "No"]
    assert set(away["check_in_time"]) == {"-1"}
    assert set(rows["session_date"]) == {"2026-03-02"}
    assert set(rows["class"]) == {room.name for room in spring.rooms}


def test_the_feed_tells_the_check_ins_of_the_log(spring: World, tmp_path: Path) -> None:
    feed = writer(spring, tmp_path)
    rows = pd.DataFrame(feed._sessions_of.rows(MONDAY, MONDAY, datetime(2026, 12, 1, tzinfo=TZ)))
    logged = [e for e in spring.events if e.event_type == "check_in" and e.happened_at.astimezone(TZ).date() == MONDAY]
    told = {text for text in rows["check_in_time"] if text != -1}
    assert told == {f"{e.happened_at.astimezone(TZ):%Y-%m-%d %H:%M:%S}" for e in logged}


def test_a_template_without_fields_is_overwritten_every_day(spring: World, tmp_path: Path) -> None:
    feed = writer(spring, tmp_path)
    first = feed.write(MONDAY)
    second = feed.write(date(2026, 3, 4))
    assert second > first
    assert len(list(tmp_path.iterdir())) == 2


def test_a_late_day_is_not_there_until_a_day_later(spring: World, tmp_path: Path) -> None:
    morning = local_instant(date(2026, 3, 4), time(9), TZ)
    writer(spring, tmp_path / DAILY, late=[date(2026, 3, 3)]).write_until(morning)
    assert (tmp_path / "2026/03/02").is_dir()
    assert not (tmp_path / "2026/03/03").exists()
    usual = writer(spring, tmp_path / "on time" / DAILY)
    usual.write_until(morning)
    assert (tmp_path / "on time/2026/03/03").is_dir()


def test_a_truncated_file_breaks_off(spring: World, tmp_path: Path) -> None:
    writer(spring, tmp_path / "whole").write(MONDAY)
    writer(spring, tmp_path / "broken", truncated=[MONDAY]).write(MONDAY)
    whole, broken = ((tmp_path / name / f"{SESSIONS}.csv").read_bytes() for name in ("whole", "broken"))
    assert whole.startswith(broken)
    assert len(broken) < len(whole)


def test_what_becomes_known_later_is_not_in_the_days_own_export(spring: World, tmp_path: Path) -> None:
    feed = writer(spring, tmp_path)
    night = pd.DataFrame(feed._sessions_of.rows(spring.start, date(2026, 3, 13), feed.due(spring.start)))
    later = pd.DataFrame(feed._sessions_of.rows(spring.start, date(2026, 3, 13), feed.due(date(2026, 3, 14))))
    assert set(night[night["is_present"] == "Yes"]["session_date"]) == {"2026-03-02"}
    assert later["session_date"].nunique() == 10


def test_a_wrong_format_or_template_is_named(spring: World) -> None:
    with pytest.raises(BadInput, match="'pdf'"):
        FeedWriter(spring, "x", "pdf")
    with pytest.raises(BadInput, match="year, month, day"):
        FeedWriter(spring, "{week}")

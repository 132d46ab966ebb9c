"""Every example of docs/formats.md that belongs to the pipeline works as it stands."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from connectors.sites import centers_of, read_toml
from connectors.spreadsheets import read_attendance, read_counts
from forecasting.forecast import LEVELS, TABLE_COLUMNS
from storage.warehouse_tables import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def example(name: str) -> str:
    found = re.search(rf"```\w+ {name}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, f"docs/formats.md has no example '{name}'"
    return found.group(1)


def test_the_column_map_and_its_file(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(example("map"))
    (tmp_path / "attendance.csv").write_text(example("attendance"))
    attendance = read_attendance(tmp_path / "attendance.csv", tmp_path / "map.toml")
    *visits, absence = attendance.sessions
    assert [session.check_in.astimezone(UTC) for session in visits] == [
        datetime(2026, 3, 6, 13, 45, tzinfo=UTC),
        datetime(2026, 3, 9, 12, 50, tzinfo=UTC),
        datetime(2026, 3, 9, 13, 10, tzinfo=UTC),
    ]
    assert [session.check_out is None for session in visits] == [False, False, True]
    assert not any(session.voided for session in visits)
    assert (absence.day, absence.voided) == (date(2026, 3, 10), True)


def test_head_counts(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text(example("counts"))
    assert [row["count"] for row in read_counts(tmp_path / "counts.csv")] == [4, 6]


def test_centers_toml(tmp_path: Path) -> None:
    (tmp_path / "centers.toml").write_text(example("centers"))
    centers = centers_of(read_toml(tmp_path / "centers.toml"), "centers.toml")
    assert centers["Sunny Hill"].timezone == "America/Chicago"


def test_the_forecast_columns_are_those_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = PAGE.read_text().split("## Forecasts and backtests (Parquet)")[1]
    table = re.search(r"(^\|.*\n)+", section, re.MULTILINE)
    assert table
    documented = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table.group(0), re.MULTILINE)))
    assert tuple(documented) == TABLE_COLUMNS
    assert tuple(TABLES["forecasts"].columns) == (*TABLE_COLUMNS, "kind")
    assert [f"q{round(level * 100):02d}" for level in LEVELS] == [name for name in documented if name[0] == "q"]
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({name: [] for name in TABLE_COLUMNS}).to_parquet("forecast.parquet")
    exec(example("forecast"), {})  # noqa: S102 - an example of our own page

"""Weather kept in the data folder: one file at a time, read alike by whatever forecasts."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.errors import BadInput
from flows.train import history_of
from flows.weather import keep_weather, kept_weather
from storage.warehouse import open_warehouse

DAY = date(2026, 3, 2)


def file_of(folder: Path, heat: float) -> Path:
    path = folder / "given.csv"
    path.write_text(f"timestamp,heat\n2026-03-01,1\n2026-03-02,{heat}\n")
    return path


def heat_seen(data_dir: Path) -> float:
    weather = kept_weather(data_dir)
    assert weather is not None
    return float(weather.known_on("c1", DAY).seen_from(DAY, DAY, ["heat"])[0])


def test_the_file_kept_last_is_the_one_that_counts(tmp_path: Path) -> None:
    assert kept_weather(tmp_path) is None
    keep_weather(tmp_path, file_of(tmp_path, 30), known_ahead=True)
    assert heat_seen(tmp_path) == 30
    keep_weather(tmp_path, file_of(tmp_path, 40), known_ahead=False)
    assert heat_seen(tmp_path) == 1  # readings: only the day before is known
    keep_weather(tmp_path, file_of(tmp_path, 20), known_ahead=True)
    assert heat_seen(tmp_path) == 20


def test_a_bad_file_leaves_what_was_kept(tmp_path: Path) -> None:
    keep_weather(tmp_path, file_of(tmp_path, 30), known_ahead=True)
    bad = tmp_path / "bad.csv"
    bad.write_text("timestamp,heat\n2026-03-02,warm\n")
    for path in (bad, tmp_path / "none.csv"):
        with pytest.raises(BadInput, match=path.name):
            keep_weather(tmp_path, path, known_ahead=False)
    assert heat_seen(tmp_path) == 30


def test_the_history_that_is_learnt_from_knows_the_weather(tmp_path: Path) -> None:
    keep_weather(tmp_path, file_of(tmp_path, 30), known_ahead=True)
    with open_warehouse(tmp_path) as warehouse:
        history = history_of(warehouse)
    known = history.known_at(datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert known.weather("c1", DAY).names == ("heat",)

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from cli import backtest
from domain.errors import BadInput
from forecasting.counts.backtest import COLUMNS
from forecasting.counts.peers import MISSING, available


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    backtest.register(app)
    return app


@pytest.fixture
def file(counts_world: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "counts.parquet"
    counts_world[counts_world["ts"] < "2024-02-15"].to_parquet(path)
    return path


def test_the_command_prints_scores_and_writes_forecasts_and_plots(app: typer.Typer, file: Path, tmp_path: Path) -> None:
    out, plots = tmp_path / "out.parquet", tmp_path / "plots"
    words = ["backtest", "counts", str(file), "--horizons", "90min", "--origins-last", "7d", "--json", "--peers"]
    result = CliRunner().invoke(app, [*words, "--out", str(out), "--plots", str(plots)])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert "60min taken" in printed["notes"][0]
    assert available() or MISSING in printed["notes"]
    assert {row["model"] for row in printed["scores"]} >= {"ratiocast", "last", "delta", "snaive", "mean4", "med4"}
    assert all(0 <= row["coverage"] <= 1 for row in printed["scores"])
    assert {row["other"] for row in printed["significance"]} >= {"last", "mean4"}
    assert {(row["room_id"], row["days"]) for row in printed["rooms"]} == {("room 0", 7), ("room 1", 7)}
    assert list(pd.read_parquet(out).columns) == list(COLUMNS)
    assert len(list(plots.glob("*.png"))) == 2


def test_bad_horizons_and_files_are_refused(app: typer.Typer, file: Path, tmp_path: Path) -> None:
    for words in (["--horizons", "5min"], ["--horizons", ","], ["--origins-last", "yesterday"]):
        result = CliRunner().invoke(app, ["backtest", "counts", str(file), *words])
        assert isinstance(result.exception, BadInput)
    result = CliRunner().invoke(app, ["backtest", "counts", str(tmp_path / "none.parquet")])
    assert isinstance(result.exception, BadInput)


def test_weather_is_read_from_a_file(app: typer.Typer, file: Path, tmp_path: Path) -> None:
    weather = tmp_path / "weather.csv"
    weather.write_text("timestamp,heat\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 32)))
    words = ["backtest", "counts", str(file), "--horizons", "1h", "--origins-last", "7d", "--json"]
    result = CliRunner().invoke(app, [*words, "--weather", str(weather), "--weather-known-ahead"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(app, [*words, "--weather", str(tmp_path / "none.csv")])
    assert isinstance(result.exception, BadInput)

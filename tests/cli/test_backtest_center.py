"""`ratiocast backtest center` over a published snapshot of a simulated center."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from cli import app
from domain.errors import BadInput, NothingPublished
from flows.rows import booking_rows, center_row, child_row, event_row, room_row
from forecasting.baselines import NAMES
from forecasting.frames import stays_frame
from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from storage.warehouse import open_warehouse

START = date(2025, 3, 3)
END = datetime(2025, 4, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    world = simulate(Knobs(size="small"), 6, START, 42)
    with open_warehouse(folder) as warehouse:
        warehouse.put("centers", [center_row(center) for center in world.centers])
        warehouse.put("rooms", [room_row(room) for room in world.rooms])
        warehouse.put("children", [child_row(c.value, c.recorded_at, store_names=False) for c in world.children])
        warehouse.put("events", [event_row(event) for event in world.events])
        warehouse.put("bookings", [r for row in world.bookings for r in booking_rows([row.value], row.recorded_at)])
        warehouse.put("stays", stays_frame(world.events, world.centers))
        warehouse.publish(END)
    return folder


@pytest.fixture
def ratiocast(monkeypatch: pytest.MonkeyPatch, published: Path) -> CliRunner:
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(published))
    return CliRunner()


def test_questions_are_answered_in_their_order_and_written(ratiocast: CliRunner, tmp_path: Path) -> None:
    asked = tmp_path / "questions.csv"
    asked.write_text(
        "center_id,room_id,origin,target_time\n"
        "c01,c01-r02,2025-04-10T14:45:00Z,2025-04-10T15:00:00Z\n"
        "c01,c01-r01,2025-04-03T05:00:00Z,2025-04-10T15:00:00Z\n"
    )
    out = tmp_path / "answers.parquet"
    done = ratiocast.invoke(app, ["backtest", "center", "--questions", str(asked), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(out)
    assert list(table["room_id"]) == ["c01-r02", "c01-r01"]
    assert list(table["horizon"]) == ["15min", "178h"]
    assert [row["model"] for row in json.loads(done.stdout)] == ["child-hazard", "child-week"]
    assert (table["q10"] <= table["q90"]).all()


def test_a_question_about_an_unknown_room_or_a_missing_file_is_named(ratiocast: CliRunner, tmp_path: Path) -> None:
    asked = tmp_path / "questions.csv"
    asked.write_text("center_id,room_id,origin,target_time\nc01,x,2025-04-10T14:45:00Z,2025-04-10T15:00:00Z\n")
    done = ratiocast.invoke(app, ["backtest", "center", "--questions", str(asked)])
    assert isinstance(done.exception, BadInput)
    assert "name room 'x'" in str(done.exception)
    missing = ratiocast.invoke(app, ["backtest", "center", "--questions", str(tmp_path / "none.csv")])
    assert isinstance(missing.exception, BadInput)
    assert "none.csv cannot be read as questions" in str(missing.exception)


def test_more_days_than_the_history_can_answer_are_refused_before_the_work(ratiocast: CliRunner) -> None:
    for center in ([], ["--center", "c01"]):
        done = ratiocast.invoke(app, ["backtest", "center", "--last-days", "400", *center])
        assert isinstance(done.exception, BadInput)
        assert str(done.exception) == (
            "--last-days: the history is 40 days long, so its last 400 leave less than a week to learn from; ask for "
            "at most 33"
        )


def test_without_questions_the_last_days_are_scored_beside_the_baselines(ratiocast: CliRunner) -> None:
    done = ratiocast.invoke(app, ["backtest", "center", "--last-days", "1", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    rows = told["scores"]
    assert {row["horizon"] for row in rows} == {"15min", "30min", "7d"}
    assert {row["model"] for row in rows} >= {"child-hazard", "child-week", "baseline:last", "baseline:bookings"}
    assert all(0.5 < row["pit80"] <= 1 for row in rows if row["model"] == "child-hazard")
    assert {test["other"] for test in told["significance"]} == {f"baseline:{name}" for name in NAMES}


def test_plots_of_reliability_and_error_are_written_per_horizon(ratiocast: CliRunner, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = ratiocast.invoke(app, ["backtest", "center", "--last-days", "1", "--plots", str(tmp_path / "plots")])
    assert done.exit_code == 0, done.output
    written = {path.name.split("_", 1)[1]: path.read_bytes() for path in (tmp_path / "plots").glob("*.png")}
    assert set(written) == {f"{h}_{kind}.png" for h in ("15min", "30min", "7d") for kind in ("reliability", "error")}
    assert all(content.startswith(b"\x89PNG") for content in written.values())


def test_without_a_snapshot_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(app, ["backtest", "center"])
    assert isinstance(done.exception, NothingPublished)

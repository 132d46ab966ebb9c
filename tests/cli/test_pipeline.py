"""The pipeline's commands, from a platform and from files, and what they say about bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cli import app
from domain.errors import BadInput, NotFound, RatiocastError
from optimizer import Plan
from storage.reader import open_reader
from tests.platform_double import TOKEN, PlatformDouble, small_world

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def double() -> Iterator[PlatformDouble]:
    server = PlatformDouble(small_world(date(2026, 2, 2), days=12), page_size=500)
    yield server
    server.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, double: PlatformDouble) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATA_DIR": str(tmp_path / "data"), "CLOCK": f"{double.url}/control/clock", "PLATFORM_TOKEN": TOKEN,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"RATIOCAST_{name}", value)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def told(*arguments: str) -> dict[str, object]:
    result = run(*arguments, "--json")
    assert result.exception is None, result.exception
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def refused(*arguments: str) -> RatiocastError:
    error = run(*arguments).exception
    assert isinstance(error, RatiocastError), error
    return error


def test_ingest_train_forecast_from_the_platform(home: Path, double: PlatformDouble) -> None:
    ingested = told("ingest", "--platform-url", double.url)
    assert ingested["ingest"]["new_events"] == len(double.world.events)  # type: ignore[index]
    assert told("train")["stays"]  # type: ignore[truthy-bool]
    out = home / "soon.parquet"
    forecast = told("forecast", "--horizon", "30min", "--out", str(out))
    table = pd.read_parquet(out)
    assert len(table) == 3 == len(forecast["forecasts"])  # type: ignore[arg-type]
    assert list(table.columns) == [
        "center_id", "room_id", "origin", "target_time", "horizon", "q05", "q10", "q25", "q50", "q75", "q90", "q95",
        "mean", "model",
    ]  # fmt: skip
    assert (table["target_time"] - table["origin"] == pd.Timedelta("30min")).all()
    week = told("forecast", "--horizon", "week")
    assert len(week["forecasts"]) > 1000  # type: ignore[arg-type]
    assert "Kept" in run("forecast", "--horizon", "15min").stdout
    plan = home / "plan.json"
    planned = told("plan", "--week", "2026-W08", "--out", str(plan))
    assert (planned["week"], len(planned["plans"])) == ("2026-W08", 1)  # type: ignore[arg-type]
    assert Plan.read(plan.read_bytes()).label == "2026-W08"
    assert "Coverage plans of 2026-W08" in run("plan", "--week", "2026-W08").stdout  # not solved again
    assert "'next' is not a week; write it as 2026-W48" in str(refused("plan", "--week", "next"))


def test_a_model_is_trained_with_the_weather_of_a_file_and_forecasts_take_a_newer_one(
    home: Path, double: PlatformDouble
) -> None:
    told("ingest", "--platform-url", double.url)
    file = home / "weather.csv"
    file.write_text("timestamp,rain\n" + "".join(f"2026-02-{day:02d},{day % 3}\n" for day in range(2, 15)))
    model = Path(str(told("train", "--weather", str(file), "--weather-known-ahead")["model"]))
    assert json.loads((model / "model.json").read_text())["card"]["features"]["show_up"][-1] == "rain"
    file.write_text("timestamp,rain\n2026-02-14,9\n")
    told("forecast", "--horizon", "15min", "--weather", str(file), "--weather-known-ahead")
    assert (home / "data" / "weather" / "forecasts.csv").read_text() == file.read_text()
    assert "name it with --weather" in str(refused("train", "--weather-known-ahead"))
    assert "cannot be read" in str(refused("train", "--weather", str(home / "none.csv")))


def test_ingest_with_tables_for_people_and_problems_on_the_side(home: Path, double: PlatformDouble) -> None:
    result = run("ingest", "--platform-url", double.url, "--since", "2026-02-09")
    assert result.exception is None
    assert "Ingested" in result.stdout


def test_what_is_missing_is_said(home: Path) -> None:
    assert "neither a platform nor a feed is set" in str(refused("ingest"))
    assert "give either --platform-url or --feed" in str(refused("ingest", "--platform-url", "http://x", "--feed", "y"))
    assert "'platform' is not the address of a platform" in str(refused("ingest", "--platform-url", "platform"))
    assert "is not a day; write it as" in str(refused("ingest", "--platform-url", "http://x", "--since", "Monday"))
    assert "the horizon '2h' is unknown; choose from 15min, 30min, week" in str(refused("forecast", "--horizon", "2h"))
    assert "nothing to learn from; run `ratiocast ingest` first" in str(refused("train"))
    assert isinstance(refused("forecast"), NotFound)


def test_a_feed_needs_its_centers_described(home: Path) -> None:
    error = refused("ingest", "--feed", str(home / "feed"))
    assert isinstance(error, BadInput)
    assert 'centers.toml does not exist; write it, for example: [centers."Sunny Hill"]' in str(error)


def test_exit_codes_and_one_sentence_on_standard_error(home: Path) -> None:
    def code(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stderr.strip()

    status, said = code("ingest")
    assert (status, said.count("\n")) == (2, 0)
    assert said.startswith("ratiocast: neither a platform nor a feed is set")
    assert code("forecast")[0] == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("rooms", "the platform lists no rooms for it"), ("timezone", "'Mars/Olympus'")],
)
def test_a_center_left_out_is_named_and_has_an_exit_status_of_its_own(home: Path, wrong: str, said: str) -> None:
    world = small_world(date(2026, 2, 2), days=10, centers=2)
    if wrong == "rooms":
        world.rooms = [room for room in world.rooms if room["center_id"] != "c2"]
    else:
        world.centers[1]["timezone"] = "Mars/Olympus"
    server = PlatformDouble(world, page_size=1000)
    try:
        given = ["ingest", "--platform-url", server.url, "--token", TOKEN, "--json"]
        environment = os.environ | {"RATIOCAST_CLOCK": f"{server.url}/control/clock"}
        done = subprocess.run(
            [sys.executable, "-m", "cli", *given],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.close()
    assert done.returncode == 3
    assert "center c2" in done.stderr
    assert said in " ".join(done.stderr.split())
    assert json.loads(done.stdout)["ingest"]["centers"] == ["c1"]


def test_counts_are_imported_once_and_replaced(home: Path) -> None:
    file = home / "counts.csv"
    file.write_text("ts,count,site,room\n2026-03-02 07:15,3,pool,ice\n2026-03-02 07:30,4,pool,ice\n")
    assert told("import", "counts", str(file)) == {"rows": 2, "rooms": 1}
    file.write_text("ts,count,site,room\n2026-03-02 07:30,6,pool,ice\n")
    told("import", "counts", str(file))
    with open_reader(home / "data") as reader:
        assert list(reader.frame("counts")["count"]) == [3.0, 6.0]


def test_real_counts_can_be_imported(home: Path, shared: Path) -> None:
    file = shared / "datasets" / "pool_pl.parquet"
    if not file.exists():
        pytest.skip("the pool's head counts are not in the shared data folder")
    assert told("import", "counts", str(file))["rooms"] == 4


MAP = """
[centers."Sunny Hill"]
state = "TX"
timezone = "America/Chicago"
opens = "06:30"
closes = "18:30"
rooms."Bears" = {age_min_months = 18, age_max_months = 36, capacity = 12}

[columns]
child = "Name"
room = "Group"
check_in = "In"
check_out = "Out"

[formats]
date = ["%m/%d/%Y"]
time = ["%I:%M %p"]
"""


def test_attendance_is_imported_and_counted(home: Path) -> None:
    (home / "map.toml").write_text(MAP)
    file = home / "attendance.csv"
    file.write_text(
        "Name,Group,In,Out\n"
        "Ana,Bears,03/06/2026 07:45 AM,03/06/2026 04:30 PM\n"
        "Bo,Bears,03/09/2026 07:50 AM,\n"  # after the clocks changed; never checked out
        "Bo,Bears,03/10/2026 08:00 AM,03/10/2026 04:00 PM\n"
    )
    answer = told("import", "attendance", str(file), "--map", str(home / "map.toml"))
    assert (answer["visits"], answer["new_events"], answer["problems"]) == (3, 5, [])
    assert told("import", "attendance", str(file), "--map", str(home / "map.toml"))["new_events"] == 0
    with open_reader(home / "data") as reader:
        stays = reader.frame("stays")
        counts = reader.query(
            "SELECT slot, children_at_start, doubtful FROM headcounts WHERE band = 'all' AND children_at_start > 0 "
            "ORDER BY slot"
        )
    assert list(stays["doubts"] != "") == [False, True, False]
    days = counts.groupby(counts["slot"].dt.date)["slot"].agg(["min", "max"])
    assert [f"{low:%H:%M}-{high:%H:%M}" for low, high in days.itertuples(index=False)] == [
        "13:45-22:15",  # 07:45 to 16:15 in winter time
        "13:00-23:15",  # from 07:50 in summer time; never checked out: counted until closing
        "13:00-20:45",
    ]
    assert counts["doubtful"].max() == 1


def test_overlapping_rows_of_a_spreadsheet_are_named(home: Path) -> None:
    (home / "map.toml").write_text(MAP)
    file = home / "attendance.csv"
    file.write_text(
        "Name,Group,In,Out\nAna,Bears,03/06/2026 07:45 AM,03/06/2026 04:30 PM\n"
        "Ana,Bears,03/06/2026 09:00 AM,03/06/2026 05:00 PM\n"
    )
    error = refused("import", "attendance", str(file), "--map", str(home / "map.toml"))
    assert "attendance.csv, rows 2 and 3: the same child is present twice" in str(error)
    assert not (home / "data" / "snapshots").exists()

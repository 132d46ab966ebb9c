"""The pipeline's steps as plain functions of the settings: each opens what it needs, does its work and publishes.

`STEPS` is what the commands, Prefect and the tests run. Every step may be run twice or killed anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.clock import PacedClock, open_clock
from connectors.feeds import Feed
from connectors.platform import PlatformClient
from connectors.sites import centers_of, read_toml
from connectors.spreadsheets import read_attendance, read_counts
from domain.errors import BadInput
from domain.time import format_instant, iso_week_start
from flows.accepted import keep_accepted
from flows.artifacts import write_file
from flows.build import build
from flows.choices import read_choices
from flows.feed import import_attendance, ingest_feed
from flows.forecast import HORIZONS, latest, make_forecasts, parquet
from flows.ingest import IngestResult, ingest
from flows.plan import Pace, make_plans
from flows.progress import Progress, silent
from flows.train import train_model
from flows.weather import keep_weather
from storage.reader import open_reader
from storage.settings import Settings
from storage.warehouse import Warehouse, open_warehouse

CENTERS_FILE = "centers.toml"


@dataclass(frozen=True)
class Run:
    """What a step is given: the settings, the time it is, and whom to tell how far it is."""

    settings: Settings
    now: datetime
    progress: Progress = field(default=silent, compare=False)

    def warehouse(self) -> Warehouse:
        return open_warehouse(self.settings.data_dir)


Result = dict[str, Any]
Step = Callable[[Run], Result]


def open_run(settings: Settings, progress: Progress = silent, clock: PacedClock | None = None) -> Run:
    """A run at the present instant of the clock the settings name."""
    return Run(settings, (clock or open_clock(settings)).now(), progress)


def run_ingest(run: Run, since: datetime | None = None) -> Result:
    """Read the platform, or the data feed if that is set, into the warehouse."""
    if since is not None and since > run.now:
        raise BadInput(f"the first day to read from, {format_instant(since)}, lies ahead; name an earlier one")
    with run.warehouse() as warehouse:
        result = _ingest(run, warehouse, since)
    if result.problems and not result.centers:
        raise BadInput("; ".join(result.problems))
    return _told(result)


def _ingest(run: Run, warehouse: Warehouse, since: datetime | None = None) -> IngestResult:
    settings = run.settings
    if settings.platform_url:
        with PlatformClient(settings.platform_url, settings.platform_token.get_secret_value()) as platform:
            return ingest(
                warehouse, platform, run.now, since=since, store_names=settings.store_names, progress=run.progress
            )
    if settings.feed_path:
        named = settings.data_dir / CENTERS_FILE
        centers = centers_of(read_toml(named), str(named))
        return ingest_feed(warehouse, Feed(settings.feed_path), centers, run.now, progress=run.progress)
    raise BadInput(
        "neither a platform nor a feed is set; give --platform-url and --token, or --feed, or set "
        "RATIOCAST_PLATFORM_URL"
    )


def run_build(run: Run) -> Result:
    """Make stays and headcounts of what was ingested."""
    with run.warehouse() as warehouse:
        return _told(build(warehouse, progress=run.progress))


def run_publish(run: Run) -> Result:
    """Publish the warehouse, with the plans accepted since, as a snapshot for the service and the notebooks."""
    with run.warehouse() as warehouse:
        problems = keep_accepted(warehouse, run.settings.data_dir)
        snapshot = warehouse.publish(run.now)
    return {
        "version": snapshot.version, "path": str(snapshot.path), "published_at": snapshot.published_at,
        "problems": problems,
    }  # fmt: skip


def run_import_counts(run: Run, file: Path, site: str = "", room: str = "") -> Result:
    """Store a file's head counts and publish; a count given before for the same room and instant is replaced."""
    counts = read_counts(file, site, room)
    with run.warehouse() as warehouse:
        warehouse.put("counts", counts)
        warehouse.publish(run.now)
    return {"rows": len(counts), "rooms": len({(row["site"], row["room"]) for row in counts})}


def run_import_attendance(run: Run, file: Path, map_file: Path) -> Result:
    """Store a foreign export's visits, make stays and headcounts, publish."""
    attendance = read_attendance(file, map_file)
    with run.warehouse() as warehouse:
        told = import_attendance(warehouse, attendance, run.now)
        problems = build(warehouse, progress=run.progress).problems
        warehouse.publish(run.now)
    return _told(told) | {"visits": len(attendance.sessions), "problems": [*told.problems, *problems]}


def take_weather(run: Run, file: Path | None, *, known_ahead: bool) -> None:
    """Keep a file of weather for this run and later ones; None leaves what is kept."""
    if file is None:
        if known_ahead:
            raise BadInput("--weather-known-ahead says something of a file of weather; name it with --weather")
        return
    keep_weather(run.settings.data_dir, file, known_ahead=known_ahead)


def run_train(run: Run) -> Result:
    """Train the model on all centers, with the weather kept in the data folder if there is any."""
    with run.warehouse() as warehouse:
        return _told(train_model(warehouse, run.settings.data_dir, run.now))


def run_forecast(run: Run, horizons: Sequence[str] = HORIZONS) -> Result:
    """Forecast the next 30 minutes and the next two weeks, and publish."""
    with run.warehouse() as warehouse:
        choices = read_choices(run.settings.ledger_location)
        made = make_forecasts(
            warehouse, run.settings.data_dir, run.now, choices, horizons=horizons, progress=run.progress
        )
        warehouse.publish(run.now)
    return _told(made)


def run_plan(run: Run, week: str = "", out: Path | None = None) -> Result:
    """Plan the week (the next one when none is named), and publish. `out` takes a copy of a single center's plan."""
    if week:
        iso_week_start(week)  # BadInput once, before the work, and not once per center
    with run.warehouse() as warehouse:
        choices = read_choices(run.settings.ledger_location)
        pace = Pace(run.settings.plan_seconds, run.settings.plan_processes)
        made = make_plans(warehouse, run.settings.data_dir, run.now, choices, week, pace=pace, progress=run.progress)
        warehouse.publish(run.now)
    if out is not None:
        if len(made.plans) != 1:
            raise BadInput(
                f"--out takes one center's plan, and {len(made.plans)} were made; they lie in the data folder"
            )
        write_file(out, Path(made.plans[0].path).read_bytes())
    return _told(made)


def forecast_table(run: Run, horizons: Sequence[str], out: Path | None = None) -> pd.DataFrame:
    """The newest published forecasts of the horizons, written to a Parquet file if one is named."""
    with open_reader(run.settings.data_dir) as reader:
        table = latest(reader.frame("forecasts"), horizons)
    if out is not None:
        write_file(out, parquet(table))
    return table


STEPS: dict[str, Step] = {
    "ingest": run_ingest,
    "build": run_build,
    "publish": run_publish,
    "train": run_train,
    "forecast": run_forecast,
    "plan": run_plan,
}


def _told(result: Any) -> Result:
    return asdict(result)

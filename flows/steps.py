"""The pipeline's steps as plain functions of the settings: each opens what it needs, does its work and publishes.

`STEPS` is what the commands, Prefect and the tests run. Every step may be run twice or killed anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from connectors.clock import PacedClock, open_clock
from connectors.feeds import Feed
from connectors.platform import PlatformClient
from connectors.sites import centers_of, read_toml
from domain.errors import BadInput
from flows.build import build
from flows.feed import ingest_feed
from flows.ingest import IngestResult, ingest
from flows.progress import Progress, silent
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
    with run.warehouse() as warehouse:
        return _told(ingest_source(run, warehouse, since))


def ingest_source(run: Run, warehouse: Warehouse, since: datetime | None = None) -> IngestResult:
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
    """Publish the warehouse as a snapshot for the service and the notebooks."""
    with run.warehouse() as warehouse:
        snapshot = warehouse.publish(run.now)
    return {"version": snapshot.version, "path": str(snapshot.path), "published_at": snapshot.published_at}


STEPS: dict[str, Step] = {
    "ingest": run_ingest,
    "build": run_build,
    "publish": run_publish,
}


def _told(result: Any) -> Result:
    return asdict(result)

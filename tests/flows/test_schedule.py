"""The steps as Prefect flows: run at once, and started by the schedule."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import BadInput, NotFound, NothingPublished
from flows.steps import Run, open_run
from storage.reader import open_reader
from storage.settings import Settings, load_settings
from storage.snapshots import current_snapshot
from tests.platform_double import TOKEN, PlatformDouble, small_world

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect on a temporary database of its own; the first use costs some seconds."""
    home = tmp_path_factory.mktemp("prefect")
    os.environ["PREFECT_HOME"] = str(home)  # read while Prefect is imported
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def double() -> Iterator[PlatformDouble]:
    server = PlatformDouble(small_world(date(2026, 2, 2), days=4), page_size=500)
    yield server
    server.close()


def settings_for(double: PlatformDouble, folder: Path) -> Settings:
    return load_settings(
        data_dir=folder,
        platform_url=double.url,
        platform_token=SecretStr(TOKEN),
        clock=f"{double.url}/control/clock",
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("prefect_server")
def test_a_step_runs_as_a_flow_and_its_errors_come_through(double: PlatformDouble, tmp_path: Path) -> None:
    from flows.schedule import run_flow

    told: list[str] = []

    def tell(step: str, done: int, total: int | None = None) -> None:
        told.append(step)

    run = open_run(settings_for(double, tmp_path), tell)
    assert set(run_flow("refresh", run)) == {"ingest", "build", "publish"}
    assert "build" in told
    with open_reader(tmp_path) as reader:
        assert len(reader.frame("headcounts")) > 0
    with pytest.raises(BadInput, match="neither a platform nor a feed is set"):
        run_flow("ingest", Run(load_settings(data_dir=tmp_path), run.now))
    with pytest.raises(NotFound, match="there is no flow 'nothing'"):
        run_flow("nothing", run)


_SERVE = """
import signal
from datetime import timedelta
from flows.schedule import serve_flows
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started deaf to it
serve_flows({"refresh": timedelta(seconds=10)})
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_schedule_starts_runs_until_it_is_interrupted(double: PlatformDouble, tmp_path: Path) -> None:
    environment = os.environ | {
        "RATIOCAST_DATA_DIR": str(tmp_path),
        "RATIOCAST_PLATFORM_URL": double.url,
        "RATIOCAST_PLATFORM_TOKEN": TOKEN,
        "RATIOCAST_CLOCK": f"{double.url}/control/clock",
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }
    environment.pop("PREFECT_API_URL", None)
    log = tmp_path / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 200
        while not _published(tmp_path) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: everybody in the foreground hears it
        process.wait(timeout=120)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert _published(tmp_path), log.read_text()


def _published(folder: Path) -> bool:
    try:
        return current_snapshot(folder).version > 0
    except NothingPublished:
        return False

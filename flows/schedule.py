"""The pipeline as Prefect flows: one flow per step, run at once or served on a schedule.

The flows take no parameters, because Prefect records parameters and the settings hold tokens: they run with what
`run_flow` was given or, in a scheduled process, with the settings of that process.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from storage.settings import load_settings

for _name, _value in {
    "PREFECT_HOME": str(load_settings().data_dir.resolve() / "prefect"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_PROMPT": "false",
}.items():
    os.environ.setdefault(_name, _value)  # Prefect reads them while it is imported

import httpx  # noqa: E402
from prefect import Flow, flow, serve  # noqa: E402
from prefect.deployments.runner import RunnerDeployment  # noqa: E402
from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: E402
from prefect.types.entrypoint import EntrypointType  # noqa: E402

from domain.errors import NotFound, RatiocastError  # noqa: E402
from flows.steps import STEPS, Result, Run, open_run  # noqa: E402

EVERY: Mapping[str, timedelta] = {
    "refresh": timedelta(minutes=15),
    "forecast": timedelta(hours=1),
    "train": timedelta(days=1),
    "plan": timedelta(days=1),
}
SERVER_START_SECONDS = 120
_given: ContextVar[Run | None] = ContextVar("given run", default=None)


def run_flow(name: str, run: Run) -> Result:
    """Run a step as a Prefect flow in this process. The first flow of a process starts a temporary Prefect server
    unless PREFECT_API_URL names one (8 to 20 s); each further flow costs about a second.
    """
    if name not in FLOWS:
        raise NotFound(f"there is no flow '{name}'; there are: {', '.join(FLOWS)}")
    token = _given.set(run)
    try:
        result: Result = FLOWS[name]()
        return result
    finally:
        _given.reset(token)


def serve_flows(every: Mapping[str, timedelta] = EVERY) -> None:
    """Schedule the flows here until interrupted, one run at a time (the warehouse has one writer).

    Uses the Prefect server named by PREFECT_API_URL, or starts one on this machine for as long as it serves.
    """
    with _server() as url, temporary_settings({PREFECT_API_URL: url}):
        serve(*(_deployment(name, interval) for name, interval in every.items()), limit=1, print_starting_message=False)


@flow(name="ingest")
def ingest_flow() -> Result:
    return _run("ingest")


@flow(name="build")
def build_flow() -> Result:
    return _run("build")


@flow(name="publish")
def publish_flow() -> Result:
    return _run("publish")


@flow(name="train")
def train_flow() -> Result:
    return _run("train")


@flow(name="forecast")
def forecast_flow() -> Result:
    return _run("forecast")


@flow(name="plan")
def plan_flow() -> Result:
    return _run("plan")


@flow(name="refresh")
def refresh_flow() -> Result:
    """What has to be done often: read what is new, build, publish."""
    return {name: _run(name) for name in ("ingest", "build", "publish")}


_ALL = (ingest_flow, build_flow, publish_flow, train_flow, forecast_flow, plan_flow, refresh_flow)
FLOWS: dict[str, Flow[[], Result]] = {known.name: known for known in _ALL}


def _run(name: str) -> Result:
    return STEPS[name](_given.get() or open_run(load_settings()))


def _deployment(name: str, interval: timedelta) -> RunnerDeployment:
    made = FLOWS[name].to_deployment(name, interval=interval, entrypoint_type=EntrypointType.MODULE_PATH)
    if not isinstance(made, RunnerDeployment):
        raise TypeError("flows are served from synchronous code")
    return made


@contextmanager
def _server() -> Iterator[str]:
    """The address of a Prefect server that runs schedules; the temporary one of a single flow does not."""
    named = PREFECT_API_URL.value()
    if named:
        yield str(named)
        return
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_until_healthy(process, f"http://127.0.0.1:{port}/api/health")
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str) -> None:
    """Until the server answers; RatiocastError if it ends or stays silent."""
    until = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=2.0).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RatiocastError(
        f"the local Prefect server did not start within {SERVER_START_SECONDS} s; run `prefect server start` to see "
        "why, or set PREFECT_API_URL to one that runs"
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

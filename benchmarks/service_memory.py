"""Memory of the service for one large center, console included: at the start, with its trained model, pages opened.

The center is simulated; two months are brought in and learnt from before the service starts as a process of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
from pydantic import SecretStr

from benchmarks._service_load import Row, Running, free_port, process
from benchmarks._stage import MORNING, PASSWORD, let_in, serving
from flows.steps import STEPS, open_run
from sandbox import Knobs, simulate
from sandbox.app import READ_TOKEN
from sandbox.app import create_app as create_double
from storage.settings import Settings

_SERVE = "from api.serving import serve; from storage.settings import load_settings; serve(load_settings())"
_PAGES = ("/", "/week", "/incidents", "/reports", "/reports/forecasts", "/settings", "/learn")
TARGET = 400.0  # MiB


def run() -> list[Row]:
    double = create_double(simulate(Knobs(size="large"), 7, date(2026, 1, 12), 64), now=MORNING)
    with tempfile.TemporaryDirectory() as folder, serving(double) as url:
        settings = Settings(
            data_dir=Path(folder), platform_url=url, platform_token=SecretStr(READ_TOKEN), clock=f"{url}/control/clock"
        )
        let_in(settings, MORNING)
        for name in ("ingest", "build", "train", "publish"):
            STEPS[name](open_run(settings))
        with _served(settings) as running, _signed_in(running) as client:
            rows = [_row("at the start, with console", running)]
            _until_the_model_answers(client, url)
            rows.append(_row("with the trained model in use", running))
            for page in _PAGES:
                client.get(page, headers={"Accept": "text/html"}).raise_for_status()
            rows.append(_row("after every page was opened", running))
    return rows


@contextmanager
def _served(settings: Settings) -> Iterator[Running]:
    port = free_port()
    chosen = {
        "DATA_DIR": str(settings.data_dir), "PLATFORM_URL": settings.platform_url, "CLOCK": settings.clock,
        "PLATFORM_TOKEN": settings.platform_token.get_secret_value(), "MODE": "suggestions", "PORT": str(port),
    }  # fmt: skip
    environment = {**os.environ, **{f"RATIOCAST_{name}": value for name, value in chosen.items()}}
    with process([sys.executable, "-c", _SERVE], port, environment) as running:
        yield running


@contextmanager
def _signed_in(running: Running) -> Iterator[httpx.Client]:
    url = f"http://127.0.0.1:{running.port}"
    with httpx.Client(base_url=url, timeout=60, follow_redirects=True, trust_env=False) as client:
        form = {"user": "dana", "password": PASSWORD}
        client.post("/sign-in", data=form, headers={"Accept": "text/html"}).raise_for_status()
        yield client


def _until_the_model_answers(client: httpx.Client, double: str) -> None:
    """A minute of the double's clock at a time, so that the center is looked at again."""
    for _ in range(60):
        httpx.post(f"{double}/control/clock", json={"step": 60}, timeout=60).raise_for_status()
        time.sleep(1)
        rooms = client.get("/v1/centers/c01/live").json()["rooms"].values()
        if any(risk["source"].startswith("child") for room in rooms for risk in room["risks"]):
            return
    raise RuntimeError("the trained model did not come into use")


def _row(what: str, running: Running) -> Row:
    return {"benchmark": what, "value": round(running.mebibytes(), 1), "unit": "MiB", "target": TARGET}

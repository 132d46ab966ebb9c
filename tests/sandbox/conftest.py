"""Worlds simulated once, and a running double with a listener for its webhooks."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from sandbox import Knobs, World, simulate
from sandbox.app import READ_TOKEN, WRITE_TOKEN, create_app

NOW = datetime(2026, 3, 11, 16, 0, tzinfo=UTC)  # a Wednesday, 11:00 in Chicago


@pytest.fixture(scope="session")
def year() -> World:
    """A medium center over a year in which no season keeps children away."""
    knobs = Knobs(holiday_season_drop=0, holiday_week_drop=0, summer_drop=0, snow_days_per_winter=0)
    return simulate(knobs, 1, date(2026, 1, 5), 364)


@pytest.fixture(scope="session")
def spring() -> World:
    """A small center with the usual faults, over two weeks with a clock change on 2026-03-08."""
    return simulate(Knobs(size="small"), 7, date(2026, 3, 2), 14)


@dataclass
class Listener:
    """Takes webhooks over real HTTP; `answer` decides the status."""

    url: str
    answer: Callable[[dict[str, str], bytes], int]
    taken: list[tuple[dict[str, str], bytes, int]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = listening.answer(headers, body)
            listening.taken.append((headers, body, status))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listening = Listener(f"http://127.0.0.1:{server.server_port}/hook", lambda *_: 204)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield listening
    server.shutdown()
    server.server_close()
    thread.join(5)


@dataclass
class Double:
    """A running double: `read` and `write` are clients with the two tokens."""

    read: httpx.Client
    write: httpx.Client

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(1000):
            asked = {"center_id": "c01", **query} | ({"cursor": cursor} if cursor else {})
            page = self.read.get(f"/api/v1/{path}", params=asked).raise_for_status().json()
            rows += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows
        raise AssertionError("the cursor never ends")

    def control(self, path: str, body: dict[str, Any] | list[dict[str, Any]]) -> Any:
        return self.read.post(f"/control/{path}", json=body).raise_for_status().json()

    def wait_until(self, done: Callable[[], bool]) -> None:
        for _ in range(400):
            if done():
                return
            time.sleep(0.025)
        raise AssertionError("it did not happen within ten seconds")


@pytest.fixture(scope="session")
def served() -> World:
    """What the double serves; it may grow longer, which changes nothing of what was."""
    return simulate(Knobs(size="small"), 7, date(2026, 3, 2), 12)


@pytest.fixture
def serve() -> Iterator[Callable[[FastAPI], Double]]:
    """Runs applications on free ports until the test is over."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(running(app))


@pytest.fixture
def double(served: World, serve: Callable[[FastAPI], Double]) -> Double:
    """A small center on a Wednesday morning; the clock stands."""
    return serve(create_app(served, now=NOW))


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[Double]:
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="critical", log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; spares reading the machine's certificates
    with (
        httpx.Client(base_url=base, headers=_bearer(READ_TOKEN), trust_env=False, verify=plain) as read,
        httpx.Client(base_url=base, headers=_bearer(WRITE_TOKEN), trust_env=False, verify=plain) as write,
    ):
        yield Double(read, write)
    server.should_exit = True
    thread.join(10)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}

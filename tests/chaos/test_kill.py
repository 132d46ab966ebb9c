"""The service killed at random moments under load, with a platform that misbehaves: nothing acknowledged is lost.

The short form runs in every test run; the long one (200 kills) by `make chaos`.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from connectors.outlets.port import REPEAT_MARK
from domain.events import Event, event_from_json
from evaluator import CenterState
from sandbox import Knobs, World, simulate
from sandbox.app import READ_TOKEN, WRITE_TOKEN, create_app
from storage import audit
from storage.ledger import Connection, open_ledger
from storage.ledger.events import read_events
from storage.ledger.outbox import Outgoing, attempts_of, messages_of

CENTER = "c01"
START = datetime(2026, 3, 4, 13, 30, tzinfo=UTC)  # 7:30 in Chicago: arrivals
SPEED = 90.0
AHEAD = timedelta(seconds=2 * SPEED)  # of the clock, as two real seconds pass
FAULTS = {
    "duplicate": 0.1, "reorder": 0.1, "lose": 0.05, "late": {"rate": 0.05, "seconds": 2}, "bad_signature": 0.05,
    "server_error": 0.03, "drop": 0.02, "truncate": 0.01,
}  # fmt: skip
# Has everything imported and forks one service per line it reads, so that kills meet the service and not its imports.
_FORKS = """
import os, sys
from api.serving import serve
from storage.settings import load_settings
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        serve(load_settings(), console=False)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
OLD, NEW = "whsec_b2xkb2xkb2xkb2xkb2xk", "whsec_bmV3bmV3bmV3bmV3bmV3"


@dataclass
class Relay:
    """Stands between platform and service: passes deliveries on and keeps those that were acknowledged."""

    target: str
    port: int = 0
    acknowledged: list[Event] = field(default_factory=list)
    refused: int = 0


@dataclass
class Slack:
    url: str = ""
    posts: list[tuple[str, bool]] = field(default_factory=list)  # message id, marked as a repeat


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(Knobs(size="small"), 5, date(2026, 3, 2), 5)


def test_a_few_kills_lose_nothing(world: World, tmp_path: Path) -> None:
    kill_and_check(world, tmp_path, kills=6, seed=1)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("batch", range(10))  # a day each, several at the same time
def test_two_hundred_kills_lose_nothing(world: World, tmp_path: Path, batch: int) -> None:
    kill_and_check(world, tmp_path, kills=20, seed=100 + batch)


def kill_and_check(world: World, folder: Path, kills: int, seed: int) -> None:
    folder.mkdir(exist_ok=True)
    chance = random.Random(seed)
    service_port = free_port()
    with ExitStack() as stack:
        url, channel = stack.enter_context(platform(world)), stack.enter_context(slack())
        passed = stack.enter_context(relay(f"http://127.0.0.1:{service_port}"))
        service = stack.enter_context(Service(url, service_port, channel.url, folder))
        control = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {READ_TOKEN}"}, timeout=30)
        stack.callback(control.close)
        point(control, passed.port, secret=OLD)
        control.post("/control/faults", json=FAULTS).raise_for_status()
        control.post("/control/clock", json={"speed": SPEED}).raise_for_status()
        service.start()
        service.wait_until_ready()
        for number in range(kills):
            disturb(control, chance)
            if number == kills // 2:
                point(control, passed.port, secret=NEW, next_secret=OLD)
            time.sleep(chance.uniform(0.05, 2.5))
            service.kill()
            service.start()
            if chance.random() < 0.6:  # else it is killed again while it rebuilds
                service.wait_until_ready()
        control.post("/control/faults", json={"clear": True}).raise_for_status()
        service.wait_until_ready()
        wait_for_calm(control, service)
        service.kill(signal.SIGTERM)
        log = [event_from_json(row) for row in whole_log(control)]
        received = control.get("/control/received").json()
        now = datetime.fromisoformat(control.get("/control/clock").json()["now"])
        check(folder, log, passed, channel, received, now)


def check(
    folder: Path, log: list[Event], passed: Relay, channel: Slack, received: dict[str, Any], now: datetime
) -> None:
    """The promises, one by one. A reading of the double's clock may have run ahead of where the clock was stopped at
    `now`, on a busy machine by seconds; what was decided by it is not due before, and nothing else may be left."""
    with open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}", write=False) as ledger:
        stored = ledger.read(lambda c: read_events(c, CENTER))
        messages = ledger.read(lambda c: messages_of(c, CENTER, limit=100_000))
        marked = ledger.read(lambda c: repeats_marked(c, messages))
        faults = ledger.read(
            lambda c: [audit.verify(e.record() for e in audit.entries(c, k))[1] for k in audit.centers(c)]
        )
    ids = {event.event_id for event in stored}
    assert passed.acknowledged, "the load reached the service"
    assert {event.event_id for event in passed.acknowledged} <= ids, "no acknowledged event is missing"
    assert missing(log, stored) == set(), "gaps were filled from the log"
    clean = CenterState.rebuild(CENTER, expected_of(log, stored)).picture()
    assert CenterState.rebuild(CENTER, stored).picture() == clean, "the state is a clean fold"
    assert faults == [[] for _ in faults], "the audit chains hold"
    left = [m for m in messages if m.status in ("pending", "sending")]
    late = [m.message_id for m in left if not now < m.not_before <= now + AHEAD]
    assert late == [], "no message is left behind"
    assert messages, "there was something to tell"
    told = Counter(row["idempotency_key"] for kind in ("tasks", "notifications") for row in received[kind])
    assert set(told.values()) <= {1}, "none reached an outlet with idempotency keys twice"
    for message in messages:
        if message.status == "sent" and message.outlet in ("task", "in_app"):
            assert told[message.message_id] == 1, "what is recorded as sent has arrived"
    posts = Counter(message_id for message_id, _ in channel.posts)
    for message in (m for m in messages if m.status == "sent" and m.outlet == "slack"):
        unmarked = [repeat for message_id, repeat in channel.posts if message_id == message.message_id and not repeat]
        assert posts[message.message_id] >= 1, "what is recorded as sent has arrived"
        assert len(unmarked) <= 1, "a repeat says that it is one"
        assert posts[message.message_id] == 1 or message.message_id in marked, "repeats are on record as repeats"


def expected_of(log: list[Event], stored: list[Event]) -> list[Event]:
    """The log from where the service began to read it."""
    first = min(event.sequence for event in stored)
    return [event for event in log if event.sequence >= first]


def missing(log: list[Event], stored: list[Event]) -> set[str]:
    return {event.event_id for event in expected_of(log, stored)} - {event.event_id for event in stored}


def repeats_marked(connection: Connection, messages: list[Outgoing]) -> set[str]:
    return {m.message_id for m in messages if any(a.repeat for a in attempts_of(connection, m.message_id))}


class Service:
    """`ratiocast serve` as a process of its own."""

    def __init__(self, url: str, port: int, slack_url: str, folder: Path) -> None:
        self.url, self._folder = f"http://127.0.0.1:{port}", folder
        self._child: int | None = None
        chosen = {
            "DATA_DIR": str(folder), "PLATFORM_URL": url, "PLATFORM_TOKEN": READ_TOKEN, "PORT": str(port),
            "PLATFORM_WRITE_TOKEN": WRITE_TOKEN, "CLOCK": f"{url}/control/clock", "WEBHOOK_SECRETS": f"{OLD} {NEW}",
            "MODE": "suggestions", "SLACK_WEBHOOK": slack_url,
        }  # fmt: skip
        self._environment = {**os.environ, **{f"RATIOCAST_{name}": value for name, value in chosen.items()}}

    def __enter__(self) -> Service:
        with (self._folder / "serve.log").open("ab") as log:
            self._forks = subprocess.Popen(
                [sys.executable, "-c", _FORKS], env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self.kill()
        self._forks.communicate()

    def start(self) -> None:
        print(file=self._forks.stdin, flush=True)
        self._child = int(self._answer())

    def kill(self, with_signal: signal.Signals = signal.SIGKILL) -> None:
        assert self._child
        os.kill(self._child, with_signal)
        assert self._answer() == "gone"
        self._child = None

    def stored(self) -> list[Event]:
        with open_ledger(f"sqlite:///{self._folder / 'ledger.sqlite'}", write=False) as ledger:
            return ledger.read(lambda c: read_events(c, CENTER))

    def _answer(self) -> str:
        assert self._forks.stdout
        return self._forks.stdout.readline().strip()

    def wait_until_ready(self) -> None:
        self.wait_for(lambda health: health["ready"])

    def wait_for(self, good: Any, seconds: float = 90) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            assert self._alive(), (self._folder / "serve.log").read_text()[-3000:]
            with suppress(httpx.HTTPError):
                answer = httpx.get(f"{self.url}/v1/health", timeout=5)
                if good(answer.json()):
                    return
            time.sleep(0.05)
        raise AssertionError("the service did not get well: " + (self._folder / "serve.log").read_text()[-3000:])

    def _alive(self) -> bool:
        assert self._forks.stdout
        return not select.select([self._forks.stdout], [], [], 0)[0]


def disturb(control: httpx.Client, chance: random.Random) -> None:
    """Somebody leaves or comes back, so that rooms get short and well again."""
    staff = f"{CENTER}-s{chance.randint(1, 6):02d}"
    kind = chance.choice(["clock_out", "clock_out", "clock_in"])
    room = {"room_id": f"{CENTER}-r01"} if kind == "clock_in" else {}
    body = [{"center_id": CENTER, "event_type": kind, "staff_id": staff, **room}]
    control.post("/control/events", json=body).raise_for_status()


def point(control: httpx.Client, port: int, **secrets: str) -> None:
    target = {"url": f"http://127.0.0.1:{port}/v1/webhooks/attendance", "batch": 3, **secrets}
    control.post("/control/webhook", json=target).raise_for_status()


def wait_for_calm(control: httpx.Client, service: Service) -> None:
    """Everything delivered, read, decided and told; then the clock stands. The log is read by the clock, so it runs
    until what was lost on the way has been read; what happened since then is on its way and not lost."""
    log = [event_from_json(row) for row in whole_log(control)]
    wait_until(lambda: missing(log, service.stored()) == set(), "the log is read")
    control.post("/control/clock", json={"speed": 0}).raise_for_status()
    wait_until(lambda: control.get("/control/webhook").json()["pending"] == 0, "everything is delivered")
    for _ in range(3):  # what was decided last has messages of its own
        service.wait_for(is_calm)
        time.sleep(0.5)


def wait_until(good: Callable[[], bool], what: str, seconds: float = 180) -> None:
    ends = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < ends, what
        time.sleep(0.1)


def is_calm(health: dict[str, Any]) -> bool:
    open_ends = ("waiting_for_events", "undecided", "unsent")
    return bool(health["ready"]) and not any(health[end] for end in open_ends)


def whole_log(control: httpx.Client) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    since = (START - timedelta(days=5)).isoformat()
    while True:
        query = {"center_id": CENTER, "limit": 1000, "from": since, **({"cursor": cursor} if cursor else {})}
        page = control.get("/api/v1/attendance/checkins", params=query).json()
        yield from page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


class platform:  # noqa: N801  a context manager
    """The double in a thread of this process."""

    def __init__(self, world: World) -> None:
        app = create_app(world, now=START)
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", log_config=None))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


class relay:  # noqa: N801
    def __init__(self, target: str) -> None:
        passed = self.passed = Relay(target)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name: value for name, value in self.headers.items() if name.lower().startswith("webhook")}
                try:
                    status = httpx.post(passed.target + self.path, content=body, headers=headers, timeout=4).status_code
                except httpx.HTTPError:
                    status = 503
                if status == 200:
                    rows = json.loads(body)
                    passed.acknowledged += [
                        event_from_json(row) for row in (rows if isinstance(rows, list) else [rows])
                    ]
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        passed.port = self._server.server_port

    def __enter__(self) -> Relay:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self.passed

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class slack:  # noqa: N801
    def __init__(self) -> None:
        channel = self.channel = Slack()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                channel.posts.append((body["blocks"][1]["block_id"], REPEAT_MARK in body["text"]))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        channel.url = f"http://127.0.0.1:{self._server.server_port}/services/T/B/X"

    def __enter__(self) -> Slack:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self.channel

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

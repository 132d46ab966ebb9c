"""The service as a process of its own, on a ledger that knows the centers, and what sends it deliveries."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from connectors import webhooks
from domain.people import Child, Shift, StaffMember
from domain.places import Center, Room
from evaluator import codec
from storage.ledger import Connection, open_ledger
from storage.ledger.centers import keep_reference, write_settings

Row = dict[str, Any]
SECRET = "whsec_YmVuY2htYXJrYmVuY2htYXJr"  # noqa: S105
# What answers at once: the delay that load, loopback and machine have by themselves.
_AT_ONCE = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"ready":1}'})
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
"""
CENTERS, ROOMS, CHILDREN = 40, 12, 120  # rooms and children of one center
_SERVE = (
    "from api.serving import serve; from storage.settings import load_settings; serve(load_settings(), console=False)"
)


class Load:
    """Signed deliveries over raw sockets, so that the client costs as little as it can."""

    def __init__(self, port: int) -> None:
        self._port, self._number, self._last = port, 0, [0] * CENTERS
        (self._key,) = webhooks.secrets_from_text(SECRET)

    async def sustained(self, seconds: float, connections: int, per_delivery: int) -> float:
        """Events per second answered with 200 while every connection sends as fast as it is answered."""
        ends, taken = time.monotonic() + seconds, 0

        async def one() -> None:
            nonlocal taken
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            while time.monotonic() < ends:
                await self._send(reader, writer, per_delivery)
                taken += per_delivery
            writer.close()

        started = time.monotonic()
        await asyncio.gather(*(one() for _ in range(connections)))
        return taken / (time.monotonic() - started)

    async def paced(self, seconds: float, events_per_second: float, per_delivery: int) -> list[float]:
        """Seconds from when a delivery was due until it was answered, at a fixed rate whatever the answers: of so many
        connections one is always free."""
        connections = 128
        gap = per_delivery / events_per_second
        total, delays = int(seconds / gap), list[float]()
        start = time.monotonic() + 0.2
        queue = iter(range(total))

        async def one() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            for number in queue:
                due = start + number * gap
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._send(reader, writer, per_delivery)
                delays.append(time.monotonic() - due)
            writer.close()

        await asyncio.gather(*(one() for _ in range(connections)))
        return delays

    async def staff(self) -> None:
        """One adult clocks in to every room: enough for its ten children, so that messages are the exception."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for center in range(CENTERS):
            await self._post(reader, writer, [self._clock(center, "clock_in", room) for room in range(ROOMS)])
        writer.close()

    async def way_to_outlet(self, told: Told) -> float:
        """Seconds from sending the event that makes a room short until the outlet has the message."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._number += 1
        center = self._number % CENTERS
        await self._post(reader, writer, [self._event(center, "check_in", 5 + ROOMS * n) for n in range(5)])
        await asyncio.sleep(2.5)
        told.arrived.clear()
        started = time.monotonic()
        await self._post(reader, writer, [self._clock(center, "clock_out", 5)])
        await asyncio.to_thread(told.arrived.wait, 20)
        writer.close()
        return time.monotonic() - started

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> None:
        """One delivery, as the platform makes them: of one center."""
        self._number += 1
        center, turn = self._number % CENTERS, self._number // CENTERS
        first = turn * size
        kinds = ("check_in", "check_out")
        events = [self._event(center, kinds[(n // CHILDREN) % 2], n % CHILDREN) for n in range(first, first + size)]
        await self._post(reader, writer, events)

    async def _post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: Sequence[Row]) -> None:
        body, stamp = json.dumps(events).encode(), int(time.time())
        signature = webhooks.sign(self._key, f"m{stamp}", stamp, body)
        head = (
            f"POST /v1/webhooks/attendance HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nwebhook-id: m{stamp}\r\nwebhook-timestamp: {stamp}\r\n"
            f"webhook-signature: {signature}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        if " 200 " not in answer.split("\r\n", 1)[0] + " ":
            raise RuntimeError(f"the service answered {answer}")
        length = next(line for line in answer.lower().split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(int(length.split(":")[1]))

    def _event(self, center: int, kind: str, child: int) -> Row:
        self._last[center] += 1
        return event(self._last[center], kind, center, child)

    def _clock(self, center: int, kind: str, room: int) -> Row:
        staff = {"child_id": None, "staff_id": f"c{center}-s{room}", "room_id": f"c{center}-r{room}"}
        return self._event(center, kind, 0) | staff


def event(sequence: int, kind: str = "check_in", center: int = 0, child: int = 0) -> Row:
    now = datetime.now(UTC).isoformat()
    child_id, room_id = f"c{center}-k{child}", f"c{center}-r{child % ROOMS}"
    return {
        "event_id": f"e{sequence}", "sequence": sequence, "center_id": f"c{center}", "event_type": kind,
        "timestamp": now, "recorded_at": now, "child_id": child_id, "room_id": room_id,
    }  # fmt: skip


@dataclass(frozen=True)
class Running:
    port: int
    pid: int

    def health(self) -> Row:
        found: Row = httpx.get(f"http://127.0.0.1:{self.port}/v1/health", timeout=20).json()
        return found

    def mebibytes(self) -> float:
        """Resident memory, shared libraries included."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Told:
    """A Slack double that says when a message came."""

    url = ""

    def __init__(self) -> None:
        self.arrived = threading.Event()


@contextmanager
def outlet() -> Iterator[Told]:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            told.arrived.set()
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def service(folder: Path, slack_url: str) -> Iterator[Running]:
    """`ratiocast serve` without console, on a ledger that knows the centers."""
    seed(folder)
    port = free_port()
    chosen = {
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "WEBHOOK_SECRETS": SECRET,
        "SLACK_WEBHOOK": slack_url,
        "MODE": "alerts",
    }
    environment = {**os.environ, **{f"RATIOCAST_{name}": value for name, value in chosen.items()}}
    with process([sys.executable, "-c", _SERVE], port, environment) as running:
        yield running


@contextmanager
def answering_at_once() -> Iterator[Running]:
    """A server that reads a delivery and does nothing."""
    port = free_port()
    with process([sys.executable, "-c", _AT_ONCE, str(port)], port, dict(os.environ)) as running:
        yield running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], port: int, environment: dict[str, str]) -> Iterator[Running]:
    """A service at the port, ready when told and ended with the context."""
    started = subprocess.Popen(command, env=environment)
    try:
        _wait_until_ready(started, port)
        yield Running(port, started.pid)
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(20)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError("the service ended at once")
        try:
            if httpx.get(f"http://127.0.0.1:{port}/v1/health", timeout=2).json()["ready"]:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the service did not get ready")


def seed(folder: Path) -> None:
    """Facts of the centers, and a policy that tells at once: the way of a message is measured, not its grace."""
    now = datetime.now(UTC)
    with open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}") as ledger:
        for number in range(CENTERS):
            facts = facts_of(f"c{number}", now)
            ledger.write(lambda c, n=number, f=facts: _keep(c, f"c{n}", f, now))  # type: ignore[misc]


def facts_of(center_id: str, now: datetime) -> dict[str, Any]:
    center = Center(center_id, "Bench", "TX", "America/Chicago", clock_time(0), clock_time(0), (1, 2, 3, 4, 5, 6, 7))
    rooms = tuple(Room(f"{center_id}-r{n}", center_id, f"Room {n}", 0, 72, 40) for n in range(ROOMS))
    born = date(now.year - 3, 1, 1)
    children = tuple(Child(f"{center_id}-k{n}", center_id, born, f"{center_id}-r{n % ROOMS}") for n in range(CHILDREN))
    staff = tuple(
        StaffMember(f"{center_id}-s{n}", center_id, "Teacher", birth_date=date(1990, 1, 1)) for n in range(20)
    )
    shift = (now - timedelta(hours=4), now + timedelta(hours=4))
    shifts = tuple(Shift(f"h-{each.staff_id}", center_id, each.staff_id, *shift, (), "1") for each in staff)
    kinds = {"center": center, "rooms": rooms, "children": children, "staff": staff, "shifts": shifts}
    return {kind: codec.to_json(rows) for kind, rows in kinds.items()}


def _keep(connection: Connection, center_id: str, facts: dict[str, Any], now: datetime) -> None:
    for kind, rows in facts.items():
        keep_reference(connection, center_id, kind, rows, now)
    policy = {"grace_seconds": {}, "count_patience_seconds": 0, "clear_seconds": 1}
    write_settings(connection, center_id, {"policy": policy}, "benchmark", now, version=None)

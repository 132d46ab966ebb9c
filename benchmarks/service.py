"""The service under load: durable intake, its delay, an event's way to an outlet, mutated deliveries.

4,000 events a second are those of a chain, not of one house: the load is spread over 40 centers whose rooms are
staffed, so that messages are the exception. The service runs as a process of its own on SQLite; the load comes from
this one over loopback HTTP, on the same cores. A delay cannot be shorter than the disk's own, nor than that of a server
that answers at once, measured in the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._service_load import SECRET, Load, Row, Running, answering_at_once, event, outlet, service
from connectors import webhooks
from domain.errors import RatiocastError


def run(seconds: float = 8.0, mutations: int = 100_000) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, outlet() as told, service(Path(folder), told.url) as running:
        load = Load(running.port)
        asyncio.run(load.staff())
        rows += _shares("fsync of a page on the ledger's disk", _disk(Path(folder)))
        for rate, size in ((1000, 10), (1000, 1)):  # before the rates below leave a backlog to decide
            spent = running.cpu_seconds()
            delays = asyncio.run(load.paced(seconds, rate, size))
            spent = (running.cpu_seconds() - spent) / seconds
            rows += [row | {"cores_used": round(spent, 2)} for row in _shares(_delay_at(rate, size), delays)]
        with answering_at_once() as other:
            delays = asyncio.run(Load(other.port).paced(seconds, 1000, 1))
            rows += _shares(f"{_delay_at(1000, 1)}, of a server that answers at once", delays)
        rows.append(_row("until the last center is decided after that", "s", _settled(running)))
        ways = [asyncio.run(load.way_to_outlet(told)) for _ in range(5)]
        rows += _rates(running, load, seconds)
        rows += _shares("fsync of a page, once more", _disk(Path(folder)))
        rows.append(_row("event to message at the outlet, slowest of 5", "ms", 1000 * max(ways)))
        rows.append(_row("slowest step of the live loop", "ms", running.health()["slowest_step_ms"]))
        rows.append(_row("longest piece of a step, event loop held", "ms", running.health()["slowest_piece_ms"]))
        rows.append(_row("memory of the service, 40 centers, no console", "MiB", running.mebibytes()))
    rows += mutated(mutations)
    return rows


def _delay_at(rate: int, size: int) -> str:
    return f"delay at {rate} events/s, {size} per delivery"


def _settled(running: Running) -> float:
    """Seconds until no center waits for a decision: those of a chain are taken one after the other."""
    started = time.monotonic()
    while running.health()["undecided"] and time.monotonic() < started + 60:
        time.sleep(0.05)
    return time.monotonic() - started


def _rates(running: Running, load: Load, seconds: float) -> list[Row]:
    one = asyncio.run(load.sustained(seconds, connections=1, per_delivery=1))
    rows = [_row("one delivery after the other, 1 event each", "events/s", one)]
    for connections, size in ((64, 1), (64, 10), (16, 100)):
        spent = running.cpu_seconds()
        rate = asyncio.run(load.sustained(seconds, connections, size))
        spent = (running.cpu_seconds() - spent) / seconds
        name = f"{connections} at once, {size} event{'s' if size > 1 else ''} each"
        rows.append(_row(name, "events/s", rate, "times one by one", rate / one) | {"cores_used": round(spent, 2)})
    return rows


def _disk(folder: Path, writes: int = 300) -> list[float]:
    """Seconds of single writes of a page made durable."""
    took = []
    handle = os.open(folder / "fsync.bin", os.O_RDWR | os.O_CREAT)
    for _ in range(writes):
        os.write(handle, bytes(4096))
        started = time.perf_counter()
        os.fsync(handle)
        took.append(time.perf_counter() - started)
    os.close(handle)
    return took


def mutated(count: int) -> list[Row]:
    """Bodies changed after signing must all be refused; bodies changed before signing must be events or a reason."""
    keys, chance = webhooks.secrets_from_text(SECRET), random.Random(7)
    now, crashes, wrong = datetime.now(UTC), 0, 0
    base = json.dumps([event(n + 1) for n in range(3)]).encode()
    stamp = int(now.timestamp())
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(stamp),
        "webhook-signature": webhooks.sign(keys[0], "m", stamp, base),
    }
    for _ in range(count):
        body = bytearray(base)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body) + 1)
            body[at : at + chance.randint(0, 4)] = chance.randbytes(chance.randint(0, 4))
        try:
            webhooks.verify(keys, headers, bytes(body), now)
            wrong += bytes(body) != base
        except RatiocastError:
            pass
        except Exception:  # noqa: BLE001  that is what is counted
            crashes += 1
        try:
            webhooks.parse_events(bytes(body))
        except RatiocastError:
            pass
        except Exception:  # noqa: BLE001
            crashes += 1
    return [
        _row("mutated deliveries", "tried", count),
        _row("mutated deliveries that made it crash", "count", crashes),
        _row("mutated deliveries taken although not signed so", "count", wrong),
    ]


def _shares(name: str, seconds: Sequence[float]) -> list[Row]:
    ordered = sorted(seconds)
    return [_row(f"{name}, p{share}", "ms", 1000 * ordered[int(len(ordered) * share / 100)]) for share in (50, 99)]


def _row(name: str, unit: str, value: float, peer: str = "", ratio: float | None = None) -> Row:
    row: Row = {"benchmark": name, "value": round(value, 2), "unit": unit}
    return row | ({"peer": peer, "ratio": round(ratio, 1)} if ratio is not None else {})

"""How long the pipeline's own steps take: one simulated center, through the real client and a real server."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from connectors.platform import PlatformClient
from flows.build import build
from flows.ingest import ingest
from sandbox import Knobs, simulate
from sandbox.app import READ_TOKEN, create_app
from storage.reader import open_reader
from storage.warehouse import open_warehouse

WEEKS = 40
START = date(2026, 1, 5)


def run() -> list[dict[str, Any]]:
    """Seconds per step for one medium center with 40 weeks of history."""
    world = simulate(Knobs(size="medium"), 1, START, WEEKS * 7)
    now = datetime(START.year, START.month, START.day, 18, tzinfo=UTC) + timedelta(days=WEEKS * 7 - 3)
    rows: list[dict[str, Any]] = []

    def timed(step: str, work: Callable[[], Any], per: int) -> Any:
        began = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - began
        rows.append({"step": step, "seconds": round(seconds, 2), "events_per_second": round(per / seconds)})
        return result

    with tempfile.TemporaryDirectory() as folder, _served(world, now) as url:
        with open_warehouse(Path(folder)) as warehouse, PlatformClient(url, READ_TOKEN) as platform:
            events = sum(event.recorded_at <= now for event in world.events)
            timed("ingest, everything", lambda: ingest(warehouse, platform, now), events)
            timed("ingest, nothing new", lambda: ingest(warehouse, platform, now), events)
            timed("build", lambda: build(warehouse), events)
            timed("build, nothing new", lambda: build(warehouse), events)
            timed("publish", lambda: warehouse.publish(now), events)
        with open_reader(Path(folder)) as reader:
            timed("read all frames", reader.frames, events)
    return rows


@contextmanager
def _served(world: Any, now: datetime) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(world, now=now), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


if __name__ == "__main__":
    found = run()
    for row in found:
        print(f"{row['step']:22} {row['seconds']:8.2f} s {row['events_per_second']:10,} events/s")
    Path("benchmarks/results/pipeline.json").write_text(json.dumps(found, indent=2) + "\n")

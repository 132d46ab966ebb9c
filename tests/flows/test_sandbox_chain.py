"""The pipeline against the big double, which drops, refuses and cuts answers: the warehouse ends as the world is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest
import stamina
import uvicorn

from connectors.platform import PlatformClient
from flows.build import build
from flows.ingest import ingest
from forecasting.frames import stays_frame
from sandbox import Knobs, simulate
from sandbox.app import READ_TOKEN, create_app
from sandbox.world import World
from storage.warehouse import open_warehouse

NOW = datetime(2026, 3, 13, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(Knobs(size="small"), 5, date(2026, 3, 2), 14)


@pytest.fixture
def url(world: World) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(world, now=NOW), port=0, log_level="critical", log_config=None, timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


def test_a_platform_that_misbehaves_is_read_to_the_last_event(world: World, url: str, tmp_path: Path) -> None:
    faults = {"server_error": 0.08, "rate_limit": 0.05, "drop": 0.05, "truncate": 0.05, "empty_page": 0.3}
    httpx.post(f"{url}/control/faults", json=faults).raise_for_status()
    known = [event for event in world.events if event.recorded_at <= NOW]
    with (
        stamina.set_testing(True, attempts=12, cap=False),
        PlatformClient(url, READ_TOKEN, page_limit=100) as platform,
        open_warehouse(tmp_path) as warehouse,
    ):
        result = ingest(warehouse, platform, NOW)
        assert result.problems == ()
        assert result.new_events == len(known) > 500
        assert ingest(warehouse, platform, NOW + timedelta(minutes=1)).new_events == 0
        build(warehouse)
        stays = warehouse.frame("stays")
        assert warehouse.rows("SELECT count(*) AS n FROM staff")[0]["n"] == len(world.staff)
    expected = stays_frame(known, world.centers, max(event.recorded_at for event in known))
    order = ["start", "child_id"]
    pd.testing.assert_frame_equal(
        stays.sort_values(order, ignore_index=True), expected.sort_values(order, ignore_index=True), check_dtype=False
    )

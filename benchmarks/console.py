"""The console under load: first paint, delay of a live change, 30 rooms and 100 open pages; a period of 28 days.

A change is a signed webhook delivery; its delay ends when every one of the open streams has been handed the tile.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks._browser import chromium, opened
from benchmarks._stage import MORNING, Stage, stage
from flows.steps import open_run, run_build, run_ingest, run_publish
from sandbox import Knobs, simulate
from sandbox.knobs import SIZES, RoomPlan, Size
from storage.settings import Settings

PAGES = 100
CHANGES = 10
_ROOMS = 30


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder, "data"), _thirty_rooms()) as running:
        rows = asyncio.run(_measured(running))
        if chromium() is not None:
            rows.insert(0, _first_paint(running, Path(folder, "profile")))
    return rows + _period_of_28_days()


def _thirty_rooms() -> Any:
    """A center of thirty rooms, as large as they come."""
    from datetime import date

    rooms = tuple(RoomPlan(f"Room {n + 1}", 12 * (n % 6), 12 * (n % 6) + 12, 9, 14) for n in range(_ROOMS))
    SIZES["thirty"] = Size(rooms, tuple((n, n + 1) for n in range(0, _ROOMS, 2)), 8, 2, ("Director", "Cook"))
    return simulate(Knobs(size="thirty"), 7, date(2026, 3, 9), 5)


async def _measured(running: Stage) -> list[dict[str, Any]]:
    client = running.signed_in()
    cookies = dict(client.cookies)
    html = []
    for _ in range(5):
        started = time.perf_counter()
        size = len(client.get("/", headers={"Accept": "text/html"}).content)
        html.append(time.perf_counter() - started)
    client.close()
    room = "c01-r01"
    live = running.app.state.service.live.centers["c01"]
    children = [c for c, child in live.facts.children.items() if live.state.child(c) is None][:CHANGES]
    seen: list[asyncio.Queue[float]] = [asyncio.Queue() for _ in range(PAGES)]
    limits = httpx.Limits(max_connections=PAGES + 10)
    async with httpx.AsyncClient(
        base_url=running.url, cookies=cookies, limits=limits, timeout=60, trust_env=False
    ) as pages:
        tasks = [asyncio.create_task(_page(pages, queue, f'id="room-{room}"')) for queue in seen]
        for queue in seen:
            await queue.get()  # the whole board
        delays = [await _change(running, child, room, seen) for child in children]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    worst = sorted(max(times) for times in delays)
    middle = sorted(sum(times) / len(times) for times in delays)
    rooms = len(live.assessment.rooms)
    return [
        _row(f"front page of {rooms} rooms, HTML ({size // 1024} KiB)", sorted(html)[2]),
        _row(f"live change to {PAGES} pages, mean page", middle[len(middle) // 2]),
        _row(f"live change to {PAGES} pages, last page, worst of {len(worst)}", worst[-1]),
    ]


def _period_of_28_days() -> list[dict[str, Any]]:
    """The report page of four weeks of a medium center, most of them from the published snapshot: asked for the first
    time since the service began, and again. No target was set for it."""
    first = MORNING.date() - timedelta(days=27)
    world = simulate(Knobs(size="medium"), 7, first - timedelta(days=2), 32)
    path = f"/reports/period?first={first}&last={MORNING.date()}"
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder, "data"), world, prepare=_published) as running:
        client, took = running.signed_in(), []
        client.timeout = httpx.Timeout(120)
        for _ in range(4):
            wall, cpu = time.perf_counter(), time.process_time()
            client.get(path, headers={"Accept": "text/html"}).raise_for_status()
            took.append((time.perf_counter() - wall, time.process_time() - cpu))
        client.close()
    cold, *warm = took
    what = f"period report, 28 days of {len(world.rooms)} rooms"
    return [
        _row(f"{what}, {when}", seconds, None) | {"cpu_seconds": round(cpu, 3)}
        for when, (seconds, cpu) in (("cold", cold), ("warm", sorted(warm)[1]))
    ]


def _published(settings: Settings) -> None:
    """The platform's history as the flows leave it for the service."""
    run = open_run(settings)
    for step in (run_ingest, run_build, run_publish):
        step(run)


def _row(what: str, seconds: float, target: float | None = 1.0) -> dict[str, Any]:
    return {"what": what, "seconds": round(seconds, 3), "target": "none" if target is None else target}


async def _page(pages: httpx.AsyncClient, seen: asyncio.Queue[float], wanted: str) -> None:
    """One open page: notes when the room's tile arrives."""
    async with pages.stream("GET", "/now/stream?center=c01") as answer:
        async for line in answer.aiter_lines():
            if wanted in line:
                seen.put_nowait(time.perf_counter())


async def _change(running: Stage, child: str, room: str, seen: list[asyncio.Queue[float]]) -> list[float]:
    await asyncio.sleep(0.3)
    for queue in seen:
        while not queue.empty():
            queue.get_nowait()
    started = time.perf_counter()
    event = {"center_id": "c01", "event_type": "check_in", "child_id": child, "room_id": room}
    await asyncio.to_thread(running.control, "events", [event])
    return [await asyncio.wait_for(queue.get(), 30) - started for queue in seen]


def _first_paint(running: Stage, profile: Path) -> dict[str, Any]:
    """First contentful paint of the front page in a real browser, warm."""
    from selenium.webdriver.common.by import By

    from benchmarks._stage import PASSWORD

    script = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
    with opened(profile) as browser:
        browser.get(f"{running.url}/sign-in")
        browser.find_element(By.ID, "user").send_keys("dana")
        browser.find_element(By.ID, "password").send_keys(PASSWORD)
        browser.find_element(By.CSS_SELECTOR, "main button").click()
        times = []
        for _ in range(5):
            browser.get(running.url + "/")
            time.sleep(1)
            times.append(float(browser.execute_script(script) or 0) / 1000)
    return _row("first paint of the front page", sorted(times)[2])


if __name__ == "__main__":
    for row in run():
        print(f"{row['what']:60} {row['seconds']:8.3f} s   (target {row['target']} s)")

"""Pictures of every page for the README and the guides: `python -m benchmarks.screenshots` -> docs/pictures/*.png.

Most are of a simulated Wednesday in March with a shortage made for the picture; `demo-now` and `demo-week` are of
`ratiocast demo` as it comes, which takes some minutes.
"""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By

import optimizer
from api.plan_files import PlanFiles
from benchmarks._browser import DESKTOP, PHONE, chromium, opened, resize
from benchmarks._coverage import week_problem
from benchmarks._stage import MORNING, PASSWORD, Stage, stage, week_of
from connectors.platform import PlatformClient
from storage.settings import Settings

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WEEK = "2026-W12"
EARLY = MORNING - timedelta(minutes=150)  # half past eight: children are arriving
PAGES = {
    "now": "/", "week": f"/week/{WEEK}", "call-out": "/call-out", "roll-call": "/roll-call", "incidents": "/incidents",
    "exceptions": "/incidents/week/2026-W11", "daily-report": "/reports/daily/2026-03-10", "reports": "/reports",
    "period-report": "/reports/period?first=2026-03-10&last=2026-03-11",
    "inspector": "/inspector?room=c01-r04&day=2026-03-10&at=10:00",
    "families": "/families", "learn": "/learn", "quiz": "/learn/quiz", "settings": "/settings",
}  # fmt: skip
ON_PHONE = {"now": "/", "roll-call": "/roll-call", "my-day": "/my-day?who=c01-s13"}
_COLOURS = 128
_TALLEST = 1500


def main() -> None:
    if chromium() is None:
        raise SystemExit("No Chromium with its driver is installed (Debian: apt-get install chromium chromium-driver).")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        stage(Path(folder, "data"), week_of("medium"), now=EARLY, prepare=_planned) as running,
        opened(Path(folder, "profile")) as browser,
    ):
        _sign_in(browser, running.url, "dana", PASSWORD, keep=True)
        _make_a_scene(running)
        for name, path in PAGES.items():
            _take(browser, running.url + path, name, DESKTOP)
        for name, path in ON_PHONE.items():
            _take(browser, running.url + path, f"{name}-phone", PHONE)
        _call_out(browser, running.url)
        _in_the_dark(browser)
        _take(browser, running.url + "/", "now-dark", DESKTOP)
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder, "profile")) as browser:
        with stage(Path(folder, "data"), week_of("small", centers=3), now=EARLY) as running:
            _sign_in(browser, running.url, "dana", PASSWORD)
            _take(browser, running.url + "/centers", "centers", DESKTOP)
        with _demo(Path(folder, "demo")) as (url, user, password):
            _sign_in(browser, url, user, password)
            while browser.find_element(By.ID, "clock").text < "09:30":  # a minute of the day a second
                time.sleep(1)
            _take(browser, url + "/", "demo-now", DESKTOP)
            _take(browser, url + "/week", "demo-week", DESKTOP)


@contextmanager
def _demo(folder: Path) -> Iterator[tuple[str, str, str]]:
    """`ratiocast demo`: where its page is, and who signs in how."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(Path(sys.executable).with_name("ratiocast")), "demo", "--port", str(port)]
    with (folder / "log").open("w") as log:
        demo = subprocess.Popen(command, stdout=log, env=os.environ | {"RATIOCAST_DATA_DIR": str(folder)})
    try:
        while not (said := re.search(r"sign in as\s+(\S+) / (\S+)", (folder / "log").read_text())):
            if demo.poll() is not None:
                raise SystemExit("the demo ended by itself; start `ratiocast demo` to see why")
            time.sleep(1)
        yield f"http://127.0.0.1:{port}", said[1], said[2]
    finally:
        demo.terminate()
        demo.wait(60)


def _planned(settings: Settings) -> None:
    """Next week solved, so that the picture shows a real plan."""
    platform = PlatformClient(settings.platform_url, settings.platform_token.get_secret_value())
    problem = week_problem(platform, "c01", WEEK)
    platform.close()
    PlanFiles(settings.data_dir, "c01").write("accepted", problem, optimizer.solve(problem))


def _make_a_scene(running: Stage) -> None:
    """One adult clocks out of a room that needs them: a shortage, an incident, a suggestion."""
    assessment = running.app.state.service.live.centers["c01"].assessment
    room = next(
        room for room in assessment.rooms.values()
        if room.verdict.compliant and room.verdict.counted == room.verdict.required == len(room.group.in_room) == 1
    )  # fmt: skip
    gone = room.group.in_room[0].staff_id
    event = {"center_id": "c01", "event_type": "clock_out", "staff_id": gone, "room_id": room.room_id}
    running.control("events", [event])
    time.sleep(1)
    running.control("clock", {"step": 70})
    time.sleep(4)


def _sign_in(browser: webdriver.Chrome, url: str, user: str, password: str, *, keep: bool = False) -> None:
    browser.get(f"{url}/sign-in")
    if keep:
        _keep(browser, "sign-in")
    browser.find_element(By.ID, "user").send_keys(user)
    browser.find_element(By.ID, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "main button").click()
    time.sleep(1)


def _call_out(browser: webdriver.Chrome, url: str) -> None:
    """The plan one looks at before approving."""
    browser.get(url + PAGES["call-out"])
    browser.find_element(By.CSS_SELECTOR, ".choice").click()
    while not browser.current_url.startswith(f"{url}/call-out/"):
        time.sleep(0.5)
    _take(browser, browser.current_url, "call-out-phone", PHONE)


def _in_the_dark(browser: webdriver.Chrome) -> None:
    media = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})


def _take(browser: webdriver.Chrome, url: str, name: str, size: tuple[int, int]) -> None:
    resize(browser, size)
    browser.get(url)
    time.sleep(1.2)
    height = browser.execute_script("return document.documentElement.scrollHeight")
    resize(browser, (size[0], min(max(height, size[1]), _TALLEST)))
    time.sleep(0.3)
    _keep(browser, name)


def _keep(browser: webdriver.Chrome, name: str) -> None:
    """Few colours and no more pixels than needed: pictures stay small in git."""
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    small = picture.quantize(_COLOURS, dither=Image.Dither.NONE)
    path = PICTURES / f"{name}.png"
    small.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()

"""Pictures of every page for the README and the guides: `python -m benchmarks.screenshots` -> docs/pictures/*.png."""

from __future__ import annotations

import io
import tempfile
import time
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
ON_PHONE = ("now", "call-out", "roll-call")
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
        _sign_in(browser, running)
        _make_a_scene(running)
        for name, path in PAGES.items():
            _take(browser, running.url + path, name, DESKTOP)
        for name in ON_PHONE:
            _take(browser, running.url + PAGES[name], f"{name}-phone", PHONE)
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
        _take(browser, running.url + "/", "now-dark", DESKTOP)


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


def _sign_in(browser: webdriver.Chrome, running: Stage) -> None:
    browser.get(f"{running.url}/sign-in")
    _keep(browser, "sign-in")
    browser.find_element(By.ID, "user").send_keys("dana")
    browser.find_element(By.ID, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "main button").click()
    time.sleep(1)


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

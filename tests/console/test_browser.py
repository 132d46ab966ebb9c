"""What people do, end to end: a real Chromium, the real service, the platform double; nothing between is replaced."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unicodedata import normalize

import axe_core_python
import httpx
import pytest
from pypdf import PdfReader
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from benchmarks._browser import DESKTOP, ELSEWHERE, PHONE, chromium, opened, resize
from benchmarks._stage import PASSWORD, Stage, stage, week_of
from tests.console.conftest import WEEK, hurry, planned
from tests.console.relay import relay_to

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None,
        reason="no Chromium with its driver here; `apt-get install chromium chromium-driver` adds it",
    ),
]
NARROW = (320, 640)
AXE = Path(axe_core_python.__file__).with_name("axe.min.js").read_text()
Driver = webdriver.Chrome


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A medium center at 11:00 with a planned week; the tests below move its clock, in their order."""
    with stage(tmp_path_factory.mktemp("browser"), week_of("medium"), prepare=planned) as found:
        hurry(found)
        yield found


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    with opened(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(chrome: Driver, center: Stage) -> Driver:
    sign_in(chrome, center, "dana")
    return chrome


def sign_in(driver: Driver, center: Stage, user: str, url: str = "") -> None:
    url = url or center.url
    resize(driver, DESKTOP)
    driver.get(f"{url}/sign-in")
    driver.delete_all_cookies()
    driver.get(f"{url}/sign-in")
    driver.find_element(By.ID, "user").send_keys(user)
    driver.find_element(By.ID, "password").send_keys(PASSWORD)
    driver.find_element(By.CSS_SELECTOR, "main button").click()
    until(driver, lambda: driver.current_url == f"{url}/")


def until(driver: Driver, holds: Callable[[], Any], seconds: float = 30) -> Any:
    def look(_: Driver) -> Any:
        return holds()

    return WebDriverWait(driver, seconds, poll_frequency=0.05, ignored_exceptions=[Exception]).until(look)


def click(driver: Driver, selector: str) -> None:
    """A live page may draw the element anew between finding and clicking it: then it is found again."""

    def done() -> bool:
        element = driver.find_element(By.CSS_SELECTOR, selector)
        driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        return True

    until(driver, done)


def asked(center: Stage, path: str, **query: str) -> Any:
    """What the API answers the director."""
    client = center.signed_in()
    answer = client.get(path, params={"center_id": "c01", **query}).json()
    client.close()
    return answer


def text(driver: Driver, selector: str) -> str:
    return driver.find_element(By.CSS_SELECTOR, selector).text


def changes(center: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = center.double.get("/control/received").json()["schedule_changes"]
    return found


def test_the_live_board_changes_after_a_webhook_and_says_when_the_stream_is_silent(
    browser: Driver, center: Stage
) -> None:
    until(browser, lambda: browser.find_element(By.ID, "stream").get_attribute("data-state") == "live")
    room = "#room-c01-r06"
    (before,) = until(browser, lambda: (int(text(browser, f"{room} .number b")),))
    browser.execute_script(f"document.querySelector('{room} details').open = true")
    live = center.app.state.service.live.centers["c01"]
    child = next(
        c for c, child in live.facts.children.items() if child.room_id == "c01-r06" and live.state.child(c) is None
    )
    center.control("events", [{"center_id": "c01", "event_type": "check_in", "child_id": child, "room_id": "c01-r06"}])
    until(browser, lambda: int(text(browser, f"{room} .number b")) == before + 1)
    assert browser.execute_script(f"return document.querySelector('{room} details').open")
    browser.execute_cdp_cmd("Network.enable", {})
    network(browser, offline=True)
    browser.execute_script("document.getElementById('stream').dataset.silence = 1000")
    until(browser, lambda: browser.find_element(By.ID, "stale").is_displayed())
    assert text(browser, "#stream").startswith("Stale since 11:0")
    network(browser, offline=False)
    until(browser, lambda: not browser.find_element(By.ID, "stale").is_displayed())


def test_a_suggestion_is_approved_and_the_platform_receives_it(browser: Driver, center: Stage) -> None:
    room = "c01-r05"
    alone = center.app.state.service.live.centers["c01"].assessment.rooms[room].group.in_room[0].staff_id
    center.control("events", [{"center_id": "c01", "event_type": "clock_out", "staff_id": alone, "room_id": room}])
    until(browser, lambda: "short" in text(browser, f"#room-{room} .state"))
    center.control("clock", {"step": 61})  # the grace of its cause
    center.control("clock", {"step": 900})  # and, if the count is in doubt, the patience for a headcount
    until(browser, lambda: browser.find_element(By.CSS_SELECTOR, ".suggestion button.primary"))
    until(browser, lambda: "→" in text(browser, ".suggestion .effects"))
    proposal = until(browser, lambda: browser.find_element(By.CSS_SELECTOR, ".suggestion").get_attribute("id"))
    sent = len(changes(center))
    click(browser, ".suggestion button.primary")
    until(browser, lambda: "applied" in text(browser, f"#{proposal} .chip"))
    assert len(changes(center)) == sent + 1
    assert any(part.get("room_id") == room for part in changes(center)[-1]["body"]["segments"])
    click(browser, ".incident form button")
    until(browser, lambda: "taken on by dana" in text(browser, "#side"))


def test_a_lead_teacher_sees_what_is_proposed_and_cannot_approve(chrome: Driver, center: Stage) -> None:
    sign_in(chrome, center, "lee")
    assert not chrome.find_elements(By.CSS_SELECTOR, ".suggestion button")
    chrome.get(f"{center.url}/call-out")
    assert "Not for your role" in text(chrome, "h1")


def test_a_week_is_looked_at_changed_solved_again_and_accepted(browser: Driver, center: Stage) -> None:
    browser.get(f"{center.url}/week/{WEEK}")
    turn = browser.find_element(By.CSS_SELECTOR, ".turn.room")
    staff, start, end = (str(turn.get_attribute(f"data-{name}")) for name in ("staff", "start", "end"))
    turn.send_keys("\n")  # by keyboard, as the pointer's drag has it
    form = browser.find_element(By.CSS_SELECTOR, ".edit-form")
    assert Select(form.find_element(By.NAME, "staff_id")).first_selected_option.get_attribute("value") == staff
    Select(form.find_element(By.NAME, "what")).select_by_value("forbid")
    room = Select(form.find_element(By.NAME, "room_id")).first_selected_option.get_attribute("value")
    form.find_element(By.CSS_SELECTOR, "button.primary").click()
    until(browser, lambda: "your draft" in text(browser, "#week"), 60)
    assert " not in " in text(browser, ".words")
    there = [
        (int(str(t.get_attribute("data-start"))), int(str(t.get_attribute("data-end"))))
        for t in browser.find_elements(By.CSS_SELECTOR, f".plan-row[data-room='{room}'] .turn[data-staff='{staff}']")
    ]
    assert all(until_ <= int(start) or from_ >= int(end) for from_, until_ in there)
    click(browser, "form[action$='/accept'] button")
    until(browser, lambda: text(browser, "#week .chip") == "accepted")
    entries = asked(center, "/v1/audit", subject=f"plan:{WEEK}")
    assert [entry["action"] for entry in entries] == ["plan.accepted"]


def test_a_dragged_turn_asks_for_it_to_be_locked_where_it_was_dropped(browser: Driver, center: Stage) -> None:
    browser.get(f"{center.url}/week/{WEEK}")
    asked = browser.execute_script("""
        const form = document.querySelector(".edit-form");
        let sent = null;
        form.addEventListener("submit", (event) => {
            event.preventDefault(); event.stopImmediatePropagation(); sent = Object.fromEntries(new FormData(form));
        }, true);
        const turn = document.querySelector(".turn.room");
        const rows = [...document.querySelectorAll(".plan-row[data-room]")];
        const row = rows.find((each) => each.dataset.room !== turn.dataset.room);
        const data = new DataTransfer();
        turn.dispatchEvent(new DragEvent("dragstart", {bubbles: true, dataTransfer: data}));
        row.dispatchEvent(new DragEvent("dragover", {bubbles: true, cancelable: true, dataTransfer: data}));
        row.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data}));
        return {...sent, wanted: row.dataset.room, who: turn.dataset.staff};
    """)
    assert (asked["what"], asked["room_id"], asked["staff_id"]) == ("lock", asked["wanted"], asked["who"])


def test_the_week_prints_on_one_page(browser: Driver, center: Stage) -> None:
    browser.get(f"{center.url}/week/{WEEK}")
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pages = PdfReader(io.BytesIO(base64.b64decode(printed["data"]))).pages
    assert len(pages) == 1
    content = pages[0].extract_text()
    assert f"Coverage plan {WEEK}" in content
    for day in ("Monday", "Friday"):
        assert day in content


def test_a_call_out_is_solved_in_two_taps_on_a_phone(browser: Driver, center: Stage) -> None:
    resize(browser, PHONE)
    browser.get(f"{center.url}/week/{WEEK}")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    browser.get(f"{center.url}/call-out")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    name = "Teacher 8"
    browser.find_element(By.XPATH, f"//button[contains(@class, 'choice')][strong='{name}']").click()
    until(browser, lambda: f"Without {name}" in text(browser, "h1"), 60)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    sent = len(changes(center))
    approve = browser.find_element(By.CSS_SELECTOR, ".approve button")
    assert approve.rect["y"] - browser.execute_script("return scrollY") < PHONE[1], "in reach without scrolling"
    approve.click()
    until(browser, lambda: "Approved" in text(browser, ".notice.good"))
    listed = re.findall(r"changed on the platform", text(browser, ".notice.good"))
    assert len(changes(center)) == sent + len(listed)
    assert listed


def test_a_roll_call_opened_and_taken_without_network_is_sent_later_with_its_own_time(
    browser: Driver, center: Stage
) -> None:
    """The network fails for everything, the service worker too; the page is even loaded again meanwhile."""
    with relay_to(center.url) as network:
        sign_in(browser, center, "dana", network.url)
        resize(browser, PHONE)
        browser.get(f"{network.url}/roll-call")
        until(browser, lambda: browser.find_element(By.ID, "roll-call").get_attribute("data-kept") == "yes")
        network.cut()
        browser.refresh()
        until(browser, lambda: browser.find_element(By.ID, "offline").is_displayed())
        click(browser, "form[data-room='c01-r01'] [data-step='1']")
        counted = int(str(browser.find_element(By.CSS_SELECTOR, "#children-c01-r01").get_attribute("value")))
        click(browser, "form[data-room='c01-r01'] button.primary")
        until(browser, lambda: text(browser, "#queue") == "1 waiting to be sent")
        center.control("clock", {"step": 600})
        browser.refresh()
        assert text(browser, "#queue") == "1 waiting to be sent"
        network.up = True
        browser.execute_script("window.dispatchEvent(new Event('online'))")
        until(browser, lambda: text(browser, "#queue") == "Everything sent")
    (kept,) = asked(center, "/v1/headcounts")
    assert kept["children"] == counted
    assert kept["happened_at"][:16] < kept["recorded_at"][:16]
    assert text(browser, "form[data-room='c01-r01'] .told").startswith(f"Sent: {counted} children")


def test_where_a_roll_call_cannot_open_without_network_the_page_says_so(browser: Driver, center: Stage) -> None:
    browser.get(f"{center.url}/roll-call")
    until(browser, lambda: browser.find_element(By.ID, "roll-call").get_attribute("data-kept") == "yes")
    assert not browser.find_element(By.ID, "insecure").is_displayed()
    url = center.url.replace("127.0.0.1", ELSEWHERE)
    sign_in(browser, center, "dana", url)
    browser.get(f"{url}/roll-call")
    until(browser, lambda: "Keep this page open" in text(browser, "#insecure"))
    assert url in text(browser, "#insecure")
    assert not browser.find_element(By.ID, "opens-offline").is_displayed()


def test_whoever_signs_out_leaves_no_roll_call_behind(browser: Driver, center: Stage) -> None:
    browser.get(f"{center.url}/roll-call")
    until(browser, lambda: browser.find_element(By.ID, "roll-call").get_attribute("data-kept") == "yes")
    click(browser, ".who summary")
    click(browser, "form[action='/sign-out'] button")
    until(browser, lambda: browser.current_url.endswith("/sign-in"))
    kept = "const done = arguments[0]; caches.has('roll-call').then(done)"
    until(browser, lambda: browser.execute_async_script(kept) is False)


def test_an_inspectors_link_opens_the_record_alone_and_ends(browser: Driver, center: Stage) -> None:
    browser.get(f"{center.url}/reports")
    Select(browser.find_element(By.ID, "hours")).select_by_value("2")
    click(browser, "form[action='/inspector/links'] button")
    until(browser, lambda: bool(browser.find_elements(By.ID, "link")))
    link = str(browser.find_element(By.ID, "link").get_attribute("value"))
    browser.delete_all_cookies()
    browser.get(link)
    until(browser, lambda: "any room, any past minute" in text(browser, "h1"))
    assert browser.current_url == f"{center.url}/inspector"
    assert len(text(browser, "#head")) == 64
    assert "c01-k" not in text(browser, "#answer")
    visit = {each["name"]: each["value"] for each in browser.get_cookies()}
    page = str(browser.find_element(By.LINK_TEXT, "PDF").get_attribute("href"))
    answer = httpx.get(page, cookies=visit, trust_env=False)
    assert text(browser, "#head") in "".join(PdfReader(io.BytesIO(answer.content)).pages[0].extract_text().split())
    browser.get(f"{center.url}/settings")
    assert "Not for your role" in text(browser, "h1")
    center.control("clock", {"step": 2 * 3600})
    browser.get(f"{center.url}/inspector")
    assert "expired" in text(browser, "main")
    browser.get(link)
    until(browser, lambda: "Not for your role" in text(browser, "h1"))
    assert "expired" in text(browser, "main")


def test_what_will_be_printed_is_whole_on_paper(browser: Driver, center: Stage) -> None:
    """Upright pages without menu and buttons, nothing in a box that scrolls, also when printed from a phone."""
    resize(browser, PHONE)
    for path in (
        "/reports/daily/2026-03-10", "/reports/period?first=2026-03-10&last=2026-03-11", "/roll-call",
        "/inspector?room=c01-r01&day=2026-03-10&at=10:00", "/incidents/week/2026-W11",
    ):  # fmt: skip
        browser.get(center.url + path)
        rows = browser.execute_script("""
            return [...document.querySelectorAll("main tr, main h2")]
                .map((each) => each.innerText.split(/\\s/).filter(Boolean)).filter((words) => words.length)
        """)
        printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
        pages = PdfReader(io.BytesIO(printed)).pages
        there = "".join("".join(normalize("NFKC", page.extract_text()).split()) for page in pages)
        assert [words for words in rows if words[0] not in there or words[-1] not in there] == [], path
        assert "Call-out" not in there, path
        assert all(page.mediabox.height > page.mediabox.width for page in pages), path


def every_page(center: Stage) -> list[str]:
    incident = asked(center, "/v1/incidents")[0]["incident_id"]
    return [
        "/", f"/week/{WEEK}", "/call-out", "/roll-call", "/incidents", f"/incidents/{incident}", "/reports",
        "/reports/daily/2026-03-10", "/reports/period?first=2026-03-10&last=2026-03-11", "/reports/tune-up",
        "/reports/shadow", "/reports/forecasts", "/incidents/week/2026-W11", "/inspector", "/inspector/enter",
        "/families", "/learn", "/learn/quiz", "/settings", f"/week/{WEEK}?by=person",
        "/week/2030-W01", "/no-such-page", "/centers", "/my-day", "/my-day?who=c01-s01", "/sign-in",
    ]  # fmt: skip


def test_no_page_is_wider_than_the_narrowest_phone(browser: Driver, center: Stage) -> None:
    resize(browser, NARROW)
    wide = []
    for path in every_page(center):
        browser.get(center.url + path)
        width = browser.execute_script("return document.documentElement.scrollWidth")
        wide += [(path, width)] if width > NARROW[0] else []
    assert wide == []


@pytest.mark.parametrize(("theme", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)])
def test_no_page_has_a_serious_barrier(browser: Driver, center: Stage, theme: str, size: tuple[int, int]) -> None:
    """Nor is anything wider than the screen, on a phone too."""
    resize(browser, size)
    found = []
    for path in every_page(center):
        browser.get(center.url + path)
        browser.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
        width = browser.execute_script("return document.documentElement.scrollWidth")
        found += [(path, "wider than the screen", str(width), "")] if width > size[0] else []
        browser.execute_script(AXE)
        result = browser.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(done)"
        )
        found += [
            (path, each["id"], each["nodes"][0]["html"][:160], each["nodes"][0]["failureSummary"][:300])
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
        ]
    assert found == []


def test_no_page_complained_to_the_console(browser: Driver) -> None:
    loud = [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    expected = ("status of 403", "status of 404", "ERR_INTERNET_DISCONNECTED", "net::ERR")
    assert [message for message in loud if not any(part in message for part in expected)] == []


def network(driver: Driver, *, offline: bool) -> None:
    driver.set_network_conditions(offline=offline, latency=0, throughput=10_000_000)

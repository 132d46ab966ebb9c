"""Every page without anything to show: no center, a center without rooms and people, no warehouse, a damaged plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api.app import create_app
from api.console import PAGES
from benchmarks._stage import PASSWORD, Stage
from connectors.clock import SystemPacedClock
from domain.places import Center
from evaluator import codec
from flows.steps import open_run, run_import_attendance
from storage.ledger import open_ledger
from storage.ledger.access import User, create_user, hash_password
from storage.ledger.centers import keep_reference
from storage.settings import Settings
from tests.console.conftest import HTML, WEEK, Person, words

FILLED = {"week": WEEK, "day": "2026-03-10", "first": "2026-03-10", "last": "2026-03-11", "staff_id": "c01-s01"}
GUIDES = {  # what each page of the menu says to somebody who sees it for the first time
    "/": "No rooms yet", "/week": "ratiocast plan", "/call-out": "Shifts are read from the platform",
    "/roll-call": "No rooms are known yet", "/incidents": "No incident in this time", "/reports": "A day",
    "/inspector": "No room is known yet", "/families": "Say what is planned", "/learn": "What if", "/settings": "Mode",
    "/reports/forecasts": "Nothing to judge yet",
}  # fmt: skip


def routes() -> list[str]:
    """Every page there is to read, with its parts filled in."""
    found = []
    for router in PAGES:
        for route in router.routes:
            if isinstance(route, APIRoute) and "GET" in route.methods and not route.path.endswith("/stream"):
                path = route.path
                for name, value in (FILLED | {"incident_id": "inc_1", "call_out_id": "co_1", "form": "csv"}).items():
                    path = path.replace(f"{{{name}}}", value)
                assert "{" not in path, path
                found.append(path)
    return sorted(set(found))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A center that was just entered on the platform: no rooms, nobody, no history, nothing published."""
    yield from signed_in(tmp_path_factory.mktemp("empty"), Center("c09", "New House", "TX", "UTC", time(7), time(18)))


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An installation without any center."""
    yield from signed_in(tmp_path_factory.mktemp("nowhere"), None)


def signed_in(folder: Path, center: Center | None) -> Iterator[TestClient]:
    settings, clock = Settings(data_dir=folder), SystemPacedClock()
    now, hashed = clock.now(), hash_password(PASSWORD)
    with open_ledger(settings.ledger_location) as ledger:
        ledger.write(lambda c: create_user(c, User("dana", "Dana", "director", ("*",)), hashed, now))
        if center is not None:
            ledger.write(lambda c: keep_reference(c, center.center_id, "center", codec.to_json(center), now))
    app: FastAPI = create_app(settings, clock)
    with TestClient(app, headers=HTML) as browser:
        browser.post("/sign-in", data={"user": "dana", "password": PASSWORD})
        yield browser


def test_my_day_of_a_center_without_shifts_says_where_they_come_from(empty: TestClient) -> None:
    assert "Nobody has a shift here today. Shifts are read from the platform" in empty.get("/my-day").text


@pytest.mark.parametrize("path", routes())
def test_a_new_center_gets_a_page_everywhere_and_never_a_stack_trace(empty: TestClient, path: str) -> None:
    answer = empty.get(path)
    assert answer.status_code in (200, 400, 404, 422), answer.text[:500]
    assert "Traceback" not in answer.text
    if "<!doctype" in answer.text:
        assert answer.text.count("<h1") == 1
        assert words(answer.text.split("<main", 1)[1]).strip()


@pytest.mark.parametrize(("path", "said"), GUIDES.items())
def test_a_new_center_is_told_on_every_page_of_the_menu_what_comes_there(
    empty: TestClient, path: str, said: str
) -> None:
    assert said in words(empty.get(path).text)


@pytest.mark.parametrize("path", [path for path in GUIDES if path not in ("/", "/learn")])
def test_without_any_center_every_page_guides_to_the_first(nowhere: TestClient, path: str) -> None:
    answer = nowhere.get(path)
    assert answer.status_code == 404
    assert "Welcome: no center is known yet" in words(answer.text)
    assert "RATIOCAST_PLATFORM_URL" in answer.text
    assert 'aria-current="page"' in answer.text, "the menu stays"
    assert "Sign out" in answer.text


def test_who_imported_files_alone_is_told_that_they_bring_the_past_and_the_pages_need_the_platform(
    tmp_path: Path,
) -> None:
    (tmp_path / "map.toml").write_text(_MAP, encoding="utf-8")
    (tmp_path / "visits.csv").write_text("child,room,day,in,out\nAna,Bears,2026-03-06,07:45,16:30\n", encoding="utf-8")
    run = open_run(Settings(data_dir=tmp_path / "data"))
    run_import_attendance(run, tmp_path / "visits.csv", tmp_path / "map.toml")
    for browser in signed_in(tmp_path / "data", None):
        said = words(browser.get("/").text)
        assert "The record of Sunny Hill was read from files" in said
        assert "The record of Sunny Hill" in words(browser.get("/reports").text)


_MAP = """
[centers."Sunny Hill"]
state = "TX"
timezone = "America/Chicago"
opens = "06:30"
closes = "18:30"
[centers."Sunny Hill".rooms.Bears]
age_min_months = 18
age_max_months = 36
capacity = 12
[columns]
child = ["child"]
room = "room"
date = "day"
check_in = "in"
check_out = "out"
[formats]
date = ["%Y-%m-%d"]
time = ["%H:%M"]
"""


def test_a_plan_that_cannot_be_read_is_said_in_a_sentence(director: Person, running: Stage) -> None:
    path = running.settings.data_dir / "plans" / "c01" / "2026-W20.plan.json"
    for name in ("2026-W20.problem.json", "2026-W20.plan.json"):
        path.with_name(name).write_text("{", encoding="utf-8")
    html = director.read("/week/2026-W20", 400)
    for name in ("2026-W20.problem.json", "2026-W20.plan.json"):
        path.with_name(name).unlink()
    assert "2026-W20.problem.json" in words(html)
    assert "Traceback" not in html


def test_days_before_the_service_began_are_not_shown_as_empty(director: Person) -> None:
    html = words(director.read("/reports/daily/2026-03-02", 404))
    assert "Nothing is on record before" in html
    partly = words(director.read("/reports/daily/2026-03-09"))
    assert "is on record from" in partly

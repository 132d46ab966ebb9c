"""A running installation for the pages: the double with a small or medium center, a planned week, three people."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import optimizer
from api.plan_files import PlanFiles
from benchmarks._coverage import week_problem
from benchmarks._stage import Stage, stage, week_of
from connectors.platform import PlatformClient
from storage.settings import Settings

WEEK = "2026-W12"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A small center on a Wednesday at 11:00; the clock stands. Tests that move it take their own."""
    with stage(tmp_path_factory.mktemp("console"), week_of("small"), prepare=planned) as found:
        hurry(found)
        yield found


def hurry(found: Stage) -> None:
    """Small centers need no more; the tests together must not take long."""
    found.app.state.solver.day_seconds, found.app.state.solver.week_seconds = 1.0, 3.0


def planned(settings: Settings) -> None:
    """Next week's plan as the planner would leave it, here by the greedy planner."""
    platform = PlatformClient(settings.platform_url, settings.platform_token.get_secret_value())
    problem = week_problem(platform, "c01", WEEK)
    files = PlanFiles(settings.data_dir, "c01")
    files.write("draft", problem, optimizer.greedy(problem))
    for what in ("problem", "plan"):
        made = settings.data_dir / "plans" / "c01"
        (made / f"{WEEK}.draft.{what}.json").rename(made / f"{WEEK}.{what}.json")
    platform.close()


@dataclass
class Person:
    """Somebody at a browser without script: reads pages, sends forms as the pages have them."""

    client: httpx.Client

    def read(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers=HTML)
        assert answer.status_code == status, answer.text[:2000]
        return answer.text

    def send(self, path: str, status: int = 200, **form: object) -> str:
        answer = self.client.post(path, data=form, headers=HTML)
        assert answer.status_code == status, answer.text[:2000]
        return answer.text


@pytest.fixture
def director(running: Stage) -> Iterator[Person]:
    client = running.signed_in("dana")
    yield Person(client)
    client.close()


@pytest.fixture
def lead(running: Stage) -> Iterator[Person]:
    client = running.signed_in("lee")
    yield Person(client)
    client.close()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for what the service does in its own time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def words(html: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def hidden(html: str, name: str) -> str:
    """The value of a form's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return found[1]


def data_folder(found: Stage) -> Path:
    return found.settings.data_dir

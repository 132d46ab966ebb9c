"""A running installation for pages: the platform double and the real service, both over HTTP on this machine."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from connectors.clock import open_clock
from sandbox import Knobs, World, simulate
from sandbox.app import READ_TOKEN, WRITE_TOKEN
from sandbox.app import create_app as create_double
from storage.ledger import open_ledger
from storage.ledger.access import User, create_user, hash_password
from storage.settings import Settings

MORNING = datetime(2026, 3, 11, 16, 0, tzinfo=UTC)  # a Wednesday, 11:00 in Chicago
PASSWORD = "correct horse battery"  # noqa: S105  of people who exist on this machine only
PEOPLE = (
    User("dana", "Dana Director", "director", ("*",)),
    User("lee", "Lee Lead", "lead_teacher", ("*",)),
    User("ines", "Ines Inspector", "inspector", ("*",)),
)


@dataclass
class Stage:
    """`url` of the service, `double` of the platform; `app` is the service's own."""

    url: str
    double: httpx.Client
    app: FastAPI
    world: World
    settings: Settings
    secret: str

    @property
    def center_id(self) -> str:
        return self.world.centers[0].center_id

    def control(self, path: str, body: Any) -> Any:
        return self.double.post(f"/control/{path}", json=body).raise_for_status().json()

    def signed_in(self, user: str = "dana") -> httpx.Client:
        """A client with a session; its `csrf` stands in the header of every request."""
        client = httpx.Client(base_url=self.url, timeout=20, follow_redirects=True, trust_env=False)
        answer = client.post("/sign-in", data={"user": user, "password": PASSWORD}, headers={"Accept": "text/html"})
        answer.raise_for_status()
        client.headers["X-CSRF-Token"] = client.get("/v1/sessions/me").json()["csrf_token"]
        return client


def week_of(size: str = "small", centers: int = 1) -> World:
    """Two simulated weeks around `MORNING`."""
    return simulate(Knobs(centers=centers, size=size), 7, date(2026, 3, 2), 19)


@contextmanager
def stage(
    folder: Path, world: World | None = None, *, now: datetime = MORNING, mode: str = "suggestions",
    names: bool = False, prepare: Callable[[Settings], None] | None = None,
) -> Iterator[Stage]:  # fmt: skip
    """Start both, with the double's webhooks going to the service; `prepare` may fill the data folder before."""
    world = world or week_of()
    with serving(create_double(world, now=now)) as double_url:
        secret = "whsec_" + base64.b64encode(b"a secret of this machine only...").decode()
        settings = Settings(
            data_dir=folder, platform_url=double_url, platform_token=SecretStr(READ_TOKEN), mode=mode,  # type: ignore[arg-type]
            platform_write_token=SecretStr(WRITE_TOKEN), clock=f"{double_url}/control/clock",
            webhook_secrets=SecretStr(secret), store_names=names,
        )  # fmt: skip
        let_in(settings, now)
        if prepare is not None:
            prepare(settings)
        app = create_app(settings, open_clock(settings))
        with serving(app) as url, httpx.Client(base_url=double_url, timeout=20, trust_env=False) as double:
            found = Stage(url, double, app, world, settings, secret)
            found.control("webhook", {"url": f"{url}/v1/webhooks/attendance", "secret": secret})
            yield found


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server ended before it began to listen")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def let_in(settings: Settings, now: datetime) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    hashed = hash_password(PASSWORD)
    with open_ledger(settings.ledger_location) as ledger:
        for person in PEOPLE:
            ledger.write(lambda c, person=person: create_user(c, person, hashed, now))

"""A small center in a running service: real ledger, real app, a clock the test sets, no platform unless asked for."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib.util
import json
import sys
import threading
import time as pause
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from api.center import LiveCenter
from api.service import Service
from connectors import webhooks
from connectors.clock import open_clock
from domain.people import Child, Segment, Shift, StaffMember
from domain.places import Center, Room
from evaluator import codec
from sandbox import Knobs, World, simulate
from sandbox.app import READ_TOKEN, WRITE_TOKEN
from sandbox.app import create_app as platform_app
from storage.ledger import access, open_ledger
from storage.ledger.centers import keep_reference
from storage.settings import Settings

SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0"
MORNING = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # a Monday, 9:00 in Texas


class SetClock:
    """Shows what it is told; `speed` 0 says that it stands."""

    speed = 0.0

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


@dataclass
class House:
    """The service as a test sees it."""

    client: TestClient
    clock: Any  # SetClock, or the double's
    settings: Settings
    tokens: dict[str, str]
    sequence: dict[str, int] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        service: Service = self.client.app.state.service  # type: ignore[attr-defined]
        return service

    def center(self, center_id: str = "c1") -> LiveCenter:
        return self.service.live.centers[center_id]

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run a coroutine function on the service's own loop."""
        assert self.client.portal
        return self.client.portal.call(work, *arguments)

    def get(self, path: str, role: str = "director", **query: Any) -> Any:
        response = self.client.get(path, params=query, headers=self.auth(role))
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any = None, role: str = "director") -> Response:
        return self.client.post(path, json=body, headers=self.auth(role))

    def auth(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def event(self, event_type: str, center_id: str = "c1", **fields: Any) -> dict[str, Any]:
        number = self.sequence[center_id] = self.sequence.get(center_id, 0) + 1
        now = self.clock.now().isoformat()
        base = {"event_id": f"e{number}", "sequence": number, "center_id": center_id, "event_type": event_type}
        return {**base, "timestamp": now, "recorded_at": now, **fields}

    def deliver(self, *events: dict[str, Any], secret: str = SECRET) -> Response:
        """Post a signed delivery, as the platform does."""
        body = json.dumps(list(events)).encode()
        stamp = int(self.clock.now().timestamp())
        (key,) = webhooks.secrets_from_text(secret)
        signature = webhooks.sign(key, "msg_1", stamp, body)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(stamp), "webhook-signature": signature}
        return self.client.post("/v1/webhooks/attendance", content=body, headers=headers)

    def arrive(self, *children: str, room_id: str = "r1") -> None:
        events = [self.event("check_in", child_id=child, room_id=room_id) for child in children]
        assert self.deliver(*events).status_code == 200

    def staff(self, kind: str, *people: str, room_id: str | None = "r1") -> None:
        place = {"room_id": room_id} if room_id else {}
        assert self.deliver(*(self.event(kind, staff_id=person, **place) for person in people)).status_code == 200

    def pass_time(self, **span: float) -> None:
        """Move the clock, let the center be judged, and what follows from it happen."""
        self.clock.at += timedelta(**span)
        self.step()

    def step(self, center_id: str = "c1") -> None:
        self.run(self.service.live.step, self.center(center_id))
        self.run(self.service.proposals.step)
        while self.run(self.service.dispatcher.step):
            pass

    def settle(self) -> None:
        """Let what is under way in the background end."""

        async def wait() -> None:
            await asyncio.gather(*self.service.background)

        self.run(wait)


ROOMS = (
    Room("r1", "c1", "Infants", 0, 18, 10, "s1", walk_seconds={"r2": 40}),
    Room("r2", "c1", "Twos", 24, 36, 22, "s3", walk_seconds={"r1": 40}),
)
STAFF = (
    StaffMember("s1", "c1", "Lead Teacher", home_room_id="r1", birth_date=date(1990, 1, 1)),
    StaffMember("s2", "c1", "Teacher", home_room_id="r1", birth_date=date(1990, 1, 1)),
    StaffMember("s3", "c1", "Lead Teacher", home_room_id="r2", birth_date=date(1990, 1, 1)),
    StaffMember("s4", "c1", "Teacher", home_room_id="r2", birth_date=date(1990, 1, 1)),
    StaffMember("s5", "c1", "Teacher", is_float=True, birth_date=date(1990, 1, 1)),
)


def facts_of(center_id: str) -> dict[str, Any]:
    """Reference data of a Texan center: an infant room, a room of two-year-olds, five adults with shifts all day."""
    begins, ends = MORNING - timedelta(hours=3), MORNING + timedelta(hours=9)
    center = Center(center_id, f"Center {center_id}", "TX", "America/Chicago", time(6, 30), time(18, 30))
    infants = [Child(f"i{n}", center_id, date(2025, 9, 1), "r1") for n in range(12)]
    twos = [Child(f"t{n}", center_id, date(2023, 12, 1), "r2", display_name=f"Secret Name {n}") for n in range(12)]
    shifts = [
        Shift(
            f"h{member.staff_id}", center_id, member.staff_id, begins, ends,
            (Segment(begins, ends, "float" if member.is_float else "room", member.home_room_id),), "1",
        )
        for member in STAFF
    ]  # fmt: skip
    rows: dict[str, Any] = {"rooms": ROOMS, "children": [*infants, *twos], "staff": STAFF, "shifts": shifts}
    return {"center": codec.to_json(center), **{kind: codec.to_json(tuple(each)) for kind, each in rows.items()}}


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Start a service; settings may be given. Called again on the same folder it is a restart."""
    running: list[House] = []

    def make(
        *, now: datetime = MORNING, centers: tuple[str, ...] = ("c1",), folder: str = "data", **chosen: Any
    ) -> House:
        settings = Settings(data_dir=tmp_path / folder, webhook_secrets=SECRET, slack_signing_secret="shh", **chosen)
        new = not (tmp_path / folder).exists()
        with open_ledger(settings.ledger_location) as ledger:
            for center_id in centers if new and "platform_url" not in chosen else ():
                for kind, body in facts_of(center_id).items():
                    ledger.write(lambda c, k=kind, b=body, i=center_id: keep_reference(c, i, k, b, now))  # type: ignore[misc]
            tokens = {
                role: ledger.write(
                    lambda c, r=role: access.create_key(c, r, r, list(centers), now, now + timedelta(days=365))[1]  # type: ignore[misc]
                )
                for role in access.ROLES
            }
        clock = SetClock(now) if "clock" not in chosen else open_clock(settings)
        client = TestClient(create_app(settings, clock), raise_server_exceptions=False)
        client.__enter__()
        house = House(client, clock, settings, tokens)
        running.append(house)
        return house

    yield make
    for house in running:
        house.client.__exit__(None, None, None)


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house(mode="alerts")


@dataclass
class PlatformDouble:
    """The platform's double over real HTTP, its clock standing until a test moves it."""

    url: str
    http: httpx.Client

    def step(self, seconds: float) -> None:
        self.http.post("/control/clock", json={"step": seconds}).raise_for_status()

    def happens(self, *events: dict[str, Any]) -> None:
        self.http.post("/control/events", json=list(events)).raise_for_status()

    def faults(self, **kinds: Any) -> None:
        self.http.post("/control/faults", json={"clear": True, **kinds}).raise_for_status()

    def received(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/control/received").json()[kind]
        return found

    def settings(self) -> dict[str, Any]:
        return {
            "platform_url": self.url, "clock": f"{self.url}/control/clock", "platform_token": READ_TOKEN,
            "platform_write_token": WRITE_TOKEN,
        }  # fmt: skip


@pytest.fixture(scope="session")
def world() -> World:
    """A small center over one week, recorded without faults."""
    return simulate(Knobs(size="small", faults=0), 3, date(2026, 3, 2), 7)


@pytest.fixture
def platform(world: World) -> Iterator[PlatformDouble]:
    """The double at ten in the morning of a Wednesday."""
    app = platform_app(world, now=datetime(2026, 3, 4, 16, 0, tzinfo=UTC))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pause.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {READ_TOKEN}"}) as http:
        yield PlatformDouble(url, http)
    server.should_exit = True
    thread.join()


@dataclass
class SlackDouble:
    """Where a response_url leads, and a way to press buttons as Slack would."""

    vendor: Any

    def press(self, house: House, action: str, value: str, user: str) -> Response:
        payload = {
            "type": "block_actions", "user": {"id": user}, "response_url": self.vendor.url,
            "actions": [{"action_id": f"{action}:{value}", "value": value, "type": "button"}],
        }  # fmt: skip
        body = urlencode({"payload": json.dumps(payload)}).encode()
        stamp = str(int(house.clock.now().timestamp()))
        digest = hmac.new(b"shh", b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {
            "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        answer = house.client.post("/v1/slack/interactions", content=body, headers=headers)
        house.settle()
        return answer

    def told(self) -> list[str]:
        return [request.json()["text"] for request in self.vendor.received]


@pytest.fixture(scope="session")
def vendors() -> Any:
    """The module of the vendors' doubles (tests are no package)."""
    path = Path(__file__).parents[1] / "doubles" / "vendors.py"
    spec = importlib.util.spec_from_file_location("vendors", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["vendors"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def slack(vendors: Any) -> Iterator[SlackDouble]:
    with vendors.vendor(vendors.slack) as double:
        yield SlackDouble(double)

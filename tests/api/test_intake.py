"""Deliveries over HTTP: what is answered, what is on disk, what it does to the rooms."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.intake import Intake
from connectors import webhooks
from domain.errors import StoreError
from domain.events import Event
from domain.time import SystemClock
from storage import audit
from storage.ledger import Ledger, open_ledger
from storage.ledger.events import read_events


def stored(house: Any, center_id: str = "c1") -> list[str]:
    return [event.event_id for event in house.service.ledger.read(lambda c: read_events(c, center_id))]


def test_a_delivery_is_on_disk_when_it_is_answered_and_the_room_shows_it(house: Any) -> None:
    answer = house.deliver(house.event("check_in", child_id="i1", room_id="r1"))
    assert (answer.status_code, answer.json()) == (200, {"taken": 1})
    assert stored(house) == ["e1"]
    assert house.get("/v1/rooms/r1/check")["children"] == 1


def test_doubles_change_nothing(house: Any) -> None:
    event = house.event("check_in", child_id="i1", room_id="r1")
    for _ in range(3):
        assert house.deliver(event, event).status_code == 200
    assert stored(house) == ["e1"]


def test_unknown_types_and_unknown_centers_are_kept(house: Any) -> None:
    house.deliver(house.event("moon_landing"), house.event("check_in", center_id="c9", child_id="x", room_id="r"))
    assert stored(house) == ["e1"]
    assert stored(house, "c9") == ["e1"]


def test_deliveries_out_of_order_give_the_same_room_as_in_order(house: Any) -> None:
    events = []
    for kind in ("check_in", "check_out", "check_in"):
        events.append(house.event(kind, child_id="i1", room_id="r1"))
        house.clock.at += timedelta(seconds=30)
    for event in reversed(events):
        house.deliver(event)
    assert house.get("/v1/rooms/r1/check")["children"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"\xff", 400), (b"[1]", 400), (b"{}", 400), (b"", 400), (b"[" + b"{}," * 100 + b"{}]", 400)],
)
def test_a_signed_body_that_is_no_delivery_is_a_bad_request(house: Any, body: bytes, status: int) -> None:
    answer = send(house, body)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_forged_or_stale_delivery_is_refused_and_leaves_nothing(house: Any) -> None:
    event = house.event("check_in", child_id="i1", room_id="r1")
    assert house.deliver(event, secret="whsec_Zm9yZ2VkZm9yZ2Vk").status_code == 401
    assert send(house, json.dumps(event).encode(), late=301).status_code == 401
    assert house.client.post("/v1/webhooks/attendance", json=event).status_code == 401
    assert stored(house) == []


def test_a_body_above_one_mebibyte_is_refused_before_it_is_read(house: Any) -> None:
    pieces = (b" " * (1 << 18) for _ in range(64))  # no length is announced
    assert house.client.post("/v1/webhooks/attendance", content=pieces).status_code == 413
    announced = {"content-length": str(2 << 20)}
    assert house.client.post("/v1/webhooks/attendance", content=b"x", headers=announced).status_code == 413


def test_two_secrets_are_good_while_keys_rotate(make_house: Callable[..., Any]) -> None:
    house = make_house()
    other = "whsec_bmV3bmV3bmV3bmV3bmV3"
    both = make_house(folder="rotating")
    both.service.webhook_keys += webhooks.secrets_from_text(other)
    event = both.event("check_in", child_id="i1", room_id="r1")
    assert both.deliver(event).status_code == 200
    assert both.deliver(event, secret=other).status_code == 200
    assert house.deliver(event, secret=other).status_code == 401


def test_every_commit_of_events_leaves_an_audit_entry_and_the_chain_holds(house: Any) -> None:
    house.arrive("i1", "i2")
    house.arrive("i3")
    entries = house.service.ledger.read(lambda c: [entry.record() for entry in audit.entries(c, "c1")])
    received = [entry["after"]["count"] for entry in entries if entry["action"] == "events.received"]
    assert received == [2, 1]
    assert audit.verify(entries)[1] == []


def test_a_restart_finds_the_rooms_as_they_were(make_house: Callable[..., Any]) -> None:
    house = make_house()
    house.arrive("i1", "i2", "i3")
    house.staff("clock_in", "s1", "s2")
    before = house.center().state.picture()
    house.client.__exit__(None, None, None)
    again = make_house()
    assert again.center().state.picture() == before
    assert again.get("/v1/health")["ready"] is True


def test_health_says_when_events_are_missing(house: Any) -> None:
    house.event("check_in")
    house.deliver(house.event("check_in", child_id="i1", room_id="r1"))
    assert house.get("/v1/health")["waiting_for_events"] == 1


def test_health_counts_the_centers_that_look_ahead_by_bookings_alone(house: Any) -> None:
    house.arrive("i1")
    house.step()
    assert house.get("/v1/health")["without_forecast"] == 1


def send(house: Any, body: bytes, late: int = 0) -> Any:
    stamp = int(house.clock.now().timestamp()) - late
    signature = webhooks.sign(house.service.webhook_keys[0], "m", stamp, body)
    headers = {"webhook-id": "m", "webhook-timestamp": str(stamp), "webhook-signature": signature}
    return house.client.post("/v1/webhooks/attendance", content=body, headers=headers)


def test_deliveries_that_come_while_a_commit_is_under_way_share_the_next(tmp_path: Path) -> None:
    heard: list[str] = []

    async def run(ledger: Ledger) -> int:
        intake = Intake(ledger, SystemClock(), lambda events: heard.extend(event.event_id for event in events))
        busy = threading.Event()
        ledger.submit(lambda _: busy.wait(10))
        before = ledger.commits
        takes = [asyncio.create_task(intake.take([an_event(n)])) for n in range(1, 51)]
        await asyncio.sleep(0.05)
        assert not any(take.done() for take in takes), "nothing is promised before it is on disk"
        busy.set()
        await asyncio.gather(*takes)
        return ledger.commits - before

    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        assert asyncio.run(run(ledger)) <= 3
        assert len(ledger.read(lambda c: read_events(c, "c1"))) == 50
    assert heard == [f"e{n}" for n in range(1, 51)]


def test_a_ledger_that_cannot_be_written_fails_every_delivery_that_waits_and_none_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(ledger: Ledger) -> list[BaseException | None]:
        intake = Intake(ledger, SystemClock(), lambda _: None)
        with monkeypatch.context() as broken:
            broken.setattr(ledger, "_connected", _full_disk)
            takes = (intake.take([an_event(n)]) for n in (1, 2, 3))
            failed = await asyncio.gather(*takes, return_exceptions=True)
        await intake.take([an_event(4)])
        return list(failed)

    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        failed = asyncio.run(run(ledger))
        assert [type(error) for error in failed] == [StoreError] * 3
        assert [event.sequence for event in ledger.read(lambda c: read_events(c, "c1"))] == [4]


def _full_disk() -> None:
    raise StoreError("the disk is full")


def an_event(sequence: int) -> Event:
    now = datetime.now(UTC)
    return Event(f"e{sequence}", sequence, "c1", "check_in", now, now, child_id="k", room_id="r1")

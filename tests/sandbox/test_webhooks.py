"""Webhooks are signed by the standard, retried, and misbehave only when asked to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.errors import BadInput
from domain.time import parse_instant
from sandbox.webhooks import check_secret, sign

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
NEXT = "whsec_" + base64.b64encode(b"the next secret, also of 32 byte").decode()


def verified(headers: dict[str, str], body: bytes, secret: str = SECRET) -> bool:
    """By hand, from the words of the standard: HMAC-SHA256 over id.timestamp.body, in base64, after `v1,`."""
    key = base64.b64decode(secret.split("_")[1])
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


def events_of(taken: list[tuple[dict[str, str], bytes, int]], *, accepted: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _, body, status in taken:
        if not accepted or status < 300:
            content = json.loads(body)
            found += content if isinstance(content, list) else [content]
    return found


def drained(double: Any) -> bool:
    return bool(double.read.get("/control/webhook").json()["pending"] == 0)


def deliver(double: Any, listener: Any, **more: Any) -> None:
    double.control("webhook", {"url": listener.url, "secret": SECRET, **more})
    double.control("clock", {"step": 3 * 3600})
    double.wait_until(lambda: drained(double))


def test_every_event_arrives_once_and_signed(double: Any, listener: Any) -> None:
    double.control("faults", {"clear": True})
    before = len(double.rows("attendance/checkins", limit=1000))
    deliver(double, listener, batch=10)
    log = double.rows("attendance/checkins", after_sequence=before, limit=1000)
    assert sorted(events_of(listener.taken), key=lambda event: event["sequence"]) == log
    assert all(verified(headers, body) for headers, body, _ in listener.taken)
    assert not any(verified(headers, body + b" ") for headers, body, _ in listener.taken)
    assert max(len(json.loads(body)) for _, body, _ in listener.taken if body.startswith(b"[")) == 10


def test_the_standards_own_library_accepts_the_signature(double: Any, listener: Any) -> None:
    deliver(double, listener, timestamps="system")
    headers, body, _ = listener.taken[0]
    assert Webhook(SECRET).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEXT).verify(body, headers)


def test_during_a_rotation_two_signatures_are_sent(double: Any, listener: Any) -> None:
    deliver(double, listener, next_secret=NEXT)
    headers, body, _ = listener.taken[0]
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verified(headers, body, SECRET)
    assert verified(headers, body, NEXT)


def test_a_refused_delivery_comes_again_with_the_same_id(double: Any, listener: Any) -> None:
    refusals = iter([500, 429])
    listener.answer = lambda *_: next(refusals, 204)
    deliver(double, listener)
    ids = [headers["webhook-id"] for headers, _, _ in listener.taken]
    assert len(ids) > len(set(ids))
    assert [status for _, _, status in listener.taken].count(204) == len(set(ids))


def test_lost_deliveries_stand_in_the_log_alone(double: Any, listener: Any) -> None:
    double.control("faults", {"clear": True, "lose": 1.0})
    before = len(double.rows("attendance/checkins", limit=1000))
    deliver(double, listener)
    assert not listener.taken
    assert double.rows("attendance/checkins", after_sequence=before, limit=1000)


def test_duplicates_and_disorder_come_on_request(double: Any, listener: Any) -> None:
    double.control("faults", {"clear": True, "duplicate": 0.5, "reorder": 0.5})
    deliver(double, listener, batch=3)
    sequences = [event["sequence"] for event in events_of(listener.taken)]
    assert len(sequences) > len(set(sequences))
    assert sequences != sorted(sequences)
    assert len(set(sequences)) == max(sequences) - min(sequences) + 1


@pytest.mark.parametrize("fault", ["bad_signature", "stale"])
def test_a_spoiled_delivery_is_followed_by_a_good_one(double: Any, listener: Any, fault: str) -> None:
    double.control("faults", {"clear": True, fault: {"next": 1}})
    now = parse_instant(double.read.get("/control/clock").json()["now"]).timestamp()

    def strict(headers: dict[str, str], body: bytes) -> int:
        fresh = abs(int(headers["webhook-timestamp"]) - now) < 300
        return 204 if verified(headers, body) and fresh else 401

    listener.answer = strict
    double.control("webhook", {"url": listener.url, "secret": SECRET})
    double.control("events", [{"center_id": "c01", "event_type": "nap_end", "room_id": "c01-r01"}])
    double.wait_until(lambda: drained(double) and len(listener.taken) > 1)
    assert [status for _, _, status in listener.taken] == [401, 204]


def test_a_wrong_secret_or_target_is_refused(double: Any) -> None:
    with pytest.raises(BadInput, match="whsec_"):
        check_secret("plain")
    with pytest.raises(BadInput, match="base64"):
        check_secret("whsec_???")
    assert double.read.post("/control/webhook", json={"url": "ftp://x"}).status_code == 400
    assert double.read.post("/control/webhook", json={"url": "http://x", "batch": 101}).status_code == 400
    assert sign(SECRET, "a", 1, b"x") != sign(SECRET, "a", 2, b"x")

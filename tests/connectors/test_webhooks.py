"""Signed deliveries: what is accepted is signed now with a secret of ours, whatever the headers and the body hold."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from connectors import webhooks
from domain.errors import BadInput, BadSettings, RatiocastError, TooLarge, Unauthenticated

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
KEYS = webhooks.secrets_from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_c2Vjb25kc2VjcmV0")
EVENT = {
    "event_id": "e1", "sequence": 1, "center_id": "c1", "event_type": "check_in", "child_id": "k1", "room_id": "r1",
    "timestamp": "2026-03-02T13:59:00Z", "recorded_at": "2026-03-02T13:59:20Z",
}  # fmt: skip
BODY = json.dumps(EVENT).encode()


def headers(
    body: bytes = BODY, at: datetime = NOW, keys: tuple[bytes, ...] = KEYS[:1], **changes: str
) -> dict[str, str]:
    stamp = int(at.timestamp())
    signatures = " ".join(webhooks.sign(key, "msg_1", stamp, body) for key in keys)
    base = {"webhook-id": "msg_1", "webhook-timestamp": str(stamp), "webhook-signature": signatures}
    return base | {f"webhook-{name}": value for name, value in changes.items()}


def test_the_example_of_the_specification_has_the_signature_it_should_have() -> None:
    signed = webhooks.sign(KEYS[0], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    key=st.binary(min_size=1, max_size=64),
    text=st.text(max_size=60),
    name=st.from_regex(r"[A-Za-z0-9_]{1,30}", fullmatch=True),
)
def test_signatures_equal_those_of_the_reference_library(key: bytes, text: str, name: str) -> None:
    theirs = Webhook("whsec_" + base64.b64encode(key).decode()).sign(name, NOW, text)
    assert webhooks.sign(key, name, int(NOW.timestamp()), text.encode()) == theirs


@pytest.mark.parametrize("signers", [KEYS[:1], KEYS[1:], KEYS, (b"old", KEYS[0])])
def test_any_secret_of_ours_among_several_signatures_is_enough(signers: tuple[bytes, ...]) -> None:
    webhooks.verify(KEYS, headers(keys=signers), BODY, NOW)


@pytest.mark.parametrize("seconds", [-300, -299, 0, 300])
def test_within_five_minutes_a_delivery_is_taken(seconds: int) -> None:
    webhooks.verify(KEYS, headers(at=NOW + timedelta(seconds=seconds)), BODY, NOW)


@pytest.mark.parametrize(
    "given_headers",
    [
        {}, headers(at=NOW - timedelta(seconds=301)), headers(at=NOW + timedelta(seconds=301)),
        headers(keys=(b"forged",)), headers(body=b"{}"), headers(id="msg_2"), headers(signature=""),
        headers(signature="v1"), headers(signature="v1,"), headers(signature="v1,%%%"), headers(signature="\u00e9"),
        headers(signature="v2," + headers()["webhook-signature"][3:]), headers(timestamp="soon"),
        headers(timestamp="1e9"), headers(timestamp="-5"), headers(timestamp="9" * 30), headers(timestamp="\u0661"),
        headers(signature=" ".join(["v1,AAAA"] * 16 + [headers()["webhook-signature"]])),
    ],
)  # fmt: skip
def test_anything_else_is_refused_as_unsigned(given_headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        webhooks.verify(KEYS, given_headers, BODY, NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    with pytest.raises(Unauthenticated):
        webhooks.verify((), headers(), BODY, NOW)


@pytest.mark.parametrize("text", ["whsec_%%%", "whsec_", "whsec_a"])
def test_a_secret_that_is_none_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(BadSettings):
        webhooks.secrets_from_text(text)


def test_one_event_or_a_hundred_are_read() -> None:
    assert [event.event_id for event in webhooks.parse_events(BODY)] == ["e1"]
    assert len(webhooks.parse_events(json.dumps([EVENT] * 100).encode())) == 100
    assert webhooks.parse_events(b"[]") == []
    assert webhooks.parse_events(json.dumps({**EVENT, "event_type": "moon_landing", "new": [1]}).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"), (b"\xff\xfe", "not JSON"), (b"{", "not JSON"), (b"NaN", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1", "JSON object"), (b"null", "JSON object"), (json.dumps([EVENT] * 101).encode(), "at most 100"),
        (json.dumps([EVENT, 5]).encode(), "event 2 of 2"),
        (json.dumps({**EVENT, "sequence": 0}).encode(), "'sequence'"),
        (json.dumps({**EVENT, "sequence": True}).encode(), "'sequence'"),
        (json.dumps({**EVENT, "timestamp": "2026-03-02T13:59:00"}).encode(), "zone"),
        (json.dumps({**EVENT, "event_id": "x" * 65}).encode(), "'event_id'"),
        (json.dumps({**EVENT, "voided": "yes"}).encode(), "'voided'"),
        (b'{"sequence": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_delivery_is_named(body: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        webhooks.parse_events(body)


def test_a_body_above_one_mebibyte_is_too_large() -> None:
    with pytest.raises(TooLarge):
        webhooks.parse_events(b" " * (webhooks.MAX_BODY_BYTES + 1))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_mutated_body_is_events_or_a_named_error_and_never_signed(data: st.DataObject) -> None:
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        cut = data.draw(st.integers(0, 6))
        body[at : at + cut] = data.draw(st.binary(max_size=6))
    mutated: Any = bytes(body)
    with suppress(RatiocastError):  # any other error fails the test
        assert all(event.event_id for event in webhooks.parse_events(mutated))
    if mutated != BODY:
        with pytest.raises(Unauthenticated):
            webhooks.verify(KEYS, headers(), mutated, NOW)

"""Signed webhooks as Standard Webhooks 1.0 (symmetric) describes them, with the clock given.

The reference library reads the machine's clock and takes one secret; here `now` is an argument, several secrets may be
valid during a rotation, and whatever the headers hold leads to Unauthenticated, never to another error.
Source: https://www.standardwebhooks.com (specification 1.0, "Signature scheme").
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.errors import BadInput, BadSettings, TooLarge, Unauthenticated
from domain.events import Event, event_from_json

TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 1 << 20
MAX_EVENTS = 100
_MAX_SIGNATURES = 16  # a rotation needs two; more only costs time


def secrets_from_text(text: str) -> tuple[bytes, ...]:
    """The keys of "whsec_... whsec_..."; BadSettings if one of them is not base64."""
    keys = []
    for secret in text.split():
        encoded = secret.removeprefix("whsec_")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadSettings("a webhook secret is not base64; copy it as the platform shows it (whsec_...)") from error
        if not key:
            raise BadSettings("a webhook secret is empty; copy it as the platform shows it (whsec_...)")
        keys.append(key)
    return tuple(keys)


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One `v1,<base64>` signature."""
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def verify(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Unauthenticated unless one of the signatures is ours and the timestamp lies within five minutes of `now`.

    `headers` has lower-case names. Every key is compared with every signature in constant time.
    """
    message_id, stamp, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (message_id and stamp and given):
        raise Unauthenticated("the delivery lacks webhook-id, webhook-timestamp or webhook-signature")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unauthenticated("the delivery's webhook-timestamp is not a whole number of seconds")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise Unauthenticated("the delivery's webhook-timestamp is more than five minutes away from now")
    good = False
    signatures = given.encode("utf-8", "replace").split()[:_MAX_SIGNATURES]
    for key in keys:
        expected = sign(key, message_id, int(stamp), body).encode()
        for signature in signatures:
            good |= hmac.compare_digest(expected, signature)
    if not good:
        raise Unauthenticated("no signature of the delivery is made with a webhook secret known here")


def parse_events(body: bytes) -> list[Event]:
    """The events of a delivery: one object or an array of up to 100. BadInput names the first thing that is wrong."""
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge("a delivery may have at most 1 MiB")
    try:
        data = _JSON.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput("the delivery is not JSON in UTF-8") from error
    if not isinstance(data, list):
        return [event_from_json(data)]
    if len(data) > MAX_EVENTS:
        raise BadInput(f"a delivery may have at most {MAX_EVENTS} events; this one has {len(data)}")
    result = []
    for position, item in enumerate(data):
        try:
            result.append(event_from_json(item))
        except BadInput as error:
            raise BadInput(f"event {position + 1} of {len(data)}: {error}") from error
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)

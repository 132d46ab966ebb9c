"""Slack: incoming webhooks with Block Kit buttons, and the interactivity requests that come back.

Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/authentication/verifying-requests-from-slack (v0 signature),
https://docs.slack.dev/interactivity/handling-user-interaction (payload, response_url, answer within 3 seconds).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs

from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from connectors.outlets.port import DeliveryFailed, Note, refused
from domain.errors import BadInput, Unauthenticated

_MARKS = {"critical": ":rotating_light:", "violation": ":red_circle:", "please_count": ":1234:"}
_STYLES = {"approve": "primary", "deny": "danger"}


class SlackOutlet:
    """`recipient` is an incoming webhook's URL; "" is the installation's own."""

    name = "slack"
    idempotent = False
    min_interval = 1.0  # Slack takes one message per second and channel

    def __init__(self, webhook_url: str = "", timeout: int = 5) -> None:
        self._webhook_url = webhook_url
        self._timeout = timeout

    def send(self, note: Note) -> str:
        url = note.recipient or self._webhook_url
        if not url.startswith(("http://", "https://")):
            raise DeliveryFailed(
                "no Slack webhook is set for this recipient; set RATIOCAST_SLACK_WEBHOOK", permanent=True
            )
        try:
            client = WebhookClient(url, timeout=self._timeout)
            response = client.send(text=f"{note.title}\n{note.text}", blocks=blocks(note))
        except (URLError, OSError) as error:
            raise DeliveryFailed(f"Slack does not answer: {error}") from error
        if response.status_code != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise refused("Slack", response.status_code, str(response.body), headers.get("retry-after"))
        return ""


def blocks(note: Note) -> list[dict[str, Any]]:
    """The note as Block Kit. Plain text only, so that nothing in a note can become a mention or a link."""
    mark = _MARKS.get(note.severity, ":information_source:")
    body = note.text if not note.link else f"{note.text}\n{note.link}"
    result: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": f"{mark} {note.title}"[:150], "emoji": True}},
        {
            "type": "section",
            "block_id": note.message_id[:255],
            "text": {"type": "plain_text", "text": body[:3000], "emoji": False},
        },
    ]
    if note.buttons:
        result.append({"type": "actions", "elements": [_button(b) for b in note.buttons]})
    return result


def _button(button: Any) -> dict[str, Any]:
    element = {
        "type": "button",
        "action_id": f"{button.action}:{button.value}"[:255],
        "text": {"type": "plain_text", "text": button.label[:75]},
        "value": button.value[:2000],
    }
    return element | ({"style": _STYLES[button.action]} if button.action in _STYLES else {})


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button somebody pressed in Slack."""

    action: str
    value: str
    slack_user_id: str
    response_url: str


def verify_request(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Unauthenticated unless Slack signed this body within the last five minutes. `headers` has lower-case names."""
    try:
        text = body.decode()
        good = bool(secret) and SignatureVerifier(secret, _At(now)).is_valid_request(text, dict(headers))
    except ValueError:  # a timestamp that is no number, a body that is no text
        good = False
    if not good:
        raise Unauthenticated("the request is not signed by Slack, or is older than five minutes")


def parse_pressed(body: bytes) -> Pressed:
    """The first action of a block_actions payload (form field `payload`). BadInput for anything else."""
    try:
        payload = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
        first = payload["actions"][0]
        action = str(first["action_id"]).split(":", 1)[0]
        return Pressed(action, str(first["value"]), str(payload["user"]["id"]), str(payload.get("response_url") or ""))
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise BadInput("this is not a Slack block_actions payload") from error


def respond(response_url: str, text: str, *, replace: bool = False, timeout: int = 5) -> None:
    """Say what became of a pressed button, in the thread it came from. Raises DeliveryFailed."""
    if not response_url.startswith(("https://hooks.slack.com/", "http://127.0.0.1:", "http://localhost:")):
        raise DeliveryFailed("the response_url is not one of Slack's", permanent=True)
    try:
        response = WebhookClient(response_url, timeout=timeout).send(
            text=text, replace_original=replace, response_type=None if replace else "ephemeral"
        )
    except (URLError, OSError) as error:
        raise DeliveryFailed(f"Slack does not answer: {error}") from error
    if response.status_code != 200:
        raise refused("Slack", response.status_code, str(response.body))


class _At(SlackClock):
    """The verifier's clock, standing at the instant given."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        return self._now.timestamp()

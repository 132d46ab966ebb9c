"""Slack: messages with Block Kit buttons, and the interactivity requests that come back.

An incoming webhook takes single messages. With a bot token what follows on a message stands in its thread, and the
message itself shows how things stand now.
Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage (`thread_ts`, `reply_broadcast`, errors) and `chat.update`,
https://docs.slack.dev/authentication/verifying-requests-from-slack (v0 signature),
https://docs.slack.dev/interactivity/handling-user-interaction (payload, response_url, answer within 3 seconds).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from connectors.outlets.port import DeliveryFailed, Note, refused, retry_after
from domain.errors import BadInput, Unauthenticated

_MARKS = {"critical": ":rotating_light:", "violation": ":red_circle:", "please_count": ":1234:"}
_STYLES = {"approve": "primary", "deny": "danger"}
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_NO_THREAD = frozenset({"message_not_found", "thread_not_found"})
_NOT_RENEWED = frozenset({"cant_update_message", "edit_window_closed"})
API_URL = "https://slack.com/api/"


class SlackOutlet:
    """`recipient` is an incoming webhook's URL or, with a bot token, a channel; "" is the installation's own."""

    name = "slack"
    idempotent = False
    min_interval = 1.0  # Slack takes one message per second and channel

    def __init__(
        self, webhook_url: str = "", timeout: int = 5, *, bot_token: str = "", channel: str = "", api_url: str = API_URL
    ) -> None:
        self._webhook_url, self._channel = webhook_url, channel
        self._timeout = timeout
        # The SDK would send again by itself after a broken connection; a repeat is for the outbox to make, and to mark.
        self._bot = WebClient(bot_token, api_url, timeout, retry_handlers=[]) if bot_token else None

    def send(self, note: Note) -> str:
        """ "" from a webhook; from the bot the channel's id and the message's `ts`."""
        channel = note.recipient or self._channel
        if self._bot is not None and channel and not channel.startswith(("http://", "https://")):
            return self._say(self._bot, channel, note)
        self._call(note.recipient or self._webhook_url, note)
        return ""

    def _say(self, bot: WebClient, channel: str, note: Note) -> str:
        """In the thread of the first message about the incident; what still wants an answer is seen in the channel too.

        The first message is renewed before: that may be done twice, an answer in a thread may not.
        """
        home, _, first = note.thread.rpartition(":")
        try:
            if first and note.renews:
                _renew(bot, home, first, note)
            thread: Any = {"thread_ts": first, "reply_broadcast": bool(note.buttons)} if first else {}
            said = bot.chat_postMessage(channel=home or channel, **_content(note), **thread)
        except SlackApiError as error:
            if first and error.response.get("error") in _NO_THREAD:
                return self._say(bot, channel, replace(note, thread=""))
            raise _failure(error) from error
        except (URLError, OSError, SlackRequestError) as error:
            raise DeliveryFailed(f"Slack does not answer: {error}") from error
        return f"{said['channel']}:{said['ts']}"

    def _call(self, url: str, note: Note) -> None:
        if not url.startswith(("http://", "https://")):
            raise DeliveryFailed(
                "no Slack webhook or channel is set for this recipient; set RATIOCAST_SLACK_WEBHOOK, or "
                "RATIOCAST_SLACK_BOT_TOKEN and RATIOCAST_SLACK_CHANNEL",
                permanent=True,
            )
        try:
            client = WebhookClient(url, timeout=self._timeout, retry_handlers=[])
            response = client.send(**_content(note))
        except (URLError, OSError) as error:
            raise DeliveryFailed(f"Slack does not answer: {error}") from error
        if response.status_code != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise refused("Slack", response.status_code, str(response.body), headers.get("retry-after"))


def _renew(bot: WebClient, channel: str, ts: str, note: Note) -> None:
    """Let an earlier message show how things stand; one that may not be changed any more stays as it is."""
    try:
        bot.chat_update(channel=channel, ts=ts, **_content(note))
    except SlackApiError as error:
        if error.response.get("error") not in _NOT_RENEWED:
            raise


def _content(note: Note) -> dict[str, Any]:
    return {"text": f"{note.title}\n{note.text}", "blocks": blocks(note)}


def _failure(error: SlackApiError) -> DeliveryFailed:
    """Slack's methods tell most refusals by one word in an answer with status 200; a sentence is the SDK's own."""
    answer = error.response
    word, status = str(answer.get("error")), int(answer.status_code)
    wait = {str(name).lower(): value for name, value in answer.headers.items()}.get("retry-after")
    if status != 200:
        return refused("Slack", status, word, wait)
    permanent = " " not in word and word not in _PASSING
    return DeliveryFailed(f"Slack answered: {word[:200]}", permanent=permanent, retry_after=retry_after(wait))


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
        response = WebhookClient(response_url, timeout=timeout, retry_handlers=[]).send(
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

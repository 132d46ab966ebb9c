"""Microsoft Teams through a Workflows webhook: one adaptive card per note.

Source: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
("Create incoming webhooks with Workflows"; the answer to a card that was taken is 202).
"""

from __future__ import annotations

from typing import Any

import httpx

from connectors.outlets.port import DeliveryFailed, Note, refused

_COLORS = {"critical": "Attention", "violation": "Attention", "please_count": "Warning", "soft": "Warning"}


class TeamsOutlet:
    """`recipient` is a workflow's URL; "" is the installation's own."""

    name = "teams"
    idempotent = False
    min_interval = 0.25  # a workflow takes four requests per second

    def __init__(self, webhook_url: str = "", transport: httpx.BaseTransport | None = None) -> None:
        self._webhook_url = webhook_url
        self._http = httpx.Client(timeout=10, transport=transport)

    def send(self, note: Note) -> str:
        url = note.recipient or self._webhook_url
        if not url.startswith(("http://", "https://")):
            raise DeliveryFailed("no Teams workflow is set for this recipient", permanent=True)
        try:
            response = self._http.post(url, json=card(note))
        except httpx.HTTPError as error:
            raise DeliveryFailed(f"Teams does not answer: {error}") from error
        if response.status_code not in (200, 202):
            raise refused("Teams", response.status_code, response.text, response.headers.get("retry-after"))
        return str(response.headers.get("x-ms-workflow-run-id", ""))


def card(note: Note) -> dict[str, Any]:
    """The message a workflow's "When a Teams webhook request is received" trigger understands."""
    body: list[dict[str, Any]] = [
        {
            "type": "TextBlock", "text": note.title, "weight": "Bolder", "size": "Medium", "wrap": True,
            "color": _COLORS.get(note.severity, "Default"),
        },
        {"type": "TextBlock", "text": note.text, "wrap": True},
    ]  # fmt: skip
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if note.link:
        content["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": note.link}]
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
        ],
    }

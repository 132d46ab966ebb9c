"""The childcare platform as an outlet: tasks and in-app notifications, each with an idempotency key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from connectors.outlets.port import DeliveryFailed, Note
from domain.errors import PlatformUnavailable, RatiocastError

_SEVERITIES = {"critical": "critical", "violation": "warning", "please_count": "warning", "soft": "warning"}
_ROLES = {
    "director": ["Director"],
    "assistant_director": ["Assistant Director"],
    "room_lead": ["Lead Teacher"],
    "floats": ["Teacher", "Assistant", "Aide", "Substitute"],
}


class TasksAndNotifications(Protocol):
    def create_task(self, body: Mapping[str, Any], idempotency_key: str) -> str: ...
    def notify(self, body: Mapping[str, Any], idempotency_key: str) -> str: ...


class TaskOutlet:
    """`recipient` is "staff:<id>", or an audience whose room the task is for."""

    name = "task"
    idempotent = True
    min_interval = 0.0

    def __init__(self, platform: TasksAndNotifications) -> None:
        self._platform = platform

    def send(self, note: Note) -> str:
        body: dict[str, Any] = {"center_id": note.center_id, "title": note.title[:120], "body": note.body[:2000]}
        if note.room_id:
            body["room_id"] = note.room_id
        if note.recipient.startswith("staff:"):
            body["assignee_id"] = note.recipient.removeprefix("staff:")
        return _tell(lambda: self._platform.create_task(body, note.message_id))


class InAppOutlet:
    """`recipient` is "staff:<id>[,<id>...]", or an audience (room_lead, floats, director, assistant_director)."""

    name = "in_app"
    idempotent = True
    min_interval = 0.0

    def __init__(self, platform: TasksAndNotifications) -> None:
        self._platform = platform

    def send(self, note: Note) -> str:
        body: dict[str, Any] = {
            "center_id": note.center_id,
            "severity": _SEVERITIES.get(note.severity, "info"),
            "title": note.title,
            "body": note.body,
        }
        if note.room_id:
            body["room_id"] = note.room_id
        if note.link:
            body["link"] = note.link
        if note.recipient.startswith("staff:"):
            body["to_staff_ids"] = note.recipient.removeprefix("staff:").split(",")
        else:
            body["to_roles"] = _ROLES.get(note.recipient, ["Director"])
        return _tell(lambda: self._platform.notify(body, note.message_id))


def _tell(call: Any) -> str:
    try:
        return str(call())
    except PlatformUnavailable as error:
        raise DeliveryFailed(str(error)) from error
    except RatiocastError as error:
        raise DeliveryFailed(str(error), permanent=True) from error

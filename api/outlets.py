"""Which outlets this installation has, from its settings."""

from __future__ import annotations

from api.bus import Bus
from connectors.outlets import Note, Outlet
from connectors.outlets.email import EmailOutlet
from connectors.outlets.longtail import AppriseOutlet
from connectors.outlets.platform import InAppOutlet, TaskOutlet, TasksAndNotifications
from connectors.outlets.slack import SlackOutlet
from connectors.outlets.sms import SmsOutlet
from connectors.outlets.teams import TeamsOutlet
from storage.settings import Settings


def build_outlets(settings: Settings, platform: TasksAndNotifications | None, bus: Bus) -> dict[str, Outlet]:
    """By name. Without a platform, tasks and notifications stand on the product's own board."""
    found: list[Outlet] = [
        SlackOutlet(
            settings.slack_webhook.get_secret_value(),
            bot_token=settings.slack_bot_token.get_secret_value(),
            channel=settings.slack_channel,
            api_url=settings.slack_api_url,
        ),
        TeamsOutlet(settings.teams_webhook.get_secret_value()),
        AppriseOutlet(),
    ]
    if settings.twilio_account_sid:
        token = settings.twilio_auth_token.get_secret_value()
        found.append(SmsOutlet(settings.twilio_account_sid, token, settings.twilio_from, base_url=settings.twilio_url))
    if settings.smtp_url.get_secret_value():
        found.append(EmailOutlet(settings.smtp_url.get_secret_value(), settings.email_from))
    if platform is not None:
        found += [TaskOutlet(platform), InAppOutlet(platform)]
    else:
        found += [BoardOutlet("task", bus), BoardOutlet("in_app", bus)]
    return {outlet.name: outlet for outlet in found}


class BoardOutlet:
    """The product's own board: a message is shown there because it is in the ledger; this only announces it."""

    idempotent = True
    min_interval = 0.0

    def __init__(self, name: str, bus: Bus) -> None:
        self.name, self._bus = name, bus

    def send(self, note: Note) -> str:
        body = {"message_id": note.message_id, "to": note.recipient, "title": note.title, "text": note.body}
        self._bus.publish_threadsafe(note.center_id, "message", body)
        return ""

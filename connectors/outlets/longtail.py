"""Every other service, through Apprise: one URL per recipient (https://appriseit.com/services/)."""

from __future__ import annotations

import apprise

from connectors.outlets.port import DeliveryFailed, Note

_KINDS = {
    "critical": apprise.NotifyType.FAILURE,
    "violation": apprise.NotifyType.FAILURE,
    "soft": apprise.NotifyType.WARNING,
    "please_count": apprise.NotifyType.WARNING,
}


class AppriseOutlet:
    """`recipient` is an Apprise URL. Apprise tells only whether it worked, so every failure counts as passing."""

    name = "apprise"
    idempotent = False
    min_interval = 1.0

    def send(self, note: Note) -> str:
        service = apprise.Apprise()
        if not service.add(note.recipient):
            raise DeliveryFailed(
                "this is not an Apprise URL; the list of services shows how to write it", permanent=True
            )
        kind = _KINDS.get(note.severity, apprise.NotifyType.INFO)
        if not service.notify(body=note.text, title=note.title, notify_type=kind):
            raise DeliveryFailed("the service did not take the message")
        return ""

"""Every other service, through Apprise: one URL per recipient (https://appriseit.com/services/)."""

from __future__ import annotations

from connectors.outlets.port import DeliveryFailed, Note

_KINDS = {"critical": "failure", "violation": "failure", "soft": "warning", "please_count": "warning"}


class AppriseOutlet:
    """`recipient` is an Apprise URL. Apprise tells only whether it worked, so every failure counts as passing."""

    name = "apprise"
    idempotent = False
    min_interval = 1.0

    def send(self, note: Note) -> str:
        import apprise  # large, and needed by few

        service = apprise.Apprise()
        if not service.add(note.recipient):
            raise DeliveryFailed(
                "this is not an Apprise URL; the list of services shows how to write it", permanent=True
            )
        kind = apprise.NotifyType(_KINDS.get(note.severity, "info"))
        if not service.notify(body=note.text, title=note.title, notify_type=kind):
            raise DeliveryFailed("the service did not take the message")
        return ""

"""Outlets: where messages leave the product. Each speaks one vendor's wire format behind the port in `port`.

`Note` in, a reference or `DeliveryFailed` out; recording, retrying and pacing are the caller's.
"""

from connectors.outlets.port import Button, DeliveryFailed, Note, Outlet

__all__ = ["Button", "DeliveryFailed", "Note", "Outlet"]

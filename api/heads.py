"""The signed head of each audit chain, sent out once a day: a chain whose head is kept nowhere else proves nothing."""

from __future__ import annotations

import json
from datetime import datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any

from api.center import LiveCenter
from api.waiting import each_quarter_hour
from domain.time import local_instant
from storage import audit
from storage.ledger import Connection, outbox
from storage.ledger.outbox import Outgoing
from storage.signing import signing_key

if TYPE_CHECKING:
    from api.service import Service

_AT = time(20)  # local: the day's work is over, somebody may still be there


class DailyHeads:
    """By e-mail to every address of the director; a center without one keeps its head by `ratiocast audit head`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def run(self) -> None:
        await each_quarter_hour(self._service.clock, self.step)

    async def step(self) -> None:
        """Enqueue what is due; a head that was enqueued before stays as it is."""
        now = self._service.clock.now()
        for center in list(self._service.live.centers.values()):
            addresses = [c.recipient for c in center.settings.contacts.get("director", ()) if c.outlet == "email"]
            day = center.facts.day_of(now)
            if addresses and now >= local_instant(day, _AT, center.facts.tz):
                await self._service.ledger.awrite(partial(self._enqueue, center, addresses, now))
                self._service.dispatcher.wake()

    def _enqueue(self, center: LiveCenter, addresses: list[str], now: datetime, connection: Connection) -> None:
        head = audit.signed_head(connection, center.center_id, now, signing_key(self._service.settings.data_dir))
        day = center.facts.day_of(now).isoformat()
        body: dict[str, Any] = {
            "severity": "info",
            "audience": "director",
            "title": f"Audit log of {center.facts.center.name}, {day}",
            "text": "Keep this message: it proves later that the audit log was not changed.\n\n" + json.dumps(head),
        }
        outbox.enqueue(
            connection,
            [
                Outgoing(f"head_{center.center_id}_{day}_{number}", center.center_id, "email", to, body, now, now)
                for number, to in enumerate(addresses)
            ],
        )

"""Every night what a center has kept long enough is deleted, a slice at a time; each slice is on record."""

from __future__ import annotations

import asyncio
import logging
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from api.center import LiveCenter
from api.center_settings import CenterSettings
from api.waiting import each_quarter_hour
from domain.time import local_instant
from storage.ledger import Connection
from storage.ledger.retention import count_old, kept_from, purge

if TYPE_CHECKING:
    from api.service import Service

log = logging.getLogger("ratiocast.retention")
_AT = time(3)  # local: nobody is there
_PAUSE_SECONDS = 0.05  # between two slices, so that deliveries come in between


class NightlyPurge:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._done: dict[str, date] = {}

    async def run(self) -> None:
        await each_quarter_hour(self._service.clock, self.step)

    async def step(self) -> None:
        """Purge every center whose night has come and that has not been purged today."""
        now = self._service.clock.now()
        for center in list(self._service.live.centers.values()):
            day = center.facts.day_of(now)
            if self._done.get(center.center_id) != day and now >= local_instant(day, _AT, center.facts.tz):
                await self._purge(center, now)
                self._done[center.center_id] = day

    async def _purge(self, center: LiveCenter, now: datetime) -> None:
        names = self._service.settings.store_names
        while any(gone := await self._service.ledger.awrite(partial(purge_slice, center, now, names))):
            log.info("purged of %s: %d rows", center.center_id, sum(gone))
            await asyncio.sleep(_PAUSE_SECONDS)


def purge_slice(center: LiveCenter, now: datetime, names: bool, connection: Connection) -> list[int]:
    return list(purge_center(connection, center.center_id, center.settings, now, names=names).values())


def purge_center(
    connection: Connection, center_id: str, chosen: CenterSettings, now: datetime, *, names: bool, dry_run: bool = False
) -> dict[str, int]:
    """One slice of what the center's settings no longer keep (dry run: all of it, counted); empty under a hold."""
    if chosen.legal_hold:
        return {}
    before = kept_from(connection, center_id, now - timedelta(days=chosen.days_kept))
    if dry_run:
        return count_old(connection, center_id, before, names=names)
    return purge(connection, center_id, before, now, names=names)

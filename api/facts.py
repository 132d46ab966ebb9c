"""What the platform says about a center, read when it announces a change and kept for a restart without it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from api.center_settings import CenterSettings
from domain.errors import NotFound
from domain.people import Availability, Booking, Child, Shift, StaffMember
from domain.places import Center, Closure, Room
from evaluator import codec
from evaluator.facts import CenterFacts
from storage.ledger import Ledger
from storage.ledger.centers import keep_reference, known_centers, read_reference, read_settings

KINDS: dict[str, type[Any]] = {
    "rooms": Room, "children": Child, "staff": StaffMember, "shifts": Shift, "bookings": Booking, "closures": Closure,
}  # fmt: skip
_AROUND = timedelta(days=2)  # shifts, bookings and closures are kept for these days around now


class Platform(Protocol):
    """What is read from the platform (`connectors.platform.PlatformClient`)."""

    def centers(self) -> list[Center]: ...
    def rooms(self, center_id: str) -> list[Room]: ...
    def children(self, center_id: str) -> list[Child]: ...
    def staff(self, center_id: str) -> list[StaffMember]: ...
    def shifts(self, center_id: str, start: datetime, end: datetime) -> list[Shift]: ...
    def bookings(self, center_id: str, start: datetime, end: datetime) -> list[Booking]: ...
    def closures(self, center_id: str, start: datetime, end: datetime) -> list[Closure]: ...
    def availability(self, center_id: str, start: datetime, end: datetime) -> list[Availability]: ...


class FactsSource:
    """Reads facts from the platform into the ledger, and from the ledger into memory."""

    def __init__(self, ledger: Ledger, platform: Platform | None, *, store_names: bool) -> None:
        self._ledger, self._platform, self._store_names = ledger, platform, store_names

    async def centers(self, now: datetime) -> list[Center]:
        """The centers of the platform; without one, those known from before. PlatformError if it does not answer."""
        if self._platform is None:
            return [await self._stored_center(c) for c in await self._ledger.aread(known_centers)]
        found = await asyncio.to_thread(self._platform.centers)
        for center in found:
            await self._keep(center.center_id, "center", codec.to_json(center), now)
        return found

    async def known(self) -> list[str]:
        return await self._ledger.aread(known_centers)

    async def stored(self, center_id: str) -> CenterFacts:
        """The facts as they were read last, with the center's own word on floats and walks; NotFound if never read."""
        facts = facts_from_json(center_id, await self._ledger.aread(lambda c: read_reference(c, center_id)))
        chosen = await self._ledger.aread(lambda c: read_settings(c, center_id))
        return facts if chosen is None else as_chosen(facts, CenterSettings.model_validate(chosen.body))

    async def refresh(self, center_id: str, now: datetime, kinds: Iterable[str] | None = None) -> CenterFacts:
        """Read the kinds (all, if None) anew. PlatformError if the platform does not answer; nothing is lost then."""
        if self._platform is not None:
            for kind in kinds or KINDS:
                rows = await asyncio.to_thread(self._reader(center_id, kind, now))
                await self._keep(center_id, kind, [codec.to_json(self._without_name(row)) for row in rows], now)
        return await self.stored(center_id)

    def _reader(self, center_id: str, kind: str, now: datetime) -> Callable[[], list[Any]]:
        platform = self._platform
        assert platform is not None  # noqa: S101  refresh has looked
        read = getattr(platform, kind)
        if kind in ("rooms", "children", "staff"):
            return lambda: list(read(center_id))
        return lambda: list(read(center_id, now - _AROUND, now + _AROUND))

    def _without_name(self, row: Any) -> Any:
        return replace(row, display_name=None) if isinstance(row, Child) and not self._store_names else row

    async def _keep(self, center_id: str, kind: str, body: Any, now: datetime) -> None:
        await self._ledger.awrite(lambda c: keep_reference(c, center_id, kind, body, now))

    async def _stored_center(self, center_id: str) -> Center:
        stored = await self._ledger.aread(lambda c: read_reference(c, center_id))
        return codec.from_json(Center, stored["center"])


def as_chosen(facts: CenterFacts, chosen: CenterSettings) -> CenterFacts:
    """The facts with what the center says of its floats and its walks."""
    staff, rooms = dict(facts.staff), dict(facts.rooms)
    if chosen.floats is not None:
        staff = {key: replace(member, is_float=key in chosen.floats) for key, member in staff.items()}
    for room_id, walks in chosen.walk_seconds.items():
        if room_id in rooms:
            rooms[room_id] = replace(rooms[room_id], walk_seconds={**rooms[room_id].walk_seconds, **walks})
    return replace(facts, staff=staff, rooms=rooms)


def facts_from_json(center_id: str, stored: dict[str, Any]) -> CenterFacts:
    if "center" not in stored:
        raise NotFound(f"nothing is known about the center {center_id} yet; the platform has not been read")
    rows = {kind: [codec.from_json(type_, row) for row in stored.get(kind, [])] for kind, type_ in KINDS.items()}
    return CenterFacts.of(codec.from_json(Center, stored["center"]), **rows)

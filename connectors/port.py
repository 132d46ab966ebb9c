"""What the pipeline needs of a childcare platform; any client with these methods can stand behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.events import Event
from domain.people import Availability, Booking, Child, Shift, StaffMember
from domain.places import Center, Closure, Room


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event of the log that is not what the contract says; its id and sequence as far as they can be read."""

    event_id: str | None
    sequence: int | None
    problem: str  # what is wrong with it, in words


class Platform(Protocol):
    """Reads only; errors are PlatformError and its kinds. Windows are half-open, instants aware."""

    def centers(self) -> list[Center]: ...

    def rooms(self, center_id: str) -> list[Room]: ...

    def children(self, center_id: str) -> list[Child]: ...

    def staff(self, center_id: str) -> list[StaffMember]: ...

    def availability(self, center_id: str, start: datetime, end: datetime) -> list[Availability]: ...

    def shifts(self, center_id: str, start: datetime, end: datetime) -> list[Shift]: ...

    def bookings(self, center_id: str, start: datetime, end: datetime) -> list[Booking]: ...

    def closures(self, center_id: str, start: datetime, end: datetime) -> list[Closure]: ...

    def event_pages(
        self,
        center_id: str,
        after_sequence: int = 0,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        refused: list[RefusedEvent] | None = None,
    ) -> Iterator[list[Event]]:
        """Pages that hold an event. A wrong one is added to `refused`; without that list it is an error."""
        ...

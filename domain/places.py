"""Centers, rooms and closed days, as the platform describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from domain.errors import BadInput
from domain.time import Interval, local_instant, zone


@dataclass(frozen=True, slots=True)
class Center:
    center_id: str
    name: str
    state: str  # postal code that selects the licensing rules
    timezone: str  # IANA name
    opens: time  # local
    closes: time  # local; not after `opens` means past midnight, equal means round the clock
    open_weekdays: tuple[int, ...] = (1, 2, 3, 4, 5)  # ISO weekdays

    def __post_init__(self) -> None:
        if not self.open_weekdays or not set(self.open_weekdays) <= set(range(1, 8)):
            raise BadInput(
                f"the open weekdays {list(self.open_weekdays)} are not numbers from 1 (Monday) to 7 (Sunday)"
            )

    @property
    def past_midnight(self) -> bool:
        """Whether the center closes on the day after it opens."""
        return self.closes <= self.opens

    def opening(self, day: date) -> Interval | None:
        """The open interval of a local day, or None on a weekday the center is shut. Closures are not considered."""
        if day.isoweekday() not in self.open_weekdays:
            return None
        tz = zone(self.timezone)
        ends = date.fromordinal(day.toordinal() + 1) if self.past_midnight else day
        return Interval(local_instant(day, self.opens, tz), local_instant(ends, self.closes, tz))

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(zone(self.timezone))


@dataclass(frozen=True, slots=True)
class NapWindow:
    start: time  # local
    end: time


@dataclass(frozen=True, slots=True)
class Room:
    room_id: str
    center_id: str
    name: str
    age_min_months: int
    age_max_months: int  # exclusive
    capacity: int  # licensed capacity of the room
    lead_staff_id: str | None = None
    nap: NapWindow | None = None
    adjacent_room_ids: tuple[str, ...] = ()
    walk_seconds: Mapping[str, int] = field(default_factory=dict)  # on foot to other rooms, by room_id
    combines_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Closure:
    """A day on which the center (room_id None) or one room is closed."""

    center_id: str
    day: date
    room_id: str | None = None
    reason: str = ""

"""Children, staff, shifts, availability and bookings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from domain.time import Interval


class Role(StrEnum):
    DIRECTOR = "Director"
    ASSISTANT_DIRECTOR = "Assistant Director"
    LEAD_TEACHER = "Lead Teacher"
    TEACHER = "Teacher"
    ASSISTANT = "Assistant"
    AIDE = "Aide"
    SUBSTITUTE = "Substitute"
    COOK = "Cook"
    ADMIN = "Admin"


@dataclass(frozen=True, slots=True)
class Child:
    child_id: str
    center_id: str
    birth_date: date | None  # None: unknown, the strictest band holds
    room_id: str  # home room
    enrolled_from: date | None = None
    enrolled_to: date | None = None
    display_name: str | None = None  # None unless the center stores names


@dataclass(frozen=True, slots=True)
class Credential:
    code: str  # e.g. lead, infant_toddler, first_aid_cpr, background_check
    valid_from: date | None = None
    valid_to: date | None = None  # last valid day

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class StaffMember:
    staff_id: str
    center_id: str
    role: str  # a Role value; an unknown role is kept and counts for nothing until the rules know it
    is_float: bool = False
    home_room_id: str | None = None
    birth_date: date | None = None
    credentials: tuple[Credential, ...] = ()
    max_hours_day: float | None = None
    max_hours_week: float | None = None
    hourly_cost: float | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a shift. kind: room | float | break | admin."""

    start: datetime
    end: datetime
    kind: str
    room_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    shift_id: str
    center_id: str
    staff_id: str
    start: datetime
    end: datetime
    segments: tuple[Segment, ...]
    version: str
    status: str = "scheduled"  # scheduled | called_out | cancelled

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Availability:
    staff_id: str
    center_id: str
    start: datetime
    end: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    center_id: str
    child_id: str
    room_id: str
    day: date
    expected_in: time | None  # local
    expected_out: time | None
    status: str  # booked | absent | cancelled
    reported_at: datetime | None = None  # when this row took its present state

"""The platform's JSON as domain types, by the contract; unknown fields are ignored, a wrong one is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypeVar

from connectors.port import RefusedEvent
from domain.errors import BadInput, PlatformMalformed
from domain.people import Availability, Booking, Child, Credential, Segment, Shift, StaffMember
from domain.places import Center, Closure, NapWindow, Room
from domain.time import format_instant, parse_instant, parse_local_time

Row = Mapping[str, Any]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class PresentStaff:
    """An adult clocked in to a room right now."""

    staff: StaffMember
    on_break: bool
    since: datetime | None = None


def parsed(what: str, row: object, parse: Callable[[Row], Parsed]) -> Parsed:
    """The row as a domain type; PlatformMalformed names what was read, the row and the field that is wrong."""
    if not isinstance(row, Mapping):
        raise PlatformMalformed(f"the platform's list of {what} holds {row!r:.60}, which is not an object")
    name = next((f" {row[key]!r}" for key in row if key.endswith("_id") and row[key]), "")
    try:
        return parse(row)
    except KeyError as error:
        raise PlatformMalformed(f"the platform's row{name} of {what} lacks the field {error}") from error
    except (BadInput, ValueError, TypeError, AttributeError) as error:
        raise PlatformMalformed(f"the platform's row{name} of {what} is wrong: {error}") from error


def refused_event(row: object, problem: str) -> RefusedEvent:
    """What can be read of an event that is wrong."""
    fields = row if isinstance(row, Mapping) else {}
    event_id, sequence = fields.get("event_id"), fields.get("sequence")
    return RefusedEvent(
        event_id if isinstance(event_id, str) else None, sequence if type(sequence) is int else None, problem
    )


def center(row: Row) -> Center:
    return Center(
        center_id=_text(row, "center_id"),
        name=_text(row, "name"),
        state=_text(row, "state"),
        timezone=_text(row, "timezone"),
        opens=parse_local_time(row["opens"]),
        closes=parse_local_time(row["closes"]),
        open_weekdays=tuple(int(day) for day in row.get("open_weekdays") or (1, 2, 3, 4, 5)),
    )


def room(row: Row) -> Room:
    nap = row.get("nap")
    return Room(
        room_id=_text(row, "room_id"),
        center_id=_text(row, "center_id"),
        name=_text(row, "name"),
        age_min_months=int(row["age_min_months"]),
        age_max_months=int(row["age_max_months"]),
        capacity=int(row["capacity"]),
        lead_staff_id=row.get("lead_staff_id"),
        nap=NapWindow(parse_local_time(nap["start"]), parse_local_time(nap["end"])) if nap else None,
        adjacent_room_ids=tuple(row.get("adjacent_room_ids") or ()),
        walk_seconds={str(other): int(seconds) for other, seconds in (row.get("walk_seconds") or {}).items()},
        combines_with=tuple(row.get("combines_with") or ()),
    )


def child(row: Row) -> Child:
    return Child(
        child_id=_text(row, "child_id"),
        center_id=_text(row, "center_id"),
        birth_date=_day(row.get("birth_date")),
        room_id=_text(row, "room_id"),
        enrolled_from=_day(row.get("enrolled_from")),
        enrolled_to=_day(row.get("enrolled_to")),
        display_name=row.get("display_name"),
    )


def staff_member(row: Row) -> StaffMember:
    return StaffMember(
        staff_id=_text(row, "staff_id"),
        center_id=_text(row, "center_id"),
        role=_text(row, "role"),
        is_float=bool(row["is_float"]),
        home_room_id=row.get("home_room_id"),
        birth_date=_day(row.get("birth_date")),
        credentials=tuple(
            Credential(_text(held, "code"), _day(held.get("valid_from")), _day(held.get("valid_to")))
            for held in row.get("credentials") or ()
        ),
        max_hours_day=_number(row.get("max_hours_day")),
        max_hours_week=_number(row.get("max_hours_week")),
        hourly_cost=_number(row.get("hourly_cost")),
        display_name=row.get("display_name"),
    )


def present_staff(row: Row) -> PresentStaff:
    since = row.get("since")
    return PresentStaff(staff_member(row), bool(row["on_break"]), parse_instant(since) if since else None)


def shift(row: Row) -> Shift:
    return Shift(
        shift_id=_text(row, "shift_id"),
        center_id=_text(row, "center_id"),
        staff_id=_text(row, "staff_id"),
        start=parse_instant(row["start"]),
        end=parse_instant(row["end"]),
        segments=tuple(segment(part) for part in row["segments"]),
        version=_text(row, "version"),
        status=_text(row, "status"),
    )


def segment(row: Row) -> Segment:
    return Segment(parse_instant(row["start"]), parse_instant(row["end"]), _text(row, "kind"), row.get("room_id"))


def segment_json(part: Segment) -> dict[str, Any]:
    return {
        "start": format_instant(part.start),
        "end": format_instant(part.end),
        "kind": part.kind,
        "room_id": part.room_id,
    }


def availability(row: Row, center_id: str) -> Availability:
    return Availability(
        _text(row, "staff_id"), center_id, parse_instant(row["start"]), parse_instant(row["end"]), row.get("note") or ""
    )


def booking(row: Row, center_id: str) -> Booking:
    reported_at = row.get("reported_at")
    return Booking(
        center_id=center_id,
        child_id=_text(row, "child_id"),
        room_id=_text(row, "room_id"),
        day=date.fromisoformat(row["date"]),
        expected_in=_clock_time(row.get("expected_in")),
        expected_out=_clock_time(row.get("expected_out")),
        status=_text(row, "status"),
        reported_at=parse_instant(reported_at) if reported_at else None,
    )


def closure(row: Row, center_id: str) -> Closure:
    return Closure(center_id, date.fromisoformat(row["date"]), row.get("room_id"), row.get("reason") or "")


def _text(row: Row, name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value:
        raise BadInput(f"the field '{name}' must be a text, not {value!r:.40}")
    return value


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _clock_time(value: str | None) -> time | None:
    return parse_local_time(value) if value else None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)

"""Domain facts as rows of the warehouse, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from domain.events import Event
from domain.people import Availability, Booking, Child, Credential, Segment, Shift, StaffMember
from domain.places import Center, Closure, NapWindow, Room
from domain.time import format_instant, parse_instant

Row = dict[str, Any]


def center_row(center: Center) -> Row:
    return _fields(center) | {"open_weekdays": json.dumps(center.open_weekdays)}


def center_of(row: Mapping[str, Any]) -> Center:
    return Center(**{**row, "open_weekdays": tuple(json.loads(row["open_weekdays"]))})


def room_row(room: Room) -> Row:
    row = _fields(room)
    nap = row.pop("nap")
    return row | {
        "nap_start": nap and nap.start,
        "nap_end": nap and nap.end,
        "adjacent_room_ids": json.dumps(room.adjacent_room_ids),
        "walk_seconds": json.dumps(dict(room.walk_seconds), sort_keys=True),
        "combines_with": json.dumps(room.combines_with),
    }


def room_of(row: Mapping[str, Any]) -> Room:
    fields = dict(row)
    start, end = fields.pop("nap_start"), fields.pop("nap_end")
    return Room(
        **{
            **fields,
            "nap": NapWindow(start, end) if start and end else None,
            "adjacent_room_ids": tuple(json.loads(row["adjacent_room_ids"])),
            "walk_seconds": json.loads(row["walk_seconds"]),
            "combines_with": tuple(json.loads(row["combines_with"])),
        }
    )


def child_row(child: Child, recorded_at: datetime, *, store_names: bool) -> Row:
    return _fields(child) | {
        "display_name": child.display_name if store_names else None,
        "recorded_at": recorded_at,
    }


def staff_row(member: StaffMember, recorded_at: datetime, *, store_names: bool) -> Row:
    credentials = [
        {"code": held.code, "valid_from": _iso(held.valid_from), "valid_to": _iso(held.valid_to)}
        for held in member.credentials
    ]
    return _fields(member) | {
        "credentials": json.dumps(credentials),
        "display_name": member.display_name if store_names else None,
        "recorded_at": recorded_at,
    }


def staff_of(row: Mapping[str, Any]) -> StaffMember:
    fields = {name: value for name, value in row.items() if name != "recorded_at"}
    held = tuple(
        Credential(part["code"], _day(part["valid_from"]), _day(part["valid_to"]))
        for part in json.loads(row["credentials"])
    )
    return StaffMember(**{**fields, "credentials": held})


def shift_row(shift: Shift, recorded_at: datetime) -> Row:
    segments = [
        {
            "start": format_instant(part.start),
            "end": format_instant(part.end),
            "kind": part.kind,
            "room_id": part.room_id,
        }
        for part in shift.segments
    ]
    return _fields(shift) | {"segments": json.dumps(segments), "recorded_at": recorded_at}


def shift_of(row: Mapping[str, Any]) -> Shift:
    fields = {name: value for name, value in row.items() if name != "recorded_at"}
    segments = tuple(
        Segment(parse_instant(part["start"]), parse_instant(part["end"]), part["kind"], part["room_id"])
        for part in json.loads(row["segments"])
    )
    return Shift(**{**fields, "segments": segments})


def availability_row(free: Availability, recorded_at: datetime) -> Row:
    return _fields(free) | {"recorded_at": recorded_at}


def booking_rows(bookings: Iterable[Booking], recorded_at: datetime) -> list[Row]:
    """Bookings carry no id: `session` numbers a child's bookings of a day by the time expected."""
    ordered = sorted(bookings, key=lambda b: (b.child_id, b.day, b.expected_in or time(0), b.room_id, b.status))
    rows: list[Row] = []
    for booking in ordered:
        before = rows[-1] if rows else None
        same = before is not None and (before["child_id"], before["day"]) == (booking.child_id, booking.day)
        session = before["session"] + 1 if same and before else 1
        rows.append(_fields(booking) | {"session": session, "recorded_at": recorded_at})
    return rows


def closure_row(closure: Closure, recorded_at: datetime) -> Row:
    return _fields(closure) | {"recorded_at": recorded_at}


def event_row(event: Event) -> Row:
    return _fields(event) | {"room_ids": json.dumps(event.room_ids)}


def event_of(row: Mapping[str, Any]) -> Event:
    return Event(**{**row, "room_ids": tuple(json.loads(row["room_ids"]))})


def _fields(fact: Any) -> Row:
    """A dataclass's fields as they are; `asdict` copies deeply, which took a third of an ingest."""
    return {name: getattr(fact, name) for name in fact.__dataclass_fields__}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

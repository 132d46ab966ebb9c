"""The platform's JSON: rows of its lists, and cursors through them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import date, datetime, time
from itertools import islice
from typing import Any

from domain.errors import BadInput
from domain.people import Availability, Booking, Child, Segment, Shift, StaffMember
from domain.places import Center, Closure, Room
from domain.time import format_instant

Row = dict[str, Any]
Key = tuple[str, ...]


def center_row(center: Center) -> Row:
    return {
        "center_id": center.center_id, "name": center.name, "state": center.state, "timezone": center.timezone,
        "opens": _clock(center.opens), "closes": _clock(center.closes), "open_weekdays": list(center.open_weekdays),
    }  # fmt: skip


def room_row(room: Room) -> Row:
    nap = {"start": _clock(room.nap.start), "end": _clock(room.nap.end)} if room.nap else None
    return {
        "room_id": room.room_id, "center_id": room.center_id, "name": room.name, "age_min_months": room.age_min_months,
        "age_max_months": room.age_max_months, "capacity": room.capacity, "lead_staff_id": room.lead_staff_id,
        "nap": nap, "adjacent_room_ids": list(room.adjacent_room_ids), "walk_seconds": dict(room.walk_seconds),
        "combines_with": list(room.combines_with),
    }  # fmt: skip


def child_row(child: Child) -> Row:
    row: Row = {
        "child_id": child.child_id, "center_id": child.center_id, "display_name": child.display_name,
        "birth_date": _day(child.birth_date), "room_id": child.room_id, "enrolled_from": _day(child.enrolled_from),
    }  # fmt: skip
    return _without_none(row) | {"enrolled_to": _day(child.enrolled_to)}


def staff_row(member: StaffMember) -> Row:
    credentials = [
        _without_none({"code": held.code, "valid_from": _day(held.valid_from)}) | {"valid_to": _day(held.valid_to)}
        for held in member.credentials
    ]
    row: Row = {
        "staff_id": member.staff_id, "center_id": member.center_id, "display_name": member.display_name,
        "role": member.role, "is_float": member.is_float, "credentials": credentials,
        "max_hours_day": member.max_hours_day, "max_hours_week": member.max_hours_week,
    }  # fmt: skip
    nullable = {
        "home_room_id": member.home_room_id, "birth_date": _day(member.birth_date), "hourly_cost": member.hourly_cost,
    }  # fmt: skip
    return _without_none(row) | nullable


def availability_row(window: Availability) -> Row:
    return {
        "staff_id": window.staff_id, "start": format_instant(window.start), "end": format_instant(window.end),
        "note": window.note,
    }  # fmt: skip


def segment_row(segment: Segment) -> Row:
    return {
        "start": format_instant(segment.start), "end": format_instant(segment.end), "kind": segment.kind,
        "room_id": segment.room_id,
    }  # fmt: skip


def shift_row(shift: Shift) -> Row:
    return {
        "shift_id": shift.shift_id, "center_id": shift.center_id, "staff_id": shift.staff_id,
        "start": format_instant(shift.start), "end": format_instant(shift.end),
        "segments": [segment_row(segment) for segment in shift.segments], "version": shift.version,
        "status": shift.status,
    }  # fmt: skip


def booking_row(booking: Booking) -> Row:
    row: Row = {
        "child_id": booking.child_id, "room_id": booking.room_id, "date": booking.day.isoformat(),
        "expected_in": _clock(booking.expected_in), "expected_out": _clock(booking.expected_out),
        "status": booking.status,
    }  # fmt: skip
    return row | ({"reported_at": format_instant(booking.reported_at)} if booking.reported_at else {})


def closure_row(closure: Closure) -> Row:
    return {"date": closure.day.isoformat(), "room_id": closure.room_id, "reason": closure.reason}


def page(rows: Iterable[tuple[Key, Row]], limit: int) -> Row:
    """The first `limit` of rows in the order of their keys; the cursor is the last one's key, so that rows may appear
    between two pages unharmed.
    """
    taken = list(islice(rows, limit + 1))
    return {
        "data": [row for _, row in taken[:limit]],
        "next_cursor": write_cursor(taken[limit - 1][0]) if len(taken) > limit else None,
    }


def write_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> Key | None:
    if not cursor:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise BadInput("the cursor is none of ours; start again without one") from error
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadInput("the cursor is none of ours; start again without one")
    return tuple(parts)


def _without_none(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _clock(at: time | None) -> str | None:
    return at.strftime("%H:%M") if at is not None else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def overlaps(start: datetime, end: datetime, window: tuple[datetime | None, datetime | None]) -> bool:
    """Whether [start, end) meets the asked window, open where it is not given."""
    return (window[1] is None or start < window[1]) and (window[0] is None or end > window[0])

"""A center's facts and events out of the reader's frames: what analysts hand to the evaluator and to the reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from domain.events import Event
from domain.people import Booking, Child, Credential, Segment, Shift, StaffMember
from domain.places import Center, Closure, NapWindow, Room
from domain.time import parse_instant
from evaluator.facts import CenterFacts

Frames = Mapping[str, pd.DataFrame]


def facts_of(frames: Frames, days: Iterable[date]) -> CenterFacts:
    """The facts of one center (`reader.frames(center_id)`) as known last, with the shifts and bookings of these days.

    Shifts and bookings of the day before and after each day are kept too, for nights.
    """
    wanted = {day + timedelta(days=step) for day in days for step in (-1, 0, 1)}
    bookings = frames["bookings"]
    shifts = frames["shifts"]
    near = shifts["start"].dt.date.isin(wanted) | shifts["end"].dt.date.isin(wanted)
    return CenterFacts.of(
        _center(_rows(frames["centers"])[0]),
        [_room(row) for row in _rows(frames["rooms"])],
        [_child(row) for row in _latest(frames["children"], ["child_id"])],
        [_staff(row) for row in _latest(frames["staff"], ["staff_id"])],
        [_shift(row) for row in _latest(shifts[near], ["shift_id"])],
        [_booking(row) for row in _latest(bookings[bookings["day"].isin(wanted)], ["child_id", "day", "session"])],
        [_closure(row) for row in _rows(frames["closures"])],
    )


def events_of(frames: Frames, start: datetime, end: datetime) -> list[Event]:
    """The events that happened in [start, end), with whatever they correct or is corrected by them, in order."""
    events = frames["events"]
    inside = (events["happened_at"] >= start) & (events["happened_at"] < end)
    linked = set(events.loc[inside, "event_id"]) | set(events.loc[inside, "supersedes"].dropna())
    linked_too = events["event_id"].isin(linked) | events["supersedes"].isin(linked)
    rows = _rows(events[inside | linked_too].sort_values("sequence"))
    return [Event(**{**row, "room_ids": tuple(json.loads(row["room_ids"]))}) for row in rows]


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Plain values: missing is None, instants are datetimes."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {str(name): value.to_pydatetime() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]


def _latest(frame: pd.DataFrame, key: list[str]) -> list[dict[str, Any]]:
    """The newest state of each."""
    rows = _rows(frame.sort_values("recorded_at").groupby(key, as_index=False).tail(1))
    return [{name: value for name, value in row.items() if name != "recorded_at"} for row in rows]


def _center(row: dict[str, Any]) -> Center:
    return Center(**{**row, "open_weekdays": tuple(json.loads(row["open_weekdays"]))})


def _room(row: dict[str, Any]) -> Room:
    start, end = row.pop("nap_start"), row.pop("nap_end")
    lists = {name: json.loads(row[name]) for name in ("adjacent_room_ids", "walk_seconds", "combines_with")}
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in lists.items()}
    return Room(**{**row, **lists, "nap": NapWindow(start, end) if start and end else None})


def _child(row: dict[str, Any]) -> Child:
    return Child(**row)


def _staff(row: dict[str, Any]) -> StaffMember:
    held = [
        Credential(part["code"], _day(part["valid_from"]), _day(part["valid_to"]))
        for part in json.loads(row["credentials"])
    ]
    return StaffMember(**{**row, "credentials": tuple(held)})


def _shift(row: dict[str, Any]) -> Shift:
    segments = [
        Segment(parse_instant(part["start"]), parse_instant(part["end"]), part["kind"], part["room_id"])
        for part in json.loads(row["segments"])
    ]
    return Shift(**{**row, "segments": tuple(segments)})


def _booking(row: dict[str, Any]) -> Booking:
    return Booking(**{name: value for name, value in row.items() if name != "session"})


def _closure(row: dict[str, Any]) -> Closure:
    return Closure(
        **{**{name: value for name, value in row.items() if name != "recorded_at"}, "reason": row["reason"] or ""}
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

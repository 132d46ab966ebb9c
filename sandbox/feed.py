"""The data feed: daily exports of warehouse tables into a folder, as the real platform writes them.

`dim_class` and `fct_session_time_entry_non_conformed`: keyed by names, Yes/No texts, -1 for null, local times. What it
cannot carry: moves between rooms, staff, events. The template's fields are year, month and day of the export; without
them each export overwrites the last (and then holds the whole history).
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from domain.errors import BadInput
from domain.events import Event, effective
from domain.people import Booking, Child
from domain.time import local_date, zone
from sandbox.world import LocalDay, World

FORMATS = ("csv", "ndjson", "parquet", "xlsx")
CLASSES = "dim_class"
SESSIONS = "fct_session_time_entry_non_conformed"
LATE_SHARE, TRUNCATED_SHARE = 0.02, 0.005
NULL = -1


class FeedWriter:
    """Writes one world's feed. Files go to `<template>/<table>.<format>`; bytes are the same for the same world.

    `late` are days whose export comes a day late, `truncated` days whose file breaks off; None draws both from the
    world's seed at the usual rates times its fault multiplier.
    """

    def __init__(
        self, world: World, template: str, form: str = "csv", *, late: Iterable[date] | None = None,
        truncated: Iterable[date] | None = None,
    ) -> None:  # fmt: skip
        if form not in FORMATS:
            raise BadInput(f"the feed format '{form}' is unknown; choose one of {', '.join(FORMATS)}")
        try:
            template.format(year=2026, month=1, day=1)
        except (KeyError, IndexError, ValueError) as error:
            raise BadInput(
                f"the feed's template {template} is wrong ({error}); its fields are year, month, day"
            ) from error
        self.world, self.template, self.form = world, template, form
        self.daily = self._folder(date(2026, 1, 1)) != self._folder(date(2027, 2, 2))
        self._late = None if late is None else set(late)
        self._truncated = None if truncated is None else set(truncated)
        self._sessions_of = _Sessions(world)

    def write_until(self, now: datetime) -> dict[str, Any]:
        """Every export due by `now`; how many files and rows were written."""
        tz = zone(self.world.knobs.zone_name)
        files = rows = 0
        day = self.world.start
        last = None
        while day <= local_date(now, tz):
            if self.due(day) <= now:
                last = day
                if self.daily:
                    written = self.write(day)
                    files, rows = files + 2, rows + written
            day += timedelta(days=1)
        if last is None:
            raise BadInput("no export is due yet; let the world run for a day")
        if not self.daily:
            files, rows = 2, self.write(last)
        return {"files": files, "rows": rows, "folder": self.template}

    def due(self, day: date) -> datetime:
        """When the export of a day is written: the next morning between 02:00 and 05:00 local, or a day late."""
        rng = self._rng(day)
        minute = rng.uniform(2 * 60, 5 * 60)
        late = rng.random() < LATE_SHARE * self.world.knobs.faults if self._late is None else day in self._late
        return LocalDay(day + timedelta(days=2 if late else 1), self.world.knobs.zone_name).at(minute)

    def write(self, day: date) -> int:
        """Export one day (or, without fields in the template, everything up to it); the rows of both files."""
        folder = Path(self._folder(day))
        folder.mkdir(parents=True, exist_ok=True)
        first = day if self.daily else self.world.start
        classes = pd.DataFrame(class_rows(self.world))
        sessions = pd.DataFrame(self._sessions_of.rows(first, day, self.due(day)), columns=_SESSION_COLUMNS)
        broken = self._rng(day).random(3)[2] < TRUNCATED_SHARE * self.world.knobs.faults
        if self._truncated is not None:
            broken = day in self._truncated
        for name, frame in ((CLASSES, classes), (SESSIONS, sessions)):
            content = _content(frame, self.form)
            if broken and name == SESSIONS:
                content = content[: len(content) * 3 // 5]
            (folder / f"{name}.{self.form}").write_bytes(content)
        return len(classes) + len(sessions)

    def _folder(self, day: date) -> str:
        return self.template.format(year=day.year, month=day.month, day=day.day)

    def _rng(self, day: date) -> np.random.Generator:
        return np.random.default_rng([self.world.seed, day.toordinal(), 77])


def class_rows(world: World) -> list[dict[str, Any]]:
    names = {center.center_id: center.name for center in world.centers}
    rows = []
    for room in world.rooms:
        young = room.age_max_months <= 36
        unit, divisor = ("Months", 1) if young else ("Years", 12)
        adults_for = world.knobs.children_per_adult(room.age_min_months)
        rows.append(
            {
                "class_id": room.room_id, "business_id": "b1", "school_id": room.center_id, "class": room.name,
                "school": names[room.center_id], "current_status": "Active", "max_roster_size": room.capacity,
                "class_start_date": (world.start - timedelta(days=365)).isoformat(), "class_end_date": NULL,
                "class_start_time_key": int(f"{world.knobs.opens:%H%M}"),
                "class_end_time_key": int(f"{world.knobs.closes:%H%M}"), "care_type": "Full day",
                "ratio_students": adults_for, "ratio_teachers": 1, "start_age": room.age_min_months // divisor,
                "start_age_unit": unit, "end_age": room.age_max_months // divisor, "end_age_unit": unit,
            }
        )  # fmt: skip
    return rows


_SESSION_COLUMNS = [
    "school", "business", "child", "child_last_name", "child_first_name", "class", "session_date", "is_session_voided",
    "is_excused_absence", "is_unexcused_absence", "is_present", "is_class_closed", "session_type",
    "is_session_in_contract", "absence_reason", "check_in_time", "check_in_by", "check_in_by_type", "check_out_time",
    "check_out_by", "check_out_by_type",
]  # fmt: skip


class _Sessions:
    """Rows per child and day from bookings and the event log, as known at the time of the export."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.schools = {center.center_id: center.name for center in world.centers}
        self.classes = {room.room_id: room.name for room in world.rooms}
        self.names = {row.value.child_id: _name(row.value) for row in world.children}
        self.bookings: dict[date, dict[tuple[str, str], list[Booking]]] = defaultdict(lambda: defaultdict(list))
        for row in world.bookings:
            self.bookings[row.value.day][row.value.center_id, row.value.child_id].append(row.value)
        tz = zone(world.knobs.zone_name)
        self.closed = {(row.value.center_id, row.value.day) for row in world.closures}
        self.events: dict[date, list[Event]] = defaultdict(list)
        for event in world.events:
            if event.child_id and event.event_type in ("check_in", "check_out", "correction"):
                self.events[local_date(event.happened_at, tz)].append(event)

    def rows(self, first: date, last: date, known_at: datetime) -> list[dict[str, Any]]:
        days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
        return [row for day in days for row in self._day(day, known_at)]

    def _day(self, day: date, known_at: datetime) -> list[dict[str, Any]]:
        visits: dict[tuple[str, str], list[tuple[Event | None, Event | None]]] = defaultdict(list)
        for event in effective(e for e in self.events.get(day, []) if e.recorded_at <= known_at):
            pairs = visits[event.center_id, cast("str", event.child_id)]
            if event.event_type == "check_in":
                pairs.append((event, None))
            elif pairs and pairs[-1][1] is None:
                pairs[-1] = (pairs[-1][0], event)
            else:
                pairs.append((None, event))
        booked = self.bookings.get(day, {})
        rows = []
        for key in sorted({*booked, *visits}):
            states = [b for b in booked.get(key, []) if b.reported_at is None or b.reported_at <= known_at]
            booking = states[-1] if states else None
            for came, left in visits.get(key) or [(None, None)]:
                rows.append(self._row(key, day, booking, came, left))
        return rows

    def _row(
        self, key: tuple[str, str], day: date, booking: Booking | None, came: Event | None, left: Event | None
    ) -> dict[str, Any]:
        center_id, child_id = key
        first, last = self.names.get(child_id, ("Unknown", child_id))
        room = (came.room_id if came else None) or (left.room_id if left else None) or (booking and booking.room_id)
        shut = (center_id, day) in self.closed
        here, told = came is not None or left is not None, booking is not None and booking.status == "absent"
        return {
            "school": self.schools[center_id], "business": "Simulated Centers", "child": f"{first} {last}",
            "child_last_name": last, "child_first_name": first, "class": self.classes.get(room or "", NULL),
            "session_date": day.isoformat(), "is_session_voided": "No",
            "is_excused_absence": _yes(told and not here),
            "is_unexcused_absence": _yes(not told and not here and not shut),
            "is_present": _yes(here), "is_class_closed": _yes(shut), "session_type": "Regular",
            "is_session_in_contract": _yes(booking is not None),
            "absence_reason": "Reported" if told and not here else NULL,
            "check_in_time": self._time(came), "check_in_by": f"Parent of {first}" if came else NULL,
            "check_in_by_type": "Parent" if came else NULL, "check_out_time": self._time(left),
            "check_out_by": f"Parent of {first}" if left else NULL, "check_out_by_type": "Parent" if left else NULL,
        }  # fmt: skip

    def _time(self, event: Event | None) -> str | int:
        if event is None:
            return NULL
        return f"{event.happened_at.astimezone(zone(self.world.knobs.zone_name)):%Y-%m-%d %H:%M:%S}"


def _name(child: Child) -> tuple[str, str]:
    """First and last name; the last name is made of the id, so that no two children share both."""
    first = (child.display_name or "Child").split(" ")[0]
    return first, f"Simulated-{child.child_id}"


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _content(frame: pd.DataFrame, form: str) -> bytes:
    if form == "csv":
        return frame.to_csv(index=False).encode()
    if form == "ndjson":
        return frame.to_json(orient="records", lines=True).encode()
    out = io.BytesIO()
    if form == "parquet":
        frame.astype({name: str for name in frame.columns if frame[name].dtype == object}).to_parquet(out, index=False)
    else:
        frame.to_excel(out, index=False)
    return out.getvalue()

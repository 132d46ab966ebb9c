"""Needs no incident tells of yet: somebody called out or did not come, a room closes early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from api.center import LiveCenter
from api.suggestions import Need
from reports.days import day_at, day_span

_NOT_COMING = timedelta(minutes=20)  # after the start of the shift


def needs_beside_incidents(center: LiveCenter, now: datetime) -> Iterator[tuple[str, Need]]:
    """Today's, each with a key of its own."""
    facts, day = center.facts, day_at(center.facts, now)
    service = facts.service(now)
    if service is None or now not in service:
        return
    for staff_id, shifts in facts.shifts_by_staff.items():
        for shift in shifts:
            if not (now < shift.end and shift.start < service.end):
                continue
            if shift.status == "called_out":
                yield f"call_out:{center.center_id}:{shift.shift_id}", Need("call_out", None, staff_id)
            late = shift.status == "scheduled" and shift.start + _NOT_COMING <= now
            if late and not _came(center, staff_id, now):
                yield f"no_show:{center.center_id}:{shift.shift_id}", Need("no_show", None, staff_id)
    for row in facts.closures:
        if row.day == day and row.room_id in facts.rooms:
            yield f"closes:{center.center_id}:{row.day}:{row.room_id}", Need("room_closes", row.room_id)


def _came(center: LiveCenter, staff_id: str, now: datetime) -> bool:
    """Whether they are here, or were since the day began; a turn of the day before says nothing of today's."""
    here = center.state.adult(staff_id)
    if here is not None and here.since >= center.facts.day_start(now):
        return True
    return center.state.worked(staff_id, day_span(center.facts, day_at(center.facts, now)).start)

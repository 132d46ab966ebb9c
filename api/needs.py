"""Needs no incident tells of yet: somebody called out or did not come, a room closes early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from api.center import LiveCenter
from api.suggestions import Need

_NOT_COMING = timedelta(minutes=20)  # after the start of the shift


def needs_beside_incidents(center: LiveCenter, now: datetime) -> Iterator[tuple[str, Need]]:
    """Today's, each with a key of its own."""
    facts = center.facts
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
            if late and not center.state.worked(staff_id, facts.day_start(now)):
                yield f"no_show:{center.center_id}:{shift.shift_id}", Need("no_show", None, staff_id)
    for row in facts.closures:
        if row.day == facts.day_of(now) and row.room_id in facts.rooms:
            yield f"closes:{center.center_id}:{row.day}:{row.room_id}", Need("room_closes", row.room_id)

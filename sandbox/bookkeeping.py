"""The platform's own rows about a simulated day: staff, shifts, availability, bookings, each state with its time."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING

import numpy as np

from domain.people import Availability, Booking, Credential, Segment, Shift, StaffMember
from sandbox.attendance import Day
from sandbox.laws import Rng
from sandbox.staffing import PlannedShift, Roster
from sandbox.world import LocalDay, Recorded

if TYPE_CHECKING:
    from sandbox.simulation import CenterSimulation

BOOKING_LEAD_DAYS = 20


def staff_records(rng: Rng, center: CenterSimulation) -> list[StaffMember]:
    rooms = center.knobs.layout.rooms
    members = []
    for index, worker in enumerate(center.workers):
        born = center.start - timedelta(days=int(worker.age_years * 365.25))
        since = center.start - timedelta(days=int(rng.integers(60, 1500)))
        codes = [Credential("background_check", since)]
        if worker.role not in ("Cook", "Admin"):
            codes.append(Credential("first_aid_cpr", since, center.start + timedelta(days=int(rng.integers(200, 730)))))
        if worker.role in ("Lead Teacher", "Director", "Assistant Director"):
            codes.append(Credential("lead", since))
        young = worker.room is not None and rooms[worker.room].age_min_months < 24
        if young or (worker.kind != "core" and worker.role not in ("Cook", "Admin") and index % 3 != 0):
            codes.append(Credential("infant_toddler", since))
        home = center.room_ids[worker.room] if worker.room is not None else None
        floating = worker.kind in ("float", "substitute")
        members.append(
            StaffMember(
                center.staff_id(index),
                center.center_id,
                worker.role,
                floating,
                home,
                born,
                tuple(codes),
                9.5,
                42.0,
                worker.hourly_cost,
                f"{worker.role} {index + 1}",
            )
        )
    return members


def shifts_of(center: CenterSimulation, plan: Roster, day: date, at: LocalDay) -> list[Recorded[Shift]]:
    """All states of the day's shifts; a change is an event of the log as well."""
    rows = []
    for planned in plan.versions:
        shift = _shift(center, planned, day, at)
        recorded = at.at(planned.recorded)
        rows.append(Recorded(recorded, shift))
        if planned.version > 1 or planned.recorded > 0:
            center.record.plain("schedule_changed", recorded, staff_id=shift.staff_id, shift_id=shift.shift_id)
    return rows


def _shift(center: CenterSimulation, planned: PlannedShift, day: date, at: LocalDay) -> Shift:
    staff = center.staff_id(planned.worker)
    segments = tuple(
        Segment(
            at.at(part.start), at.at(part.end), part.kind, center.room_ids[part.room] if part.room is not None else None
        )
        for part in planned.parts
        if part.end > part.start
    )
    return Shift(
        f"{staff}-{day:%Y%m%d}", center.center_id, staff, at.at(planned.start), at.at(planned.end), segments,
        str(planned.version), planned.status,
    )  # fmt: skip


def availability_of(center: CenterSimulation, day: date, at: LocalDay) -> list[Recorded[Availability]]:
    """Who may be asked to work on the day; a few have a weekday off, substitutes two."""
    rows, known = [], at.at(-1440 * BOOKING_LEAD_DAYS + 9 * 60)
    for index, worker in enumerate(center.workers):
        off = {index % 5 + 1, (index + 2) % 5 + 1} if worker.kind == "substitute" else set()
        if day.isoweekday() in off:
            continue
        start, end = center.knobs.open_minute, center.knobs.close_minute + 30
        note = ""
        if worker.kind == "float" and index % 4 == 1:
            end, note = end - 90, "not late in the evening"
        staff = center.staff_id(index)
        rows.append(Recorded(known, Availability(staff, center.center_id, at.at(start), at.at(end), note)))
    return rows


def bookings_of(center: CenterSimulation, truth: Day, at: LocalDay) -> list[Recorded[Booking]]:
    """All states of the day's bookings; changes are events of the log as well."""
    rows: list[Recorded[Booking]] = []
    made = at.at(-1440 * BOOKING_LEAD_DAYS + 120)
    for position, child in enumerate(truth.children):
        place = int(truth.family_position[position])
        family = center.families.families[int(truth.families[place])]
        expected_in, expected_out = (
            _clock(family.arrival),
            _clock(min(family.arrival + family.stay, center.knobs.close_minute)),
        )
        child_id, room_id = center.child_id(int(child)), center.room_ids[int(truth.rooms[position])]
        base = Booking(center.center_id, child_id, room_id, truth.day, expected_in, expected_out, "booked", made)
        rows.append(Recorded(made, base))
        notice, change = _change(truth, position, place)
        if notice is None or (truth.snow is not None and notice >= truth.snow):
            continue
        when = at.at(notice)
        out = _clock(notice + 40) if change == "booked" else expected_out
        rows.append(
            Recorded(when, Booking(center.center_id, child_id, room_id, truth.day, expected_in, out, change, when))
        )
        center.record.plain("booking_changed", when, child_id=child_id, room_id=room_id)
    return rows


def _change(truth: Day, position: int, place: int) -> tuple[float | None, str]:
    """Minute and new status of the one change a booking may see: an absence, or an early pick-up announced."""
    if truth.planned[place]:
        notice = float(truth.plan_notice[place])
        return (notice if np.isfinite(notice) else None), "absent"
    if truth.ill[position]:
        notice = float(truth.ill_notice[position])
        return (notice if np.isfinite(notice) else None), "absent"
    message = float(truth.message[place])
    return (message if np.isfinite(message) else None), "booked"


def _clock(minute: float) -> time:
    """To the quarter of an hour, as families book."""
    quarter = int(round(minute / 15) * 15) % 1440
    return time(quarter // 60, quarter % 60)

"""From events to the adults' stays: who was in which room, on break or stepped out, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.events import Event, effective


@dataclass(frozen=True, slots=True)
class StaffStay:
    """One adult in one state, [start, end); end None while it lasts. room_id None: in the building, in no room."""

    center_id: str
    staff_id: str
    room_id: str | None
    start: datetime
    end: datetime | None
    state: str  # in_room | break | step_out
    start_recorded_at: datetime
    end_recorded_at: datetime | None


_STATE_AFTER = {
    "clock_in": "in_room",
    "room_move": "in_room",
    "break_start": "break",
    "break_end": "in_room",
    "step_out": "step_out",
    "step_in": "in_room",
}


def staff_stays(events: Iterable[Event]) -> list[StaffStay]:
    """Stays of all adults, by (start, staff). Breaks and short absences keep the room the adult belongs to.

    A clock-out while nobody clocked in changes nothing; a return from a break that names no room returns to the room
    left. A move or a break of somebody never clocked in still shows that the person is there, so it opens a stay.
    """
    done: list[StaffStay] = []
    here: dict[str, StaffStay] = {}
    for event in effective(events):
        if event.staff_id is None or event.event_type not in _STATE_AFTER | {"clock_out": ""}:
            continue
        now = here.pop(event.staff_id, None)
        if now is not None:
            done.append(replace(now, end=event.happened_at, end_recorded_at=event.recorded_at))
        if event.event_type != "clock_out":
            here[event.staff_id] = StaffStay(
                event.center_id,
                event.staff_id,
                _room_after(event, now),
                event.happened_at,
                None,
                _STATE_AFTER[event.event_type],
                event.recorded_at,
                None,
            )
    done += here.values()
    done = [stay for stay in done if stay.end is None or stay.end > stay.start]
    return sorted(done, key=lambda stay: (stay.start, stay.staff_id))


def _room_after(event: Event, before: StaffStay | None) -> str | None:
    """clock_in and room_move without a room mean an idle float; the other events keep the room when silent."""
    if event.event_type in ("clock_in", "room_move") or event.room_id is not None:
        return event.room_id
    return before.room_id if before else None

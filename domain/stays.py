"""From events to stays: who was in which room from when to when, doubtful ones marked, never dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.events import Event, effective


@dataclass(frozen=True, slots=True)
class Stay:
    """One child in one room, [start, end); end None while it lasts."""

    center_id: str
    child_id: str
    room_id: str
    start: datetime
    end: datetime | None
    start_recorded_at: datetime
    end_recorded_at: datetime | None
    doubts: tuple[str, ...] = ()  # why the stay may not be true, in words


def child_stays(events: Iterable[Event]) -> list[Stay]:
    """Stays of all children, by (start, child). A second check_in without check_out closes the first stay then.

    A transfer closes the open stay and opens one in `room_id`; a transfer or check-out without an open stay is
    remembered as a doubt on what follows rather than dropped in silence: a transfer still opens a stay.
    """
    done: list[Stay] = []
    here: dict[str, Stay] = {}
    for event in effective(events):
        if event.child_id is None:
            continue
        now = here.get(event.child_id)
        if event.event_type == "check_out":
            if now is not None:
                done.append(_closed(now, event))
                del here[event.child_id]
        elif event.event_type in ("check_in", "room_transfer") and event.room_id:
            doubts: tuple[str, ...] = ()
            if now is not None:
                if event.event_type == "check_in":
                    now = replace(now, doubts=(*now.doubts, "checked in again without a check-out"))
                done.append(_closed(now, event))
            elif event.event_type == "room_transfer":
                doubts = ("moved between rooms without a check-in",)
            here[event.child_id] = Stay(
                event.center_id, event.child_id, event.room_id, event.happened_at, None, event.recorded_at, None, doubts
            )
    done += here.values()
    done = [stay for stay in done if stay.end is None or stay.end > stay.start]
    return sorted(done, key=lambda stay: (stay.start, stay.child_id))


def _closed(stay: Stay, event: Event) -> Stay:
    return replace(stay, end=event.happened_at, end_recorded_at=event.recorded_at)

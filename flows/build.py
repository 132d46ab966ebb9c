"""Build: events -> stays -> headcounts per room, 15 minutes and age band; a center at a time, only where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from domain.errors import BadInput
from domain.events import Event
from domain.places import Center
from flows.progress import Progress, silent
from flows.rows import center_of, event_of
from forecasting.frames import staff_stays_frame, stays_frame
from forecasting.headcounts import headcounts_frame
from storage.warehouse import Warehouse

_BUILT_MARK = "built from"


@dataclass(frozen=True, slots=True)
class BuildResult:
    built: tuple[str, ...]
    unchanged: tuple[str, ...]
    doubtful_stays: int  # among those built now
    problems: tuple[str, ...]


def build(warehouse: Warehouse, *, progress: Progress = silent) -> BuildResult:
    """Make stays, staff stays and headcounts of every center whose events, children or rooms changed since.

    One transaction per center: a killed run leaves each center as it was or wholly rebuilt. Doubtful stays are kept and
    marked. Events in a room the platform does not list count nowhere, and are told as a problem.
    """
    centers = [center_of(row) for row in warehouse.rows("SELECT * FROM centers ORDER BY center_id")]
    if not centers:
        raise BadInput("the warehouse holds no center yet; run `ratiocast ingest` first")
    built: list[str] = []
    problems: list[str] = []
    doubtful = 0
    for number, center in enumerate(centers, start=1):
        fingerprint = _fingerprint(warehouse, center.center_id)
        if warehouse.mark(center.center_id, _BUILT_MARK) != fingerprint:
            doubtful += _build_center(warehouse, center, fingerprint)
            built.append(center.center_id)
        problems += _unknown_rooms(warehouse, center)
        progress("build", number, len(centers))
    unchanged = tuple(center.center_id for center in centers if center.center_id not in built)
    return BuildResult(tuple(built), unchanged, doubtful, tuple(problems))


def _build_center(warehouse: Warehouse, center: Center, fingerprint: str) -> int:
    center_id = center.center_id
    events = _events(warehouse, center_id)
    frames = {name: warehouse.frame(name, center_id) for name in ("centers", "rooms", "children")}
    children = frames["children"].sort_values("recorded_at", kind="stable")
    until = max((event.recorded_at for event in events), default=None)
    stays, staff_stays = stays_frame(events, [center], until), staff_stays_frame(events)
    headcounts = _headcounts(frames["centers"], frames["rooms"], children, stays, staff_stays, until)
    here = {"center_id": center_id}
    with warehouse.transaction():
        warehouse.replace("stays", here, stays)
        warehouse.replace("staff_stays", here, staff_stays)
        warehouse.replace("headcounts", here, headcounts)
        warehouse.set_mark(center_id, _BUILT_MARK, fingerprint)
    return int((stays["doubts"].fillna("") != "").sum())


def _headcounts(
    centers: pd.DataFrame,
    rooms: pd.DataFrame,
    children: pd.DataFrame,
    stays: pd.DataFrame,
    staff_stays: pd.DataFrame,
    until: datetime | None,
) -> pd.DataFrame | Sequence[dict[str, object]]:
    """Headcounts as far as the center's knowledge reaches: after its last recorded event nothing is known."""
    return [] if until is None else headcounts_frame(centers, rooms, children, stays, staff_stays, until)


def _events(warehouse: Warehouse, center_id: str) -> list[Event]:
    found = warehouse.rows("SELECT * FROM events WHERE center_id = ? ORDER BY sequence, event_id", [center_id])
    return [event_of(row) for row in found]


def _fingerprint(warehouse: Warehouse, center_id: str) -> str:
    """Changes when anything the build reads of a center changes."""
    parts = []
    for table in ("centers", "rooms", "children", "events"):
        found = warehouse.rows(
            f"SELECT count(*) AS rows, coalesce(bit_xor(hash({table})), 0)::VARCHAR AS hash FROM {table} "  # noqa: S608
            "WHERE center_id = ?",
            [center_id],
        )[0]
        parts.append(f"{found['rows']}:{found['hash']}")
    return " ".join(parts)


def _unknown_rooms(warehouse: Warehouse, center: Center) -> list[str]:
    found = warehouse.rows(
        "SELECT room_id, count(*) AS stays FROM stays s WHERE center_id = ? AND NOT EXISTS "
        "(SELECT 1 FROM rooms r WHERE r.center_id = s.center_id AND r.room_id = s.room_id) GROUP BY 1 ORDER BY 1",
        [center.center_id],
    )
    return [
        f"center {center.center_id} ({center.name}): {row['stays']} stays lie in the room '{row['room_id']}', which "
        "the platform does not list; they count in no room until it does"
        for row in found
    ]

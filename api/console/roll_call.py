"""Roll call: a count per room by tap. The page opens without network once it has been open with it; it queues what it
could not send, and sends it later with its own time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import FileResponse, Response

from api.console.frame import SAFETY, Visit, Visiting
from api.routes.headcounts import Headcount, give_headcount
from reports.days import day_at

router = APIRouter(prefix="/roll-call")
_WORKER = Path(__file__).parents[1] / "static" / "roll-call-worker.js"
Giver = Annotated[Visit, Depends(Visiting("headcounts.give"))]


@dataclass(frozen=True, slots=True)
class Counted:
    """One room to be counted, with what the events say. `faces` only where names are stored."""

    room_id: str
    name: str
    children: int
    adults: int
    wanted: tuple[str, ...]
    confirmed: str
    faces: tuple[tuple[str, str, bool], ...]  # child id, name, here by the events


@router.get("")
async def roll_call(visit: Giver) -> Response:
    return visit.page("roll_call.html", rooms=_rooms(visit), at=visit.local(visit.now))


@router.get("/worker.js")
async def worker() -> Response:
    """The script that opens the page without network; it may act for the roll-call page alone."""
    return FileResponse(
        _WORKER, media_type="text/javascript", headers={"Service-Worker-Allowed": "/roll-call"} | SAFETY
    )


@router.post("")
async def save_one(
    visit: Giver,
    room_id: Annotated[str, Form(max_length=64)],
    children: Annotated[int, Form(ge=0, le=500)],
    adults: Annotated[int | None, Form(ge=0, le=100)] = None,
) -> Response:
    """For browsers without script: keep one count, show the page again."""
    given = Headcount(center_id=visit.center.center_id, room_id=room_id, children=children, adults=adults)
    await give_headcount(given, visit.service, visit.person)
    return visit.back_to("/roll-call")


def _rooms(visit: Visit) -> list[Counted]:
    """Rooms whose count is in doubt come first."""
    center = visit.center
    if center.assessment is None:
        return []
    found = []
    for room in center.assessment.rooms.values():
        wanted = room.trust.reasons if room.rests_on_doubt or room.if_doubts_hurt else ()
        confirmed = f"{visit.local(room.trust.confirmed_at):%H:%M}" if room.trust.confirmed_at else ""
        found.append(
            Counted(
                room.room_id, room.name, len(room.group.children), len(room.group.in_room), tuple(wanted), confirmed,
                _faces(visit, room.group.members),
            )
        )  # fmt: skip
    ages = {room_id: room.age_min_months for room_id, room in center.facts.rooms.items()}
    return sorted(found, key=lambda room: (not room.wanted, ages.get(room.room_id, 0), room.name))


def _faces(visit: Visit, members: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    """Children here by the events, and those whose room it is; only with names switched on."""
    center = visit.center
    if not visit.service.settings.store_names:
        return ()
    today = day_at(center.facts, visit.now)
    here = {child_id for member in members for child_id in center.state.rooms.get(member, ())}
    booked = {child_id for member in members for child_id, _ in center.facts.due_arrivals(member, today)}
    named = []
    for child_id in sorted(here | booked):
        child = center.facts.children.get(child_id)
        if child is not None and child.display_name:
            named.append((child_id, child.display_name, child_id in here))
    return tuple(sorted(named, key=lambda row: (not row[2], row[1])))

"""Families: a draft from a template with the facts, to be read, changed and sent by a person. Never sent from here."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from api.console.frame import Visit, Visiting
from reports.days import day_at
from reports.family_drafts import KINDS, Draft, Occasion, draft

router = APIRouter(prefix="/families")
Planner = Annotated[Visit, Depends(Visiting("plans.change"))]
Text = Annotated[str, Form(max_length=300)]


@router.get("")
async def families(visit: Planner) -> Response:
    return _page(visit, None, {"kind": "room_closed", "day": _today(visit) + timedelta(days=1)})


@router.post("")
async def make(
    visit: Planner,
    kind: Text,
    day: Annotated[date, Form()],
    room: Text = "",
    other_room: Text = "",
    start: Text = "",
    end: Text = "",
    reason: Text = "",
) -> Response:
    occasion = Occasion(
        visit.center.facts.center.name, day, room, other_room, _time(start), _time(end), reason, visit.person.name
    )
    given = {
        "kind": kind, "day": day, "room": room, "other_room": other_room, "start": start, "end": end, "reason": reason,
    }  # fmt: skip
    return _page(visit, draft(kind, occasion), given)


def _page(visit: Visit, made: Draft | None, given: dict[str, object]) -> Response:
    rooms = sorted(room.name for room in visit.center.facts.rooms.values())
    empty = {"room": "", "other_room": "", "start": "", "end": "", "reason": ""}
    closures = [each for each in visit.center.facts.closures if each.day >= _today(visit)]
    return visit.page("families.html", made=made, given=empty | given, rooms=rooms, kinds=KINDS, closures=closures)


def _today(visit: Visit) -> date:
    return day_at(visit.center.facts, visit.now)


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text) if text else None
    except ValueError:
        return None

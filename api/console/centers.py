"""Centers: every center the person may see, the worst first, for those who look after more than one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from api.center import LiveCenter
from api.console.first_run import first_run
from api.console.frame import Visit, Visiting
from api.console.tiles import state_of

router = APIRouter()
Looker = Annotated[Visit, Depends(Visiting("live.read"))]
_SHOWN = 200  # lines drawn; what is worst comes first, so that what is left out is calm
_TONES = ("bad", "trouble", "doubt", "warn", "good", "plain")  # worst first
_WORDS = {
    "bad": "out of compliance", "doubt": "to be counted", "warn": "full or short for a moment",
    "good": "every room inside its rule", "plain": "nobody here",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One center. `minutes`: how long its oldest open incident that people were told of has been open."""

    center_id: str
    name: str
    tone: str
    words: str
    rooms: int  # of that tone
    children: int
    adults: int  # who count
    incidents: int
    not_taken_on: int
    minutes: int
    mode: str


@router.get("/centers")
async def centers_page(visit: Looker, named: Annotated[str, Query(max_length=100)] = "") -> Response:
    if visit.chosen is None:
        return await first_run(visit)
    wanted = [each for each in visit.centers if named.casefold() in each.facts.center.name.casefold()]
    lines = sorted((line_of(visit, each) for each in wanted), key=worst_first)
    draw = visit.part if visit.in_place else visit.page
    return draw(
        "centers/list.html" if visit.in_place else "centers/centers.html", lines=lines[:_SHOWN],
        left_out=max(0, len(lines) - _SHOWN), named=named, counted=Counter(line.tone for line in lines),
        at=visit.local(visit.now),
    )  # fmt: skip


def line_of(visit: Visit, center: LiveCenter) -> Line:
    rooms = list(center.assessment.rooms.values()) if center.assessment else []
    tones = Counter(state_of(room)[0] for room in rooms)
    tone = "trouble" if center.trouble else next((each for each in _TONES if tones[each]), "plain")
    told = [each for each in center.open_incidents() if each.told_severity]
    oldest = min((each.opened_at for each in told), default=visit.now)
    return Line(
        center.center_id, center.facts.center.name, tone, center.trouble or _words(tone, tones[tone]), tones[tone],
        sum(room.verdict.group_size for room in rooms), sum(room.verdict.counted for room in rooms), len(told),
        sum(each.acknowledged_at is None for each in told), int((visit.now - oldest).total_seconds() // 60),
        center.mode,
    )  # fmt: skip


def _words(tone: str, rooms: int) -> str:
    if tone in ("good", "plain"):
        return _WORDS[tone]
    return f"{rooms} {'room' if rooms == 1 else 'rooms'} {_WORDS[tone]}"


def worst_first(line: Line) -> tuple[int, int, int, int, str]:
    return _TONES.index(line.tone), -line.rooms, -line.not_taken_on, -line.minutes, line.name

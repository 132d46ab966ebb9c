"""The odds of a gap of a planned day as a heat map: rooms by half hours."""

from __future__ import annotations

from markupsafe import Markup

from api.console.odds import Odds
from domain.time import zone
from optimizer import Problem
from optimizer.problem import Day
from reports.charts import HeatCell, heat_map

_GROUP = 2  # slots per column


def day_heat(problem: Problem, odds: Odds, day: Day) -> Markup:
    tz = zone(problem.timezone)
    groups = [range(at, min(at + _GROUP, day.end)) for at in range(day.start, day.end, _GROUP)]
    columns = [f"{problem.slots[group[0]].astimezone(tz):%H:%M}" for group in groups]
    cells = [
        [
            _cell(room.name or room.room_id, text, [odds.get((room.room_id, problem.slots[slot]), 0) for slot in group])
            for text, group in zip(columns, groups, strict=True)
        ]
        for room in problem.rooms
    ]
    names = [room.name or room.room_id for room in problem.rooms]
    return Markup(heat_map(names, columns, cells, f"Odds of a gap, {day.day:%A}"))  # noqa: S704  our own SVG


def _cell(room: str, at: str, odds: list[float]) -> HeatCell:
    return HeatCell(max(odds), f"{room} at {at}: {max(odds):.0%}")

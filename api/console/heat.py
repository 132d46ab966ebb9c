"""The risk heat map of a planned day: odds of a gap per room and half hour, from the published risks, else the plan."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime

from markupsafe import Markup

from api.console.frame import Visit
from domain.errors import StoreError
from domain.time import parse_instant, zone
from optimizer import Plan, Problem
from optimizer.problem import Day
from reports.charts import HeatCell, heat_map
from storage.reader import open_reader

_GROUP = 2  # slots per column


async def day_heat(visit: Visit, problem: Problem, plan: Plan, day: Day, *, as_made: bool) -> Markup:
    """`as_made`: the plan is the planner's own, so that the odds published with it hold."""
    published = await asyncio.to_thread(_published, visit, problem, day) if as_made else {}
    odds = published or {(s.room_id, problem.slots[s.slot]): s.chance for s in plan.shortages}
    tz = zone(problem.timezone)
    groups = [range(at, min(at + _GROUP, day.end)) for at in range(day.start, day.end, _GROUP)]
    columns = [f"{problem.slots[group[0]].astimezone(tz):%H:%M}" for group in groups]
    cells = [
        [
            _cell(room.name or room.room_id, text, [odds.get((room.room_id, problem.slots[slot])) for slot in group])
            for text, group in zip(columns, groups, strict=True)
        ]
        for room in problem.rooms
    ]
    names = [room.name or room.room_id for room in problem.rooms]
    return Markup(heat_map(names, columns, cells, f"Odds of a gap, {day.day:%A}"))  # noqa: S704  our own SVG


def _cell(room: str, at: str, odds: list[float | None]) -> HeatCell:
    known = [value for value in odds if value is not None and not math.isnan(value)]
    worst = max(known, default=0.0)
    return HeatCell(worst, f"{room} at {at}: {worst:.0%}")


def _published(visit: Visit, problem: Problem, day: Day) -> dict[tuple[str, datetime], float]:
    """The newest snapshot's odds of these slots; none where nothing is published yet."""
    first, last = problem.slots[day.start], problem.slots[day.end - 1]
    sql = "SELECT room_id, slot, p_short FROM risks WHERE center_id = ? AND slot BETWEEN ? AND ?"
    try:
        with open_reader(visit.service.settings.data_dir) as reader:
            frame = reader.query(sql, [visit.center.center_id, first, last])
    except StoreError:
        return {}
    rows = zip(frame["room_id"], frame["slot"], frame["p_short"], strict=True)
    return {(str(room), parse_instant(at.isoformat())): float(odds) for room, at, odds in rows}

"""The risk heat map of a planned day: odds of a gap per room and half hour.

Where as many adults are planned as in the planner's own plan, the odds published with that one hold, made of every draw
of the forecast; where a draft differs, the odds are those of the few scenarios the plan is solved for.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from datetime import datetime

from markupsafe import Markup

from api.console.frame import Visit
from api.plan_files import PlanFiles
from domain.errors import StoreError
from domain.time import parse_instant, zone
from optimizer import Plan, Problem
from optimizer.problem import Day
from reports.charts import HeatCell, heat_map
from storage.reader import open_reader

_GROUP = 2  # slots per column
Odds = dict[tuple[str, datetime], float]


async def day_heat(visit: Visit, problem: Problem, plan: Plan, day: Day) -> Markup:
    published = await asyncio.to_thread(_published, visit, problem, plan, day)
    short = {(s.room_id, problem.slots[s.slot]): s.chance for s in plan.shortages}
    odds = short | published
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


def _published(visit: Visit, problem: Problem, plan: Plan, day: Day) -> Odds:
    """The newest snapshot's odds of those slots in which nothing was changed; none where nothing is published yet."""
    first, last = problem.slots[day.start], problem.slots[day.end - 1]
    sql = "SELECT room_id, slot, p_short FROM risks WHERE center_id = ? AND slot BETWEEN ? AND ?"
    made = PlanFiles(visit.service.settings.data_dir, visit.center.center_id).read(problem.label, "made")
    if made is None:
        return {}
    try:
        with open_reader(visit.service.settings.data_dir) as reader:
            frame = reader.query(sql, [visit.center.center_id, first, last])
    except StoreError:
        return {}
    theirs, ours = _adults(made.problem, made.plan), _adults(problem, plan)
    rows = ((str(r), parse_instant(at.isoformat()), float(p)) for r, at, p in frame.itertuples(index=False))
    return {(room, at): odds for room, at, odds in rows if theirs.get((room, at)) == ours.get((room, at))}


def _adults(problem: Problem, plan: Plan) -> dict[tuple[str, datetime], tuple[int, tuple[str, ...]]]:
    """Adults planned by room and slot, and the rooms it is joined with; those of joined rooms stand together."""
    alone = Counter(
        (each.room_id, slot)
        for each in plan.assignments
        if each.state == "room"
        for slot in range(each.start, each.end)
    )
    joined = {
        (room, slot): each.rooms
        for each in plan.combined
        for room in each.rooms
        for slot in range(each.start, each.end)
    }
    return {
        (room.room_id, at): (
            sum(alone[other, slot] for other in joined.get((room.room_id, slot), (room.room_id,))),
            joined.get((room.room_id, slot), ()),
        )
        for room in problem.rooms
        for slot, at in enumerate(problem.slots)
    }

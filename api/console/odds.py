"""The odds that a room lacks an adult in a quarter hour of a planned week: one figure, wherever the page tells it.

Where as many adults are planned as in the planner's own plan, the odds published with that one hold: every draw of the
forecast, with the adults who call out on the day. Where a draft differs, and before anything is published, they are
those of the few courses the plan is solved for.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from datetime import datetime

from api.console.frame import Visit
from api.plan_files import PlanFiles
from domain.errors import StoreError
from domain.time import parse_instant
from optimizer import Plan, Problem
from optimizer.plan import Shortage
from reports.plan_exports import MENTIONED
from storage.reader import open_reader

Odds = dict[tuple[str, datetime], float]
_BEYOND = "covered in the courses the plan is made for, not in every course of the forecast nor if somebody calls out"


async def odds_of(visit: Visit, problem: Problem, plan: Plan) -> Odds:
    """By room and start of the slot; 0 where nothing is told."""
    published = await asyncio.to_thread(_published, visit, problem, plan)
    return {(short.room_id, problem.slots[short.slot]): short.chance for short in plan.shortages} | published


def with_odds(problem: Problem, plan: Plan, odds: Odds) -> Plan:
    """The plan as it is told: each shortage with these odds, and one (worst 0: not known) wherever they are worth a
    word although the courses the plan is solved for have none."""
    told = {(short.room_id, problem.slots[short.slot]): short for short in plan.shortages}
    slots, rooms = {at: number for number, at in enumerate(problem.slots)}, {room.room_id for room in problem.rooms}
    for place, chance in odds.items():
        room_id, at = place
        if place in told:
            told[place] = told[place].model_copy(update={"chance": chance})
        elif chance >= MENTIONED and at in slots and room_id in rooms:
            told[place] = Shortage(room_id=room_id, slot=slots[at], expected=0, chance=chance, worst=0, reason=_BEYOND)
    shortages = tuple(sorted(told.values(), key=lambda short: (short.slot, short.room_id)))
    return plan.model_copy(update={"shortages": shortages})


def _published(visit: Visit, problem: Problem, plan: Plan) -> Odds:
    """The newest snapshot's odds of those slots in which nothing was changed; none where nothing is published yet."""
    sql = "SELECT room_id, slot, p_short FROM risks WHERE center_id = ? AND slot BETWEEN ? AND ?"
    made = PlanFiles(visit.service.settings.data_dir, visit.center.center_id).read(problem.label, "made")
    if made is None:
        return {}
    try:
        with open_reader(visit.service.settings.data_dir) as reader:
            frame = reader.query(sql, [visit.center.center_id, problem.slots[0], problem.slots[-1]])
    except StoreError:
        return {}
    theirs, ours = _adults(made.problem, made.plan), _adults(problem, plan)
    rows = ((str(r), parse_instant(at.isoformat()), float(p)) for r, at, p in frame.itertuples(index=False))
    return {
        (room, at): odds
        for room, at, odds in rows
        if not math.isnan(odds) and theirs.get((room, at)) == ours.get((room, at))
    }


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

"""After an approval: the rest of the day planned again with the fewest changes; the past is fixed, changes cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import optimizer
from api.center import LiveCenter
from api.live_problem import pose, seen_now
from domain.errors import Conflict
from domain.time import format_instant, parse_instant
from optimizer import Assignment, Plan, Problem
from optimizer.edits import lock
from storage.ledger.proposals import ProposalRow

if TYPE_CHECKING:
    from api.service import Service

SECONDS = 5.0
_DECIDED = ("approved", "applied", "by_hand")


async def plan_rest(service: Service, center: LiveCenter, row: ProposalRow) -> dict[str, Any]:
    """A draft that changes nothing; what was approved is held fast. Conflict if nothing was, or nothing is left."""
    from api.console.callout_plan import changes_of

    now = service.clock.now()
    if row.status not in _DECIDED:
        raise Conflict(f"this proposal is {row.status.replace('_', ' ')}; approve an alternative first")
    async with center.lock:
        center.assess(now)
        free, agreed = await service.proposals.available(center, now), await service.proposals.agreed(center, now)
        seen = seen_now(center, now, free, agreed)
    day = None if seen is None else await asyncio.to_thread(pose, seen)
    if day is None:
        raise Conflict("the center is closed now; there is no rest of the day to plan")
    problem = _held(day.problem, row.body["alternatives"][row.body["chosen"]]["steps"])
    plan = await asyncio.to_thread(optimizer.solve, problem, SECONDS)
    changes = changes_of(problem, plan, "")
    return {
        "center_id": center.center_id, "made_at": format_instant(now), "status": plan.status, "method": plan.method,
        "missing_minutes_before": _missing(day.plan, problem), "missing_minutes_after": _missing(plan, problem),
        "changes": [
            {
                "staff_id": each.staff_id, "name": each.name, "start": format_instant(each.start),
                "end": format_instant(each.end), "was": each.was, "becomes": each.becomes,
            }
            for each in changes if each.end > now
        ],
        "assignments": [_span(problem, each) for each in plan.assignments if each.start >= problem.frozen_until],
    }  # fmt: skip


def _held(problem: Problem, steps: Iterable[dict[str, Any]]) -> Problem:
    """The director's word: who was sent to a room is in it."""
    length = timedelta(minutes=problem.slot_minutes)
    for step in steps:
        start, end = parse_instant(step["start"]), parse_instant(step["end"])
        ahead = range(problem.frozen_until, len(problem.slots))
        slots = [n for n in ahead if start < problem.slots[n] + length and problem.slots[n] < end]
        known = any(adult.staff_id == step["staff_id"] for adult in problem.staff)
        if step["kind"] == "room" and slots and known:
            problem = lock(problem, step["staff_id"], step["room_id"], slots[0], slots[-1] + 1)
    return problem


def _missing(plan: Plan, problem: Problem) -> float:
    return round(sum(short.expected for short in plan.shortages) * problem.slot_minutes, 1)


def _span(problem: Problem, item: Assignment) -> dict[str, Any]:
    end = problem.slots[item.end - 1] + timedelta(minutes=problem.slot_minutes)
    return {
        "staff_id": item.staff_id, "start": format_instant(problem.slots[item.start]), "end": format_instant(end),
        "state": item.state, "room_id": item.room_id,
    }  # fmt: skip

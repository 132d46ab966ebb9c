"""Questions about a week's plan: why this adult, what another wish would cost, what closes a gap; nothing changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response
from pydantic import ValidationError

import optimizer
from api.console import week_view
from api.console.frame import Visit, Visiting
from api.console.week import Week, plan_files
from api.console.week_edit import solver_of
from domain.errors import BadInput
from optimizer import Assignment, Plan, Problem
from optimizer.explain import deny, repairs, why_not
from optimizer.problem import sentence

router = APIRouter(prefix="/week")
Planner = Annotated[Visit, Depends(Visiting("plans.change"))]
_REPAIRS = 4


@router.post("/{week}/cost")
async def cost(
    week: Week,
    visit: Planner,
    staff_id: Annotated[str, Form(max_length=64)],
    start: Annotated[int, Form(ge=0, le=20_000)],
    end: Annotated[int, Form(ge=1, le=20_000)],
    what: Annotated[str, Form(pattern="^(lock|forbid)$")],
    room_id: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """The day planned with and without the wish, and the difference in words."""
    problem, plan = await _shown(visit, week)
    _require(problem, room_id, start, end)
    if staff_id not in {adult.staff_id for adult in problem.staff}:
        raise BadInput("this adult is not in the plan of the week; choose one who is")
    solver = solver_of(visit)

    def contrast() -> str:
        if what == "forbid":
            item = Assignment(staff_id=staff_id, start=start, end=end, state="room", room_id=room_id)
            return deny(problem, plan, item, solver.day_seconds, optimizer.solve).words
        return why_not(problem, plan, staff_id, room_id, start, end, solver.day_seconds, optimizer.solve).words

    try:
        words = await solver.asked(contrast)
    except ValidationError as error:
        raise BadInput(f"this wish cannot be planned: {sentence(error)}") from error
    return _answer(visit, week, "What it would cost", [words, *_reasons(problem, plan, staff_id, start, end)])


@router.post("/{week}/repairs")
async def ways_out(
    week: Week,
    visit: Planner,
    room_id: Annotated[str, Form(max_length=64)],
    slot: Annotated[int, Form(ge=0, le=20_000)],
) -> Response:
    """An hour of whom would close the gap, cheapest first."""
    problem, plan = await _shown(visit, week)
    _require(problem, room_id, slot, slot + 1)
    found = await solver_of(visit).asked(lambda: repairs(problem, plan, room_id, slot))
    minutes = problem.slot_minutes
    words = [
        f"{each.words}: prevents {each.prevented * minutes:.0f} missing adult-minutes (infants count twice)"
        + (f", {each.cost:.2f} to pay" if each.cost else "")
        for each in found[:_REPAIRS]
    ]
    return _answer(
        visit, week, "What would close the gap, cheapest first", words or ["No hour of an adult helps here."]
    )


async def _shown(visit: Visit, week: str) -> tuple[Problem, Plan]:
    shown = await plan_files(visit, lambda files: files.need(week))
    return week_view.named(shown.problem, shown.plan, visit.center.facts)


def _require(problem: Problem, room_id: str, start: int, end: int) -> None:
    if room_id not in {room.room_id for room in problem.rooms}:
        raise BadInput("choose a room of the plan")
    if not any(day.start <= start < end <= day.end for day in problem.days):
        raise BadInput("choose a time within one day of the plan, the end after the start")


def _reasons(problem: Problem, plan: Plan, staff_id: str, start: int, end: int) -> list[str]:
    """Why the plan has this adult where they are in that time."""
    rooms = {room.room_id: room.name or room.room_id for room in problem.rooms}
    mine = [each for each in plan.assignments if each.staff_id == staff_id and each.start < end and start < each.end]
    return [
        f"Now: {rooms.get(each.room_id or '', each.state)}, {week_view.clock(problem, each.start)} to "
        f"{week_view.clock(problem, each.end)}. {each.reason}".strip()
        for each in mine
    ]


def _answer(visit: Visit, week: str, title: str, words: list[str]) -> Response:
    if visit.in_place:
        return visit.part("week/answer.html", title=title, words=words)
    return visit.page("week/answered.html", title=title, words=words, week=week)

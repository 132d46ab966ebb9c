"""The director's word on a week: lock, forbid or drag and solve the day again in place; the whole week; accept."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response
from pydantic import ValidationError

from api.console.day_edit import day_problem, plain, with_day
from api.console.frame import Visit, Visiting
from api.console.solving import Solver
from api.console.week import Week, plan_files, week_content
from api.console.week_map import as_chosen
from api.plan_files import StoredPlan
from domain.errors import BadInput, Conflict
from optimizer import Plan, Problem
from optimizer.problem import Lock, sentence
from storage import audit
from storage.ledger import Connection

router = APIRouter(prefix="/week")
Planner = Annotated[Visit, Depends(Visiting("plans.change"))]


@router.post("/{week}/edit")
async def edit(
    week: Week,
    visit: Planner,
    staff_id: Annotated[str, Form(max_length=64)],
    start: Annotated[int, Form(ge=0, le=20_000)],
    end: Annotated[int, Form(ge=1, le=20_000)],
    what: Annotated[str, Form(pattern="^(lock|forbid)$")],
    room_id: Annotated[str, Form(max_length=64)] = "",
    by: Annotated[str, Form(pattern="^(room|person)$")] = "room",
) -> Response:
    """Add the director's word and solve its day again; changes are priced, so that little else moves."""
    if end <= start:
        raise BadInput("the end must be after the start")
    shown = await plan_files(visit, lambda files: files.need(week))
    lock = Lock(staff_id=staff_id, start=start, end=end, room_id=room_id or None)
    locks, forbids = list(shown.problem.locks), list(shown.problem.forbids)
    if what == "lock":
        locks = [each for each in locks if not _same_time(each, lock)] + [lock]
    else:
        locks = [each for each in locks if not (_same_time(each, lock) and each.room_id == lock.room_id)]
        forbids.append(lock)
    return await _solve_day(visit, shown, locks, forbids, lock, by)


@router.post("/{week}/release")
async def release(
    week: Week,
    visit: Planner,
    what: Annotated[str, Form(pattern="^(lock|forbid)$")],
    number: Annotated[int, Form(ge=0, le=10_000)],
    by: Annotated[str, Form(pattern="^(room|person)$")] = "room",
) -> Response:
    """Take one word back and solve its day again."""
    shown = await plan_files(visit, lambda files: files.need(week))
    locks, forbids = list(shown.problem.locks), list(shown.problem.forbids)
    words = locks if what == "lock" else forbids
    if number >= len(words):
        raise Conflict("this was taken back already; load the page again")
    return await _solve_day(visit, shown, locks, forbids, words.pop(number), by)


@router.post("/{week}/solve")
async def solve_week(
    week: Week,
    visit: Planner,
    day: Annotated[date | None, Form()] = None,
    by: Annotated[str, Form(pattern="^(room|person)$")] = "room",
) -> Response:
    """Solve every day anew, with the floats and walks of the settings as they are now."""
    shown = await plan_files(visit, lambda files: files.need(week))
    problem = as_chosen(shown.problem, visit.center.facts)
    problem = _asked(problem, shown.plan, list(problem.locks), list(problem.forbids))
    plan = await solver_of(visit).week(problem)
    return await _drafted(visit, shown, problem, plan, day, by, "The whole week was solved anew")


@router.post("/{week}/discard")
async def discard(week: Week, visit: Planner) -> Response:
    await plan_files(visit, lambda files: files.discard_draft(week))
    return visit.back_to(f"/week/{week}")


@router.post("/{week}/accept")
async def accept(week: Week, visit: Planner, sha256: Annotated[str, Form(max_length=64)]) -> Response:
    """Make what is shown the plan in force, on record. Conflict if it is not what was looked at."""
    shown = await plan_files(visit, lambda files: files.need(week))
    if shown.plan.problem_hash != sha256:
        raise Conflict("the plan was changed meanwhile; look at it again before you accept it")
    await plan_files(visit, lambda files: files.accept(shown, visit.now, visit.person.actor))
    after = {
        "week": week, "version": shown.plan.version, "problem": shown.plan.problem_hash, "status": shown.plan.status,
        "locks": len(shown.problem.locks), "forbids": len(shown.problem.forbids),
    }  # fmt: skip
    entry = audit.Entry(
        visit.center.center_id, "plan.accepted", f"plan:{week}", visit.person.actor, visit.now, None, after
    )

    def write(connection: Connection) -> None:
        audit.append(connection, entry)

    await visit.service.ledger.awrite(write)
    visit.service.bus.publish(visit.center.center_id, "plan", {"center_id": visit.center.center_id, "week": week})
    return visit.back_to(f"/week/{week}")


async def _solve_day(
    visit: Visit, shown: StoredPlan, locks: list[Lock], forbids: list[Lock], word: Lock, by: str
) -> Response:
    """The day of the word alone; where that does not fit the other days, the week."""
    problem, before = _asked(shown.problem, shown.plan, locks, forbids), shown.plan
    index = next(n for n, day in enumerate(problem.days) if day.start <= word.start < day.end)
    day = problem.days[index].day
    solver = solver_of(visit)
    solved = await solver.day(day_problem(problem, before, index))
    plan = with_day(problem, before, index, solved)
    said = f"{day:%A} was solved again in {solved.seconds:.0f} s, the other days are as they were"
    if plan is None:
        plan = await solver.week(problem)
        said = f"{day:%A} alone would have broken the hours or the rest of somebody, so the whole week was solved anew"
    return await _drafted(visit, shown, problem, plan, day, by, said)


def _asked(problem: Problem, before: Plan, locks: list[Lock], forbids: list[Lock]) -> Problem:
    asked = problem.model_dump() | {
        "locks": [each.model_dump() for each in locks], "forbids": [each.model_dump() for each in forbids],
        "current": [each.model_dump() for each in plain(before.assignments)],
    }  # fmt: skip
    try:
        return Problem.model_validate(asked)
    except ValidationError as error:
        raise BadInput(f"this change cannot be planned: {sentence(error)}") from error


async def _drafted(
    visit: Visit, shown: StoredPlan, problem: Problem, plan: Plan, day: date | None, by: str, said: str
) -> Response:
    plan = plan.model_copy(update={"version": shown.plan.version})
    await plan_files(visit, lambda files: files.write("draft", problem, plan))
    if not visit.in_place:
        return visit.back_to(f"/week/{problem.label}?by={by}" + (f"&day={day.isoformat()}" if day else ""))
    draft = StoredPlan("draft", problem, plan)
    content = await week_content(visit, draft, day, by, before=shown.plan, said=said)
    return visit.part("week/content.html", csrf=visit.person.csrf, **content)


def solver_of(visit: Visit) -> Solver:
    solver: Solver = visit.request.app.state.solver
    return solver


def _same_time(one: Lock, other: Lock) -> bool:
    return one.staff_id == other.staff_id and one.start < other.end and other.start < one.end

"""Week: the coverage plan as a grid; lock, forbid or drag and solve again in place; accept; export."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import Response
from pydantic import ValidationError

from api.console import week_view
from api.console.frame import Visit, Visiting, download
from api.console.heat import day_heat
from api.console.plan_files import PlanFiles, StoredPlan
from api.console.solving import Solver
from domain.errors import BadInput, Conflict, NotFound
from domain.time import iso_week_start
from optimizer import Plan, Problem
from optimizer.problem import Lock, sentence
from reports.plan_exports import plan_csv, plan_ics, plan_pdf, plan_picture, proof
from storage import audit
from storage.ledger import Connection

router = APIRouter(prefix="/week")
Reader = Annotated[Visit, Depends(Visiting("plans.read"))]
Planner = Annotated[Visit, Depends(Visiting("plans.change"))]
Week = Annotated[str, Path(pattern=r"^\d{4}-W\d{2}$")]
View = Annotated[str, Query(pattern="^(room|person)$")]
T = TypeVar("T")


@router.get("")
async def newest_week(visit: Reader) -> Response:
    """The week to come, else the newest there is a plan of; a guide where there is none."""
    weeks = await _files(visit, lambda files: files.weeks())
    if not weeks:
        return visit.page("week/none.html")
    coming = (visit.local(visit.now) + timedelta(days=7)).date().isocalendar()
    wanted = f"{coming.year}-W{coming.week:02d}"
    return visit.back_to(f"/week/{wanted if wanted in weeks else weeks[-1]}")


@router.get("/{week}")
async def week_page(week: Week, visit: Reader, day: date | None = None, by: View = "room") -> Response:
    shown = await _files(visit, lambda files: files.need(week))
    return visit.page("week/week.html", **await _content(visit, shown, day, by))


@router.post("/{week}/edit")
async def edit(
    week: Week,
    visit: Planner,
    staff_id: Annotated[str, Form(max_length=64)],
    start: Annotated[int, Form(ge=0, le=20_000)],
    end: Annotated[int, Form(ge=1, le=20_000)],
    what: Annotated[str, Form(pattern="^(lock|forbid)$")],
    room_id: Annotated[str, Form(max_length=64)] = "",
    day: Annotated[date | None, Form()] = None,
    by: Annotated[str, Form(pattern="^(room|person)$")] = "room",
) -> Response:
    """Add the director's word and solve again; changes to the plan shown are priced, so that little else moves."""
    if end <= start:
        raise BadInput("the end must be after the start")
    shown = await _files(visit, lambda files: files.need(week))
    lock = Lock(staff_id=staff_id, start=start, end=end, room_id=room_id or None)
    locks, forbids = list(shown.problem.locks), list(shown.problem.forbids)
    if what == "lock":
        locks = [each for each in locks if not _same_time(each, lock)] + [lock]
    else:
        locks = [each for each in locks if not (_same_time(each, lock) and each.room_id == lock.room_id)]
        forbids.append(lock)
    return await _solve_again(visit, shown, locks, forbids, day, by)


@router.post("/{week}/release")
async def release(
    week: Week,
    visit: Planner,
    what: Annotated[str, Form(pattern="^(lock|forbid)$")],
    number: Annotated[int, Form(ge=0, le=10_000)],
    day: Annotated[date | None, Form()] = None,
    by: Annotated[str, Form(pattern="^(room|person)$")] = "room",
) -> Response:
    """Take one word back and solve again."""
    shown = await _files(visit, lambda files: files.need(week))
    locks, forbids = list(shown.problem.locks), list(shown.problem.forbids)
    words = locks if what == "lock" else forbids
    if number >= len(words):
        raise Conflict("this was taken back already; load the page again")
    del words[number]
    return await _solve_again(visit, shown, locks, forbids, day, by)


@router.post("/{week}/discard")
async def discard(week: Week, visit: Planner) -> Response:
    await _files(visit, lambda files: files.discard_draft(week))
    return visit.back_to(f"/week/{week}")


@router.post("/{week}/accept")
async def accept(week: Week, visit: Planner, sha256: Annotated[str, Form(max_length=64)]) -> Response:
    """Make what is shown the plan in force, on record. Conflict if it is not what was looked at."""
    shown = await _files(visit, lambda files: files.need(week))
    if shown.plan.problem_hash != sha256:
        raise Conflict("the plan was changed meanwhile; look at it again before you accept it")
    await _files(visit, lambda files: files.write("accepted", shown.problem, shown.plan))
    await _files(visit, lambda files: files.discard_draft(week))
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


@router.get("/{week}/plan.csv")
async def as_csv(week: Week, visit: Reader) -> Response:
    problem, plan = await _named(visit, week)
    return download(plan_csv(problem, plan).encode(), "text/csv; charset=utf-8", f"plan-{week}.csv")


@router.get("/{week}/plan.pdf")
async def as_pdf(week: Week, visit: Reader) -> Response:
    problem, plan = await _named(visit, week)
    content = await asyncio.to_thread(plan_pdf, problem, plan)
    return download(content, "application/pdf", f"plan-{week}.pdf")


@router.get("/{week}/calendar/{staff_id}.ics")
async def as_calendar(week: Week, staff_id: Annotated[str, Path(max_length=64)], visit: Reader) -> Response:
    problem, plan = await _named(visit, week)
    if staff_id not in {adult.staff_id for adult in problem.staff}:
        raise NotFound(f"{staff_id} is not in the plan of {week}")
    made = plan_ics(problem, plan, staff_id, visit.now)
    return download(made, "text/calendar; charset=utf-8", f"plan-{week}-{staff_id}.ics")


async def _solve_again(
    visit: Visit, shown: StoredPlan, locks: list[Lock], forbids: list[Lock], day: date | None, by: str
) -> Response:
    asked = shown.problem.model_dump() | {
        "locks": [each.model_dump() for each in locks], "forbids": [each.model_dump() for each in forbids],
        "current": [each.model_dump() for each in shown.plan.assignments],
    }  # fmt: skip
    try:
        problem = Problem.model_validate(asked)
    except ValidationError as error:
        raise BadInput(f"this change cannot be planned: {sentence(error)}") from error
    solver: Solver = visit.request.app.state.solver
    plan = (await solver.week(problem)).model_copy(update={"version": shown.plan.version})
    await _files(visit, lambda files: files.write("draft", problem, plan))
    if not visit.in_place:
        return visit.back_to(f"/week/{problem.label}?by={by}" + (f"&day={day.isoformat()}" if day else ""))
    return visit.part("week/content.html", csrf=visit.person.csrf, **await _content(
        visit, StoredPlan("draft", problem, plan), day, by, before=shown.plan
    ))  # fmt: skip


async def _content(
    visit: Visit, shown: StoredPlan, day: date | None, by: str, before: Plan | None = None
) -> dict[str, Any]:
    problem, plan = week_view.named(shown.problem, visit.center.facts), shown.plan
    chosen = next((each for each in problem.days if each.day == day), problem.days[0])
    earlier = iso_week_start(problem.label) - timedelta(days=7)
    last = await _files(visit, lambda files: files.in_force(_label(earlier)))
    in_force = await _files(visit, lambda files: files.in_force(problem.label))
    rows = week_view.rows_by_person if by == "person" else week_view.rows_by_room
    return {
        "week": problem.label,
        "weeks": await _files(visit, lambda files: files.weeks()),
        "kind": shown.kind,
        "plan": plan,
        "problem": problem,
        "proof": proof(plan),
        "day": chosen,
        "by": by,
        "columns": week_view.starts(problem, chosen),
        "end_of_day": week_view.clock(problem, chosen.end),
        "rows": rows(problem, plan, chosen),
        "short": week_view.short_times(problem, plan),
        "locks": [week_view.lock_words(problem, each, forbid=False) for each in problem.locks],
        "forbids": [week_view.lock_words(problem, each, forbid=True) for each in problem.forbids],
        "compared": week_view.compare((problem, plan), (last.problem, last.plan) if last else None),
        "duty": _duty(problem, plan),
        "pictures": [plan_picture(problem, plan, number) for number in range(len(problem.days))],
        "heat": await day_heat(visit, problem, plan, chosen, as_made=shown.kind == "made"),
        "changed": week_view.changed(before, plan) if before else 0,
        "newer": shown.kind != "made" and in_force is not None and await _is_older(visit, shown, problem.label),
    }  # fmt: skip


async def _is_older(visit: Visit, shown: StoredPlan, week: str) -> bool:
    """Whether the planner has made a newer version since."""
    made = await _files(visit, lambda files: files.read(week, "made"))
    return made is not None and made.plan.version > shown.plan.version


async def _named(visit: Visit, week: str) -> tuple[Problem, Plan]:
    shown = await _files(visit, lambda files: files.need(week))
    return week_view.named(shown.problem, visit.center.facts), shown.plan


async def _files(visit: Visit, work: Callable[[PlanFiles], T]) -> T:
    files = PlanFiles(visit.service.settings.data_dir, visit.center.center_id)
    return await asyncio.to_thread(work, files)


def _duty(problem: Problem, plan: Plan) -> list[tuple[str, str, float, float]]:
    """Per float: id, name, hours of duty in this plan and over the weeks before."""
    hours = week_view.duty(problem, plan)
    return [
        (adult.staff_id, adult.name, hours[adult.staff_id], adult.duty_before)
        for adult in problem.staff
        if adult.staff_id in hours
    ]


def _same_time(one: Lock, other: Lock) -> bool:
    return one.staff_id == other.staff_id and one.start < other.end and other.start < one.end


def _label(monday: date) -> str:
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02d}"

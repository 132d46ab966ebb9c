"""Week: the coverage plan as a grid and per person, what remains short, beside last week; exports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from api.console import week_view
from api.console.frame import Visit, Visiting, download
from api.console.heat import day_heat
from api.console.odds import odds_of, with_odds
from api.console.week_map import as_chosen
from api.plan_files import PlanFiles, StoredPlan
from domain.errors import NotFound
from domain.time import iso_week_start
from optimizer import Plan, Problem
from reports.days import day_at
from reports.plan_exports import plan_csv, plan_ics, plan_pdf, plan_picture, proof

router = APIRouter(prefix="/week")
Reader = Annotated[Visit, Depends(Visiting("plans.read"))]
Week = Annotated[str, Path(pattern=r"^\d{4}-W\d{2}$")]
View = Annotated[str, Query(pattern="^(room|person)$")]
T = TypeVar("T")


@router.get("")
async def newest_week(visit: Reader) -> Response:
    """The week to come, else the newest there is a plan of; a guide where there is none."""
    weeks = await plan_files(visit, lambda files: files.weeks())
    if not weeks:
        return visit.page("week/none.html")
    coming = (day_at(visit.center.facts, visit.now) + timedelta(days=7)).isocalendar()
    wanted = f"{coming.year}-W{coming.week:02d}"
    return visit.back_to(f"/week/{wanted if wanted in weeks else weeks[-1]}")


@router.get("/{week}")
async def week_page(week: Week, visit: Reader, day: date | None = None, by: View = "room") -> Response:
    shown = await plan_files(visit, lambda files: files.shown(week))
    if shown is None:
        return await _no_plan(visit, week)
    return visit.page("week/week.html", **await week_content(visit, shown, day, by))


@router.get("/{week}/plan.csv")
async def as_csv(week: Week, visit: Reader) -> Response:
    problem, plan = await _named(visit, week)
    return download(plan_csv(problem, plan).encode(), "text/csv; charset=utf-8", f"plan-{week}.csv")


@router.get("/{week}/plan.pdf")
async def as_pdf(week: Week, visit: Reader) -> Response:
    problem, plan = await _named(visit, week)
    told = with_odds(problem, plan, await odds_of(visit, problem, plan))
    content = await asyncio.to_thread(plan_pdf, problem, told)
    return download(content, "application/pdf", f"plan-{week}.pdf")


@router.get("/{week}/calendar/{staff_id}.ics")
async def as_calendar(week: Week, staff_id: Annotated[str, Path(max_length=64)], visit: Reader) -> Response:
    problem, plan = await _named(visit, week)
    if staff_id not in {adult.staff_id for adult in problem.staff}:
        raise NotFound(f"{staff_id} is not in the plan of {week}")
    made = plan_ics(problem, plan, staff_id, visit.now)
    return download(made, "text/calendar; charset=utf-8", f"plan-{week}-{staff_id}.ics")


async def week_content(
    visit: Visit, shown: StoredPlan, day: date | None, by: str, before: Plan | None = None, said: str = ""
) -> dict[str, Any]:
    """What the page shows. `before` is the plan it showed until now; `said` is what has just been done."""
    problem, plan = week_view.named(shown.problem, shown.plan, visit.center.facts)
    chosen = next((each for each in problem.days if each.day == day), problem.days[0])
    earlier = iso_week_start(problem.label) - timedelta(days=7)
    last = await plan_files(visit, lambda files: files.in_force(_label(earlier)))
    in_force = await plan_files(visit, lambda files: files.in_force(problem.label))
    accepted = await plan_files(visit, lambda files: files.acceptance(problem.label))
    rows = week_view.rows_by_person if by == "person" else week_view.rows_by_room
    odds = await odds_of(visit, problem, plan)
    told = with_odds(problem, plan, odds)
    return {
        "week": problem.label,
        "weeks": await plan_files(visit, lambda files: files.weeks()),
        "kind": shown.kind,
        "plan": plan,
        "problem": problem,
        "proof": proof(plan),
        "day": chosen,
        "by": by,
        "columns": week_view.starts(problem, chosen),
        "end_of_day": week_view.clock(problem, chosen.end),
        "rows": rows(problem, told, chosen),
        "short": week_view.short_times(problem, told),
        "locks": [week_view.lock_words(problem, each, forbid=False) for each in problem.locks],
        "forbids": [week_view.lock_words(problem, each, forbid=True) for each in problem.forbids],
        "compared": week_view.compare((problem, plan), (last.problem, last.plan) if last else None),
        "last_week": last is not None,
        "duty": _duty(problem, plan),
        "people": week_view.people(problem, plan),
        "dates": week_view.dates(problem),
        "goal_words": week_view.GOAL_WORDS,
        "pictures": [plan_picture(problem, told, number) for number in range(len(problem.days))],
        "heat": day_heat(problem, odds, chosen),
        "accepted": accepted if shown.kind == "accepted" else None,
        "chosen_since": as_chosen(problem, visit.center.facts) != problem,
        "said": said,
        "changed": week_view.changed(before, plan) if before else 0,
        "newer": shown.kind != "made" and in_force is not None and await _is_older(visit, shown, problem.label),
    }  # fmt: skip


async def _no_plan(visit: Visit, week: str) -> Response:
    """How to plan a week to come; of one that is over that nobody did."""
    monday = iso_week_start(week)
    sunday = monday + timedelta(days=6)
    return visit.page(
        "week/unplanned.html", status=404, week=week, dates=f"{monday:%-d %B %Y} to {sunday:%-d %B %Y}",
        over=sunday < day_at(visit.center.facts, visit.now), weeks=await plan_files(visit, lambda files: files.weeks()),
    )  # fmt: skip


async def _is_older(visit: Visit, shown: StoredPlan, week: str) -> bool:
    """Whether the planner has made a newer version since."""
    made = await plan_files(visit, lambda files: files.read(week, "made"))
    return made is not None and made.plan.version > shown.plan.version


async def _named(visit: Visit, week: str) -> tuple[Problem, Plan]:
    shown = await plan_files(visit, lambda files: files.need(week))
    return week_view.named(shown.problem, shown.plan, visit.center.facts)


async def plan_files(visit: Visit, work: Callable[[PlanFiles], T]) -> T:
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


def _label(monday: date) -> str:
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02d}"

"""Call-out: choose who is out and how long, look at the plan for the rest of the day, approve. Two taps on a phone."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import Response

from api.console.absence import Absence, How, absence_of
from api.console.callout_plan import (
    CallOut,
    audited,
    changes_of,
    missing_hours_of,
    new_segments,
    short_hours,
    to_ask,
)
from api.console.callouts import CallOuts, approved, as_row
from api.console.expected import expected_on
from api.console.frame import Visit, Visiting
from api.console.mending import has_gaps, mended, the_better
from api.console.my_day import without_a_room
from api.console.solving import Solver
from api.console.week_view import short_times
from api.day_problem import DayFacts, pose_day, slots_ahead
from api.plan_files import PlanFiles, StoredPlan
from domain.errors import BadInput, Conflict, NotFound, PlatformError, RatiocastError
from domain.people import Availability, Shift
from domain.time import Interval
from optimizer import Problem
from reports.days import day_at, day_span
from reports.plan_exports import proof
from storage import audit
from storage.ledger import Connection
from storage.ledger.call_outs import save_call_out

router = APIRouter(prefix="/call-out")
_BEFORE = timedelta(minutes=30)  # of now: where everybody was, so that a stay is not taken for one that just began
Planner = Annotated[Visit, Depends(Visiting("plans.change"))]


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody who is scheduled for the rest of the day."""

    staff_id: str
    name: str
    role: str
    hours: str
    where: str


@router.get("")
async def choose(visit: Planner, day: Annotated[date | None, Query()] = None) -> Response:
    """Today's people, or those of the next open day: somebody may tell the evening before."""
    days = _days(visit)
    chosen = day if day in days else next(iter(days), None)
    return visit.page(
        "call_out/choose.html", day=chosen, days=days, today=day_at(visit.center.facts, visit.now),
        choices=_choices(visit, chosen) if chosen else [], hours=_hours(visit, chosen),
        away=await approved(visit.service.ledger, visit.center.facts, chosen) if chosen else [],
    )  # fmt: skip


@router.post("")
async def solve(
    visit: Planner,
    staff_id: Annotated[str, Form(max_length=64)],
    how: Annotated[How, Form()] = "day",
    at: Annotated[str, Form(max_length=5)] = "",
    day: Annotated[date | None, Form()] = None,
) -> Response:
    """The plan for the rest of the day without this adult; those whose call-out was approved before stay out."""
    center, days = visit.center, _days(visit)
    day = day or next(iter(days), None)
    if day is None or day not in days or staff_id not in {choice.staff_id for choice in _choices(visit, day)}:
        raise BadInput("this person is not scheduled for the rest of the day; choose somebody who is")
    absence = absence_of(center.facts, day, visit.now, staff_id, how, at)
    found = await _posed(visit, day, staff_id, absence)
    problem = found.problem
    plan = await asyncio.to_thread(mended, problem)
    if has_gaps(plan):
        plan = await asyncio.to_thread(the_better, problem, plan, await _solver(visit).day(problem))
    call_out = CallOut(
        uuid.uuid4().hex[:16], center.center_id, day, staff_id, center.facts.display(staff_id), absence, found.basis,
        problem, plan, changes_of(problem, plan, staff_id), missing_hours_of(problem, staff_id),
        short_hours(problem, plan), to_ask(problem, plan, center.facts),
    )  # fmt: skip
    _known(visit).keep(call_out)
    return visit.back_to(f"/call-out/{call_out.call_out_id}")


@dataclass(frozen=True, slots=True)
class _Posed:
    problem: Problem
    basis: tuple[str, ...]  # what the plan rests on, in words


async def _posed(visit: Visit, day: date, staff_id: str, absence: Absence) -> _Posed:
    center, now = visit.center, visit.now
    ahead = slots_ahead(center.facts, day, now)
    if not ahead:
        raise BadInput("the center is closed for the rest of the day; there is nothing to plan")
    span = day_span(center.facts, day)
    shifts = [each for each in center.facts.shifts if each.start < span.end and each.end > span.start]
    year, week, _ = day.isocalendar()
    files = PlanFiles(visit.service.settings.data_dir, center.center_id)
    accepted = await asyncio.to_thread(files.read, f"{year}-W{week:02d}", "accepted")
    before = await approved(visit.service.ledger, center.facts, day)
    plans = [(each.problem, each.plan) for each in ([accepted] if accepted else []) + before]
    expected = await expected_on(visit, day, ahead)
    free = await _availability(visit, span)
    known = DayFacts(center.facts, center.book(now), shifts, free, expected.expectation, plans)
    others = [each for each in before if each.staff_id != staff_id]
    out = {**{each.staff_id: each.absence.interval for each in others}, staff_id: absence.interval}

    def pose() -> Problem | None:
        return pose_day(known, day, now - _BEFORE, out, f"{day.isoformat()}-call-out")

    # Bookings are drawn from the live state, which the loop alone may read; the forecast's draws are made already.
    posed = await asyncio.to_thread(pose) if expected.modelled else pose()
    if posed is None:
        raise BadInput("no room or nobody is known for this day yet; there is nothing to plan")
    problem = posed.model_copy(update={"frozen_until": sum(at < now for at in posed.slots)})
    return _Posed(problem, (f"Children: {expected.words}.", _starts_from(accepted, others)))


def _starts_from(accepted: StoredPlan | None, out: list[CallOut]) -> str:
    first = f"the accepted plan of {accepted.problem.label}" if accepted else "today's shifts on the platform"
    names = [f"{each.name} {each.absence.words}" for each in out]
    also = f", with those who are out already ({'; '.join(names)})" if names else ""
    return f"Where everybody is now: {first}{also}."


@router.get("/{call_out_id}")
async def look(call_out_id: Annotated[str, Path(max_length=32)], visit: Planner) -> Response:
    call_out = await _find(visit, call_out_id)
    return visit.page(
        "call_out/plan.html", call_out=call_out, proof=proof(call_out.plan), hours=_hours(visit, call_out.day),
        short=short_times(call_out.problem, call_out.plan),
    )  # fmt: skip


@router.post("/{call_out_id}/approve")
async def approve(call_out_id: Annotated[str, Path(max_length=32)], visit: Planner) -> Response:
    """On record first, then shift by shift on the platform where that is allowed; else in words, to do by hand."""
    call_out = await _find(visit, call_out_id)
    if not call_out.outcome:
        at = visit.now
        await _record(visit, call_out, at, "callout.approved", audited(call_out))
        call_out.outcome = ["…"]
        call_out.outcome = await _carry_out(visit, call_out)
        await _record(visit, call_out, at, "callout.done", {"shifts": len(call_out.outcome)})
        visit.service.live.touch(call_out.center_id)
    return visit.back_to(f"/call-out/{call_out_id}")


async def _carry_out(visit: Visit, call_out: CallOut) -> list[str]:
    center, service = visit.center, visit.service
    outcome = []
    by_hand = _by_hand_because(visit)
    for shift in center.facts.shifts:
        segments = new_segments(shift, call_out.problem, call_out.plan)
        if segments is None or shift.staff_id == call_out.staff_id or shift.status != "scheduled":
            continue
        name = center.facts.display(shift.staff_id)
        if by_hand or service.platform is None:
            outcome.append(f"{name}: change by hand ({by_hand})")
            continue
        key = f"co-{call_out.call_out_id}-{shift.shift_id}"[:64]
        try:
            await asyncio.to_thread(
                service.platform.patch_shift, shift.shift_id, shift.version, segments, "Call-out cover plan", key
            )
            outcome.append(f"{name}: changed on the platform")
        except Conflict:
            outcome.append(f"{name}: not changed, because the shift was changed meanwhile; ask for a new plan")
        except RatiocastError as error:
            outcome.append(f"{name}: change by hand ({error})")
    try:
        center.facts = await service.facts.refresh(center.center_id, visit.now, ("shifts",))
    except PlatformError:
        center.reread.add("shifts")
    return outcome or ["no shift needs a change"]


def _by_hand_because(visit: Visit) -> str:
    if visit.center.mode not in ("suggestions", "automatic"):
        return f"the center is in mode {visit.center.mode}"
    if not visit.service.settings.platform_write_token.get_secret_value():
        return "no write token is set"
    return ""


async def _record(visit: Visit, call_out: CallOut, approved_at: datetime, action: str, after: object) -> None:
    """The call-out as it stands, and the line of the audit log, in one transaction."""
    row = as_row(call_out, approved_at, visit.person.actor)
    entry = audit.Entry(
        call_out.center_id, action, f"callout:{call_out.call_out_id}", visit.person.actor, visit.now, None, after,
        call_out.call_out_id,
    )  # fmt: skip

    def write(connection: Connection) -> None:
        save_call_out(connection, row)
        audit.append(connection, entry)

    await visit.service.ledger.awrite(write)


async def _availability(visit: Visit, span: Interval) -> list[Availability]:
    """Who could work beyond the schedule; nobody if the platform does not answer (the plan then does without)."""
    platform = visit.service.platform
    if platform is None:
        return []
    try:
        return list(await asyncio.to_thread(platform.availability, visit.center.center_id, span.start, span.end))
    except PlatformError:
        return []


def _days(visit: Visit) -> list[date]:
    """The days one can plan: today while anything of it lies ahead, and the next open one; of the four from today."""
    facts, soon = visit.center.facts, visit.now + timedelta(minutes=30)
    today = day_at(facts, visit.now)
    near = [today + timedelta(days=number) for number in range(4)]
    ahead = [day for day in near if (opening := facts.opening(day)) is not None and opening.end > soon]
    return ahead[: 2 if today in ahead else 1]


def _hours(visit: Visit, day: date | None) -> tuple[str, str]:
    """The first and last quarter of an hour one may come or leave at."""
    opening = visit.center.facts.opening(day) if day else None
    if opening is None:
        return "00:00", "23:45"
    return f"{visit.local(opening.start):%H:%M}", f"{visit.local(opening.end):%H:%M}"


def _choices(visit: Visit, day: date) -> list[Choice]:
    facts, span = visit.center.facts, day_span(visit.center.facts, day)
    found = []
    for shift in sorted(facts.shifts, key=lambda each: (each.start, facts.display(each.staff_id))):
        if shift.status == "scheduled" and shift.end > visit.now and shift.start in span:
            member = facts.staff.get(shift.staff_id)
            hours = f"{visit.local(shift.start):%H:%M}–{visit.local(shift.end):%H:%M}"
            role = member.role if member else ""
            found.append(Choice(shift.staff_id, facts.display(shift.staff_id), role, hours, _where(visit, shift, role)))
    return found


def _where(visit: Visit, shift: Shift, role: str) -> str:
    """The rooms of the shift; without one, whether they float or work at a desk or in the kitchen."""
    rooms = dict.fromkeys(part.room_id for part in shift.segments if part.kind == "room" and part.room_id)
    if rooms:
        return ", ".join(visit.center.facts.room_name(room_id) for room_id in rooms)
    if any(part.kind == "float" for part in shift.segments):
        return "floats"
    return without_a_room(role)


async def _find(visit: Visit, call_out_id: str) -> CallOut:
    found = await _known(visit).find(visit.service.ledger, call_out_id, visit.center.facts)
    if found is None or not visit.person.sees(found.center_id) or found.center_id != visit.center.center_id:
        raise NotFound("this call-out is not known any more; choose the name again")
    return found


def _known(visit: Visit) -> CallOuts:
    known: CallOuts = visit.request.app.state.call_outs
    return known


def _solver(visit: Visit) -> Solver:
    solver: Solver = visit.request.app.state.solver
    return solver

"""A cover plan by as few steps as it takes: the day as it stands, gap after gap closed by the least disruptive way out.

It takes a fraction of a second. Where gaps remain, the planner's own plan, with what it changes needlessly taken back,
is the answer if it leaves distinctly less short.
"""

from __future__ import annotations

from api.console.fewer_changes import fewer_changes
from optimizer import Disruption, Plan, Problem, check
from optimizer.reassign import ways_out
from optimizer.standing import measured, spots_of, standing

_DISTINCT = 0.5  # expected person-slots from which less shortage is worth more changes


def mended(problem: Problem) -> Plan:
    """Accepted by the checker; no room is shorter than if nothing were done."""
    plan, seen = standing(problem), set[tuple[str, int]]()
    while gap := next((each for each in plan.shortages if (each.room_id, each.slot) not in seen), None):
        seen.add((gap.room_id, gap.slot))
        asked = Disruption(kind="predicted_gap", slot=gap.slot, room_id=gap.room_id)
        for _, _, rest in ways_out(problem, plan, asked):
            closed = _whole(problem, plan, rest, gap.slot)
            if _better(closed, plan, 1e-9) and not check(problem, closed):
                plan = closed
                break
    plan = fewer_changes(problem, plan)
    goals = tuple(  # nothing beats zero
        each.model_copy(update={"bound": 0.0}) if each.value == 0 else each for each in plan.goals
    )
    return plan.model_copy(update={"method": "closing gaps", "goals": goals})


def the_better(problem: Problem, quiet: Plan, solved: Plan) -> Plan:
    """The quiet plan, unless the planner's leaves distinctly less short."""
    return fewer_changes(problem, solved) if _better(solved, quiet, _DISTINCT) else quiet


def has_gaps(plan: Plan) -> bool:
    return bool(plan.shortages or plan.goal("obligations").value)


def _whole(problem: Problem, plan: Plan, rest: Plan, slot: int) -> Plan:
    """The plan of the rest of the day, from a slot on, as a plan of the whole problem."""
    moved = {each.staff_id for each in rest.shift_changes}
    later = {(each.rooms, each.end) for each in rest.combined}
    combined = [each for each in plan.combined if each.start < slot and (each.rooms, each.end) not in later]
    changes = [each for each in plan.shift_changes if each.staff_id not in moved]
    return measured(
        problem, spots_of(rest.assignments), (*combined, *rest.combined), (*changes, *rest.shift_changes)
    ).plan


def _better(one: Plan, other: Plan, by: float) -> bool:
    """Fewer obligations missed, or as few and less shortage by more than that."""
    missed = one.goal("obligations").value - other.goal("obligations").value
    return missed < 0 or (missed == 0 and one.goal("shortage").value < other.goal("shortage").value - by)

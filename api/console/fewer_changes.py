"""A cover plan with the changes it needs and no others.

The planner takes its goals in strict order, so it also puts right what was hasty before anybody called out. This is no
time for that: what can go back to how the day stands without leaving a room shorter, missing a break or costing more
goes back, whole people first, then stretches of time, then single stretches of one adult.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from optimizer import Plan, Problem, check
from optimizer.measure import Measure
from optimizer.plan import ShiftChange
from optimizer.reasons import reasons_for, why_short
from optimizer.standing import Spots, measured, spots_of, standing

Stretch = tuple[str, int, int]  # adult, first slot, end
_KEPT = ("obligations", "shortage", "cost")
_PROVEN = ("obligations", "shortage")  # goals whose bounds hold for the quieter plan too


def fewer_changes(problem: Problem, plan: Plan) -> Plan:
    """Accepted by the checker; `plan` itself where nothing can go back."""
    stands = spots_of(standing(problem).assignments)
    best = plan
    for group in _groups(stands, spots_of(plan.assignments)):
        tried = _back(problem, best, stands, group)
        if tried is not None and _no_worse(tried, plan) and not check(problem, tried):
            best = tried
    for joined in best.combined:
        rest = tuple(each for each in best.combined if each is not joined)
        tried = measured(problem, spots_of(best.assignments), rest, best.shift_changes).plan
        if _no_worse(tried, plan) and not check(problem, tried):
            best = tried
    return plan if best is plan else _told(problem, best, plan)


def _groups(stands: Spots, planned: Spots) -> Iterator[list[Stretch]]:
    changed = sorted(_changed(stands, planned), key=lambda each: (each[1], each[0]))
    for who in dict.fromkeys(who for who, _, _ in changed):
        yield [each for each in changed if each[0] == who]
    together: list[Stretch] = []
    for each in changed:  # stretches that overlap in time, one with the next
        if together and each[1] >= max(end for _, _, end in together):
            yield together
            together = []
        together.append(each)
    if together:
        yield together
    yield from ([each] for each in changed)


def _changed(stands: Spots, planned: Spots) -> Iterator[Stretch]:
    """Runs of slots in which an adult is elsewhere than the day stands; a break's own name is no change."""
    for who in sorted({*stands, *planned}):
        mine, was = planned.get(who, {}), stands.get(who, {})
        slots = sorted(t for t in {*mine, *was} if mine.get(t) != was.get(t))
        starts = [t for before, t in pairwise([-2, *slots]) if t != before + 1]
        for start in starts:
            end = start
            while end in slots:
                end += 1
            yield who, start, end


def _back(problem: Problem, best: Plan, stands: Spots, group: list[Stretch]) -> Plan | None:
    """The plan with these stretches as they stand; None where they do already."""
    spots = spots_of(best.assignments)
    before = {who: dict(slots) for who, slots in spots.items()}
    for who, start, end in group:
        mine = spots.setdefault(who, {})
        for slot in range(start, end):
            mine.pop(slot, None)
            if slot in stands.get(who, {}):
                mine[slot] = stands[who][slot]
    if spots == before:
        return None
    changes = tuple(each for each in best.shift_changes if _still(each, spots))
    return measured(problem, spots, best.combined, changes).plan


def _still(change: ShiftChange, spots: Mapping[str, Mapping[int, object]]) -> bool:
    """Whether the adult still works by the changed shift."""
    longer = set(range(change.becomes.start, change.becomes.end)) - set(range(change.was.start, change.was.end))
    return not longer or bool(longer & set(spots.get(change.staff_id, {})))


def _no_worse(tried: Plan, plan: Plan) -> bool:
    return all(tried.goal(name).value <= plan.goal(name).value + 1e-6 for name in _KEPT)


def _told(problem: Problem, best: Plan, plan: Plan) -> Plan:
    """With reasons, and with what stays proven."""
    measure = Measure(problem, best)
    goals = tuple(
        each.model_copy(update={"bound": plan.goal(each.name).bound}) if each.name in _PROVEN else each
        for each in best.goals
    )
    short = tuple(
        each.model_copy(update={"reason": why_short(measure, each.room_id, each.slot)}) for each in best.shortages
    )
    return best.model_copy(
        update={
            "goals": goals,
            "shortages": short,
            "assignments": reasons_for(problem, measure, best.assignments),
            "method": plan.method,
            "seconds": plan.seconds,
        }
    )

"""Who is to be where in the slots ahead: the shifts, the accepted plan of the week over them, call-outs over that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from domain.people import Shift
from domain.time import Interval
from flows.staffing import Grid
from optimizer import Assignment, Plan, Problem
from optimizer.problem import Adult

Place = tuple[str, str | None]  # state, room
Places = dict[tuple[str, int], Place]  # staff_id, slot
_STATES = {"room": "room", "float": "idle", "break": "break"}


def in_force(
    grid: Grid, shifts: Iterable[Shift], plans: Sequence[tuple[Problem, Plan]], adults: Iterable[Adult]
) -> tuple[Assignment, ...]:
    """The plan in force of these adults on the grid's slots. Of `plans` the later one holds.

    A plan says nothing any more of an adult whose hours the platform has changed since it was made.
    """
    places = _of_shifts(grid, shifts)
    at_work = _at_work(grid, shifts)
    for problem, plan in plans:
        where = {at: slot for slot, at in enumerate(grid.slots)}
        common = [(theirs, where[at]) for theirs, at in enumerate(problem.slots) if at in where]
        planned = {(a.staff_id, slot): (a.state, a.room_id) for a in plan.assignments for slot in range(a.start, a.end)}
        for adult in problem.staff:
            hours = {mine for theirs, mine in common if any(s.start <= theirs < s.end for s in adult.shifts)}
            if hours != {mine for _, mine in common if (adult.staff_id, mine) in at_work}:
                continue
            for theirs, mine in common:
                places.pop((adult.staff_id, mine), None)
                if (adult.staff_id, theirs) in planned:
                    places[adult.staff_id, mine] = planned[adult.staff_id, theirs]
    return tuple(_runs(grid, places, sorted(adults, key=lambda adult: adult.staff_id)))


def _of_shifts(grid: Grid, shifts: Iterable[Shift]) -> Places:
    """What is not whole slots is left to the solver."""
    places: Places = {}
    for shift in shifts:
        for part in shift.segments if shift.status == "scheduled" else ():
            state = _STATES.get(part.kind)
            if state == "room" and part.room_id is None:
                state = "idle"
            for span in grid.inside(Interval(part.start, part.end)) if state else ():
                room = part.room_id if state == "room" else None
                places |= {(shift.staff_id, slot): (str(state), room) for slot in range(span.start, span.end)}
    return places


def _at_work(grid: Grid, shifts: Iterable[Shift]) -> set[tuple[str, int]]:
    return {
        (shift.staff_id, slot)
        for shift in shifts
        if shift.status == "scheduled"
        for span in grid.inside(shift.interval)
        for slot in range(span.start, span.end)
    }


def _runs(grid: Grid, places: Mapping[tuple[str, int], Place], adults: Iterable[Adult]) -> Iterator[Assignment]:
    """Runs of one place; a break carries the name of the break of the adult that it is."""
    for adult in adults:
        due = list(adult.breaks)
        mine = [places.get((adult.staff_id, slot)) for slot in range(len(grid.slots))]
        for place, run in groupby(range(len(mine)), mine.__getitem__):
            span = list(run)
            if place is None:
                continue
            first, end, (state, room_id) = span[0], span[-1] + 1, place
            pause = next((b for b in due if state == "break" and b.start <= first and end <= b.end), None)
            if pause is not None:
                due.remove(pause)
            yield Assignment.model_validate(
                {
                    "staff_id": adult.staff_id, "start": first, "end": end, "state": state, "room_id": room_id,
                    "break_id": pause.break_id if pause else None,
                }
            )  # fmt: skip

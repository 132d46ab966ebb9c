"""Why a true violation cannot be read from the record: what the record has otherwise while it lasts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from benchmarks._alert_truth import TrueDay, TrueViolation
from domain.events import Event, effective
from evaluator import CenterState
from sandbox.world import World

LATE = timedelta(minutes=1)  # an event that is known later than this after the violation began came too late for it


def difference(world: World, truth: TrueDay, violation: TrueViolation) -> str:
    """The difference between truth and record in the middle of the violation, the adults' first."""
    middle = violation.start + (violation.end - violation.start) / 2
    rooms = tuple(sorted(violation.rooms))
    events = [e for e in world.events if e.center_id == truth.facts.center.center_id and _of_day(e, truth)]
    final = CenterState.rebuild(truth.facts.center.center_id, _until(effective(events), middle))
    told = [e for e in events if e.recorded_at <= violation.start + LATE]
    known = CenterState.rebuild(truth.facts.center.center_id, _until(effective(told), middle))
    adults, children = set(truth.adults(rooms, middle)), set(truth.children(rooms, middle))
    for recorded, when in ((final, "never told"), (known, "told too late")):
        for staff_id in sorted(_adults(recorded, rooms) - adults):
            state = next((p.state for p in truth.presences if p.staff_id == staff_id and p.start <= middle < p.end), "")
            what = {"in_room": "in another room", "break": "on a rest", "step_out": "stepped out"}.get(state, "gone")
            return f"an adult recorded here was {what}, {when}"
        if children - {c for room in rooms for c in recorded.rooms.get(room, ())}:
            return f"a child here was not recorded here, {when}"
    return "the record shows it"


def _of_day(event: Event, truth: TrueDay) -> bool:
    return truth.span.start <= event.happened_at < truth.span.end


def _until(events: Iterable[Event], instant: datetime) -> list[Event]:
    return [event for event in events if event.happened_at <= instant]


def _adults(state: CenterState, rooms: tuple[str, ...]) -> set[str]:
    here = {staff_id for room in rooms for staff_id in state.staffed.get(room, ())}
    return {staff_id for staff_id in here if (place := state.adult(staff_id)) and place.state == "in_room"}

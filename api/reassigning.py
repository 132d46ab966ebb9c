"""Suggestions by the optimizer's live reassignment: the rest of the day posed as it stands, the checked ways out told.

The live state is read on the loop; the day is posed and its ways out are searched beside it. Where the day cannot be
posed the simple rule answers instead, and says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from api.agreed import Agreed, Agreements
from api.center import LiveCenter
from api.live_problem import SeenNow, pose, seen_now
from api.moved_now import Verdicts, helps, moved_now
from api.suggestions import Alternative, Effect, Need, Step
from api.suggestions_simple import suggest as suggest_simply
from connectors.platform import PlatformClient
from domain.errors import PlatformError, RatiocastError
from domain.people import Availability
from optimizer import Disruption
from optimizer.measure import Measure
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.reassign import Alternative as Way
from optimizer.reassign import ways_out
from reports.days import day_at, day_span

log = logging.getLogger("ratiocast.suggestions")
_KINDS = {"free_adult": "move_float", "move": "move_spare"}  # the others are called the same here
_AVAILABILITY_HOLDS = timedelta(hours=1)
_SOON = timedelta(minutes=1)
_UNKNOWN_WALK_SECONDS = 60
_SHOWN = 3
_MORE = 6  # asked for, because the rulebook may refuse some at this moment


class Reassigner:
    """The port `Suggest`. Remembers for an hour who could be asked to come or to stay.

    `agreements`: the plans people accepted, which stand over the shifts; without them the shifts stand.
    """

    def __init__(self, platform: PlatformClient | None, agreements: Agreements | None = None) -> None:
        self._platform, self._agreements = platform, agreements
        self._free: dict[str, tuple[date, datetime, Sequence[Availability]]] = {}

    async def __call__(self, center: LiveCenter, need: Need, now: datetime) -> Sequence[Alternative]:
        try:
            free, agreed = await self.free(center, now), await self.agreed(center, now)
            seen = seen_now(center, now, free, agreed)
            searched = None if seen is None else await asyncio.to_thread(_search, seen, need)
            found = [] if searched is None else _shown(center, searched, now)
        except (RatiocastError, ArithmeticError, LookupError, ValueError) as error:
            log.warning("center %s: the rest of the day could not be posed (%s); the simple rule answers",
                        center.center_id, error)  # fmt: skip
            found = []
        if found or need.room_id is None or need.kind not in ("violation", "predicted_gap"):
            return found
        return suggest_simply(center, need.room_id, now)

    async def free(self, center: LiveCenter, now: datetime) -> Sequence[Availability]:
        """Today's availability; nobody where the platform does not answer."""
        known, day = self._free.get(center.center_id), day_at(center.facts, now)
        if known is not None and known[0] == day and now - known[1] < _AVAILABILITY_HOLDS:
            return known[2]
        rows: Sequence[Availability] = ()
        if self._platform is not None:
            span = day_span(center.facts, day)
            try:
                rows = await asyncio.to_thread(self._platform.availability, center.center_id, span.start, span.end)
            except PlatformError as error:
                log.info("who is available in %s could not be read: %s", center.center_id, error)
        self._free[center.center_id] = (day, now, rows)
        return rows

    async def agreed(self, center: LiveCenter, now: datetime) -> Agreed:
        """What was agreed on for today."""
        if self._agreements is None:
            return Agreed()
        return await self._agreements.of(center.center_id, day_at(center.facts, now))


@dataclass(frozen=True, slots=True)
class _Searched:
    """The rest of the day and its ways out, each with the rooms it touches as the plan has them."""

    problem: Problem
    ways: Sequence[tuple[Way, Sequence[Effect]]]


def _search(seen: SeenNow, need: Need) -> _Searched | None:
    """Takes a tenth of a second in a large center, and no part of the live state: for a thread."""
    day = pose(seen)
    if day is None:
        return None
    known = {adult.staff_id for adult in day.problem.staff}
    if need.kind in ("call_out", "no_show") and need.staff_id not in known:
        need = Need("predicted_gap")  # somebody whose shift is off already: what is missing is in the plan in force
    asked = Disruption(kind=need.kind, slot=day.slot, staff_id=need.staff_id, room_id=need.room_id)
    was = Measure(day.problem, day.plan)
    ways = ways_out(day.problem, day.plan, asked, _MORE)
    return _Searched(day.problem, [(way, _effects(was, way, after)) for way, _, after in ways])


def _shown(center: LiveCenter, searched: _Searched, now: datetime) -> list[Alternative]:
    told = (_told(center, searched.problem, way, effects, now) for way, effects in searched.ways)
    return [alternative for alternative in told if alternative is not None][:_SHOWN]


def _told(
    center: LiveCenter, problem: Problem, way: Way, effects: Sequence[Effect], now: datetime
) -> Alternative | None:
    """As an alternative for people; None where the rulebook refuses the moves at this moment."""
    facts = center.facts
    steps = tuple(_steps(center, problem, way, now))
    at_once = {step.staff_id: step.room_id for step in steps if step.start <= now + _SOON and step.room_id}
    verdicts: Verdicts = {}
    if at_once and way.kind in ("free_adult", "move", "chain"):
        found = moved_now(center, {who: room for who, room in at_once.items() if room}, now)
        if found is None or not helps(found, way.to_room_id):
            return None
        verdicts = found
    staff_id = way.staff_id or ""
    member, place = facts.staff.get(staff_id), center.state.adult(staff_id)
    missing = {effect.room_id: effect.missing_after for effect in way.effects}
    solves = missing.get(way.to_room_id, 0.0) < 1e-6
    if way.to_room_id in verdicts:
        solves = verdicts[way.to_room_id][1].compliant
    since = facts.day_start(now)
    source = facts.rooms.get(way.from_room_id or "")
    walk = source.walk_seconds.get(way.to_room_id, _UNKNOWN_WALK_SECONDS) if source and way.staff_id else 0
    first = steps[0] if steps else None
    return Alternative(
        _KINDS.get(way.kind, way.kind), way.staff_id, facts.display(staff_id) if staff_id else "",
        way.from_room_id, way.to_room_id, _at(problem, way.start, now), _at(problem, way.end, now), walk,
        way.familiarity > 0 or way.to_room_id in center.state.rooms_worked(staff_id),
        center.state.moves_today(staff_id, since) if place else 0, bool(member and member.is_float), solves,
        tuple(_by_law(effect, verdicts) for effect in effects), steps, f"{way.words}.", way.people_moved,
        way.duty_minutes_today, way.cost, first.shift_id if first else None, first.shift_version if first else None,
    )  # fmt: skip


def _steps(center: LiveCenter, problem: Problem, way: Way, now: datetime) -> list[Step]:
    steps = []
    for item in way.changes:
        start, end = _at(problem, item.start, now), _at(problem, item.end, now)
        mine = center.facts.shifts_by_staff.get(item.staff_id, ())
        shift = next((s for s in mine if s.status == "scheduled" and s.start < end and start < s.end), None)
        kind = "break" if item.state == "break" else "room"
        ids = (shift.shift_id, shift.version) if shift else (None, None)
        steps.append(Step(item.staff_id, kind, item.room_id, start, end, *ids))
    return steps


def _effects(was: Measure, way: Way, after: Plan) -> list[Effect]:
    """Each room by the worst scenario as the change begins."""
    will, effects = Measure(was.problem, after), []
    for effect in way.effects:
        room_id, key = effect.room_id, (effect.room_id, way.start)
        before, then = max(was.required(room_id, way.start)), max(will.required(room_id, way.start))
        numbers = (before, was.counts.get(key, 0), then, will.counts.get(key, 0))
        effects.append(Effect(room_id, *numbers, round(effect.missing_before, 1), round(effect.missing_after, 1)))
    return effects


def _by_law(effect: Effect, verdicts: Verdicts) -> Effect:
    """By the law at this moment, if the change is at once."""
    if effect.room_id not in verdicts:
        return effect
    one, other = verdicts[effect.room_id]
    return replace(
        effect, required_before=one.required, counted_before=one.counted,
        required_after=other.required, counted_after=other.counted,
    )  # fmt: skip


def _at(problem: Problem, slot: int, now: datetime) -> datetime:
    """The instant at which a slot begins, also the one after the last; not before now."""
    length = timedelta(minutes=problem.slot_minutes)
    at = problem.slots[slot] if slot < len(problem.slots) else problem.slots[-1] + length
    return max(at, now)

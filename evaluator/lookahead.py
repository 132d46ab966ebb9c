"""The odds of a gap: P(required > counted) for every room, 15 and 30 minutes ahead, with the likeliest cause; beside
them those of a group that is too large or of ages that the rules keep apart.

Children come from an expectation (a model, or bookings alone), adults from where they are now, their shifts and
breaks, and rates of lateness and call-outs; required and counted come from the rulebook, draw by draw.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from domain.people import Segment
from evaluator.causes import Code
from evaluator.conditions import Risk
from evaluator.expectations import Expectation
from evaluator.facts import CenterFacts
from evaluator.groups import members_of_groups
from evaluator.instants import Book, nap_over
from evaluator.state import CenterState
from evaluator.tracks import StaffPlace
from rulebook import AdultHere, Building, ChildHere, RoomLicence, Situation, Verdict

Place = tuple[str, str | list[str | None] | None]
HORIZONS_MINUTES = (15, 30)
DRAWS = 200
HANDOVER = timedelta(minutes=5)  # who is to leave a room does so this long after the one who follows has come
BEFORE_CLOSING = timedelta(minutes=20)  # the last adults stay until the last child is collected


@dataclass(frozen=True, slots=True)
class StaffRates:
    """Rates of the whole center, never of a named adult."""

    late: float = 0.06
    late_minutes: float = 13.0  # mean delay of those who are late
    call_out: float = 0.04
    follows_plan: float = 0.9  # planned moves, breaks and ends of shift that happen when planned
    back_from_break: float = 0.9  # at the planned end
    leaves_at_closing: float = 0.1  # of those whose shift ends with the day


def look_ahead(
    state: CenterState,
    facts: CenterFacts,
    book: Book,
    expectation: Expectation,
    now: datetime,
    rooms: Iterable[str] | None = None,
    rates: StaffRates | None = None,
    horizons: Sequence[int] = HORIZONS_MINUTES,
    draws: int = DRAWS,
) -> list[Risk]:
    """One risk per group and horizon, by group and time; `rooms` None: all. Deterministic for equal input.

    Rooms combined now are taken to stay combined.
    """
    rates = rates or StaffRates()
    groups = members_of_groups(state, facts, now)
    wanted = sorted(groups) if rooms is None else sorted(t for t in groups if {t, *groups[t]} & set(rooms))
    result = []
    for minutes in horizons:
        at = now + timedelta(minutes=minutes)
        fates = [_fate(state, facts, staff_id, now, at, rates) for staff_id in sorted(_staff(state, facts, now))]
        places = _places(fates, draws, at)
        building = None
        if any(len(groups[room_id]) > 1 for room_id in wanted):
            building = _building(expectation, {each for members in groups.values() for each in members}, at, draws)
        for room_id in wanted:
            members = groups[room_id]
            frame = replace(_frame(state, facts, room_id, members, now, at), building=building)
            crews = _crews(places, members, draws)
            odds, group_odds, means = _odds(book, facts, frame, expectation, members, at, crews)
            code, sentence = _cause(facts, expectation, fates, members, at)
            result.append(Risk(room_id, at, minutes, odds, code, sentence, expectation.model, *means, group_odds))
    return sorted(result, key=lambda risk: (risk.room_id, risk.target))


@dataclass(frozen=True, slots=True)
class Fate:
    """Where one adult will be: `chances` by room (None: in no room's count)."""

    staff_id: str
    now_in: str | None  # the room whose count they are in now
    chances: Mapping[str | None, float]
    why: str = ""  # of the expected change, in words
    code: Code = "unknown"


def _staff(state: CenterState, facts: CenterFacts, now: datetime) -> set[str]:
    clocked = {staff_id for ids in state.staffed.values() for staff_id in ids}
    soon = now + timedelta(hours=1)
    due = {s for s, shifts in facts.shifts_by_staff.items() if any(sh.start <= soon and now < sh.end for sh in shifts)}
    return clocked | due


def _fate(
    state: CenterState, facts: CenterFacts, staff_id: str, now: datetime, at: datetime, rates: StaffRates
) -> Fate:
    place = state.adult(staff_id)
    if place is None or place.since < facts.day_start(now):
        return _coming(state, facts, staff_id, now, at, rates)
    name = facts.display(staff_id)
    here = place.room_id if place.state == "in_room" else None
    shift = facts.shift_at(staff_id, now)
    planned, then = facts.segment_at(staff_id, now), facts.segment_at(staff_id, at - HANDOVER)
    if place.state == "stepped_out":
        return Fate(staff_id, None, {place.room_id: 0.95, None: 0.05})
    if place.state == "on_break":
        ends = _break_end(facts, staff_id, place, now)
        back = rates.back_from_break if at >= ends else 0.1
        return Fate(staff_id, None, {place.room_id: back, None: 1 - back}, f"{name} is on break", "break_overlap")
    if shift is not None and now < shift.end <= at - HANDOVER:
        service = facts.service(now)
        last = service is not None and shift.end >= service.end - BEFORE_CLOSING
        leaves = rates.leaves_at_closing if last else rates.follows_plan
        why = f"{name}'s shift ends at {_clock(facts, shift.end)}"
        return Fate(staff_id, here, {here: 1 - leaves, None: leaves}, why, "shift_end")
    if then is None or then == planned or not _on_plan(place, planned):
        return Fate(staff_id, here, {here: 1.0})
    target = then.room_id if then.kind == "room" else None
    if target == here:
        return Fate(staff_id, here, {here: 1.0})
    why = (
        f"{name}'s break begins at {_clock(facts, then.start)}"
        if then.kind == "break"
        else (f"{name} moves on at {_clock(facts, then.start)}")
    )
    chances = {target: rates.follows_plan, here: 1 - rates.follows_plan}
    return Fate(staff_id, here, chances, why, "break_overlap" if then.kind == "break" else "missed_room_move")


def _coming(
    state: CenterState, facts: CenterFacts, staff_id: str, now: datetime, at: datetime, rates: StaffRates
) -> Fate:
    """Not clocked in: due within the horizon, or late. Who has left today is not expected back."""
    segment, shift = facts.segment_at(staff_id, at), facts.shift_at(staff_id, at)
    if segment is None or shift is None or state.worked(staff_id, facts.day_start(now)):
        return Fate(staff_id, None, {None: 1.0})
    late = math.exp(-max(0.0, (at - shift.start).total_seconds() / 60) / rates.late_minutes)
    missing_then = rates.call_out + rates.late * late
    if now > shift.start:
        late_now = math.exp(-(now - shift.start).total_seconds() / 60 / rates.late_minutes)
        missing_then /= rates.call_out + rates.late * late_now
    room_id = segment.room_id if segment.kind == "room" else None
    name = facts.display(staff_id)
    what = f"{name} is late" if now > shift.start else f"{name} is due at {_clock(facts, shift.start)}"
    missing = min(1.0, missing_then)
    return Fate(staff_id, None, {room_id: 1 - missing, None: missing} if room_id else {None: 1.0}, what, "late_start")


def _odds(
    book: Book, facts: CenterFacts, frame: Situation, expectation: Expectation, members: tuple[str, ...], at: datetime,
    crews: Sequence[frozenset[str]],
) -> tuple[float, float, tuple[float, float, float]]:  # fmt: skip
    """P(required > counted), P(group too large or wrongly mixed), and the means of children, required and counted
    (their bounds where both are 0)."""
    draws = len(crews)
    rooms = [expectation.ages(member, at, draws) for member in members]
    cases = Counter(zip(crews, *rooms, strict=True))
    mean = sum(times * sum(map(len, parts)) for (_, *parts), times in cases.items()) / draws
    worst = _check(book, facts, frame, _widest(cases), frozenset.intersection(*crews))
    if not (worst.deficit or _wrong_group(worst)):
        return 0.0, 0.0, (mean, float(worst.required), float(worst.counted))
    short = wrong = required = counted = 0
    for (crew, *parts), times in cases.items():
        crowd = parts[0] if len(parts) == 1 else tuple(sorted((age for part in parts for age in part), key=_by_age))
        found = _check(book, facts, frame, crowd, crew)
        required, counted = required + times * found.required, counted + times * found.counted
        short += times * (found.deficit > 0)
        wrong += times * _wrong_group(found)
    return short / draws, wrong / draws, (mean, required / draws, counted / draws)


def _wrong_group(verdict: Verdict) -> bool:
    return bool(verdict.group_over or verdict.breaches)


def _building(expectation: Expectation, room_ids: Iterable[str], at: datetime, draws: int) -> Building:
    """The children expected in it, for rules on which ages may be together; no relief rests on its adults."""
    children = sum(len(ages) for room_id in room_ids for ages in expectation.ages(room_id, at, draws))
    return Building(round(children / draws), adults=0)


def _widest(cases: Iterable[tuple[Any, ...]]) -> tuple[int | None, ...]:
    """A crowd that holds every drawn crowd: if it is in order, so is each of them."""
    widest: Counter[int | None] = Counter()
    for crowd in {parts for _, *rest in cases for parts in [tuple(rest)]}:
        widest |= Counter(age for part in crowd for age in part)
    return tuple(sorted(widest.elements(), key=_by_age))


def _crews(places: Sequence[Place], members: tuple[str, ...], draws: int) -> list[frozenset[str]]:
    """Who is in the room, draw by draw."""
    base = frozenset(staff_id for staff_id, where in places if isinstance(where, str) and where in members)
    moving = [(staff_id, where) for staff_id, where in places if isinstance(where, list) and set(members) & set(where)]
    if not moving:
        return [base] * draws
    return [base | {staff_id for staff_id, where in moving if where[draw] in members} for draw in range(draws)]


def _places(fates: Iterable[Fate], draws: int, at: datetime) -> list[Place]:
    """Each adult's room, or one room per draw, so that nobody is drawn into two rooms at once."""
    result: list[Place] = []
    for fate in fates:
        chances = {room_id: chance for room_id, chance in fate.chances.items() if chance > 0}
        if len(chances) == 1:
            result.append((fate.staff_id, next(iter(chances))))
            continue
        seed = [int(at.timestamp()), int.from_bytes(fate.staff_id.encode()[-8:], "big")]
        drawn = np.searchsorted(np.cumsum(list(chances.values()))[:-1], np.random.default_rng(seed).random(draws))
        rooms = list(chances)
        result.append((fate.staff_id, [rooms[index] for index in drawn.tolist()]))
    return result


def _frame(
    state: CenterState, facts: CenterFacts, room_id: str, members: tuple[str, ...], now: datetime, at: datetime
) -> Situation:
    """The room at that instant without its people. A nap that has begun goes on to the end of its window."""
    naps = [nap for member in members if state.rooms.get(member) and (nap := state.nap(member))]
    lasting = [n for n in naps if n.since >= facts.day_start(now) and at < nap_over(facts, room_id, n.since)]
    occupied = sum(1 for member in members if state.rooms.get(member))
    room = facts.rooms.get(room_id)
    return Situation.at(
        at, facts.tz, activity="nap" if lasting and len(lasting) == occupied else "normal", opens=facts.center.opens,
        closes=facts.center.closes, room=RoomLicence(room.capacity) if room else None,
    )  # fmt: skip


def _check(
    book: Book, facts: CenterFacts, frame: Situation, crowd: tuple[int | None, ...], crew: frozenset[str]
) -> Verdict:
    adults: tuple[AdultHere, ...] = tuple(facts.adult_here(staff_id, frame.day) for staff_id in sorted(crew))
    return book.check(replace(frame, children=tuple([_child(age) for age in crowd]), adults=adults))


def _cause(
    facts: CenterFacts, expectation: Expectation, fates: Sequence[Fate], members: tuple[str, ...], at: datetime
) -> tuple[Code, str]:
    """The adults expected to go missing from the room first, then what the children do."""
    leaving = [
        fate
        for fate in fates
        if fate.why
        and (fate.now_in in members or (fate.code in ("late_start", "break_overlap") and _due_here(fate, members)))
        and sum(p for room, p in fate.chances.items() if room in members) < 0.95
    ]
    said = [fate.why for fate in leaving[:2]]
    said += [driver for member in members for driver in expectation.drivers(member, at)][:2]
    code = leaving[0].code if leaving else "arrivals"
    when = _clock(facts, at)
    return code, f"at {when}: " + "; ".join(said) if said else f"at {when}: no adult to spare"


def _due_here(fate: Fate, members: tuple[str, ...]) -> bool:
    return any(room in members for room in fate.chances)


def _on_plan(place: StaffPlace, planned: Segment | None) -> bool:
    """Whether the adult is where the plan wants them now; one sent elsewhere stays there until moved."""
    if planned is None:
        return False
    return place.room_id == (planned.room_id if planned.kind == "room" else None) or planned.kind == "break"


def _break_end(facts: CenterFacts, staff_id: str, place: StaffPlace, now: datetime) -> datetime:
    """When this break should be over: as long as the planned one nearest to it, else half an hour."""
    shift = facts.shift_at(staff_id, now)
    breaks = [part for part in shift.segments if part.kind == "break"] if shift else []
    near = [part for part in breaks if abs(part.start - place.state_since) < timedelta(hours=1)]
    return place.state_since + (near[0].end - near[0].start if near else timedelta(minutes=15))


@cache
def _child(age: int | None) -> ChildHere:
    return ChildHere(age)


def _clock(facts: CenterFacts, instant: datetime) -> str:
    return instant.astimezone(facts.tz).strftime("%H:%M")


def _by_age(age: int | None) -> int:
    return -1 if age is None else age

"""A center's coverage problem of a week: what the law will require, in scenarios, and who is there to meet it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from api.center_settings import CenterSettings
from domain.errors import BadInput, NotFound
from domain.places import Center, Room
from domain.time import Interval, iso_week_start, local_instant, slots, zone
from flows.choices import NOTHING_CHOSEN, rooms_chosen, staff_chosen
from flows.demand import Demand, Law, demand_of, governing_rules, lacking_chance, one_more, scenarios_of
from flows.review import health_of
from flows.room_map import walks_between, wings_of
from flows.rows import room_of, shift_of, staff_of
from flows.staffing import FAMILIAR_DAYS, Grid, StaffFacts, adults_of
from flows.train import history_of
from forecasting import Forecast, Known, Model
from forecasting.fallbacks import plain_sessions, with_fallbacks
from forecasting.staffside import StaffRates
from forecasting.week import WEEK_DAYS
from optimizer import Problem
from optimizer import problem as coverage
from storage.warehouse import Warehouse

SEED = 1
INFANT_SEVERITY = 2.0  # a missing adult with infants weighs twice
COMBINE_BEFORE = timedelta(minutes=90)  # of closing: rooms may be joined
COMBINE_AFTER = timedelta(minutes=60)  # of opening


@dataclass(frozen=True)
class Posed:
    """A problem, and what its numbers were made of."""

    problem: Problem
    demand: Demand
    center: Center
    rooms: tuple[Room, ...]
    law: Law
    called_out: float  # share of the center's shifts


def pose(
    warehouse: Warehouse,
    model: Model,
    center: Center,
    week: str,
    now: datetime,
    chosen: CenterSettings = NOTHING_CHOSEN,
) -> Posed:
    """A center's coverage problem of a week, by the rules it has chosen. BadInput if there is none to pose."""
    monday = iso_week_start(week)
    center_id, law = center.center_id, Law(center, chosen)
    rooms = rooms_chosen([room_of(row) for row in _of(warehouse, "rooms", center_id, "room_id")], chosen)
    known = history_of(warehouse, center_id).known_at(now)
    days = _open_days(warehouse, center, monday, now)
    if not days:
        raise BadInput(f"no open slot of {week} lies ahead of {now:%Y-%m-%d %H:%M} UTC; name a later week")
    instants = tuple(at for _, day_slots in days for at in day_slots)
    forecast = _with_stand_ins(warehouse, known, model.forecast_week(known, now, instants, center_id))
    demand = demand_of(forecast, law, rooms, SEED)
    if demand.slots != instants:
        raise NotFound(f"the forecast gives {len(demand.slots)} of the {len(instants)} slots of {week}")
    grid = Grid(instants)
    facts = _staff_facts(warehouse, center, monday, now, chosen)
    adults = adults_of(center, rooms, facts, grid, monday, now, law.book(instants[0]))
    if not adults:
        raise BadInput(f"nobody who counts is scheduled in {week}; enter the shifts on the platform, then ingest again")
    called_out = model.staff.get(center_id, StaffRates.usual()).called_out
    scenarios = scenarios_of(demand, lacking_chance(adults, len(rooms), called_out))
    wings, rules = wings_of(rooms), governing_rules(demand, law, rooms)
    problem = Problem(
        center_id=center_id,
        label=week,
        timezone=center.timezone,
        slots=instants,
        days=_days(days),
        rooms=tuple(
            coverage.Room(
                room_id=room.room_id,
                name=room.name,
                wing=wings[room.room_id],
                severity=INFANT_SEVERITY if room.age_min_months < 12 else 1.0,
                rule=rules[room.room_id],
            )
            for room in rooms
        ),
        scenarios=scenarios,
        staff=adults,
        combinations=_combinations(law, rooms, demand, days, len(scenarios)),
        walks=walks_between(rooms, wings),
        seed=SEED,
    )
    return Posed(problem, demand, center, tuple(rooms), law, called_out)


def _with_stand_ins(warehouse: Warehouse, known: Known, forecast: Forecast) -> Forecast:
    """The week by the plain rules in the rooms where the model was worse than them."""
    health = health_of(warehouse, forecast.center_id)
    names = sorted({one.baseline for one in health if one.fallen_back and one.horizon == "week"})
    rules = plain_sessions(known, forecast.center_id, names, WEEK_DAYS + 1)
    return with_fallbacks(forecast, {n: rule.refresh(forecast.origin, (), forecast.times) for n, rule in rules.items()},
                          [one for one in health if one.horizon == "week"])  # fmt: skip


def _open_days(warehouse: Warehouse, center: Center, monday: date, now: datetime) -> list[tuple[date, list[datetime]]]:
    """The slots of the opening hours of each open day of the week that lie ahead."""
    closed = {row["day"] for row in _of(warehouse, "closures", center.center_id, "day") if row["room_id"] is None}
    result = []
    for offset in range(7):
        day = monday + timedelta(days=offset)
        opening = None if day in closed else center.opening(day)
        ahead = [at for at in slots(opening) if at >= now] if opening else []
        if ahead:
            result.append((day, ahead))
    return result


def _days(days: Sequence[tuple[date, Sequence[datetime]]]) -> tuple[coverage.Day, ...]:
    result, start = [], 0
    for day, instants in days:
        result.append(coverage.Day(day=day, start=start, end=start + len(instants)))
        start += len(instants)
    return tuple(result)


def _staff_facts(
    warehouse: Warehouse, center: Center, monday: date, now: datetime, chosen: CenterSettings
) -> StaffFacts:
    """Staff, shifts, availability and the last weeks' work as known now."""
    tz = zone(center.timezone)
    start, end = (local_instant(monday + timedelta(days=n), time(0), tz) for n in (0, 7))
    inside, bounds = '"start" < ? AND "end" > ?', (end, start)
    center_id = center.center_id
    staff = staff_chosen([staff_of(row) for row in warehouse.latest("staff", center_id, "true", ())], chosen)
    shifts = [shift_of(row) for row in warehouse.latest("shifts", center_id, inside, bounds)]
    free: dict[str, list[Interval]] = {}
    for row in sorted(warehouse.latest("availability", center_id, inside, bounds), key=lambda row: row["start"]):
        free.setdefault(row["staff_id"], []).append(Interval(row["start"], row["end"]))
    worked = warehouse.rows(
        'SELECT staff_id, room_id, "start", coalesce("end", ?) AS "end" FROM staff_stays WHERE center_id = ? '
        "AND state = 'in_room' AND \"start\" BETWEEN ? AND ? ORDER BY ALL",
        [now, center_id, now - timedelta(days=FAMILIAR_DAYS), now],
    )
    spans = [(row["staff_id"], row["room_id"], Interval(row["start"], max(row["start"], row["end"]))) for row in worked]
    return StaffFacts(staff, sorted(shifts, key=lambda shift: (shift.start, shift.shift_id)), free, spans)


def _combinations(
    law: Law, rooms: Sequence[Room], demand: Demand, days: Sequence[tuple[date, Sequence[datetime]]], scenarios: int
) -> tuple[coverage.Combination, ...]:
    """Pairs of rooms the center joins, in the first hour and towards closing, with what the joined room requires."""
    known = {room.room_id: room for room in rooms}
    pairs = sorted(
        {tuple(sorted((room.room_id, other))) for room in rooms for other in room.combines_with if other in known}
    )
    result, first = [], 0
    for _, instants in days:
        for window in _joining_windows(instants):
            start, end = first + window.start, first + window.stop
            for one, other in pairs:
                required = _joined(law, demand, known[one], known[other], range(start, end), scenarios)
                result.append(coverage.Combination(start=start, end=end, rooms=(one, other), required=required))
        first += len(instants)
    return tuple(result)


def _joining_windows(instants: Sequence[datetime]) -> list[range]:
    """Index ranges of a day's slots in which rooms may be joined: after opening and before closing."""
    opens, closes = instants[0], instants[-1]
    early = sum(at < opens + COMBINE_AFTER for at in instants)
    late = sum(at <= closes - COMBINE_BEFORE for at in instants)
    if late <= early:
        return [range(len(instants))]
    return [range(early), range(late, len(instants))]


def _joined(
    law: Law, demand: Demand, one: Room, other: Room, window: range, scenarios: int
) -> dict[str, tuple[int, ...]]:
    rows = [demand.room_ids.index(room.room_id) for room in (one, other)]
    chosen = list(demand.chosen)
    numbers = np.stack(
        [
            law.required(demand.children[chosen][:, rows, column].sum(axis=1), demand.slots[column], one, other)
            for column in window
        ],
        axis=1,
    )
    drawn = [tuple(int(n) for n in row) for row in numbers]
    courses = [*drawn, *map(one_more, drawn)][:scenarios]  # in the order of `scenarios_of`
    return {str(number): row for number, row in enumerate(courses)}


def _of(warehouse: Warehouse, table: str, center_id: str, order: str) -> list[dict[str, Any]]:
    return warehouse.rows(f'SELECT * FROM "{table}" WHERE center_id = ? ORDER BY "{order}"', [center_id])  # noqa: S608

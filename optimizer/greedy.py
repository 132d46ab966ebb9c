"""The planner without a solver: breaks where a room has adults to spare, then the best route of one adult at a time.

It is the baseline of every comparison and the answer of last resort; `improve` repeats the routes until none gets
better and serves the planner as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optimizer.day_plan import Book, DayPlan
from optimizer.demand import Demand
from optimizer.ground import Ground
from optimizer.problem import Adult
from optimizer.roster import DayRoster, Pause, Place, Stretch, fixed
from optimizer.routes import Router

ROUNDS = 3


def greedy_day(ground: Ground, roster: DayRoster, demand: Demand, rounds: int = 1) -> DayPlan:
    """Everybody placed for the day; shifts as scheduled, no rooms combined."""
    plan = DayPlan(shifts={who: tuple(fixed(s.start, s.end) for s in found) for who, found in roster.stretches.items()})
    return complete_day(ground, roster, demand, plan, {}, rounds)


def complete_day(
    ground: Ground,
    roster: DayRoster,
    demand: Demand,
    plan: DayPlan,
    breaks: Mapping[tuple[str, str], int],
    rounds: int = ROUNDS,
) -> DayPlan:
    """Fill in the places, given shifts, combined rooms and some break starts (staff, break) -> slot."""
    book = Book(demand, plan.combined)
    everyone = [ground.adults[who] for who in sorted(roster.stretches)]
    for adult in everyone:
        if not ground.moves(adult):
            plan.places[adult.staff_id] = at_home(ground, roster, adult, plan.shifts[adult.staff_id])
            book.enter(adult, plan.places[adult.staff_id])
    for adult in everyone:
        if not ground.moves(adult):
            _place_breaks(roster, adult, plan, book, breaks)
    movers = [adult for adult in everyone if ground.moves(adult)]
    routers = {adult.staff_id: Router(ground, roster, adult, _duty(ground, roster, adult)) for adult in movers}
    movers.sort(key=lambda adult: (len(routers[adult.staff_id].rooms), adult.duty_before, adult.staff_id))
    for turn in range(rounds):
        better = False
        for adult in movers:
            better |= _reroute(roster, adult, plan, book, routers[adult.staff_id])
        if not better:
            break
        if turn + 1 < rounds:
            for adult in everyone:
                if not ground.moves(adult):
                    _place_breaks(roster, adult, plan, book, {})
    return plan


def polish_day(ground: Ground, roster: DayRoster, demand: Demand, plan: DayPlan, rounds: int = ROUNDS) -> DayPlan:
    """Better routes for the movers, one after the other, everything else as it is."""
    book = Book(demand, plan.combined)
    for who, places in sorted(plan.places.items()):
        book.enter(ground.adults[who], places)
    movers = [ground.adults[who] for who in sorted(roster.stretches) if ground.moves(ground.adults[who])]
    routers = [Router(ground, roster, adult, _duty(ground, roster, adult)) for adult in movers]
    for _ in range(rounds):
        better = [_reroute(roster, router.adult, plan, book, router) for router in routers]
        if not any(better):
            break
    return plan


def _duty(ground: Ground, roster: DayRoster, adult: Adult) -> float:
    """Slots of duty before the planned part of the day."""
    places = ground.carry.places.get(adult.staff_id, {})
    done = sum(place.state == "room" for slot, place in places.items() if slot < roster.first)
    return adult.duty_before / ground.problem.slot_hours + done


def at_home(ground: Ground, roster: DayRoster, adult: Adult, stretches: tuple[Stretch, ...]) -> dict[int, Place]:
    places: dict[int, Place] = {}
    room = adult.home_room_id
    for stretch in stretches:
        for t in range(stretch.start, stretch.end):
            places[t] = Place("room", room) if ground.stays_home(adult, t) else Place("idle")
    places.update(running_break(ground, roster, adult))
    return places


def running_break(ground: Ground, roster: DayRoster, adult: Adult) -> dict[int, Place]:
    """The rest of a break that runs as the plan begins."""
    origin = roster.origins.get(adult.staff_id)
    if origin is None or origin.busy_until <= roster.first:
        return {}
    name = next(
        item.break_id
        for item in ground.problem.current
        if item.staff_id == adult.staff_id
        and item.start < roster.first
        and item.end >= roster.first
        and item.state == "break"
    )
    return {t: Place("break", None, name) for t in range(roster.first, origin.busy_until)}


def _place_breaks(
    roster: DayRoster, adult: Adult, plan: DayPlan, book: Book, given: Mapping[tuple[str, str], int]
) -> None:
    """Each break where the room misses least, the given ones where they are given."""
    places = plan.places[adult.staff_id]
    for pause in (pause for pause in roster.pauses if pause.staff_id == adult.staff_id):
        book.enter(adult, places, -1)
        old = [t for t, place in places.items() if place.break_id == pause.break_id]
        room = adult.home_room_id
        for t in old:
            places[t] = Place("room", room) if book.demand.ground.stays_home(adult, t) else Place("idle")
        book.enter(adult, places)
        start = given.get((pause.staff_id, pause.break_id), _cheapest_start(adult, pause, places, book, old))
        if start is None:
            continue
        book.enter(adult, places, -1)
        places.update({t: Place("break", None, pause.break_id) for t in range(start, start + pause.slots)})
        book.enter(adult, places)


def _cheapest_start(adult: Adult, pause: Pause, places: Mapping[int, Place], book: Book, old: list[int]) -> int | None:
    ground = book.demand.ground

    def price(start: int) -> tuple[int, float, bool, int, bool, int]:
        span = range(start, start + pause.slots)
        unmet = sum(ground.unmet(adult, t, None) for t in span)
        lost = sum(
            book.loss(adult, place.room_id, t) for t in span if (place := places[t]).room_id and place.state == "room"
        )
        changed = sum(ground.break_changes(adult, t) for t in span)
        return (unmet, lost, start > pause.due_by, changed, start not in old[:1], start)

    free = [
        start
        for start in pause.starts
        if all(t in places and places[t].state != "break" for t in range(start, start + pause.slots))
    ]
    return min(free, key=price, default=None)


def _reroute(roster: DayRoster, adult: Adult, plan: DayPlan, book: Book, router: Router) -> bool:
    """Take the adult out and put the best route in; True when that made the day better."""
    who = adult.staff_id
    old = plan.places.get(who, {})
    book.enter(adult, old, -1)
    pauses = [pause for pause in roster.pauses if pause.staff_id == who]
    gains = book.gains(adult)
    places: dict[int, Place] = dict(running_break(router.ground, roster, adult))
    for stretch in plan.shifts[who]:
        taken = {place.break_id for place in places.values()}
        inside = [replace_starts(pause, stretch) for pause in pauses if pause.break_id not in taken]
        route = router.best(stretch, [pause for pause in inside if pause.starts], gains)
        places.update(route.places)
    plan.places[who] = places
    book.enter(adult, places)
    return places != old


def replace_starts(pause: Pause, stretch: Stretch) -> Pause:
    """The break with those starts that fit the stretch."""
    starts = tuple(t for t in pause.starts if stretch.start <= t and t + pause.slots <= stretch.end)
    return replace(pause, starts=starts)

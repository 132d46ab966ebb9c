"""A plan of a day as values of the model's variables, and back."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.day_model import DayModel
from optimizer.day_plan import DayPlan
from optimizer.flow import END, FRESH, HUB, IDLE, Arc, Node, Path
from optimizer.greedy import at_home, running_break
from optimizer.mip import Variable
from optimizer.roster import Place, Stretch, fixed


def as_values(m: DayModel, day: DayPlan) -> dict[Variable, float]:
    """Values of the variables that choose; those of shortages and of priced events follow from them."""
    known: dict[Variable, float] = {}
    for (who, name, t), starts in m.pause.items():
        if who not in m.paths:
            places, here = day.places[who], Place("break", None, name)
            known[starts[0]] = float(places.get(t) == here and places.get(t - 1) != here)
    for (who, name), var in m.missed.items():
        known[var] = float(Place("break", None, name) not in day.places[who].values())
    for (who, t), var in m.begin.items():
        known[var] = float(day.shifts[who][0].start == t)
    for (who, t), var in m.finish.items():
        known[var] = float(day.shifts[who][0].end == t)
    for key, var in m.combined.items():
        known[var] = float(key in day.combined)
    for who, path in m.paths.items():
        walked = _walk(path, day.places[who], day.shifts[who])
        if walked is not None:
            known |= {arc.var: 0.0 for arcs in path.steps.values() for arc in arcs}
            known |= {arc.var: 1.0 for arc in walked}
    return known


def read_day(m: DayModel, day: DayPlan, values: Mapping[Variable, float]) -> DayPlan:
    """The day as the values have it."""
    found = DayPlan(shifts=_shifts(m, values), combined={key for key, var in m.combined.items() if is_one(values, var)})
    for adult in m.everyone:
        who = adult.staff_id
        first = {t: place for t, place in day.places[who].items() if t < m.roster.first}
        if who in m.paths:
            found.places[who] = first | running_break(m.ground, m.roster, adult) | _places(m.paths[who], values)
        else:
            found.places[who] = at_home(m.ground, m.roster, adult, found.shifts[who])
            for pause in m.pauses_of[who]:
                for start in (t for t in pause.starts if is_one(values, m.pause[who, pause.break_id, t][0])):
                    span = range(start, start + pause.slots)
                    found.places[who].update({t: Place("break", None, pause.break_id) for t in span})
    return found


def is_one(values: Mapping[Variable, float], var: Variable | None) -> bool:
    return var is not None and values.get(var, 0.0) > 0.5


def _places(path: Path, values: Mapping[Variable, float]) -> dict[int, Place]:
    chosen = (arc for arcs in path.steps.values() for arc in arcs if is_one(values, arc.var))
    return {t: arc.place for arc in chosen for t in range(arc.tail[0], arc.head[0])}


def _walk(path: Path, places: Mapping[int, Place], shifts: tuple[Stretch, ...]) -> list[Arc] | None:
    """The arcs that follow the places; None when the network has no such path."""
    walked: list[Arc] = []
    mask = 0
    for stretch in shifts:
        starts = [node for node in path.origins if stretch.start <= node[0] < stretch.end and node[2] == mask]
        node = next((n for n in starts if n[1] != FRESH or n[0] == stretch.start), None)
        if node is None:
            continue  # a break that runs as the plan begins takes the whole stretch
        while node[0] < stretch.end:
            arc = _step(path, node, places.get(node[0], IDLE), stretch.end)
            if arc is None:
                return None
            walked.append(arc)
            node = arc.head
        walked += [arc for arc in path.steps[node] if arc.head[1] == END and node[1] != END]
        mask = node[2]
    return walked


def _step(path: Path, node: Node, place: Place, end: int) -> Arc | None:
    """The arc that leads on as the place says; out of the room or the beginning first, where that is not direct."""
    arcs = [arc for arc in path.steps[node] if arc.head[0] <= end]
    direct = [arc for arc in arcs if arc.place == place and arc.head[0] > node[0]]
    if len(direct) > 1:  # into a room: to the end of work if it comes within the least stay
        direct = [arc for arc in direct if (arc.head[1] == END) == (arc.head[0] == end)] or direct
    leave = [arc for arc in arcs if arc.head == (node[0], HUB, node[2])]
    return next(iter(direct or leave), None)


def _shifts(m: DayModel, values: Mapping[Variable, float]) -> dict[str, tuple[Stretch, ...]]:
    found = {}
    for adult in m.everyone:
        who = adult.staff_id
        stretches = m.stretches(adult)
        if stretches[0].flexible:
            a = next(t for (other, t), var in m.begin.items() if other == who and is_one(values, var))
            b = next(t for (other, t), var in m.finish.items() if other == who and is_one(values, var))
            stretches = (fixed(a, b),)
        found[who] = stretches
    return found

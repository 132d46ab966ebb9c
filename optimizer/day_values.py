"""A plan of a day as values of the model's whole variables, and back."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.day_model import DayModel, Variable
from optimizer.day_plan import DayPlan
from optimizer.greedy import at_home
from optimizer.roster import Place, Stretch


def as_values(m: DayModel, day: DayPlan) -> dict[Variable, float]:
    """Values of the whole variables; the others follow from them."""
    known: dict[Variable, float] = {}
    for (who, room, t), var in m.present.items():
        known[var] = float(day.places[who].get(t) == Place("room", room))
    for (who, name, t), var in m.pause.items():
        places, here = day.places[who], Place("break", None, name)
        known[var] = float(places.get(t) == here and places.get(t - 1) != here)
    for (who, name), var in m.missed.items():
        known[var] = float(Place("break", None, name) not in day.places[who].values())
    for (who, t), var in m.begin.items():
        known[var] = float(day.shifts[who][0].start == t)
    for (who, t), var in m.finish.items():
        known[var] = float(day.shifts[who][0].end == t)
    for key, var in m.combined.items():
        known[var] = float(key in day.combined)
    return known


def read_day(m: DayModel, day: DayPlan, values: Mapping[Variable, float]) -> DayPlan:
    """The day as the values have it."""
    found = DayPlan(shifts=_shifts(m, values), combined={key for key, var in m.combined.items() if is_one(values, var)})
    for adult in m.everyone:
        who = adult.staff_id
        if m.ground.moves(adult):
            first = {t: place for t, place in day.places[who].items() if t < m.roster.first or _running(m, who, t)}
            found.places[who] = first | _path(m, who, found.shifts[who], values)
        else:
            found.places[who] = at_home(m.ground, m.roster, adult, found.shifts[who])
        for pause in m.pauses_of[who]:
            for start in (t for t in pause.starts if is_one(values, m.pause[who, pause.break_id, t])):
                span = range(start, start + pause.slots)
                found.places[who].update({t: Place("break", None, pause.break_id) for t in span})
    return found


def is_one(values: Mapping[Variable, float], var: Variable | None) -> bool:
    return var is not None and values.get(var, 0.0) > 0.5


def _running(m: DayModel, who: str, t: int) -> bool:
    origin = m.roster.origins.get(who)
    return origin is not None and t < origin.busy_until


def _path(m: DayModel, who: str, stretches: tuple[Stretch, ...], values: Mapping[Variable, float]) -> dict[int, Place]:
    places: dict[int, Place] = {}
    rooms = m.demand.rooms_that_matter(m.ground.adults[who])
    for stretch in stretches:
        for t in range(stretch.start, stretch.end):
            if not _running(m, who, t):
                here = [room for room in rooms if is_one(values, m.present.get((who, room, t)))]
                places[t] = Place("room", here[0]) if here else Place("idle")
    return places


def _shifts(m: DayModel, values: Mapping[Variable, float]) -> dict[str, tuple[Stretch, ...]]:
    found = {}
    for adult in m.everyone:
        who = adult.staff_id
        stretches = m.stretches(adult)
        if stretches[0].flexible:
            a = next(t for (other, t), var in m.begin.items() if other == who and is_one(values, var))
            b = next(t for (other, t), var in m.finish.items() if other == who and is_one(values, var))
            stretches = (Stretch(a, b, a, a, b, b, b - a),)
        found[who] = stretches
    return found

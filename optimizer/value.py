"""What things are worth: one more float, planning with scenarios, an adult who may go early."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optimizer.day_plan import Book
from optimizer.demand import Demand
from optimizer.measure import Measure
from optimizer.plan import Plan
from optimizer.planner import begin, plan
from optimizer.problem import Adult, Assignment, Break, Name, Part, Problem, Shift
from optimizer.roster import Place, Stretch, day_roster
from optimizer.routes import SHORTAGE_WEIGHT, Router


class Leave(Part):
    """Somebody may leave early or take planning time: the chance of a shortage stays at or below the threshold."""

    staff_id: Name
    start: int
    end: int
    room_id: Name | None
    chance: float


class MethodValue(Part):
    """A way of planning, judged on all scenarios."""

    method: str
    expected_shortage: float


def prevented_by(problem: Problem, current: Plan, adult: Adult) -> float:
    """Expected adult-slots x severity that this adult, placed best, prevents while everybody else stays in place.

    What a new plan would gain is at least this.
    """
    enlarged = Problem.model_validate(
        {name: getattr(problem, name) for name in Problem.model_fields}
        | {"staff": (*(a for a in problem.staff if a.staff_id != adult.staff_id), adult)}
    )
    days = begin(enlarged)
    total = 0.0
    for day in enlarged.days:
        first = max(day.start, enlarged.frozen_until)
        ground = days.ground()
        roster = day_roster(enlarged, days.work, enlarged.days.index(day), days.carry)
        book = Book(Demand(ground, roster), set())
        for item in current.assignments:
            places = {t: Place(item.state, item.room_id) for t in range(max(item.start, first), min(item.end, day.end))}
            if item.staff_id != adult.staff_id:
                book.enter(ground.adults[item.staff_id], places)
        gains = book.gains(adult)
        router = Router(ground, roster, adult, 0.0)
        pauses = [pause for pause in roster.pauses if pause.staff_id == adult.staff_id]
        for stretch in roster.stretches.get(adult.staff_id, ()):
            route = router.best(_still(stretch), pauses, gains)
            total += sum(
                float(gains[place.room_id][t - roster.first])
                for t, place in route.places.items()
                if place.room_id and place.room_id in gains
            )
    return total / SHORTAGE_WEIGHT


def value_of_one_more_float(problem: Problem, current: Plan) -> dict[str, float]:
    """By day: expected adult-slots x severity that one more float, qualified everywhere and there all day, prevents."""
    result = {}
    for day in problem.days:
        shift = Shift(start=day.start, end=day.end)
        lunch = Break(break_id="lunch", start=day.start, end=day.end, slots=2) if day.end - day.start > 24 else None
        extra = Adult(staff_id="one-more-float", is_float=True, shifts=(shift,), breaks=(lunch,) if lunch else ())
        result[str(day.day)] = round(prevented_by(problem, current, extra), 6)
    return result


def value_of_scenarios(
    problem: Problem, seconds: float = 30.0, afresh: Problem | None = None
) -> tuple[MethodValue, ...]:
    """Plans on scenarios, on the mean and on the 90 % quantile of demand, each judged on all scenarios.

    `afresh`: the same problem with scenarios that no plan has seen; those are then what is judged on.
    """
    found, judge = [], afresh or problem
    for method, simple in (("scenarios", problem), ("mean", _on_mean(problem)), ("q90", _on_quantile(problem, 0.9))):
        answer = plan(simple, seconds)
        found.append(MethodValue(method=method, expected_shortage=round(Measure(judge, answer).goals()["shortage"], 6)))
    return tuple(found)


def may_leave(problem: Problem, current: Plan, threshold: float, least_slots: int = 2) -> tuple[Leave, ...]:
    """Spans in which one adult may go without the chance of a shortage in the room rising above the threshold.

    Free adults first, then those in rooms with more than enough; each adult's longest such span per day.
    """
    measure = Measure(problem, current)
    best: dict[tuple[str, int], Leave] = {}
    for item in current.assignments:
        for start, end, chance in _spare_spans(problem, measure, item, threshold):
            day = next(i for i, day in enumerate(problem.days) if day.start <= start < day.end)
            known = best.get((item.staff_id, day))
            if end - start >= least_slots and (known is None or end - start > known.end - known.start):
                best[item.staff_id, day] = Leave(
                    staff_id=item.staff_id, start=start, end=end, room_id=item.room_id, chance=round(chance, 6)
                )
    return tuple(sorted(best.values(), key=lambda leave: (leave.room_id is not None, leave.start, leave.staff_id)))


def _spare_spans(
    problem: Problem, measure: Measure, item: Assignment, threshold: float
) -> list[tuple[int, int, float]]:
    spans: list[tuple[int, int, float]] = []
    if item.state == "break":
        return spans
    for t in range(max(item.start, problem.frozen_until), item.end):
        chance = 0.0
        if item.room_id is not None:
            joined = measure.joined_over.get((item.room_id, t))
            room = joined.rooms[0] if joined else item.room_id
            counts = measure.may_be(measure.adults[item.staff_id], item.room_id, t)
            left = measure.counts.get((room, t), 0) - counts
            numbers = zip(problem.scenarios, measure.required(room, t), strict=True)
            chance = sum(scenario.weight for scenario, number in numbers if number > left)
        if chance > threshold + 1e-12:
            continue
        if spans and spans[-1][1] == t:
            spans[-1] = (spans[-1][0], t + 1, max(spans[-1][2], chance))
        else:
            spans.append((t, t + 1, chance))
    return spans


def _still(stretch: Stretch) -> Stretch:
    a, b = stretch.start, stretch.end
    return Stretch(a, b, a, a, b, b, b - a)


def _on_mean(problem: Problem) -> Problem:
    weights = [scenario.weight for scenario in problem.scenarios]
    return _single(problem, lambda numbers: round(sum(w * n for w, n in zip(weights, numbers, strict=True))))


def _on_quantile(problem: Problem, level: float) -> Problem:
    weights = [scenario.weight for scenario in problem.scenarios]

    def quantile(numbers: Sequence[int]) -> int:
        reached = 0.0
        for number, weight in sorted(zip(numbers, weights, strict=True)):
            reached += weight
            if reached >= level - 1e-9:
                return number
        return max(numbers)

    return _single(problem, quantile)


def _single(problem: Problem, choose: Callable[[Sequence[int]], int]) -> Problem:
    """The problem with one sure scenario"""
    required = {
        room.room_id: tuple(
            choose([s.required[room.room_id][t] for s in problem.scenarios]) for t in range(len(problem.slots))
        )
        for room in problem.rooms
    }
    combinations = tuple(
        item.model_copy(
            update={
                "required": {
                    "0": tuple(
                        choose([item.required[str(s)][i] for s in range(len(problem.scenarios))])
                        for i in range(item.end - item.start)
                    )
                }
            }
        )
        for item in problem.combinations
    )
    plain = {name: getattr(problem, name) for name in Problem.model_fields}
    scenarios = ({"name": "single", "weight": 1.0, "required": required},)
    return Problem.model_validate(plain | {"scenarios": scenarios, "combinations": combinations})

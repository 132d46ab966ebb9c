# %% [markdown]
# # 03 Planning lab
# The week's coverage problem as it was posed, solved again with other weights and other people. What is a float worth,
# and what does a quieter plan cost? Nothing here touches the plan in force.

# %%
import os
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from optimizer import Plan, Problem, check, solve
from optimizer.value import prevented_by, value_of_one_more_float
from storage.reader import open_reader

data_dir = Path(os.environ.get("RATIOCAST_DATA_DIR", ".ratiocast"))
seconds = float(os.environ.get("RATIOCAST_LAB_SECONDS", "20"))
with open_reader(data_dir) as reader:
    center_id = reader.center_ids()[0]
posed = sorted((data_dir / "plans" / center_id).glob("*.problem.json"))[-1]
problem = Problem.read(posed.read_bytes(), posed.name)
in_force = Plan.read(posed.with_name(posed.name.replace(".problem.", ".plan.")).read_bytes())
print(
    f"{center_id}, {problem.label}: {len(problem.rooms)} rooms, {len(problem.slots)} slots, {len(problem.staff)} adults"
)

# %% [markdown]
# ## The plan in force, goal by goal
# A gap of 0 means that no plan does better on this goal, given the goals before it.


# %%
def goals(plan: Plan) -> pd.Series:
    return pd.Series({goal.name: goal.value for goal in plan.goals})


pd.DataFrame(
    [{"goal": goal.name, "value": goal.value, "bound": goal.bound, "gap": goal.gap} for goal in in_force.goals]
)

# %% [markdown]
# ## Where and when adults may be missing

# %%
tz = problem.timezone
missing = pd.DataFrame(
    [
        {"room": part.room_id, "at": problem.slots[part.slot], "expected": part.expected, "reason": part.reason}
        for part in in_force.shortages
    ],
    columns=["room", "at", "expected", "reason"],
)
by_room = missing.groupby("room")["expected"].sum() * problem.slot_hours
by_room = by_room.reindex([room.room_id for room in problem.rooms], fill_value=0.0)
ax = by_room.plot.bar(figsize=(8, 3), ylabel="expected adult-hours", title=f"Expected shortage in {problem.label}")
plt.show()

# %% [markdown]
# ## Other weights
# `severity` says how much one missing adult weighs in a room, `move_points` how much a change of room costs.
# Change them here.


# %%
def with_house(**points: int) -> Problem:
    return problem.model_copy(update={"house": problem.house.model_copy(update=points)})


def with_severity(room_id: str, factor: float) -> Problem:
    rooms = [
        room.model_copy(update={"severity": room.severity * factor}) if room.room_id == room_id else room
        for room in problem.rooms
    ]
    return problem.model_copy(update={"rooms": tuple(rooms)})


worst = str(by_room.idxmax())
variants = {
    "as it is": problem,
    "moves cost nothing": with_house(move_points=0),
    f"{worst} weighs 3": with_severity(worst, 3),
}
plans = {name: solve(variant, seconds) for name, variant in variants.items()}


def moves(plan: Plan) -> int:
    """Changes of room within a day, over all adults and days of the week."""
    day_of = {slot: day.day for day in problem.days for slot in range(day.start, day.end)}
    stints = sorted((part.staff_id, part.start, part.room_id) for part in plan.assignments if part.state == "room")
    return sum(
        (one[0], day_of[one[1]]) == (other[0], day_of[other[1]]) and one[2] != other[2]
        for one, other in pairwise(stints)
    )


rows = {name: goals(plan) for name, plan in plans.items()}
table = pd.DataFrame(rows).T.assign(changes=[moves(plan) for plan in plans.values()])
table.insert(0, "status", [plan.status for plan in plans.values()])
table

# %% [markdown]
# ## What is a float worth?
# The week without each of the floats, and what one more could prevent at least (everybody else staying in place).

# %%
base = plans["as it is"]
floats = [adult for adult in problem.staff if adult.is_float and adult.shifts]
value = {
    adult.staff_id: prevented_by(
        problem,
        base.model_copy(update={"assignments": tuple(a for a in base.assignments if a.staff_id != adult.staff_id)}),
        adult,
    )
    for adult in floats
}
more = value_of_one_more_float(problem, base)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3))
pd.Series(value, dtype=float).mul(problem.slot_hours).plot.bar(
    ax=left, title="Prevented by each float", ylabel="weighted hours"
)
pd.Series(more, dtype=float).mul(problem.slot_hours).plot.bar(ax=right, title="One more float, by day")
plt.show()
print(
    f"one more float all week: {sum(more.values()) * problem.slot_hours:.2f} weighted adult-hours of shortage prevented"
)

# %%
assert all(check(variants[name], plan) == [] for name, plan in plans.items()), "a plan broke a rule of its problem"
assert base.goal("shortage").value <= in_force.goal("shortage").value + 1e-6 or base.status != "optimal"

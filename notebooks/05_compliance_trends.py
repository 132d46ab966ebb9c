# %% [markdown]
# # 05 Compliance trends
# Every room of the last days, second by second, recomputed from the events: how much of the time was legal, where it
# was not and why. Then the same days under a stricter rule: what would accreditation ask for?

# %%
import os
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import matplotlib.pyplot as plt
import pandas as pd

import rulebook
from domain.time import local_day
from reports.compliance import DailyReport, daily_report
from reports.record import events_of, facts_of
from storage.reader import open_reader

DAYS = int(os.environ.get("RATIOCAST_LAB_DAYS", "5"))
with open_reader(Path(os.environ.get("RATIOCAST_DATA_DIR", ".ratiocast"))) as reader:
    center_id = reader.center_ids()[0]
    frames = reader.frames(center_id)
center = frames["centers"].iloc[0]
tz = ZoneInfo(center["timezone"])
last = frames["events"]["happened_at"].max().tz_convert(tz).date()
served = frames["stays"]["start"].dt.tz_convert(tz).dt.date
days: list[date] = sorted(day for day in set(served) if day < last)[-DAYS:]
law = rulebook.load(center["state"], days[-1])
print(f"{center['name']}: {law.name}, {law.document['citation']}, confidence {law.document['confidence']}")


# %%
def report(day: date, policy: dict | None = None) -> DailyReport:
    span = local_day(day, tz)
    book = rulebook.load(center["state"], day, policy=policy)
    return daily_report(facts_of(frames, [day]), book, events_of(frames, span.start, span.end), [], day)


reports = {day: report(day) for day in days}

# %% [markdown]
# ## Share of occupied room-minutes inside the rule, day by day

# %%
share = pd.Series({day: found.share_in_ratio for day, found in reports.items()}, dtype=float)
ax = share.mul(100).plot(
    marker="o", figsize=(9, 3), ylabel="% of occupied minutes", title="Inside ratio and group size"
)
ax.set_xticks(list(share.index))
plt.show()
for found in reports.values():
    print(found.day, found.sentence)

# %% [markdown]
# ## Rooms most at risk, and why

# %%
minutes = pd.DataFrame(
    [
        {"day": day, "room": room.room, "occupied": room.minutes_occupied, "out": room.minutes_out}
        for day, found in reports.items()
        for room in found.rooms
    ]
)
by_room = minutes.groupby("room")[["occupied", "out"]].sum()
by_room["out"].sort_values().plot.barh(figsize=(8, 3), xlabel="minutes out of compliance", title="By room")
plt.show()

# %%
causes = pd.DataFrame(
    [
        {"cause": run.cause, "minutes": run.minutes, "doubtful": run.doubtful, "hour": run.start.hour}
        for found in reports.values()
        for run in found.violations
    ],
    columns=["cause", "minutes", "doubtful", "hour"],
)
# Who and when is for the director's report; trends are about kinds of causes.
causes["kind"] = causes["cause"].str.replace(r"\S*-s\d+", "an adult", regex=True)
causes["kind"] = causes["kind"].str.replace(r"\d+:\d+", "...", regex=True).str.replace(r"\d+", "some", regex=True)
causes.groupby(["kind", "doubtful"])["minutes"].agg(["count", "sum"]).sort_values("sum", ascending=False)

# %% [markdown]
# ## The same days under a stricter rule
# A policy is added to the law; the strictest governs. Put your own numbers here.

# %%
policy = {
    "name": "What if: smaller groups",
    "bands": [
        {"id": "under_2", "label": "under 2 years", "from": 0, "to": 24, "children": 4, "group": 8},
        {"id": "twos", "label": "2 years", "from": 24, "to": 36, "children": 6, "group": 12},
        {"id": "preschool", "label": "3 and 4 years", "from": 36, "to": 60, "children": 10, "group": 20},
    ],
}
stricter = {day: report(day, policy) for day in days[-2:]}
compared = pd.DataFrame(
    {
        "by law": {day: sum(room.minutes_out for room in reports[day].rooms) for day in stricter},
        "by the policy as well": {day: sum(room.minutes_out for room in stricter[day].rooms) for day in stricter},
    }
)
compared.plot.bar(figsize=(7, 3), ylabel="minutes out of compliance", rot=0)
plt.show()

# %%
assert (compared["by the policy as well"] >= compared["by law"] - 1e-6).all(), (
    "a stricter rule cannot be kept more often"
)
assert (minutes["out"] <= minutes["occupied"] + 1e-6).all()

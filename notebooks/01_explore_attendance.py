# %% [markdown]
# # 01 Explore attendance
# Who was where when, from the published snapshot. The service may run meanwhile: snapshots are read-only copies.
# Set `RATIOCAST_DATA_DIR` to your data folder; the figures of a sandbox are simulated.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from storage.reader import open_reader

reader = open_reader(Path(os.environ.get("RATIOCAST_DATA_DIR", ".ratiocast")))
center_id = reader.center_ids()[0]
frames = reader.frames(center_id)
zone = frames["centers"]["timezone"].iloc[0]
names = frames["rooms"].set_index("room_id")["name"]
{name: len(frame) for name, frame in frames.items()}

# %% [markdown]
# ## A usual week: mean headcount per room and quarter of an hour

# %%
counts = frames["headcounts"].groupby(["room_id", "slot"], as_index=False)["children_at_start"].sum()
local = counts["slot"].dt.tz_convert(zone)
counts["weekday"], counts["hour"] = local.dt.day_of_week, local.dt.hour + local.dt.minute / 60
usual = counts[counts["weekday"] < 5].groupby(["room_id", "hour"])["children_at_start"].mean().unstack(0)
ax = usual.rename(columns=names).plot(figsize=(9, 4), xlabel="hour of the day", ylabel="children")
ax.set_title("Mean headcount on weekdays")
plt.show()

# %% [markdown]
# ## Arrivals and pick-ups

# %%
stays = frames["stays"].dropna(subset=["end"]).copy()
first = stays.groupby(["child_id", stays["start"].dt.tz_convert(zone).dt.date])["start"].min().dt.tz_convert(zone)
last = stays.groupby(["child_id", stays["start"].dt.tz_convert(zone).dt.date])["end"].max().dt.tz_convert(zone)
fig, ax = plt.subplots(figsize=(9, 3))
ax.hist(first.dt.hour + first.dt.minute / 60, bins=60, alpha=0.6, label="first in")
ax.hist(last.dt.hour + last.dt.minute / 60, bins=60, alpha=0.6, label="last out")
ax.set(xlabel="hour of the day", ylabel="stays", title="Arrivals and pick-ups")
ax.legend()
plt.show()

# %% [markdown]
# ## Can the counts be trusted? Stays with a doubt, by reason

# %%
doubts = stays["doubts"].fillna("").loc[lambda text: text.str.len() > 2]
print(f"{len(doubts)} of {len(stays)} stays are doubtful")
doubts.value_counts().head(10)

# %% [markdown]
# ## Absences: how many of the booked children came, by weekday

# %%
bookings = frames["bookings"].sort_values("recorded_at").groupby(["child_id", "day", "session"]).last().reset_index()
bookings = bookings[bookings["status"] != "cancelled"]
came = set(zip(stays["child_id"], stays["start"].dt.tz_convert(zone).dt.date, strict=True))
days = pd.to_datetime(bookings["day"]).dt.date
past = days < frames["stays"]["start"].max().tz_convert(zone).date()
bookings, days = bookings[past], days[past]
shown = [(child, day) in came for child, day in zip(bookings["child_id"], days, strict=True)]
rate = pd.Series(shown).groupby(pd.to_datetime(bookings["day"]).dt.day_name().to_numpy()).mean()
rate.reindex(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]).rename("share of booked children who came")

# %%
assert 0.5 < rate.mean() <= 1.0, "fewer than half of the booked children came: check the feed"
reader.close()

# %% [markdown]
# # 04 Alert thresholds
# Which odds are worth a warning? The last days are replayed as shadow mode sees them: every ten minutes the odds of a
# gap 15 and 30 minutes ahead, from what was recorded by then. Then the odds are compared with labels.
#
# Labels are best written by the director. Put them into a CSV file with `room_id,start,end` (instants with offset) and
# name it in `RATIOCAST_LABELS`. **Without one the labels here are not a person's**: they are the violations that the
# record shows today, late entries and corrections included. A record that is wrong makes such labels wrong too.

# %%
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import matplotlib.pyplot as plt
import pandas as pd

import rulebook
from domain.time import local_day
from evaluator import BookedExpectation, CenterState, Label, LoggedRisk, look_ahead, thresholds
from reports.record import events_of, facts_of
from reports.timeline import day_timeline, violations
from storage.reader import open_reader

DAYS = int(os.environ.get("RATIOCAST_LAB_DAYS", "3"))
EVERY = timedelta(minutes=10)
with open_reader(Path(os.environ.get("RATIOCAST_DATA_DIR", ".ratiocast"))) as reader:
    center_id = reader.center_ids()[0]
    frames = reader.frames(center_id)
center = frames["centers"].iloc[0]
tz = ZoneInfo(center["timezone"])
last = frames["events"]["happened_at"].max().tz_convert(tz).date()
served = frames["stays"]["start"].dt.tz_convert(tz).dt.date
days: list[date] = sorted(day for day in set(served) if day < last)[-DAYS:]
names = frames["rooms"].set_index("room_id")["name"]
days

# %% [markdown]
# ## Replay: the odds, as they would have been logged


# %%
def replay(day: date) -> list[LoggedRisk]:
    """Odds of the day, each made from the events recorded by its instant."""
    facts, span = facts_of(frames, [day]), local_day(day, tz)
    events = sorted(events_of(frames, span.start, span.end), key=lambda event: event.recorded_at)
    book = rulebook.load(center["state"], day)
    opening = facts.opening(day)
    state, logged, position = CenterState(center_id), [], 0
    now: datetime = opening.start if opening else span.start
    while opening and now < opening.end:
        while position < len(events) and events[position].recorded_at <= now:
            state.apply(events[position])
            position += 1
        found = look_ahead(state, facts, book, BookedExpectation(state, facts, now), now, draws=100)
        logged += [LoggedRisk(risk.room_id, now, risk.target, risk.odds) for risk in found]
        now += EVERY
    return logged


risks = [risk for day in days for risk in replay(day)]
print(f"{len(risks)} odds logged on {len(days)} days; {sum(risk.odds > 0 for risk in risks)} above 0")

# %% [markdown]
# ## Labels


# %%
def from_the_record(day: date) -> list[Label]:
    facts, span = facts_of(frames, [day]), local_day(day, tz)
    spans = day_timeline(facts, rulebook.load(center["state"], day), events_of(frames, span.start, span.end), [], span)
    sure = [run for run in violations(spans) if not run[0].rests_on_doubt]
    return [Label(f"{day}-{n}", run[0].room_id, run[0].start, run[-1].end, "the record") for n, run in enumerate(sure)]


log = os.environ.get("RATIOCAST_LABELS")
if log:
    written = pd.read_csv(log, parse_dates=["start", "end"])
    labels = [Label(f"log-{row.Index}", row.room_id, row.start, row.end, "director") for row in written.itertuples()]
else:
    labels = [label for day in days for label in from_the_record(day)]
print(f"{len(labels)} labels, {'written by a person' if log else 'derived from the record: read them with care'}")
pd.DataFrame(
    [
        {"room": names.get(x.room_id), "start": x.start.astimezone(tz), "minutes": (x.end - x.start).seconds / 60}
        for x in labels
        if x.end
    ]
)

# %% [markdown]
# ## Thresholds: how many warnings, how many came true, how many violations had one

# %%
candidates = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
table = pd.DataFrame([{f: getattr(row, f) for f in row.__slots__} for row in thresholds(risks, labels, candidates)])
table["precision"] = table["came_true"] / table["warnings"].where(table["warnings"] > 0)
table["recall"] = table["warned"] / max(len(labels), 1)
table["per_room_day"] = table["warnings"] / (len(names) * max(len(days), 1))
table

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5))
table.plot(x="threshold", y=["precision", "recall"], marker="o", ax=left, ylim=(0, 1.05), title="Right and complete")
table.plot(x="threshold", y="per_room_day", marker="o", ax=right, legend=False, title="Warnings per room and day")
plt.show()

# %%
assert table[["precision", "recall"]].stack().between(0, 1).all()
assert table["came_true"].le(table["warnings"]).all()

# %% [markdown]
# # 02 Forecasting lab
# Backtest the model beside the baselines on your own data, then change something and compare. Every answer is made from
# what was known at its origin: the guard raises `LeakageError` on anything later.

# %%
import os
from datetime import timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from forecasting import History, train
from forecasting.backtest import answer, recorded_counts, rolling_questions
from storage.reader import open_reader

reader = open_reader(Path(os.environ.get("RATIOCAST_DATA_DIR", ".ratiocast")))
center_id = reader.center_ids()[0]
history = History({name: frame for name, frame in reader.frames(center_id).items() if name != "headcounts"})
days = timedelta(days=int(os.environ.get("RATIOCAST_LAB_DAYS", "3")))
questions = rolling_questions(history, days, center_id)
len(questions)

# %% [markdown]
# ## Model and baselines on the same questions

# %%
answers = answer(history, questions, baselines=("last", "weekday", "mean4", "bookings"))
truth = recorded_counts(history, answers)


def pinball(level: float, forecast, actual):
    return np.maximum(level * (actual - forecast), (level - 1) * (actual - forecast))


answers["loss"] = sum(pinball(q, answers[f"q{q * 100:02.0f}"], truth) for q in (0.1, 0.5, 0.9)) / 3
answers["inside"] = (answers["q10"] <= truth) & (truth <= answers["q90"])
ahead = (answers["target_time"] - answers["origin"]).dt.total_seconds() / 60
answers["horizon"] = np.where(ahead > 60, "7d", ahead.round().astype(int).astype(str) + "min")
table = answers.groupby(["horizon", "model"]).agg(pinball=("loss", "mean"), coverage=("inside", "mean"))
table.sort_values(["horizon", "pinball"])

# %%
wide = table["pinball"].unstack(0)
wide.plot.barh(figsize=(8, 3), title="Mean pinball loss (less is better)")
plt.show()

# %% [markdown]
# ## Change a feature, train again, compare
# A change is a function from frames to frames: what the model would have been told. Two are here: it is not told of
# bookings (who is expected when, who has said not to come), and it knows the later half of the stays only. Write your
# own beside them. Every variant answers the same questions and is measured against the same record.


# %%
def without_bookings(frames):
    """The model has habits alone to go by."""
    return frames | {"bookings": frames["bookings"].iloc[:0]}


def half_of_the_history(frames):
    stays = frames["stays"]
    known = stays.loc[stays["start_recorded_at"] <= first, "start"]
    return frames | {"stays": stays[stays["start"] >= known.quantile(0.5)]}


def loss_of(change):
    """Mean pinball loss by horizon of a model that was told the changed frames, on the same questions."""
    variant = History(change(whole))
    again = answer(variant, questions, model=train(variant, first))
    again = again[~again["model"].str.startswith("baseline:")].reset_index(drop=True)
    truth_again = recorded_counts(history, again)  # of the whole record
    again["loss"] = sum(pinball(q, again[f"q{q * 100:02.0f}"], truth_again) for q in (0.1, 0.5, 0.9)) / 3
    minutes = (again["target_time"] - again["origin"]).dt.total_seconds() / 60
    again["horizon"] = np.where(minutes > 60, "7d", minutes.round().astype(int).astype(str) + "min")
    return again.groupby("horizon")["loss"].mean()


first = questions["origin"].min().to_pydatetime()
whole = {name: frame for name, frame in reader.frames(center_id).items() if name != "headcounts"}
ours = answers[~answers["model"].str.startswith("baseline:")]
losses = {"as it is": ours.groupby("horizon")["loss"].mean()}

# %%
losses["without bookings"] = loss_of(without_bookings)

# %%
losses["half of the history"] = loss_of(half_of_the_history)

# %%
compared = pd.DataFrame(losses)
compared.assign(bookings_are_worth=compared["without bookings"] / compared["as it is"] - 1).round(3)

# %%
compared[list(losses)].plot.barh(figsize=(8, 3), title="Mean pinball loss by what the model was told (less is better)")
plt.show()

# %%
assert np.isfinite(table["pinball"]).all()
assert np.isfinite(compared).to_numpy().all()
reader.close()

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
# ## Change something: half of the history only
# What would the forecasts be worth had the center started recording later? Replace this cell by your own idea.

# %%
first = questions["origin"].min().to_pydatetime()
stays = history.known_at(first)["stays"]
middle = stays["start"].quantile(0.5)
frames = {name: frame for name, frame in reader.frames(center_id).items() if name != "headcounts"}
frames["stays"] = frames["stays"][frames["stays"]["start"] >= middle]
shorter = History(frames)
again = answer(shorter, questions, model=train(shorter, first))
truth_again = recorded_counts(history, again)
ours = ~answers["model"].str.startswith("baseline:")
loss = sum(pinball(q, again[f"q{q * 100:02.0f}"], truth_again) for q in (0.1, 0.5, 0.9)) / 3
print(f"pinball with all of the history {answers.loc[ours, 'loss'].mean():.3f}, with half of it {loss.mean():.3f}")

# %%
assert np.isfinite(table["pinball"]).all()
reader.close()

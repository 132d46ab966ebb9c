"""After the fact: error, coverage and drift of each count-only room, and what stands in for a model that got worse.

The rules of `forecasting.monitoring`, on the rows of a backtest or of answers kept with what came.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from forecasting.counts.baselines import NAMES
from forecasting.counts.scores import scored
from forecasting.counts.trained import MODEL_NAME
from forecasting.monitoring import BASELINE, OURS, Health, review


def health(table: pd.DataFrame, fallen_back: Collection[tuple[str, str]] = ()) -> list[Health]:
    """One per room and horizon; `table` as `backtest` makes it. `fallen_back`: (room, horizon) in which a baseline
    stands in at present."""
    rows = scored(table[table["model"].isin([MODEL_NAME, *NAMES])])
    ours = rows["model"] == MODEL_NAME
    rows = rows.assign(
        center_id=rows["site"], room_id=rows["room"], day=rows["target_time"].dt.date, n=1, loss=rows["pinball"],
        model=np.where(ours, OURS, BASELINE + rows["model"]), bias=rows["actual"] - rows["mean"],
        coverage=rows["covered"].astype(float),
    )  # fmt: skip
    measures = {"n": "sum", "loss": "mean", "coverage": "mean", "error": "mean", "bias": "mean"}
    daily = rows.groupby(["center_id", "room_id", "horizon", "day", "model"], as_index=False).agg(measures)
    return review(daily, fallen_back)


def served(table: pd.DataFrame, found: Sequence[Health]) -> pd.DataFrame:
    """The rows to show: the model's, or those of the baseline that stands in for it in that room and horizon."""
    stand_in = {(one.center_id, one.room_id, one.horizon): one.baseline for one in found if one.fallen_back}
    keys = zip(table["site"], table["room"], table["horizon"], strict=True)
    return table[table["model"] == [stand_in.get(key, MODEL_NAME) for key in keys]]

"""After release: error, coverage and drift per room, and the baseline in place of a model that got worse than it.

A room falls back when the model's loss was above the best baseline's over the days reviewed, surely so (paired by day),
and comes back as soon as it is no longer worse: two thresholds, so that it does not flicker. The user is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import pandas as pd

from forecasting.backtest import pinball
from forecasting.calibration import transforms
from forecasting.hazards import KNOTS, chances_of
from forecasting.history import History
from forecasting.model import Model
from forecasting.rehearsal import actual_counts
from forecasting.replay import DayReplay
from forecasting.rooms import placed, raw_pmf

FEWEST_DAYS = 5
SURE = 1.65  # standard errors by which a model must be worse before its baseline takes over
WEEK_FROM = timedelta(hours=12)
BASELINE = "baseline:"
OURS = "ours"


@dataclass(frozen=True)
class Health:
    """How a room's forecasts of one horizon did over the days reviewed."""

    center_id: str
    room_id: str
    horizon: str  # 15min, 30min, week
    days: int
    loss: float  # mean pinball loss of the model
    error: float  # mean absolute error of the model's median, children
    baseline: str  # the best baseline's name
    baseline_loss: float
    coverage: float  # share of outcomes inside the 80 % interval
    bias: float  # mean of actual less forecast, children
    drift: float  # the bias of the later half of the days less that of the earlier half
    fallen_back: bool

    @staticmethod
    def of(row: Mapping[Any, Any]) -> Health:
        """From a row of the warehouse's `forecast_health`."""
        return Health(**{name: row[name] for name in Health.__dataclass_fields__})

    @property
    def sentence(self) -> str:
        losses = f"{self.loss:.2f} (best plain rule: {self.baseline_loss:.2f})"
        what = f"{self.room_id}, {self.horizon} ahead: pinball loss {losses}"
        if self.fallen_back:
            return f"{what}; the plain rule '{self.baseline}' stands in until the model is better again"
        return f"{what}; {self.coverage:.0%} of outcomes inside the 80 % interval"


def daily_scores(answers: pd.DataFrame, truth: pd.Series, tz: tzinfo) -> pd.DataFrame:
    """Means per room, horizon, local day and model (all of ours are one, `ours`): columns of `forecast_scores`.

    `truth` is aligned with the answers: tables of the model and of baselines.
    """
    ahead = answers["target_time"] - answers["origin"]
    rows = answers.assign(
        horizon=[reviewed_as(one) for one in ahead], day=answers["target_time"].dt.tz_convert(tz).dt.date,
        model=answers["model"].where(answers["model"].str.startswith(BASELINE), OURS), n=1,
        loss=pinball(answers, truth), error=(truth - answers["q50"]).abs(), bias=truth - answers["mean"],
        coverage=((answers["q10"] <= truth) & (truth <= answers["q90"])).astype(float),
    )  # fmt: skip
    measures = {"n": "sum", "loss": "mean", "coverage": "mean", "error": "mean", "bias": "mean"}
    return rows.groupby(["center_id", "room_id", "horizon", "day", "model"], as_index=False).agg(measures)


def review(scores: pd.DataFrame, fallen_back: Collection[tuple[str, str]] = ()) -> list[Health]:
    """Health per room and horizon, from `daily_scores`.

    `fallen_back` are the (room_id, horizon) in which a baseline stands in at present.
    """
    result = []
    for key, group in scores.groupby(["center_id", "room_id", "horizon"]):
        center_id, room_id, horizon = (str(part) for part in tuple(key))
        daily = group.pivot_table(index="day", columns="model", values="loss")
        daily = daily.dropna(axis=1, thresh=-(-len(daily) // 2))  # a rule seen on few of the days proves nothing
        losses = {str(name): float(mean) for name, mean in daily.mean().items()}
        rules = sorted(set(losses) - {OURS}, key=lambda name: losses[name])
        if OURS not in losses or not rules:
            continue
        own = group[group["model"] == OURS].sort_values("day")
        mean = {name: float(np.average(own[name], weights=own["n"])) for name in ("coverage", "error", "bias")}
        half = len(own) // 2
        drift = float(own["bias"].iloc[half:].mean() - own["bias"].iloc[:half].mean()) if half else 0.0
        worse = _worse((daily[OURS] - daily[rules[0]]).dropna().to_numpy(), back=(room_id, horizon) in fallen_back)
        result.append(
            Health(
                center_id, room_id, horizon, len(own), losses[OURS], mean["error"], rules[0].removeprefix(BASELINE),
                losses[rules[0]], mean["coverage"], mean["bias"], drift, worse,
            )
        )  # fmt: skip
    return result


def reviewed_as(ahead: timedelta) -> str:
    """The horizon under which a forecast so far ahead is reviewed."""
    if ahead >= WEEK_FROM:
        return "week"
    return "15min" if ahead <= timedelta(minutes=20) else "30min"


def learned(model: Model, history: History, center_id: str, day: datetime) -> Model:
    """The model with its short calibration taught by one finished day (any instant of it): replayed as it became known,
    compared with what the record says now."""
    if model.short_calibration is None:
        return model
    replay = DayReplay(history, center_id, day)
    session = model.session(replay.known, replay.start, center_id)
    after = model.patterns(history.known_at(replay.end + timedelta(hours=12)), center_id)
    a, told = after.attendance, replay.start
    column, draw = (replay.date - a.days[0]).days, np.random.default_rng(column_seed(replay.midnight))
    calibration = model.short_calibration
    for minute in np.arange(a.opens, a.closes - 15, 20.0):
        now = replay.midnight + timedelta(minutes=float(minute))
        replay.tell(session, told, now)
        session.see(now, *replay.state(now))
        at = session.minute(now) + KNOTS
        chances = model.boost.corrected(chances_of(session, session.minute(now), at), KNOTS)
        pmf = raw_pmf(session, placed(session, chances, session.minute(now), at))
        actual = actual_counts(a, column, at, after.leaving.location[:, column])
        inside = at <= a.closes
        pit = transforms(pmf, actual, draw)[:, inside].ravel()
        calibration = calibration.seen(pit, np.tile(KNOTS[inside], len(pmf)), np.tile(at[inside], len(pmf)))
        told = now
    return replace(model, short_calibration=calibration)


def column_seed(day: datetime) -> int:
    """A seed of the day's own, so that learning from it twice gives the same."""
    return day.toordinal()


def _worse(difference: np.ndarray[tuple[int], np.dtype[np.float64]], *, back: bool) -> bool:
    """Whether the model is worse by day: surely so to fall back, at all to stay back."""
    if len(difference) < FEWEST_DAYS:
        return back
    mean = float(difference.mean())
    error = float(difference.std(ddof=1)) / np.sqrt(len(difference))
    return mean > 0 if back else mean > SURE * error

"""After release: error, coverage and drift per room, and the baseline in place of a model that got worse than it.

A room falls back when the model's loss was above the best baseline's over the days reviewed, surely so (paired by day),
and comes back as soon as it is no longer worse: two thresholds, so that it does not flicker. The user is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.errors import NotFound
from domain.time import as_utc, local_day
from forecasting.backtest import pinball
from forecasting.calibration import transforms
from forecasting.counting import padded_to
from forecasting.forecast import Forecast
from forecasting.hazards import KNOTS, chances_of
from forecasting.history import History, zone_of
from forecasting.model import Model
from forecasting.rehearsal import actual_counts
from forecasting.replay import DayReplay
from forecasting.rooms import placed, raw_pmf

FEWEST_DAYS = 5
SURE = 1.65  # standard errors by which a model must be worse before its baseline takes over
BASELINE = "baseline:"


@dataclass(frozen=True)
class Health:
    """How a room's forecasts of one horizon did over the days reviewed."""

    center_id: str
    room_id: str
    horizon: str
    days: int
    loss: float  # mean pinball loss of the model
    baseline: str  # the best baseline's name
    baseline_loss: float
    coverage: float  # share of outcomes inside the 80 % interval
    bias: float  # mean of actual less forecast, children
    drift: float  # the bias of the later half less that of the earlier half
    fallen_back: bool

    @property
    def sentence(self) -> str:
        what = (
            f"{self.room_id}, {self.horizon} ahead: error {self.loss:.2f} (best plain rule: {self.baseline_loss:.2f})"
        )
        if self.fallen_back:
            return f"{what}; the plain rule '{self.baseline}' stands in until the model is better again"
        return f"{what}; {self.coverage:.0%} of outcomes inside the 80 % interval"


def review(answers: pd.DataFrame, truth: pd.Series, fallen_back: Collection[tuple[str, str]] = ()) -> list[Health]:
    """Health per room and horizon, from forecast tables of the model and of baselines with what then was counted.

    `fallen_back` are the (room_id, horizon) in which a baseline stands in at present.
    """
    ahead = answers["target_time"] - answers["origin"]
    rows = answers.assign(
        horizon=answers["horizon"].where(ahead < pd.Timedelta(hours=12), "week"), actual=truth,
        loss=pinball(answers, truth), day=answers["target_time"].dt.date,
        rule=answers["model"].where(answers["model"].str.startswith(BASELINE), "ours"),
    )  # fmt: skip
    result = []
    for key, group in rows.groupby(["center_id", "room_id", "horizon"]):
        center_id, room_id, horizon = (str(part) for part in tuple(key))
        daily = group.pivot_table(index="day", columns="rule", values="loss")
        losses = {str(name): float(mean) for name, mean in daily.mean().items()}
        rules = sorted(set(losses) - {"ours"}, key=lambda name: losses[name])
        if "ours" not in losses or not rules:
            continue
        own = group[group["rule"] == "ours"].sort_values("target_time")
        error = (own["actual"] - own["mean"]).to_numpy()
        early, late = error[: len(error) // 2], error[len(error) // 2 :]
        inside = (own["q10"] <= own["actual"]) & (own["actual"] <= own["q90"])
        worse = _worse((daily["ours"] - daily[rules[0]]).to_numpy(), back=(room_id, horizon) in fallen_back)
        result.append(
            Health(
                center_id, room_id, horizon, len(daily), losses["ours"], rules[0].removeprefix(BASELINE),
                losses[rules[0]], float(inside.mean()), float(error.mean()),
                float(late.mean() - early.mean()) if len(early) else 0.0, worse,
            )
        )  # fmt: skip
    return result


def with_fallbacks(
    forecast: Forecast, baselines: Mapping[str, Forecast], health: Sequence[Health], horizon: str
) -> Forecast:
    """The forecast with the rooms fallen back taken from their baselines' (by rule name), and a note for each.

    Joint draws over rooms and the age bands stay the model's: a plain rule has neither.
    """
    rooms = {
        one.room_id: one
        for one in health
        if one.fallen_back and one.horizon == horizon and one.center_id == forecast.center_id
        and one.room_id in forecast.room_ids
    }  # fmt: skip
    if not rooms:
        return forecast
    for one in rooms.values():
        if one.baseline not in baselines:
            raise NotFound(f"room {one.room_id} falls back on '{one.baseline}', of which no forecast was given")
    size = max([forecast.pmf.shape[2], *(baselines[h.baseline].pmf.shape[2] for h in rooms.values())])
    pmf = padded_to(forecast.pmf, size).copy()
    for room, one in rooms.items():
        row = forecast.room_ids.index(room)
        pmf[row] = padded_to(baselines[one.baseline].pmf, size)[baselines[one.baseline].room_ids.index(room)]
    models = {room: f"{BASELINE}{one.baseline}" for room, one in rooms.items()}
    notes = (*forecast.notes, *(one.sentence for one in rooms.values()))
    return replace(forecast, pmf=pmf, room_models=models, notes=notes)


def learned(model: Model, history: History, center_id: str, day: datetime) -> Model:
    """The model with its short calibration taught by one finished day (any instant of it): replayed as it became known,
    compared with what the record says now."""
    if model.short_calibration is None:
        return model
    tz = zone_of(history.center(center_id))
    span = local_day(as_utc(day).astimezone(tz).date(), tz)
    replay = DayReplay(history, center_id, span.start)
    session = model.session(replay.known, replay.start, center_id)
    after = model.patterns(history.known_at(span.end + timedelta(hours=12)), center_id)
    a, told = after.attendance, replay.start
    column, draw = (span.start.astimezone(tz).date() - a.days[0]).days, np.random.default_rng(column_seed(span.start))
    calibration = model.short_calibration
    for minute in np.arange(a.opens, a.closes - 15, 20.0):
        now = span.start + timedelta(minutes=float(minute))
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

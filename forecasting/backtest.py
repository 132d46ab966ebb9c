"""Answers to questions about the past, each from what was known at its origin: the model's and the baselines'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from domain.errors import BadInput
from domain.time import SLOT_MINUTES, local_day
from forecasting import judging
from forecasting.attendance import Floats, attendance_of
from forecasting.baselines import Baseline, BaselineSession
from forecasting.center_day import center_day
from forecasting.forecast import TABLE_COLUMNS, Forecast
from forecasting.history import History, Known, zone_of
from forecasting.model import Model, one_center, train
from forecasting.replay import DayReplay
from forecasting.week import WEEK_DAYS

QUESTION_COLUMNS = ("center_id", "room_id", "origin", "target_time")
LEVELS = ("q10", "q50", "q90")


def answer(
    history: History,
    questions: pd.DataFrame,
    *,
    model: Model | None = None,
    retrain_weekly: bool = False,
    baselines: Sequence[str] = (),
    truth: Floats | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> pd.DataFrame:
    """One forecast row per question (and per baseline), in the order of the questions.

    Without a model one is trained on what was known before the earliest origin; `retrain_weekly` trains it again from
    the first origin of every later week. With `truth`, what was counted per question, the columns of `judging` follow
    those of a forecast. `progress` is told how many questions are answered.
    """
    asked = checked(questions)
    columns = [*TABLE_COLUMNS, *(() if truth is None else judging.COLUMNS)]
    if truth is not None:
        asked["actual"] = truth
    rows: list[pd.DataFrame] = []
    week: datetime | None = None
    done = 0
    for (center_id, day), group in _by_day(history, asked):
        first = group["origin"].min().to_pydatetime()
        if model is None or (retrain_weekly and (week is None or first >= week + timedelta(days=7))):
            model, week = train(history, first), first
        elif week is None:
            week = first
        if model.trained_until > first:
            raise BadInput(
                f"the model was trained on data until {model.trained_until.isoformat()}, after the origin "
                f"{first.isoformat()}; use one trained earlier or none"
            )
        rows += _answer_day(history, model, center_id, day, group, baselines)
        done += len(group)
        progress(done)
    if not rows:
        return pd.DataFrame(columns=columns)
    result = pd.concat(rows, ignore_index=True).sort_values(["question", "rank"], kind="stable", ignore_index=True)
    return result[columns]


def checked(questions: pd.DataFrame) -> pd.DataFrame:
    """The questions with aware UTC instants; BadInput names the row and column that is wrong."""
    missing = [name for name in QUESTION_COLUMNS if name not in questions]
    if missing:
        raise BadInput(
            f"the questions lack the column(s) {', '.join(missing)}; they need {', '.join(QUESTION_COLUMNS)}"
        )
    result = questions[list(QUESTION_COLUMNS)].reset_index(drop=True)
    for name in ("origin", "target_time"):
        times = pd.to_datetime(result[name], utc=True, errors="coerce", format="mixed")
        if times.isna().any():
            row = int(times.isna().to_numpy().argmax())
            raise BadInput(
                f"row {row + 2} of the questions: '{result[name].iloc[row]}' in {name} is no time; "
                "write it as 2026-03-02T14:00:00Z"
            )
        result[name] = times
    early = result["target_time"] < result["origin"]
    if early.any():
        raise BadInput(f"row {int(early.to_numpy().argmax()) + 2} of the questions: target_time lies before origin")
    return result


def rolling_questions(history: History, last: timedelta, center_id: str | None = None) -> pd.DataFrame:
    """Every room and slot of the opening hours of the last days: 15 and 30 minutes ahead, and 7 days from midnight."""
    rows = []
    newest = history.last_instant()
    if newest is None:
        raise BadInput("the history holds no stays, so nothing can be forecast; run `ratiocast ingest` and `build`")
    known = history.known_at(newest)
    for center in known.center_ids if center_id is None else [one_center(known, center_id)]:
        a = attendance_of(known, center)
        days = [day for day, is_open in zip(a.days, a.open_day, strict=True) if is_open]
        for day in [day for day in days if newest - local_day(day, a.tz).start <= last]:
            midnight = local_day(day, a.tz).start
            for minute in np.arange(a.opens, a.closes, SLOT_MINUTES):
                target = midnight + timedelta(minutes=float(minute))
                if target <= newest:
                    origins = (
                        target - timedelta(minutes=15),
                        target - timedelta(minutes=30),
                        midnight - timedelta(days=7),
                    )
                    rows += [(center, room, origin, target) for origin in origins for room in a.room_ids]
    return pd.DataFrame(rows, columns=list(QUESTION_COLUMNS))


def recorded_counts(history: History, answers: pd.DataFrame) -> pd.Series:
    """What the record says today of each answer's room and target time; a child never checked out left at closing."""
    newest = history.last_instant()
    result = pd.Series(0.0, index=answers.index)
    if newest is None:
        return result
    known = history.known_at(newest)
    for center_id, group in answers.groupby("center_id"):
        session = BaselineSession("last", attendance_of(known, str(center_id)))
        counts: dict[pd.Timestamp, Floats] = {}
        rank = {room: n for n, room in enumerate(session.attendance.room_ids)}
        for index, room, target in zip(group.index, group["room_id"], group["target_time"], strict=True):
            if target not in counts:
                counts[target] = session.counts_at(_instant(target))
            result[index] = counts[target][rank[room]]
    return result


def scores(answers: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    """Per horizon and model: n, MAE of the median, mean pinball loss over 0.1, 0.5 and 0.9, share inside q10..q90.

    Of judged answers also `whole80`, the share inside the whole-number interval of 80 %, `mass80`, what that interval
    promised, and `pit80`, the share of transforms in [0.1, 0.9], which whole numbers do not blur.
    """
    loss = pinball(answers, truth)
    ahead = answers["target_time"] - answers["origin"]
    horizon = answers["horizon"].where(ahead < pd.Timedelta(hours=12), "7d")
    rows = []
    groups: dict[Any, pd.Index] = dict(answers.groupby([horizon, "model"]).groups)
    for (when, name), index in groups.items():
        own, actual = answers.loc[index], truth.loc[index]
        inside = (own["q10"] <= actual) & (actual <= own["q90"])
        rows.append(
            {"horizon": when, "model": name, "n": len(own), "mae": float((own["q50"] - actual).abs().mean()),
             "pinball": float(loss.loc[index].mean()), "cov80": float(inside.mean())}
            | (_whole_numbers(own) if "below" in own else {})
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values(["horizon", "pinball"], ignore_index=True)


def _whole_numbers(own: pd.DataFrame) -> dict[str, float]:
    inside = (own["low80"] <= own["actual"]) & (own["actual"] <= own["high80"])
    transforms = judging.transform_share(own["below"].to_numpy(), own["upto"].to_numpy(), 0.1, 0.9)
    return {"whole80": float(inside.mean()), "mass80": float(own["mass80"].mean()), "pit80": float(transforms.mean())}


def compared(history: History, answers: pd.DataFrame) -> pd.DataFrame:
    """Judged answers as the rows that `forecasting.counts` tests and draws: `site` is the center, `ratiocast` any model
    of ours, `target_time` the center's wall clock, `error` and `pinball` per row.
    """
    ahead = answers["target_time"] - answers["origin"]
    ours = ~answers["model"].str.startswith("baseline:")
    zones = {str(center): zone_of(history.center(str(center))) for center in answers["center_id"].unique()}
    local = [
        at.tz_convert(zones[c]).tz_localize(None)
        for c, at in zip(answers["center_id"], answers["target_time"], strict=True)
    ]
    return answers.assign(
        site=answers["center_id"], model=answers["model"].mask(ours, "ratiocast"), target_time=pd.to_datetime(local),
        horizon=answers["horizon"].where(ahead < pd.Timedelta(hours=12), "7d"),
        error=(answers["q50"] - answers["actual"]).abs(), pinball=pinball(answers, answers["actual"]),
    )  # fmt: skip


def pinball(answers: pd.DataFrame, truth: pd.Series) -> pd.Series:
    """Mean pinball loss over 0.1, 0.5 and 0.9 of every answer."""
    losses = []
    for name in LEVELS:
        level, error = int(name[1:]) / 100, truth - answers[name]
        losses.append(np.maximum(level * error, (level - 1) * error))
    return pd.Series(sum(losses) / len(LEVELS), index=answers.index)


def _by_day(history: History, asked: pd.DataFrame) -> list[tuple[tuple[str, datetime], pd.DataFrame]]:
    """Questions by center and the center's day of their origin, in order of time; the key holds its first instant."""
    centers = {c: history.center(c) for c in asked["center_id"].unique()}
    starts = [
        center_day(centers[c], _instant(at)).span.start
        for c, at in zip(asked["center_id"], asked["origin"], strict=True)
    ]
    groups = asked.assign(day=starts).groupby(["center_id", "day"])
    return sorted((((str(c), _instant(d)), g) for (c, d), g in groups), key=lambda item: (item[0][1], item[0][0]))


def _answer_day(
    history: History, model: Model, center_id: str, day: datetime, group: pd.DataFrame, baselines: Sequence[str]
) -> list[pd.DataFrame]:
    """All questions of one center whose origins lie in one local day."""
    rows: list[pd.DataFrame] = []
    ahead = group["target_time"] - group["origin"]
    same_day = (group["target_time"] < day + timedelta(hours=30)) & (ahead <= pd.Timedelta(hours=12))
    if same_day.any():
        replay = DayReplay(history, center_id, day)
        session = model.session(replay.known, replay.start, center_id)
        others = _sessions(baselines, replay.known, center_id, 0)
        told = replay.start
        for origin, asked in group[same_day].groupby("origin"):
            now = _instant(origin)
            replay.tell(session, told, now)
            present, left = replay.state(now)
            times = sorted({_instant(at) for at in asked["target_time"]})
            rows.append(_rows(session.refresh(now, present, times, left), asked, 0))
            rows += [_rows(other.refresh(now, present, times), asked, n + 1) for n, other in enumerate(others)]
            told = now
    for origin, asked in group[~same_day].groupby("origin"):
        now = _instant(origin)
        known = history.known_at(now)
        times = sorted({_instant(at) for at in asked["target_time"]})
        rows.append(_rows(model.forecast_week(known, now, times, center_id), asked, 0))
        others = _sessions(baselines, known, center_id, WEEK_DAYS + 1)
        rows += [_rows(other.refresh(now, (), times), asked, n + 1) for n, other in enumerate(others)]
    return rows


def _sessions(names: Sequence[str], known: Known, center_id: str, ahead: int) -> list[BaselineSession]:
    """Baselines on one center's day; they share its arrays."""
    if not names:
        return []
    attendance = attendance_of(known, center_id, ahead)
    return [BaselineSession(Baseline(name).name, attendance) for name in names]


def _rows(forecast: Forecast, asked: pd.DataFrame, rank: int) -> pd.DataFrame:
    """The forecast's rows for the questions, with the question's number."""
    unknown = sorted(set(asked["room_id"]) - set(forecast.room_ids))
    if unknown:
        raise BadInput(f"the questions name room '{unknown[0]}', which center '{forecast.center_id}' does not have")
    rooms = {room_id: n for n, room_id in enumerate(forecast.room_ids)}
    times = {pd.Timestamp(at): n for n, at in enumerate(forecast.times)}
    room = np.array([rooms[room_id] for room_id in asked["room_id"]], dtype=np.int64)
    time = np.array([times[at] for at in asked["target_time"]], dtype=np.int64)
    rows = forecast.rows(room, time)
    if "actual" in asked:
        rows = rows.join(judging.judged(forecast.pmf[room, time], asked["actual"].to_numpy()))
    return rows.assign(question=asked.index.to_numpy(), rank=rank)


def _instant(value: object) -> datetime:
    result: datetime = pd.Timestamp(value).to_pydatetime()  # type: ignore[arg-type]
    return result

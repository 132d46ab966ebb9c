"""Review: what was forecast against what happened, per room and horizon, once each local day is over.

Each forecast run keeps the model's answers and the plain rules' for some targets (`forecast_answers`). When their day
is over they become a day's scores (`forecast_scores`), and four weeks of scores a room's health (`forecast_health`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd

from domain.errors import UnknownRule
from domain.places import Center
from domain.time import local_instant, zone
from flows.choices import NOTHING_CHOSEN, Choices
from flows.demand import Law, asked_of
from flows.rows import room_of
from flows.train import history_of
from forecasting import Forecast, Known, Model
from forecasting.backtest import recorded_counts
from forecasting.baselines import NAMES
from forecasting.fallbacks import plain_sessions, with_fallbacks
from forecasting.gap_review import taught_gaps
from forecasting.gaps import Required
from forecasting.model import whereabouts
from forecasting.monitoring import Health, daily_scores, learned, review, reviewed_as
from forecasting.week import WEEK_DAYS
from storage.warehouse import Warehouse

REVIEW_DAYS = 28
WEEK_LEADS = (1, 7)  # days ahead for which answers of a week's forecast are kept, at even hours, from a day's first run
TAUGHT_CENTERS = 20  # a day: the calibration is one for all centers, and these fill its memory
_MARK = "reviewed through"


def health_of(warehouse: Warehouse, center_id: str) -> list[Health]:
    """As of the last review; empty before the first one."""
    return [Health.of(row) for row in warehouse.rows("SELECT * FROM forecast_health WHERE center_id = ?", [center_id])]


def review_center(warehouse: Warehouse, center: Center, now: datetime) -> list[Health]:
    """The health in force, from new scores if a day has ended since the last review. One transaction."""
    center_id, today = center.center_id, center.local(now).date()
    before = health_of(warehouse, center_id)
    through = (today - timedelta(days=1)).isoformat()
    if warehouse.mark(center_id, _MARK) == through:
        return before
    midnight = local_instant(today, time(0), zone(center.timezone))
    with warehouse.transaction():
        warehouse.put("forecast_scores", _scores(warehouse, center, midnight))
        warehouse.run("DELETE FROM forecast_answers WHERE center_id = ? AND target_time < ?", [center_id, midnight])
        since = today - timedelta(days=REVIEW_DAYS)
        warehouse.run("DELETE FROM forecast_scores WHERE center_id = ? AND day < ?", [center_id, since])
        fallen = {(one.room_id, one.horizon) for one in before if one.fallen_back}
        health = review(warehouse.frame("forecast_scores", center_id), fallen)
        _keep_health(warehouse, center_id, health, now)
        warehouse.set_mark(center_id, _MARK, through)
    return health


def checked_forecast(
    warehouse: Warehouse, known: Known, center: Center, made: Forecast, health: Sequence[Health], kind: str
) -> Forecast:
    """Keep answers of a forecast just made, and put the plain rules in the place of the rooms fallen back."""
    kept = _kept_times(warehouse, center, made, kind)
    asked = {reviewed_as(at - made.origin) for at in made.times}
    fallen = sorted({one.baseline for one in health if one.fallen_back and one.horizon in asked})
    if not kept and not fallen:
        return made
    names = NAMES if kept else fallen
    rules = plain_sessions(known, center.center_id, names, WEEK_DAYS + 1 if kind == "week" else 0)
    present = () if kind == "week" else whereabouts(known, made.origin, center.center_id)[0]
    if kept:
        answers = [made.table(), *(rule.refresh(made.origin, present, kept).table() for rule in rules.values())]
        rows = pd.concat([table[table["target_time"].isin(kept)] for table in answers])
        warehouse.add_new("forecast_answers", rows.assign(kind=kind))
    plain = {name: rules[name].refresh(made.origin, present, made.times) for name in fallen}
    return with_fallbacks(made, plain, health)


def taught(model: Model, warehouse: Warehouse, centers: Sequence[Center], choices: Choices, now: datetime) -> Model:
    """The model with its calibration and its odds of a gap taught by the days over since it was trained; the card says
    which (`taught`)."""
    days: dict[str, str] = dict(model.card.get("taught", {}))
    for center in _whose_turn(centers, now):
        yesterday = center.local(now - timedelta(hours=12)).date() - timedelta(
            days=1
        )  # a day is whole at noon after it
        last = days.get(center.center_id, center.local(model.trained_until).date().isoformat())
        if yesterday.isoformat() <= last or yesterday.isoweekday() not in center.open_weekdays:
            continue
        noon = local_instant(yesterday, time(12), zone(center.timezone))
        history, law = history_of(warehouse, center.center_id), law_of(warehouse, center, choices)
        model = learned(model, history, center.center_id, noon)
        with suppress(UnknownRule):  # without rules there is no gap to learn of
            model = taught_gaps(model, history, center.center_id, noon, law)
        days[center.center_id] = yesterday.isoformat()
        model = replace(model, card={**model.card, "taught": days})
    return model


def law_of(warehouse: Warehouse, center: Center, choices: Choices) -> Required:
    """What the rules a center has chosen ask of each of its rooms."""
    rooms = warehouse.rows("SELECT * FROM rooms WHERE center_id = ? ORDER BY room_id", [center.center_id])
    return asked_of(Law(center, choices.get(center.center_id, NOTHING_CHOSEN)), [room_of(row) for row in rooms])


def _whose_turn(centers: Sequence[Center], now: datetime) -> Sequence[Center]:
    """All of few centers; of many some each day, in turn."""
    if len(centers) <= TAUGHT_CENTERS:
        return centers
    first = now.toordinal() * TAUGHT_CENTERS % len(centers)
    return [*centers[first:], *centers[:first]][:TAUGHT_CENTERS]


def _kept_times(warehouse: Warehouse, center: Center, made: Forecast, kind: str) -> list[datetime]:
    """The targets whose answers are reviewed: those of the opening hours; of a week few, from the day's first run."""
    if kind != "week":
        return [at for at in made.times if _is_open(center, at)]
    today = center.local(made.origin).date()
    since = local_instant(today, time(0), zone(center.timezone))
    there = warehouse.rows(
        "SELECT 1 FROM forecast_answers WHERE center_id = ? AND kind = 'week' AND origin >= ? AND origin < ? LIMIT 1",
        [center.center_id, since, made.origin],
    )
    return (
        [] if there else [at for at in made.times if _is_open(center, at) and _is_week_target(center.local(at), today)]
    )


def _is_week_target(at: datetime, today: date) -> bool:
    return at.minute == 0 and at.hour % 2 == 0 and (at.date() - today).days in WEEK_LEADS


def _is_open(center: Center, at: datetime) -> bool:
    opening = center.opening(center.local(at).date())
    return opening is not None and opening.start <= at < opening.end


def _scores(warehouse: Warehouse, center: Center, midnight: datetime) -> pd.DataFrame | list[dict[str, Any]]:
    """Of the answers whose day is over; rooms the center has no more are left out."""
    answers = warehouse.frame("forecast_answers", center.center_id)
    history = history_of(warehouse, center.center_id)
    rooms = set(warehouse.frame("rooms", center.center_id)["room_id"])
    over = (answers["target_time"] < midnight) & answers["room_id"].isin(rooms)
    answers = answers[over].reset_index(drop=True)
    return daily_scores(answers, recorded_counts(history, answers), zone(center.timezone)) if len(answers) else []


def _keep_health(warehouse: Warehouse, center_id: str, health: Sequence[Health], now: datetime) -> None:
    found = warehouse.rows(
        "SELECT room_id, horizon, fallen_back_since FROM forecast_health WHERE center_id = ? AND fallen_back",
        [center_id],
    )
    since = {(row["room_id"], row["horizon"]): row["fallen_back_since"] for row in found}
    rows = [
        {name: getattr(one, name) for name in Health.__dataclass_fields__}
        | {
            "reviewed_at": now,
            "fallen_back_since": since.get((one.room_id, one.horizon), now) if one.fallen_back else None,
            "sentence": one.sentence,
        }
        for one in health
    ]
    warehouse.replace("forecast_health", {"center_id": center_id}, rows)

"""How good the forecasts are: error, range and drift per room of the last weeks, and where a plain rule stands in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from markupsafe import Markup

from api.console.frame import Visit, Visiting
from domain.errors import StoreError
from reports.charts import lines
from storage.reader import open_reader

router = APIRouter(prefix="/reports")
Reader = Annotated[Visit, Depends(Visiting("forecasts.read"))]
HORIZONS = {"15min": "15 minutes ahead", "30min": "30 minutes ahead", "week": "days ahead"}
OURS = "ours"
_PROMISED, _SLACK = 0.8, 0.1  # of outcomes inside the interval, and how far off that may be without a word
_DRIFT = 0.5  # children, from which a drift is mentioned


@dataclass(frozen=True, slots=True)
class RoomHealth:
    """One room and horizon. `better`: by how many percent its loss is below the best plain rule's; negative: worse."""

    room: str
    error: float
    coverage: float
    better: float
    drift: float
    days: int
    stands_in: str


@dataclass(frozen=True, slots=True)
class HorizonHealth:
    title: str
    sentences: tuple[str, ...]
    rooms: tuple[RoomHealth, ...]
    picture: Markup


@router.get("/forecasts")
async def forecasts(visit: Reader) -> Response:
    health, scores = await asyncio.to_thread(_read, visit)
    found = [_horizon(visit, name, health, scores) for name in HORIZONS if (health["horizon"] == name).any()]
    reviewed = visit.local(health["reviewed_at"].max().to_pydatetime()) if len(health) else None
    return visit.page("reports/forecasts.html", found=found, reviewed=reviewed)


def _read(visit: Visit) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Health and daily scores of the center; both without rows where nothing is published."""
    center_id = visit.center.center_id
    try:
        with open_reader(visit.service.settings.data_dir) as reader:
            return reader.frame("forecast_health", center_id), reader.frame("forecast_scores", center_id)
    except StoreError:
        return pd.DataFrame({"horizon": []}), pd.DataFrame({"horizon": []})


def _horizon(visit: Visit, name: str, health: pd.DataFrame, scores: pd.DataFrame) -> HorizonHealth:
    mine = health[health["horizon"] == name]
    rooms = tuple(
        RoomHealth(
            visit.center.facts.room_name(row["room_id"]), row["error"], row["coverage"],
            100 * (1 - row["loss"] / row["baseline_loss"]) if row["baseline_loss"] else 0.0, row["drift"], row["days"],
            RULE_WORDS.get(row["baseline"], row["baseline"]) if row["fallen_back"] else "",
        )
        for row in mine.to_dict("records")
    )  # fmt: skip
    daily = scores[scores["horizon"] == name]
    return HorizonHealth(HORIZONS[name], tuple(_sentences(rooms)), rooms, _picture(name, daily))


RULE_WORDS = {
    "last": "as many as now", "change": "as now, with the usual change", "weekday": "as last week at this time",
    "mean4": "the mean of the last four weeks", "bookings": "as booked",
}  # fmt: skip


def _sentences(rooms: Sequence[RoomHealth]) -> list[str]:
    """What a director needs to know, the worst last."""
    error, inside = (sum(values) / len(rooms) for values in zip(*((r.error, r.coverage) for r in rooms), strict=True))
    said = [f"On average the forecast is off by {error:.1f} children; {inside:.0%} of the outcomes were in its range."]
    better = [room for room in rooms if room.better > 0]
    said.append(f"It beats the best plain rule in {len(better)} of {len(rooms)} rooms.")
    for room in rooms:
        if room.stands_in:
            said.append(f"{room.room}: a plain rule stands in ({room.stands_in}), because the model did worse.")
        elif room.coverage < _PROMISED - _SLACK:
            said.append(f"{room.room}: the range is too narrow, {room.coverage:.0%} instead of 80 %.")
        if abs(room.drift) >= _DRIFT:
            more = "more" if room.drift > 0 else "fewer"
            said.append(f"{room.room}: of late {abs(room.drift):.1f} {more} children come than forecast.")
    return said


def _picture(name: str, daily: pd.DataFrame) -> Markup:
    """Mean error in children per day, beside the plain rules' best."""
    days = sorted(set(daily["day"]))
    means = daily.groupby(["model", "day"])["error"].mean()
    rules = [model for model in means.index.unique("model") if model != OURS]
    best = min(rules, key=lambda model: (means[model].mean(), model), default=None)
    series = {words: [means.get((model, day)) for day in days]
              for model, words in ((OURS, "forecast"), (best, "best plain rule")) if model is not None}  # fmt: skip
    labels = [f"{day:%-d %b}" for day in days]
    return Markup(lines(labels, series, f"Mean error per day, {HORIZONS[name]}"))  # noqa: S704  our own SVG

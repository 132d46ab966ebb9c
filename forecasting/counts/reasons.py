"""Why a forecast is what it is, in words: the persons that each kind of evidence adds or takes away."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from forecasting.counts.grid import Floats
from forecasting.counts.learners import Values
from forecasting.counts.model import Design, HorizonModel, alive

_EARLIER = "the same time in earlier weeks"
_FAMILIES = (
    (r"(term|semester)(_|$)", "the term"),
    (r"(holiday|closed|closure|vacation)(_|$)", "days off"),
    (r"weather_", "the weather"),
    (r"(site|room\d)", "the other rooms"),
    (r"(count|step|mean|surprise|silence)_?\d*|surprise_mean|silence|drifted|path", "the last counts"),
    (r"change_", "the usual change at this time"),
    (r"level_", "how full the last days were"),
    (r"(ordinary_)?day_(\d|mean)", "the days before"),
    (r"(slot|weekday|day_of_year|room|size)$", "the time of day and year"),
)
_LEAST_PERSONS = 0.5  # what adds less is not worth a word
_MOST_NAMED = 3


def reasons(model: HorizonModel, design: Design) -> pd.DataFrame:
    """One row per example and room, in their order: `usual` (persons at this time in earlier weeks), `adds` (persons by
    kind of evidence; with `usual` they add up to the middle of the raw forecast) and `words`."""
    usual = _usual(design.values)
    families: Values = {}
    for name, part in model.contributions(design).items():
        family = family_of(name)
        families[family] = families.get(family, np.zeros_like(part)) + part
    families[family_of(model.learned[0].spec.base)] -= usual  # all start from one kind of evidence, not from the usual
    open_now = alive(design.values).ravel()
    rows = []
    for k, middle in enumerate(usual.ravel()):
        adds = {family: float(part.ravel()[k]) for family, part in families.items()} if open_now[k] else {}
        rows.append({"usual": middle, "adds": adds, "words": _sentence(middle, adds, is_open=bool(open_now[k]))})
    return pd.DataFrame(rows)


def family_of(feature: str) -> str:
    """The kind of evidence a feature stands for, in words."""
    return next((words for pattern, words in _FAMILIES if re.match(pattern, feature)), _EARLIER)


def _usual(values: Values) -> Floats:
    usual = values["week_mean_8"]
    for name in ("day_mean_7", "count_0"):
        if name in values:
            usual = np.where(np.isnan(usual), values[name], usual)
    return np.nan_to_num(usual)


def _sentence(usual: float, adds: dict[str, float], *, is_open: bool) -> str:
    if not is_open:
        return "no sign that the room is used at this time"
    said = sorted(((abs(by), by, family) for family, by in adds.items() if abs(by) >= _LEAST_PERSONS), reverse=True)
    start = f"usually {usual:.0f} at this time"
    return "; ".join([start, *(f"{by:+.0f} by {family}" for _, by, family in said[:_MOST_NAMED])])

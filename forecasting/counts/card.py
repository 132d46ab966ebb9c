"""The model card of a count model: what it was made from and how well it did, stored with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from forecasting.counts.baselines import LEVELS, baselines, open_slots
from forecasting.counts.features import Features
from forecasting.counts.grid import CountGrid, Floats, Horizon
from forecasting.counts.learners import RAW_LEVELS
from forecasting.counts.model import Design, HorizonModel
from forecasting.counts.scores import pinball


def site_card(grid: CountGrid) -> dict[str, Any]:
    known = ~np.isnan(grid.counts).all(axis=1)
    first, last = (grid.times[np.flatnonzero(known)[k]].isoformat() for k in (0, -1))
    return {
        "first_count": first, "last_count": last, "rooms": list(grid.rooms), "minutes": grid.minutes,
        "counts": int((~np.isnan(grid.counts)).sum()), "calendar": sorted(grid.calendar),
        "weather": sorted(grid.weather),
    }  # fmt: skip


def model_card(model: HorizonModel | None, scores: dict[str, Any]) -> dict[str, Any]:
    if model is None:
        return {"note": "too little history: a simple forecast stands in"}
    return {
        "learners": [asdict(one.spec) | {"features": one.names} for one in model.learned],
        "drivers": {name: round(share, 3) for name, share in model.drivers()},
        "scores": scores,
    }


def rehearsal_scores(features: Features, span: Horizon, asked: Design, raw: Floats) -> dict[str, Any]:
    """Mean pinball loss and error on weeks the scored model did not see, beside the best baseline's; open slots."""
    grid, first = features.grid, int(asked.pairs.target[0])
    end = int(asked.pairs.target[-1]) + 1
    scored = (open_slots(grid, first)[asked.pairs.target] > 0) & ~np.isnan(asked.actual)
    if not scored.any():
        return {}
    middles = [LEVELS.index(level) for level in RAW_LEVELS]
    others = {name: found[..., middles] for name, found in baselines(grid, features, span, first, end).items()}
    for found in others.values():
        scored &= ~np.isnan(found[..., 1])
    losses = {name: _loss(asked.actual[scored], found[scored]) for name, found in others.items()}
    best = min(losses, key=lambda name: losses[name])
    return {
        "first": grid.times[first].isoformat(), "last": grid.times[end - 1].isoformat(), "n": int(scored.sum()),
        "pinball": round(_loss(asked.actual[scored], raw[scored]), 3),
        "mae": round(float(np.abs(asked.actual - raw[..., 1])[scored].mean()), 3),
        "best_baseline": best, "best_baseline_pinball": round(losses[best], 3),
    }  # fmt: skip


def _loss(actual: Floats, quantiles: Floats) -> float:
    return float(np.mean([pinball(actual, quantiles[..., k], level) for k, level in enumerate(RAW_LEVELS)]))

"""Model cards: what a model was made from and how well it did, stored with its artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.attendance import Attendance
from forecasting.code_version import code_version
from forecasting.hazards import COMING_FEATURES, LEAVING_FEATURES
from forecasting.patterns import Parameters
from forecasting.showup import FEATURES


def card_of(centers: Sequence[Attendance], parameters: Parameters, scores: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON: data window, features, scores on rehearsed days, code version. No child or adult is named."""
    days = [a.days[n] for a in centers for n in np.flatnonzero(a.open_day[: a.future])]
    return {
        "purpose": "headcounts per room: the next hour and the next two weeks, with counted adults",
        "data": {
            "first_day": min(days).isoformat() if days else None,
            "last_day": max(days).isoformat() if days else None,
            "centers": [a.center_id for a in centers],
            "open_days": len(days),
            "rooms": sum(len(a.room_ids) for a in centers),
            "children": sum(len(set(a.child_ids)) for a in centers),
            "visits": int(sum(a.present.sum() for a in centers)),
        },
        "features": {
            "show_up": [*FEATURES, *parameters.show_up.weather],
            "leaving": list(LEAVING_FEATURES),
            "coming": list(COMING_FEATURES),
        },
        "learnt": {
            "half_life_days": {
                "coming": parameters.coming.half_life_days,
                "leaving": parameters.leaving.half_life_days,
            },
            "carry_over": parameters.carry_over,
            "siblings_together": parameters.together,
            "usual_show_up": parameters.show_up.usual_rate,
        },
        "scores": dict(scores),
        "code": code_version("forecasting", Path(__file__).parent),
    }

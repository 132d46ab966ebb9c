"""Training, forecasting, saving: one model across centers; a center's own habits are read from what is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from domain.errors import BadInput, NotFound, StoreError
from domain.time import as_utc, format_instant
from forecasting.attendance import Attendance, attendance_of
from forecasting.boost import Boost, train_boost
from forecasting.calibration import SHORT_AHEAD, Calibration
from forecasting.forecast import Forecast
from forecasting.habits import Learning
from forecasting.history import History, Known
from forecasting.patterns import Parameters, patterns_of, train_parameters
from forecasting.rehearsal import calibrate_short, calibrate_week, rehearse
from forecasting.session import Present, Session
from forecasting.shape import Shape
from forecasting.showup import ShowUp
from forecasting.week import WEEK_DAYS, week_forecast, week_times

FORMAT = 1
ARRAYS = ("coming_cdf", "coming_pdf", "leaving_cdf", "leaving_pdf", "untold", "short_calibration", "week_calibration")


@dataclass(frozen=True)
class Model:
    """Everything learnt; forecasts need it and what is known at their origin, nothing else."""

    parameters: Parameters
    trained_until: datetime
    card: dict[str, Any] = field(default_factory=dict)
    boost: Boost = field(default_factory=lambda: Boost(None, None))
    short_calibration: Calibration | None = None
    week_calibration: Calibration | None = None

    def session(self, known: Known, day: datetime | None = None, center_id: str | None = None) -> Session:
        """One center's day for the live loop; build it once a day from what is known, then `refresh` at every event.

        `day` is any instant of the day meant (default: the origin of what is known); it may not lie before it.
        """
        now = known.origin if day is None else as_utc(day)
        known.require(now)
        a = self._attendance(known, now, center_id, 0)
        how = self.parameters
        patterns = patterns_of(known, a, how.coming, how.leaving, how.carry_over)
        return Session(how, patterns, self.boost, self.short_calibration, notes=_notes(a))

    def forecast_short(
        self, known: Known, now: datetime, times: Sequence[datetime] | None = None, center_id: str | None = None
    ) -> Forecast:
        """Every 5 minutes out to 60 (or `times` of the same day), from who is recorded present at `now`."""
        return self.session(known, now, center_id).refresh(now, present_of(known, now, center_id), times)

    def forecast_week(
        self, known: Known, now: datetime, times: Sequence[datetime] | None = None, center_id: str | None = None
    ) -> Forecast:
        """Every 15 minutes of the opening hours of the next 14 days (or at `times`)."""
        known.require(now)
        furthest = WEEK_DAYS + 1 if times is None else max([1, *((as_utc(t) - as_utc(now)).days + 2 for t in times)])
        a = self._attendance(known, now, center_id, min(furthest, 60))
        how = self.parameters
        patterns = patterns_of(known, a, how.coming, how.leaving, how.carry_over)
        session = Session(how, patterns, self.boost, self.short_calibration, notes=_notes(a))
        return week_forecast(
            how, patterns, now, week_times(a, as_utc(now)) if times is None else times,
            lambda instants: session.refresh(now, present_of(known, now, center_id), instants),
            self.week_calibration, _notes(a),
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write the artifact: parameters and card as JSON, arrays as npz, the booster as LightGBM's text."""
        folder.mkdir(parents=True, exist_ok=True)
        p = self.parameters
        values = (
            p.coming_shape.cdf_values, p.coming_shape.pdf_values, p.leaving_shape.cdf_values,
            p.leaving_shape.pdf_values, p.show_up.untold,
            None if self.short_calibration is None else self.short_calibration.counts,
            None if self.week_calibration is None else self.week_calibration.counts,
        )  # fmt: skip
        arrays: dict[str, Any] = {name: v for name, v in zip(ARRAYS, values, strict=True) if v is not None}
        np.savez(folder / "arrays.npz", **arrays)
        boosters = {"show_up": p.show_up.booster, "leaving": self.boost.leaving, "coming": self.boost.coming}
        for name, booster in boosters.items():
            if booster is not None:
                booster.save_model(folder / f"{name}.txt")
        show_up = {
            name: getattr(p.show_up, name) for name in ("usual_rate", "told_comes", "center_shock", "room_shock")
        }
        document = {
            "format": FORMAT, "trained_until": format_instant(self.trained_until), "coming": asdict(p.coming),
            "leaving": asdict(p.leaving), "carry_over": p.carry_over, "together": p.together, "show_up": show_up,
            "boosters": sorted(name for name, booster in boosters.items() if booster is not None), "card": self.card,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(document, indent=2, sort_keys=True))

    @staticmethod
    def load(folder: Path) -> Model:
        """The model saved in a folder; StoreError when it is not one or of another format."""
        try:
            document = json.loads((folder / "model.json").read_text())
            with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            boosters = {name: lgb.Booster(model_file=folder / f"{name}.txt") for name in document["boosters"]}
        except (OSError, ValueError, KeyError, lgb.basic.LightGBMError) as error:
            raise StoreError(f"no readable model in {folder}: {error}; run `ratiocast train`") from error
        if document["format"] != FORMAT:
            raise StoreError(
                f"the model in {folder} has format {document['format']}, not {FORMAT}; run `ratiocast train`"
            )
        parameters = Parameters(
            Learning(**document["coming"]), Learning(**document["leaving"]), document["carry_over"],
            Shape(arrays["coming_cdf"], arrays["coming_pdf"]), Shape(arrays["leaving_cdf"], arrays["leaving_pdf"]),
            ShowUp(booster=boosters.get("show_up"), untold=arrays["untold"], **document["show_up"]),
            document["together"],
        )  # fmt: skip
        return Model(
            parameters, datetime.fromisoformat(document["trained_until"]), document["card"],
            Boost(boosters.get("leaving"), boosters.get("coming")),
            Calibration(SHORT_AHEAD, arrays["short_calibration"]) if "short_calibration" in arrays else None,
            Calibration((0.0,), arrays["week_calibration"]) if "week_calibration" in arrays else None,
        )  # fmt: skip

    def _attendance(self, known: Known, now: datetime, center_id: str | None, ahead: int) -> Attendance:
        return attendance_of(
            Known(now, {name: known[name] for name in known.names}), one_center(known, center_id), ahead
        )


def train(history: History, until: datetime) -> Model:
    """One model over all centers of the history, from what was known at `until`. Deterministic."""
    known = history.known_at(until)
    centers = [attendance_of(known, center_id) for center_id in known.center_ids]
    parameters, patterns = train_parameters(known, centers)
    boost = train_boost(list(rehearse(parameters, patterns)))
    short, week = calibrate_short(parameters, patterns, boost), calibrate_week(parameters, patterns)
    return Model(parameters, as_utc(until), boost=boost, short_calibration=short, week_calibration=week)


def present_of(known: Known, now: datetime, center_id: str | None = None) -> list[Present]:
    """Who is recorded as present at `now`, of those who came on the same day: (child, room, since)."""
    stays = known.of(one_center(known, center_id))["stays"]
    open_ = stays[stays["end"].isna() & (stays["start"] > now - timedelta(hours=16)) & (stays["start"] <= now)]
    return [
        (str(child), str(room), start.to_pydatetime())
        for child, room, start in zip(open_["child_id"], open_["room_id"], open_["start"], strict=True)
    ]


def one_center(known: Known, center_id: str | None) -> str:
    """The center meant; raises when it is unknown or when there are several and none is named."""
    ids = known.center_ids
    if center_id is None and len(ids) != 1:
        raise BadInput(f"the history holds {len(ids)} centers; name one: center_id=...")
    if center_id is not None and center_id not in ids:
        raise NotFound(f"the history has no center '{center_id}'; it has {', '.join(ids[:20])}")
    return center_id or ids[0]


def _notes(a: Attendance) -> tuple[str, ...]:
    seen = int((a.open_day[: a.future]).sum())
    if seen >= 20:
        return ()
    return (f"only {seen} open days are known of this center: intervals are wide and lean on other centers",)

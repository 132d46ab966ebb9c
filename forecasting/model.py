"""Training, forecasting, saving: one model across centers; a center's own habits are read from what is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from domain.errors import BadInput, NotFound, StoreError
from domain.time import as_utc, format_instant
from forecasting.attendance import Attendance, attendance_of
from forecasting.boost import Boost, train_boost
from forecasting.calibration import SHORT_AHEAD, Calibration
from forecasting.card import card_of
from forecasting.crew import crew_ahead
from forecasting.forecast import Floats, Forecast
from forecasting.gaps import GapMaps, Required
from forecasting.habits import Learning
from forecasting.history import History, Known
from forecasting.patterns import Parameters, Patterns, patterns_of, train_parameters, without_past
from forecasting.rehearsal import calibrate_short, calibrate_week, rehearse
from forecasting.session import Left, Present, Session
from forecasting.shape import Shape
from forecasting.showup import ShowUp, absence_surprises
from forecasting.staffside import StaffRates, adults_present, roster_of, shifts_of_days, staff_rates
from forecasting.week import WEEK_DAYS, week_forecast, week_times

FORMAT = 1
FURTHEST_DAYS = 60
ARRAYS = ("coming_cdf", "coming_pdf", "leaving_cdf", "leaving_pdf", "untold", "short_calibration", "week_calibration")


@dataclass(frozen=True)
class Model:
    """Everything learnt; forecasts need it and what is known at their origin, nothing else."""

    parameters: Parameters
    trained_until: datetime
    card: dict[str, Any] = field(default_factory=dict)
    boost: Boost = field(default_factory=lambda: Boost(None, None))
    staff: Mapping[str, StaffRates] = field(default_factory=dict)  # by center
    short_calibration: Calibration | None = None
    week_calibration: Calibration | None = None
    gaps: Mapping[str, GapMaps] = field(default_factory=dict)  # by center, where days have taught it

    def gap_odds(self, forecast: Forecast, required: Required, seed: int = 0) -> Floats:
        """[room, time] P(required > counted) of each room by itself, given what the law asks for whom.

        NotFound where the forecast has no staff side.
        """
        return self.gaps.get(forecast.center_id, GapMaps()).odds(forecast, required, seed)

    def session(self, known: Known, day: datetime | None = None, center_id: str | None = None) -> Session:
        """One center's day for the live loop; build it once a day from what is known, then `refresh` at every event.

        `day` is any instant of the day meant (default: the origin of what is known); it may not lie before it.
        """
        now = known.origin if day is None else as_utc(day)
        known.require(now)
        session = self._session(known, now, one_center(known, center_id), 0)
        session.patterns = without_past(session.patterns)
        return session

    def patterns(self, known: Known, center_id: str) -> Patterns:
        """What the model sees of a center: its past as arrays, habits, chances of coming. For analysis."""
        return self._session(known, known.origin, center_id, 0).patterns

    def forecast_short(
        self, known: Known, now: datetime, times: Sequence[datetime] | None = None, center_id: str | None = None
    ) -> Forecast:
        """Every 5 minutes out to 60 (or `times` of the same day), from who is recorded present at `now`."""
        center_id = one_center(known, center_id)
        session = self.session(known, now, center_id)
        present, left = whereabouts(known, now, center_id)
        return session.refresh(now, present, times, left, adults_present(known, center_id, now))

    def forecast_week(
        self, known: Known, now: datetime, times: Sequence[datetime] | None = None, center_id: str | None = None
    ) -> Forecast:
        """Every 15 minutes of the opening hours of the next 14 days (or at `times`)."""
        known.require(now)
        now, center_id = as_utc(now), one_center(known, center_id)
        furthest = WEEK_DAYS + 1 if times is None else max([1, *((as_utc(t) - now).days + 2 for t in times)])
        session = self._session(known, now, center_id, min(furthest, FURTHEST_DAYS))
        a = session.patterns.attendance
        at = sorted(as_utc(t) for t in times) if times is not None else week_times(a, now)
        present, left = whereabouts(known, now, center_id)
        crew = None
        if session.staff is not None and session.roster is not None:
            crew = crew_ahead(session.staff, session.roster, now, at, a.tz)
        return week_forecast(
            self.parameters, session.patterns, now, at, lambda instants: session.refresh(now, present, instants, left),
            self.week_calibration, session.notes, crew,
        )  # fmt: skip

    def _session(self, known: Known, now: datetime, center_id: str, ahead: int) -> Session:
        a = attendance_of(known.at(now), center_id, ahead)
        how = self.parameters
        patterns = patterns_of(known, a, how.coming, how.leaving, how.carry_over)
        shifts = shifts_of_days(known, center_id, now - timedelta(hours=16), now + timedelta(days=ahead + 1))
        staff = self.staff.get(center_id, StaffRates.usual()) if len(shifts) else None
        roster = roster_of(shifts, a.room_ids) if len(shifts) else None
        return Session(how, patterns, self.boost, self.short_calibration, _notes(a), staff, roster)

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
                (folder / f"{name}.txt").write_text(booster.model_to_string())  # a full disk is then an OSError
        show_up = {
            name: getattr(p.show_up, name)
            for name in ("usual_rate", "told_comes", "center_shock", "room_shock", "weather")
        }
        document = {
            "format": FORMAT, "trained_until": format_instant(self.trained_until), "coming": asdict(p.coming),
            "leaving": asdict(p.leaving), "carry_over": p.carry_over, "together": p.together, "show_up": show_up,
            "boosters": sorted(name for name, booster in boosters.items() if booster is not None), "card": self.card,
            "staff": {center: rates.to_json() for center, rates in self.staff.items()},
            "gaps": {center: maps.to_json() for center, maps in self.gaps.items()},
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
            ShowUp(
                booster=boosters.get("show_up"), untold=arrays["untold"],
                **document["show_up"] | {"weather": tuple(document["show_up"].get("weather", ()))},
            ),
            document["together"],
        )  # fmt: skip
        return Model(
            parameters, datetime.fromisoformat(document["trained_until"]), document["card"],
            Boost(boosters.get("leaving"), boosters.get("coming")),
            {center: StaffRates.from_json(rates) for center, rates in document["staff"].items()},
            Calibration(SHORT_AHEAD, arrays["short_calibration"]) if "short_calibration" in arrays else None,
            Calibration((0.0,), arrays["week_calibration"]) if "week_calibration" in arrays else None,
            {center: GapMaps.from_json(maps) for center, maps in document.get("gaps", {}).items()},
        )  # fmt: skip


def train(history: History, until: datetime) -> Model:
    """One model over all centers of the history, from what was known at `until`. Deterministic."""
    known = history.known_at(until)
    centers = [attendance_of(known, center_id) for center_id in known.center_ids]
    parameters, patterns = train_parameters(known, centers)
    boost = train_boost(list(rehearse(parameters, patterns)))
    staff = {
        p.attendance.center_id: staff_rates(
            known, p.attendance.center_id, absence_surprises(parameters.show_up, p.attendance, p.record)
        )
        for p in patterns
    }
    short, scores = calibrate_short(parameters, patterns, boost)
    week, week_scores = calibrate_week(parameters, patterns)
    card = card_of(centers, parameters, scores | week_scores) | {"trained_until": format_instant(until)}
    return Model(
        parameters, as_utc(until), card, boost=boost, staff=staff, short_calibration=short, week_calibration=week
    )


def whereabouts(known: Known, now: datetime, center_id: str) -> tuple[list[Present], list[Left]]:
    """Who is recorded as present at `now`, of those who came on the same day, and who has come and gone."""
    stays = known.of(center_id)["stays"]
    stays = stays[(stays["start"] > now - timedelta(hours=16)) & (stays["start"] <= now)].sort_values("start")
    present: list[Present] = []
    left: list[Left] = []
    for child, room, start, end in zip(stays["child_id"], stays["room_id"], stays["start"], stays["end"], strict=True):
        if pd.isna(end):
            present.append((str(child), str(room), start.to_pydatetime()))
        else:
            left.append((str(child), start.to_pydatetime(), end.to_pydatetime()))
    return present, left


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

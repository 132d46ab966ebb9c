"""From chances per child to counts per room: which room a child is truly in, exact sums, joint draws, reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from forecasting.attendance import Floats, Ints
from forecasting.counting import count_pmf, recalibrated, summed, tallied
from forecasting.crew import CrewAhead
from forecasting.forecast import Forecast
from forecasting.frames import BANDS
from forecasting.hazards import Chances

if TYPE_CHECKING:
    from forecasting.session import Session

MODEL = "child-hazard"


@dataclass(frozen=True)
class Placed:
    """Chances with rooms: entry e is row row[e] of `chances.here` in room[e] with share[e, time] of its chance."""

    chances: Chances
    entry: Ints
    room: Ints
    share: Floats
    first: Floats  # [e, time]: the shares of the row's entries before this one; draws use [first, first + share)


def placed(s: Session, chances: Chances, now: float, at: Floats) -> Placed:
    """Where the children recorded as here truly are: in the room recorded, or in their own after all."""
    here, doubts = chances.here, s.patterns.doubts
    away = (s.room[here] != s.home[here]) & (s.home[here] >= 0)
    visitor = away & ~np.isnan(s.moved[here])
    slip = away & np.isnan(s.moved[here]) & ~np.isin(here, doubts.wanders)
    recorded = np.ones((len(here), len(at)))
    recorded[slip] = 1 - doubts.misplaced
    since = s.moved[here[visitor]][:, None]
    recorded[visitor] = doubts.visiting(now - since, at - since)
    entry = np.concatenate([np.arange(len(here)), np.flatnonzero(away)])
    room = np.concatenate([s.room[here], s.home[here[away]]])
    share = np.concatenate([recorded, 1 - recorded[away]])
    first = np.concatenate([np.zeros_like(recorded), recorded[away]])
    return Placed(chances, entry, room, share, first)


def room_forecast(
    s: Session, p: Placed, now: datetime, at: tuple[datetime, ...], crew: CrewAhead | None = None
) -> Forecast:
    """Sum the children of every room exactly, per node of the shared shocks, and calibrate."""
    a = s.patterns.attendance
    rooms, pmf = len(a.room_ids), raw_pmf(s, p)
    if s.calibration is not None:
        minutes = np.array([s.minute(time) for time in at])
        pmf = recalibrated(pmf, s.calibration.levels(minutes - s.minute(now), minutes))
    return Forecast(
        a.center_id, now, a.room_ids, at, pmf, MODEL, BANDS, _band_mean(s, p, rooms, len(at)),
        None if crew is None else crew.pmf(), sampler=lambda n, seed: _sample(s, p, n, seed), crew=crew, notes=s.notes,
        reasons=lambda room, time: _reasons(s, p, room, time),
    )  # fmt: skip


def raw_pmf(s: Session, p: Placed) -> Floats:
    """[room, time, k] before calibration."""
    c, rooms = p.chances, len(s.patterns.attendance.room_ids)
    return summed(
        count_pmf(c.stay[p.entry] * p.share[:, :, None], p.room, rooms, c.stay_weights),
        count_pmf(c.come, s.home[c.waiting], rooms, c.come_weights),
    )


def _band_mean(s: Session, p: Placed, rooms: int, times: int) -> Floats:
    c = p.chances
    result = np.zeros((rooms, len(BANDS), times))
    np.add.at(result, (p.room, s.band[c.here[p.entry]]), (c.stay @ c.stay_weights)[p.entry] * p.share)
    np.add.at(result, (s.home[c.waiting], s.band[c.waiting]), c.come @ c.come_weights)
    return result.transpose(0, 2, 1)


def _sample(s: Session, p: Placed, n: int, seed: int) -> Ints:
    """(n, rooms, times, bands): one node per draw, one uniform per family, so siblings and times hang together."""
    c, draw = p.chances, np.random.default_rng(seed)
    rooms, times = len(s.patterns.attendance.room_ids), c.stay.shape[1]
    uniform, place = draw.random((n, len(s.status))), draw.random((n, len(s.status)))
    uniform = np.where(s.families >= 0, uniform[:, np.maximum(s.families, 0)], uniform)
    stay = c.stay[:, :, draw.choice(len(c.stay_weights), n, p=c.stay_weights)]
    come = c.come[:, :, draw.choice(len(c.come_weights), n, p=c.come_weights)]
    where = place[:, c.here[p.entry], None]
    stays = (uniform[:, c.here, None] < stay.transpose(2, 0, 1))[:, p.entry]
    stays &= (where >= p.first) & (where < p.first + p.share)
    comes = uniform[:, c.waiting, None] < come.transpose(2, 0, 1)
    counts = tallied(stays, p.room * len(BANDS) + s.band[c.here[p.entry]], rooms * len(BANDS))
    counts += tallied(comes, s.home[c.waiting] * len(BANDS) + s.band[c.waiting], rooms * len(BANDS))
    return counts.reshape(n, times, rooms, len(BANDS)).transpose(0, 2, 1, 3)


def _reasons(s: Session, p: Placed, room: int, time: int) -> list[str]:
    c = p.chances
    stay, come = (c.stay @ c.stay_weights)[:, time], (c.come @ c.come_weights)[:, time]
    here, waiting = s.room[c.here] == room, s.home[c.waiting] == room
    leaving, coming = float((1 - stay[here]).sum()), float(come[waiting].sum())
    parts: list[tuple[float, str]] = []
    if coming >= 0.3:
        text = f"about {coming:.1f} of {int(waiting.sum())} children still expected should be in by then"
        parts.append((coming, text))
    if leaving >= 0.3:
        parts.append((leaving, f"about {leaving:.1f} of the {int(here.sum())} here now should have left by then"))
    for shift, moving, what in (
        (c.arrival_shift, coming, "families come"),
        (c.leaving_shift, leaving, "children are fetched"),
    ):
        if abs(shift) >= 4 and moving >= 0.3:
            parts.append(
                (0.2, f"{what} {abs(shift):.0f} minutes {'later' if shift > 0 else 'earlier'} than usual today")
            )
    announced = int((~np.isnan(s.announced[c.here]) & here).sum())
    if announced:
        parts.append((0.5, f"{announced} early pick-up(s) announced today"))
    slips = int((s.room[c.here[p.entry]] == room)[(p.room != room) & (p.share[:, time] > 0.5)].sum())
    if slips:
        parts.append((0.4, f"{slips} child(ren) checked in here are probably in their own room"))
    return [text for _, text in sorted(parts, key=lambda part: -part[0])] or ["nobody is expected to come or leave"]

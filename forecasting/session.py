"""The short horizon: who is here, who is still to come, who leaves when, refreshed with every event and minute.

Hazards per child of coming and leaving come from its own habits and the day so far: the common shift of the center is
inferred from those who came, those who did not and those who left, and integrated over; then the children are summed
exactly. The record is not taken at its word: a presence that outlives its habit may be a check-out that was missed, a
check-in to an unexpected room a slip, a visit long over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from domain.time import as_utc
from forecasting.attendance import ABSENT, Floats, Ints
from forecasting.boost import Boost
from forecasting.calibration import Calibration
from forecasting.center_day import in_day
from forecasting.crew import crew_ahead
from forecasting.forecast import Forecast
from forecasting.frames import BANDS
from forecasting.hazards import LEFT, PRESENT, WAITING, Chances, chances_of
from forecasting.patterns import Parameters, Patterns
from forecasting.rooms import placed, room_forecast
from forecasting.showup import siblings_away
from forecasting.staffside import Adult, Roster, StaffRates

SHORT_TIMES = tuple(timedelta(minutes=5 * step) for step in range(1, 13))
Present = tuple[str, str, datetime]  # child_id, room_id, since
Left = tuple[str, datetime, datetime]  # child_id, since, until


def refresh_many(looks: Sequence[Look], together: int = 200) -> Iterator[Forecast]:
    """The forecasts of many centers, one look at each, in order: `Session.refresh`, but the boosters are asked once for
    as many centers as are taken `together` (which bounds the memory)."""
    for first in range(0, len(looks), together):
        some = looks[first : first + together]
        chances = [look.chances() for look in some]
        for boost in {id(look.session.boost): look.session.boost for look in some}.values():
            if boost is not None:
                mine = [n for n, look in enumerate(some) if look.session.boost is boost]
                found = boost.corrected_all([(chances[n], some[n].ahead) for n in mine])
                for n, one in zip(mine, found, strict=True):
                    chances[n] = one
        yield from (look.forecast(one) for look, one in zip(some, chances, strict=True))


@dataclass
class Session:
    """One center's day. `refresh` is what the live loop calls; it keeps who has come and gone so far.

    `day` is an index of the attendance's days (default: the origin's); an earlier one rehearses a day of the past.
    """

    parameters: Parameters
    patterns: Patterns
    boost: Boost | None = None
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()
    staff: StaffRates | None = None
    roster: Roster | None = None
    day: int = -1
    status: Ints = field(init=False)
    came: Floats = field(init=False)
    went: Floats = field(init=False)
    room: Ints = field(init=False)

    def __post_init__(self) -> None:
        p, a = self.patterns, self.patterns.attendance
        self.day = day = a.future if self.day < 0 else self.day
        rows = len(a.child_ids)
        self.status = np.full(rows, WAITING)
        self.came, self.went, self.moved = np.full((3, rows), np.nan)
        self.home = p.rooms[:, day].copy()
        self.room = self.home.copy()
        self.told = (a.booked[:, day] == ABSENT) & (day >= a.future)
        self.announced = a.announced_out[:, day].copy() if day >= a.future else np.full(rows, np.nan)
        away = siblings_away(p.record, p.families, day)
        self.chance = np.clip(self.parameters.show_up.chances(a, p.record, day, 0, away), 0, 1 - 1e-6)
        self.come_at, self.come_spread = p.coming.location[:, day], p.coming.spread[:, day]
        self.leave_at, self.leave_spread = p.leaving.location[:, day], p.leaving.spread[:, day]
        self.band = a.bands(a.days[day])
        self._row = {(child, int(visit)): n for n, (child, visit) in enumerate(zip(a.child_ids, a.visit, strict=True))}
        self._room = {room_id: n for n, room_id in enumerate(a.room_ids)}
        self.families = p.families
        sizes = np.bincount(np.maximum(p.families, 0), p.families >= 0) if rows else np.ones(1)
        self.weight = 1 / np.where(p.families < 0, 1, sizes[p.families])  # a family speaks once
        self._midnight = datetime.combine(a.days[day], datetime.min.time())

    def minute(self, instant: datetime) -> float:
        """Minutes of the center's wall clock since the day's local midnight."""
        local = as_utc(instant).astimezone(self.patterns.attendance.tz).replace(tzinfo=None)
        return (local - self._midnight).total_seconds() / 60

    def tell(self, child_id: str, *, absent: bool, pick_up: float | None = None, visit: int = 0) -> None:
        """A booking changed today: the child is absent after all (or not), or is fetched at another minute."""
        row = self._row.get((child_id, visit))
        if row is not None:
            self.told[row] = absent
            turn = self.patterns.attendance.turn
            self.announced[row] = np.nan if pick_up is None else in_day(pick_up, turn)

    def refresh(
        self,
        now: datetime,
        present: Iterable[Present],
        times: Sequence[datetime] | None = None,
        left: Iterable[Left] = (),
        adults: Iterable[Adult] | None = None,
    ) -> Forecast:
        """The forecast at `now` given who is recorded present; `times` default to every 5 minutes out to 60.

        Who was present at the last refresh and is not now has left; `left` tells of those the session never saw.
        `adults` are those clocked in, with their room and state; without them the staff side goes by the shifts alone.
        """
        look = Look(self, now, present, times, left, adults)
        chances = look.chances()
        return look.forecast(chances if self.boost is None else self.boost.corrected(chances, look.ahead))

    def see(self, now: datetime, present: Iterable[Present], left: Iterable[Left] = ()) -> None:
        """Bring who is here up to date."""
        minute = self.minute(now)
        for child_id, since, until in left:
            row = self._row_of(child_id, self.minute(since))
            self.came[row] = np.fmin(self.came[row], self.minute(since))
            self.went[row] = self.minute(until)
            self.status[row] = LEFT
        here = np.zeros(len(self.status), dtype=bool)
        for child_id, room_id, since in present:
            row, began = self._row_of(child_id, self.minute(since)), self.minute(since)
            if row == len(here):
                here = np.append(here, False)
            here[row] = True
            if np.isnan(self.came[row]):
                self.came[row] = min(began, minute)
            self.moved[row] = began if began > self.came[row] + 1 else np.nan
            self.room[row] = self._room.get(room_id, self.room[row])
            self.status[row] = PRESENT
        gone = (self.status == PRESENT) & ~here
        self.went[gone] = minute
        self.status[gone] = LEFT

    def _row_of(self, child_id: str, since: float) -> int:
        first, second = self._row.get((child_id, 0)), self._row.get((child_id, 1))
        if first is None:
            return self._adopt(child_id) if second is None else second
        if second is None:
            return first
        return second if self.status[first] == LEFT and since - self.went[first] >= 60 else first

    def _adopt(self, child_id: str) -> int:
        """A row for a child nobody has told of before, with the center's usual habits and wide spreads."""
        p, row = self.parameters, len(self.status)
        self._row[(child_id, 0)] = row
        usual = float(np.nanmedian(self.leave_at)) if np.isfinite(self.leave_at).any() else p.leaving.usual
        new = {
            "status": WAITING, "came": np.nan, "went": np.nan, "moved": np.nan, "room": -1, "home": -1, "told": False,
            "announced": np.nan, "chance": 0.0, "come_at": p.coming.usual, "come_spread": p.coming.usual_spread,
            "leave_at": usual, "leave_spread": p.leaving.usual_spread, "band": len(BANDS) - 1, "families": -1,
            "weight": 0.0,
        }  # fmt: skip
        for name, value in new.items():
            setattr(self, name, np.append(getattr(self, name), value).astype(getattr(self, name).dtype))
        return row


@dataclass
class Look:
    """What one refresh of a session is given."""

    session: Session
    now: datetime
    present: Iterable[Present]
    times: Sequence[datetime] | None = None  # default: every 5 minutes out to 60
    left: Iterable[Left] = ()
    adults: Iterable[Adult] | None = None
    at: tuple[datetime, ...] = field(init=False)
    ahead: Floats = field(init=False)  # minutes of the wall clock

    def __post_init__(self) -> None:
        now = as_utc(self.now)
        self.at = tuple(now + step for step in SHORT_TIMES) if self.times is None else tuple(map(as_utc, self.times))
        self.minute = self.session.minute(now)
        self.minutes = np.array([self.session.minute(time) for time in self.at])
        self.ahead = self.minutes - self.minute

    def chances(self) -> Chances:
        """Bring the session up to date and ask it, before boosting."""
        self.session.see(self.now, self.present, self.left)
        return chances_of(self.session, self.minute, self.minutes)

    def forecast(self, chances: Chances) -> Forecast:
        """The rooms' counts from the children's chances, and the adults."""
        s, crew = self.session, None
        if s.staff is not None and s.roster is not None:
            crew = crew_ahead(s.staff, s.roster, self.now, self.at, s.patterns.attendance.tz, self.adults)
        return room_forecast(s, placed(s, chances, self.minute, self.minutes), as_utc(self.now), self.at, crew)

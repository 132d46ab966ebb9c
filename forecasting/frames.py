"""From domain facts to the warehouse's frames: stays, staff stays and headcounts per room, 15 minutes and age band.

Pure: used by the flow that builds the warehouse and by backtests over simulated centers, so that both see the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.events import Event
from domain.people import Booking, Child, Shift, StaffMember
from domain.places import Center, Closure, Room
from domain.staff_stays import staff_stays
from domain.stays import child_stays
from domain.time import age_in_months, zone

INSTANT: Final = "datetime64[us, UTC]"
# Ages at which licensing rules change most often; the last band is open. Completed months, lower bounds.
BAND_MONTHS = (0, 12, 18, 24, 30, 36, 48, 60)
BANDS = (*(f"{low}-{high - 1}" for low, high in pairwise(BAND_MONTHS)), "60+", "unknown")
STAY_COLUMNS = ("center_id", "child_id", "room_id", "start", "end", "start_recorded_at", "end_recorded_at", "doubts")
STAFF_STAY_COLUMNS = ("center_id", "staff_id", "room_id", "start", "end", "state", "start_recorded_at",
                      "end_recorded_at")  # fmt: skip
NOT_CHECKED_OUT = "still in long after closing"
CLOSING_GRACE = timedelta(minutes=90)
Ints = npt.NDArray[np.int64]


def band_of(birth_date: date | None, day: date) -> str:
    """The age band of a child on a day; 'unknown' without a birth date (the strictest rule then holds)."""
    if birth_date is None or birth_date != birth_date:
        return BANDS[-1]
    return BANDS[max(0, int(np.searchsorted(BAND_MONTHS, age_in_months(birth_date, day), side="right")) - 1)]


def stays_frame(events: Iterable[Event], centers: Iterable[Center] = (), until: datetime | None = None) -> pd.DataFrame:
    """Stays of the children; a stay that outlives its day's closing by 90 minutes is marked as doubtful, and so is one
    without an end that would outlive it at `until`, the instant to which the events reach.
    """
    closing = {center.center_id: center for center in centers}
    rows = []
    for stay in child_stays(events):
        doubts = list(stay.doubts)
        center = closing.get(stay.center_id)
        end = stay.end or until
        if center and end is not None and end > _closes_after(center, stay.start) + CLOSING_GRACE:
            doubts.append(NOT_CHECKED_OUT)
        rows.append(
            (stay.center_id, stay.child_id, stay.room_id, stay.start, stay.end, stay.start_recorded_at,
             stay.end_recorded_at, "; ".join(doubts))
        )  # fmt: skip
    return typed(pd.DataFrame(rows, columns=list(STAY_COLUMNS)))


def staff_stays_frame(events: Iterable[Event]) -> pd.DataFrame:
    rows = [
        (stay.center_id, stay.staff_id, stay.room_id, stay.start, stay.end, stay.state, stay.start_recorded_at,
         stay.end_recorded_at)
        for stay in staff_stays(events)
    ]  # fmt: skip
    return typed(pd.DataFrame(rows, columns=list(STAFF_STAY_COLUMNS)))


def frames_of(
    *,
    centers: Sequence[Center],
    rooms: Sequence[Room],
    children: Sequence[tuple[Child, datetime | None]],
    staff: Sequence[StaffMember] = (),
    shifts: Sequence[tuple[Shift, datetime]] = (),
    bookings: Sequence[tuple[Booking, datetime]] = (),
    closures: Sequence[tuple[Closure, datetime | None]] = (),
    events: Sequence[Event] = (),
) -> dict[str, pd.DataFrame]:
    """Every frame a forecast reads, from domain objects; a pair's second part is when that state became known."""
    return {
        "centers": _table([asdict(center) for center in centers], Center),
        "rooms": _table([asdict(room) for room in rooms], Room),
        "children": _recorded(children, Child),
        "staff": _table([asdict(person) for person in staff], StaffMember),
        "shifts": typed(_recorded(shifts, Shift)),
        "bookings": typed(_recorded(bookings, Booking)),
        "closures": _recorded(closures, Closure),
        "events": typed(_table([_event_row(event) for event in events], Event)),
        "stays": stays_frame(events, centers),
        "staff_stays": staff_stays_frame(events),
    }


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame with every instant column as aware UTC microseconds (also when it is empty)."""
    for name in ("start", "end", "start_recorded_at", "end_recorded_at", "recorded_at", "reported_at", "happened_at"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name], utc=True).astype(INSTANT)
    return frame


def micros(instants: pd.Series) -> Ints:
    """Microseconds since 1970; a missing instant is the largest number (it is still to come)."""
    if len(instants) == 0:
        return np.zeros(0, dtype=np.int64)
    values = instants.astype(INSTANT).to_numpy(dtype="datetime64[us]")
    result = values.astype(np.int64)
    result[np.isnat(values)] = np.iinfo(np.int64).max
    return result


def is_doubtful(doubts: pd.Series) -> npt.NDArray[np.bool_]:
    """Which stays carry a doubt, whether doubts are kept as a text, a JSON list or a sequence."""
    return np.array(
        [isinstance(d, (str, list, tuple, np.ndarray)) and len(d) > 0 and d != "[]" for d in doubts], dtype=bool
    )


def _closes_after(center: Center, start: datetime) -> datetime:
    local = center.local(start)
    closes = datetime.combine(local.date(), center.closes, tzinfo=zone(center.timezone))
    if center.closes <= center.opens and local.time() >= center.opens:
        closes += timedelta(days=1)
    return closes


def _recorded(pairs: Sequence[tuple[Any, datetime | None]], kind: type) -> pd.DataFrame:
    frame = _table([asdict(fact) | {"recorded_at": known} for fact, known in pairs], kind, "recorded_at")
    frame["recorded_at"] = pd.to_datetime(frame["recorded_at"], utc=True).astype(INSTANT)
    return frame


def _table(rows: list[dict[str, Any]], kind: type, *more: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*kind.__dataclass_fields__, *more])  # type: ignore[attr-defined]


def _event_row(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__dataclass_fields__}

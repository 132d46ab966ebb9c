"""One center's past as arrays: who came and left when, on which open day, in which room, booked how.

A row is a *visit pattern*: a child, or a child's first or second visit of a day (before and after school). Times are
minutes since local midnight, so that habits survive a change of the clock; a night after midnight belongs to the day on
which the center opened (`center_day`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.center_day import DAY_MINUTES, date_of, hours, in_day, minute_of, turn_of
from forecasting.frames import BANDS, band_of, is_doubtful
from forecasting.history import Known, day_of, weekdays_of, zone_of
from forecasting.weather import DailyWeather

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NEW_VISIT_MINUTES = 90.0  # a gap at least this long starts a second visit; a shorter one is a walk or a doctor
LATE_MINUTES = 90.0  # a stay that outlives closing by this much was not checked out
UNTOLD_MINUTES = 240.0
NOT_BOOKED, BOOKED, ABSENT = 0, 1, -1


@dataclass(frozen=True)
class Attendance:
    """Arrays are [visit pattern, day]; NaN where nothing happened or nothing is known."""

    center_id: str
    tz: ZoneInfo
    opens: float
    closes: float
    turn: int  # minutes after midnight at which the center's day turns
    room_ids: tuple[str, ...]
    child_ids: tuple[str, ...]  # of each row; a child with two visits a day has two rows
    visit: Ints  # 0 or 1, of each row
    days: tuple[date, ...]  # consecutive calendar days, the last one is the day of the origin
    future: int  # index in `days` of the origin's day; later days carry bookings alone
    open_day: Flags
    closed_rooms: Flags  # [room, day]: that room alone is closed
    arrive: Floats
    leave: Floats  # last end of the visit; NaN while it lasts or where it is doubtful
    room: Ints  # index of the room entered; -1 when absent
    ends_in: Ints  # index of the room left from; -1 when absent
    booked: Ints  # NOT_BOOKED, BOOKED or ABSENT (absent or cancelled), as known at the origin
    told_at: Floats  # minutes from the day's midnight at which the booking took its state (negative: days before)
    expected_in: Floats
    expected_out: Floats
    announced_out: Floats  # a pick-up time announced on the day itself; expected_out is then NaN
    booked_room: Ints
    has_bookings: Flags  # [day]: anybody at all booked, so that no booking means something
    home: Ints  # home room of each row, -1 unknown
    moved: Floats  # [row] days since the first midnight at which the record gave the row that home; NaN: always had it
    births: tuple[date | None, ...]
    enrolled: Flags
    untold_share: float  # of the visits: nobody said in time when they ended
    weather: DailyWeather  # as known at the origin's midnight
    moves: pd.DataFrame  # room changes inside a visit: row, day, minute, source, target

    @property
    def present(self) -> Flags:
        return ~np.isnan(self.arrive)

    def bands(self, day: date) -> Ints:
        """The age band (index in BANDS) of every row on a day."""
        return np.array([BANDS.index(band_of(birth, day)) for birth in self.births], dtype=np.int64)


def attendance_of(known: Known, center_id: str, ahead_days: int = 0) -> Attendance:
    """The center's arrays from the first stay to the origin's day, and `ahead_days` more for bookings."""
    of = known.of(center_id)
    center = of["centers"].iloc[0]
    tz = zone_of(center)
    turn = turn_of(center)
    today = date_of(known.origin.astimezone(tz), turn)
    visits, moves, untold = _visits(of["stays"], tz, center)
    first = min([visits["day"].min(), *([today] if visits.empty else [])]) if len(visits) else today
    first = max(first, today - timedelta(days=730)) if first < today else today
    days = tuple(first + timedelta(days=n) for n in range((today - first).days + 1 + ahead_days))
    visits = visits[visits["day"] >= first]
    children = of["children"].drop_duplicates("child_id", keep="last") if len(of["children"]) else of["children"]
    bookings = _of_days(of["bookings"], days, turn)
    rows = _rows(visits, children, bookings)
    index = {key: number for number, key in enumerate(rows)}
    room_ids = tuple(sorted(set(of["rooms"]["room_id"])))
    return _arrays(
        of,
        center,
        tz,
        days,
        (today - first).days,
        visits,
        children,
        bookings,
        rows,
        index,
        room_ids,
        moves,
        untold,
        known.weather(center_id, today),
    )


def _arrays(
    of: Known, center: pd.Series, tz: ZoneInfo, days: tuple[date, ...], future: int, visits: pd.DataFrame,
    children: pd.DataFrame, bookings: pd.DataFrame, rows: list[tuple[str, int]], index: dict[tuple[str, int], int],
    room_ids: tuple[str, ...], moves: pd.DataFrame, untold: float, weather: DailyWeather,
) -> Attendance:  # fmt: skip
    shape = (len(rows), len(days))
    rank = {room: code for code, room in enumerate(room_ids)}
    arrive, leave, told, expected_in, expected_out = np.full((5, *shape), np.nan)
    room, ends_in, booked_room = np.full((3, *shape), -1, dtype=np.int64)
    row = np.array([index[key] for key in zip(visits["child_id"], visits["visit"], strict=True)], dtype=np.int64)
    column = np.array([(day - days[0]).days for day in visits["day"]], dtype=np.int64)
    arrive[row, column], leave[row, column] = visits["arrive"], visits["leave"]
    room[row, column] = visits["room_id"].map(rank).fillna(-1).astype(int)
    ends_in[row, column] = visits["last_room"].map(rank).fillna(-1).astype(int)
    booked = np.zeros(shape, dtype=np.int64)
    if len(bookings):
        b = bookings
        at = (
            np.array([index[key] for key in zip(b["child_id"], b["visit"], strict=True)], dtype=np.int64),
            np.array([(day - days[0]).days for day in b["day"]], dtype=np.int64),
        )
        booked[at] = np.where(b["status"] == "booked", BOOKED, ABSENT)
        expected_in[at], expected_out[at] = b["in"], b["out"]
        booked_room[at] = b["room_id"].map(rank).fillna(-1).astype(int)
        told[at] = _minutes_from_midnight(b["known_since"], b["day"], tz)
    births = {
        c: day_of(b)
        for c, b in zip(children["child_id"], children.get("birth_date", [None] * len(children)), strict=True)
    }
    homes = dict(zip(children["child_id"], children["room_id"], strict=True)) if len(children) else {}
    opens, closes = hours(center)
    announced = (booked == BOOKED) & (told > 0)
    return Attendance(
        center_id=str(center["center_id"]), tz=tz, opens=opens, closes=closes, turn=turn_of(center), room_ids=room_ids,
        child_ids=tuple(child for child, _ in rows), visit=np.array([visit for _, visit in rows], dtype=np.int64),
        days=days, future=future, open_day=_open_days(of, center, days, arrive, future),
        closed_rooms=_closed_rooms(of["closures"], room_ids, days), arrive=arrive, leave=leave,
        room=room, ends_in=ends_in, booked=booked, told_at=told, expected_in=expected_in,
        announced_out=np.where(announced, expected_out, np.nan),
        expected_out=np.where(announced, np.nan, expected_out),
        booked_room=booked_room, has_bookings=(booked != NOT_BOOKED).any(axis=0),
        home=np.array([rank.get(homes.get(child, ""), -1) for child, _ in rows], dtype=np.int64),
        moved=_moved(children, rows, days[0], tz),
        births=tuple(births.get(child) for child, _ in rows), enrolled=_enrolled(children, rows, days, arrive),
        untold_share=untold, weather=weather, moves=_indexed_moves(moves, index, rank, days),
    )  # fmt: skip


def _visits(stays: pd.DataFrame, tz: ZoneInfo, center: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """One row per child, day and visit; the moves between rooms inside visits; the share without a believable end."""
    columns = ["child_id", "day", "visit", "arrive", "leave", "room_id", "last_room"]
    if not len(stays):
        return (
            pd.DataFrame(columns=columns),
            pd.DataFrame(columns=["child_id", "visit", "day", "minute", "source", "target"]),
            0.01,
        )
    local = stays["start"].dt.tz_convert(tz)
    minute = (local.dt.hour * 60 + local.dt.minute + local.dt.second / 60).to_numpy()
    night = minute < turn_of(center)
    s = pd.DataFrame(
        {"child_id": stays["child_id"].to_numpy(), "day": _day_before(local.dt.date.to_numpy(), night),
         "room_id": stays["room_id"].to_numpy(), "start": minute + DAY_MINUTES * night}
    )  # fmt: skip
    s["end"] = s["start"] + ((stays["end"] - stays["start"]).dt.total_seconds() / 60).to_numpy()
    s.loc[
        (s["end"] > hours(center)[1] + LATE_MINUTES) | is_doubtful(stays["doubts"]) & (s["end"] - s["start"] > 840),
        "end",
    ] = np.nan
    late = (stays["end_recorded_at"] - stays["end"]).dt.total_seconds().to_numpy() / 60
    s["untold"] = s["end"].isna() | (late > UNTOLD_MINUTES)
    s = s.sort_values(["child_id", "day", "start"], kind="stable", ignore_index=True)
    before = s.groupby(["child_id", "day"])["end"].shift()
    follows = s.duplicated(["child_id", "day"])
    s["visit"] = (
        ((s["start"] - before) >= NEW_VISIT_MINUTES)
        .groupby([s["child_id"], s["day"]])
        .cumsum()
        .clip(upper=1)
        .astype(int)
    )
    group = s.groupby(["child_id", "day", "visit"], sort=True)
    result = group.agg(
        arrive=("start", "first"), room_id=("room_id", "first"), last_room=("room_id", "last")
    ).reset_index()
    result["leave"] = group["end"].nth(-1).to_numpy() if len(s) else []
    moved = (follows & (s["room_id"] != s["room_id"].shift()) & ((s["start"] - before) < 5)).to_numpy(dtype=bool)
    moves = s[moved].assign(source=s["room_id"].shift()[moved], target=s["room_id"][moved], minute=s["start"][moved])
    old = result["day"] < result["day"].max()
    untold = group["untold"].nth(-1).to_numpy(dtype=bool)[old.to_numpy(dtype=bool)]
    share = float((untold.sum() + 0.2) / (len(untold) + 20))
    return result[columns], moves[["child_id", "visit", "day", "minute", "source", "target"]], share


def _day_before(days: npt.NDArray[np.object_], which: Flags) -> npt.NDArray[np.object_]:
    result = days.copy()
    result[which] -= timedelta(days=1)
    return result


def _of_days(bookings: pd.DataFrame, days: tuple[date, ...], turn: int) -> pd.DataFrame:
    """Bookings of the days with their times in minutes; one named after midnight is of the day that began before."""
    if not len(bookings):
        return bookings
    b = bookings[(bookings["day"] >= days[0]) & (bookings["day"] <= days[-1])]
    return b.assign(
        **{
            name: [in_day(minute_of(value), turn) for value in b[column]]
            for name, column in (("in", "expected_in"), ("out", "expected_out"))
        }
    )


def _rows(visits: pd.DataFrame, children: pd.DataFrame, bookings: pd.DataFrame) -> list[tuple[str, int]]:
    keys = {(child, 0) for child in children["child_id"]} if len(children) else set()
    keys |= set(zip(visits["child_id"], visits["visit"], strict=True))
    if len(bookings):
        keys |= set(zip(bookings["child_id"], bookings["visit"], strict=True))
    return sorted((str(child), int(visit)) for child, visit in keys)


def _open_days(of: Known, center: pd.Series, days: tuple[date, ...], arrive: Floats, future: int) -> Flags:
    """Days the center is open: its weekdays less closures; a past day on which nobody at all came was closed."""
    weekdays = weekdays_of(center.get("open_weekdays"))
    result = np.array([day.isoweekday() in weekdays for day in days], dtype=bool)
    closures = of["closures"]
    if len(closures):
        whole = closures[closures["room_id"].isna()] if "room_id" in closures else closures
        closed = {day_of(day) for day in whole["day"]}
        result &= np.array([day not in closed for day in days])
    came = (~np.isnan(arrive)).any(axis=0)
    result = result & (came | (np.arange(len(days)) >= future))
    return np.asarray(result | came, dtype=bool)


def _closed_rooms(closures: pd.DataFrame, room_ids: tuple[str, ...], days: tuple[date, ...]) -> Flags:
    if "room_id" not in closures:
        return np.zeros((len(room_ids), len(days)), dtype=bool)
    closed = {(room, day_of(day)) for room, day in zip(closures["room_id"], closures["day"], strict=True)}
    return np.array([[(room, day) in closed for day in days] for room in room_ids], dtype=bool)


def _enrolled(children: pd.DataFrame, rows: list[tuple[str, int]], days: tuple[date, ...], arrive: Floats) -> Flags:
    """Whether the row's child is enrolled on a day; without dates, from the first day seen on."""
    ordinals = np.array([day.toordinal() for day in days])
    spans: dict[str, tuple[int, int]] = {}
    for child in children.to_dict("records"):
        start, end = day_of(child.get("enrolled_from")), day_of(child.get("enrolled_to"))
        spans[str(child["child_id"])] = (start.toordinal() if start else 0, end.toordinal() if end else 10**9)
    result = np.zeros((len(rows), len(days)), dtype=bool)
    for row, (child_id, _) in enumerate(rows):
        start_day, end_day = spans.get(child_id, (0, 10**9))
        result[row] = (ordinals >= start_day) & (ordinals <= end_day)
    seen = ~np.isnan(arrive)
    return np.asarray(result | seen)


def _moved(children: pd.DataFrame, rows: list[tuple[str, int]], first: date, tz: ZoneInfo) -> Floats:
    if "moved_at" not in children or not len(children):
        return np.full(len(rows), np.nan)
    days = _minutes_from_midnight(children["moved_at"], pd.Series([first] * len(children)), tz) / 1440
    known = dict(zip(children["child_id"], days, strict=True))
    return np.array([known.get(child, np.nan) for child, _ in rows])


def _indexed_moves(
    moves: pd.DataFrame, index: dict[tuple[str, int], int], rank: dict[str, int], days: tuple[date, ...]
) -> pd.DataFrame:
    moves = moves[[day >= days[0] for day in moves["day"]]] if len(moves) else moves
    return pd.DataFrame(
        {
            "row": [index[key] for key in zip(moves["child_id"], moves["visit"], strict=True)],
            "day": [(day - days[0]).days for day in moves["day"]],
            "minute": moves["minute"].to_numpy(),
            "source": [rank.get(room, -1) for room in moves["source"]],
            "target": [rank.get(room, -1) for room in moves["target"]],
        }
    )


def _minutes_from_midnight(instants: pd.Series, days: pd.Series, tz: ZoneInfo) -> Floats:
    midnight = pd.to_datetime(pd.Series(list(days))).dt.tz_localize(tz, nonexistent="shift_forward", ambiguous=True)
    ahead = instants.dt.tz_convert("UTC").reset_index(drop=True) - midnight.dt.tz_convert("UTC")
    minutes: Floats = (ahead.dt.total_seconds() / 60).to_numpy(dtype=np.float64)
    return minutes

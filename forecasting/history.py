"""What was known when: the warehouse's frames behind a guard that cannot be asked about the future.

`History(frames).known_at(origin)` holds only what had been recorded by the origin. Everything in this folder reads the
past through it, so leakage is impossible rather than avoided: a read beyond the origin raises LeakageError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from domain.errors import BadInput, LeakageError, NotFound
from domain.events import Event
from domain.stays import child_stays
from domain.time import as_utc, format_instant, parse_local_time, zone
from forecasting.frames import NOT_CHECKED_OUT, STAY_COLUMNS, typed
from forecasting.weather import NO_WEATHER, CenterWeather, DailyWeather

NEEDED = {
    "centers": {"center_id", "timezone", "opens", "closes"},
    "rooms": {"room_id", "center_id"},
    "children": {"child_id", "center_id", "room_id"},
    "stays": set(STAY_COLUMNS),
}
SECOND_VISIT_MINUTES = 180
DAY_OVER = pd.Timedelta(hours=26)  # a stay so old has outlived its day's closing and the grace after it
OPTIONAL = ("bookings", "closures", "shifts", "staff", "staff_stays", "events")


class Known:
    """The frames as they stood at `origin`. Obtained from History.known_at; read-only by convention."""

    def __init__(
        self, origin: datetime, frames: Mapping[str, pd.DataFrame], weather: CenterWeather | None = None
    ) -> None:
        self.origin = as_utc(origin)
        self._frames, self._weather = dict(frames), weather

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A frame by name; an optional one that was not given is empty."""
        return self._frames.get(name, pd.DataFrame())

    def weather(self, center_id: str, today: date) -> DailyWeather:
        """Of a center, as known at the first instant of a day; LeakageError for a day after the origin's."""
        if today > self.origin.date() + timedelta(days=1):
            raise LeakageError(f"the weather before {today} is not yet known at {format_instant(self.origin)}")
        return NO_WEATHER if self._weather is None else self._weather.known_on(center_id, today)

    def at(self, now: datetime) -> Known:
        """The same knowledge, for an origin at or after its own."""
        self.require(now)
        return Known(now, self._frames, self._weather)

    def require(self, now: datetime) -> None:
        """Raise LeakageError unless everything held here was known at `now`."""
        if as_utc(now) < self.origin:
            raise LeakageError(
                f"a forecast at {format_instant(now)} may not read what was recorded until "
                f"{format_instant(self.origin)}; ask History.known_at({format_instant(now)})"
            )

    def actual(self, frame: str, column: str, until: datetime) -> pd.DataFrame:
        """Rows whose `column` lies before `until`; raises LeakageError when `until` lies beyond the origin."""
        if as_utc(until) > self.origin:
            raise LeakageError(
                f"what happened until {format_instant(until)} is not yet known at {format_instant(self.origin)}"
            )
        rows = self[frame]
        return rows[rows[column] < pd.Timestamp(until)]

    def of(self, center_id: str) -> Known:
        """The same knowledge about one center alone."""
        return Known(
            self.origin,
            {n: f[f["center_id"] == center_id] if "center_id" in f else f for n, f in self._frames.items()},
            self._weather,
        )

    @property
    def center_ids(self) -> list[str]:
        return sorted(self["centers"]["center_id"])


class History:
    """The frames of docs/architecture.md, of one or more centers: centers, rooms, children and stays at least; and the
    centers' weather, if there is a file of it."""

    def __init__(self, frames: Mapping[str, pd.DataFrame], weather: CenterWeather | None = None) -> None:
        for name, columns in NEEDED.items():
            if name not in frames:
                raise BadInput(f"the history lacks the frame '{name}'; run `ratiocast ingest` and `build` first")
            missing = sorted(columns - set(frames[name].columns))
            if missing:
                raise BadInput(f"the frame '{name}' lacks the column(s) {', '.join(missing)}")
        self._frames = {name: typed(frame.copy(deep=False)) for name, frame in frames.items()}
        self._weather = weather

    def known_at(self, origin: datetime) -> Known:
        """Everything recorded by the origin, and nothing else."""
        at = pd.Timestamp(as_utc(origin))
        given = {name: self._frames[name] for name in (*NEEDED, *OPTIONAL) if name in self._frames}
        known = {"centers": given["centers"], "rooms": given["rooms"], "stays": self._stays(at)}
        known["bookings"] = _bookings_known(given["bookings"], at) if "bookings" in given else pd.DataFrame()
        known["children"] = _children_known(given["children"], known, at)
        if "closures" in given:
            known["closures"] = _closures_known(given["closures"], at)
        if "shifts" in given:
            known["shifts"] = _shifts_known(given["shifts"], at)
        if "staff" in given:
            known["staff"] = given["staff"]
        if "events" in self._frames:
            events = self._frames["events"]
            known["corrections"] = events[(events["event_type"] == "correction") & (events["recorded_at"] <= at)]
        if "staff_stays" in given:
            known["staff_stays"] = _stays_known(given["staff_stays"], at)
        return Known(origin, known, self._weather)

    def staff_side_at(self, origin: datetime) -> Known:
        """Of what was known at the origin the shifts and where adults were alone: quick, for a replay."""
        at = pd.Timestamp(as_utc(origin))
        known = {"centers": self._frames["centers"]}
        if "shifts" in self._frames:
            known["shifts"] = _shifts_known(self._frames["shifts"], at)
        if "staff_stays" in self._frames:
            known["staff_stays"] = _stays_known(self._frames["staff_stays"], at)
        return Known(origin, known)

    def day_events(self, center_id: str, start: datetime, end: datetime) -> list[Event]:
        """Child events of a center that happened in [start, end), by when they became known; [] without events."""
        frame = self._frames.get("events")
        if frame is None or not len(frame):
            return []
        at = frame["happened_at"]
        rows = frame[(at >= start) & (at < end) & (frame["center_id"] == center_id) & frame["child_id"].notna()]
        return sorted(_events(rows), key=lambda event: (event.recorded_at, event.sequence))

    def stays_between(self, center_id: str, start: datetime, end: datetime) -> pd.DataFrame:
        """All that is recorded of the stays begun in [start, end); a replay must hide what became known later."""
        stays = self._frames["stays"]
        return stays[(stays["start"] >= start) & (stays["start"] < end) & (stays["center_id"] == center_id)]

    def joined_rooms(
        self, center_id: str, start: datetime, end: datetime
    ) -> dict[str, list[tuple[datetime, datetime]]]:
        """By room: when the record says, today, that it was joined with others in [start, end)."""
        frame = self._frames.get("events")
        if frame is None or not len(frame):
            return {}
        kinds = frame["event_type"].isin(["rooms_combined", "rooms_split"])
        at = frame["happened_at"]
        rows = frame[kinds & (at >= start) & (at < end) & (frame["center_id"] == center_id)].sort_values("happened_at")
        result: dict[str, list[tuple[datetime, datetime]]] = {}
        for event in _events(rows):
            for room_id in event.room_ids:
                spans = result.setdefault(room_id, [])
                if event.event_type == "rooms_combined":
                    spans.append((event.happened_at, end))
                elif spans:
                    spans[-1] = (spans[-1][0], event.happened_at)
        return result

    def bookings_told(self, center_id: str, start: datetime, end: datetime) -> pd.DataFrame:
        """Bookings of the local day [start, end) whose state was told during it, with `known_since`, in that order."""
        rows = self._frames.get("bookings")
        if rows is None or not len(rows):
            return pd.DataFrame({"known_since": []})
        since = rows["reported_at"].fillna(rows["recorded_at"]) if "reported_at" in rows else rows["recorded_at"]
        day = start.astimezone(zone_of(self.center(center_id))).date()
        rows = rows.assign(known_since=since)[(since >= start) & (since < end) & (rows["center_id"] == center_id)]
        return rows[pd.to_datetime(rows["day"]).dt.date == day].sort_values("known_since", kind="stable")

    def center(self, center_id: str) -> pd.Series:
        """The center's row; NotFound with what there is."""
        centers = self._frames["centers"]
        rows = centers[centers["center_id"] == center_id]
        if not len(rows):
            known = ", ".join(sorted(centers["center_id"])[:20])
            raise NotFound(f"the history has no center '{center_id}'; it has {known}")
        return rows.iloc[0]

    def last_instant(self) -> datetime | None:
        """When the last stay began to be known; None without stays."""
        stays = self._frames["stays"]
        return stays["start_recorded_at"].max().to_pydatetime() if len(stays) else None

    def _stays(self, at: pd.Timestamp) -> pd.DataFrame:
        """Stays as they stood: those of children corrected later are folded again from the events known then."""
        stays = self._frames["stays"]
        events = self._frames.get("events")
        known = _stays_known(stays, at)
        if events is None or not len(events):
            return known
        later = events[(events["event_type"] == "correction") & (events["recorded_at"] > at)]
        past = events["recorded_at"] <= at
        touched = set(events.loc[past & events["event_id"].isin(set(later["supersedes"])), "child_id"].dropna())
        touched |= set(later.loc[later["happened_at"] <= at, "child_id"].dropna())
        if not touched:
            return known
        then = events[past & events["child_id"].isin(touched)]
        again = [
            (stay.center_id, stay.child_id, stay.room_id, stay.start, stay.end, stay.start_recorded_at,
             stay.end_recorded_at, "; ".join(stay.doubts))
            for stay in child_stays(_events(then))
        ]  # fmt: skip
        rest = known[~known["child_id"].isin(touched)]
        redone = typed(pd.DataFrame(again, columns=list(STAY_COLUMNS)))
        return pd.concat([rest[list(STAY_COLUMNS)], redone], ignore_index=True) if len(redone) else rest


def weekdays_of(value: object) -> frozenset[int]:
    """ISO weekdays from a JSON text or a sequence; Monday to Friday when nothing is said."""
    if value is None or (isinstance(value, float) and value != value):
        return frozenset({1, 2, 3, 4, 5})
    numbers: Any = json.loads(value) if isinstance(value, str) else value
    return frozenset(int(number) for number in numbers)


def time_of(value: object) -> time | None:
    """A local time from a time or a text; None for what is missing."""
    if isinstance(value, time):
        return value
    if isinstance(value, str) and value:
        return parse_local_time(value)
    return None


def day_of(value: object) -> date | None:
    """A day from a date, timestamp or text; None for what is missing."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def zone_of(center: pd.Series) -> ZoneInfo:
    return zone(str(center["timezone"]))


def _stays_known(stays: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Stays begun and recorded by then; an end recorded later, and the doubts that rest on it, are not there yet."""
    known = stays[(stays["start_recorded_at"] <= at) & (stays["start"] <= at)].copy()
    later = (known["end_recorded_at"] > at) | (known["end"] > at)
    known.loc[later, ["end", "end_recorded_at"]] = pd.NaT
    if "doubts" in known:
        known.loc[later, "doubts"] = ""
        lasts = known["end"].isna() & (known["start"] > at - DAY_OVER)  # nobody knows yet that it outlives the closing
        said = known["doubts"].astype(object).str.replace(rf"(; )?{NOT_CHECKED_OUT}$", "", regex=True)
        known["doubts"] = known["doubts"].mask(lasts, said)
    return known


def _bookings_known(bookings: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """One row per booking in its state at the time.

    A state counts as known from `reported_at` (when the platform had it) or, where that is missing, `recorded_at`. A
    booking read only after it turned absent or cancelled, or changed on its very day, had been booked before: it stands
    as booked, otherwise its absence from the table would tell the future.
    """
    if not len(bookings):
        return bookings
    since = bookings["recorded_at"]
    if "reported_at" in bookings:
        since = bookings["reported_at"].fillna(since)
    rows = bookings.assign(known_since=since).reset_index(drop=True)
    rows["day"] = pd.to_datetime(rows["day"]).dt.date
    rows["visit"] = (rows["session"] - 1).clip(0, 1) if "session" in rows else _visit_numbers(rows)
    key = ["center_id", "child_id", "day", "visit"]
    rows = rows.sort_values("known_since", kind="stable")
    now = rows[rows["known_since"] <= at].drop_duplicates(key, keep="last")
    gone = rows["status"].isin(["absent", "cancelled"])
    changed = gone | (rows["known_since"].dt.date >= rows["day"])  # changed on its day: it had been booked otherwise
    later = rows[(rows["known_since"] > at) & changed].drop_duplicates(key)
    later = later[~pd.MultiIndex.from_frame(later[key]).isin(pd.MultiIndex.from_frame(now[key]))]
    told = later["expected_out"].where(later["status"] != "booked", None)
    before = later.assign(status="booked", expected_out=told)
    return pd.concat([now, before], ignore_index=True) if len(before) else now.reset_index(drop=True)


def _visit_numbers(bookings: pd.DataFrame) -> pd.Series:
    """0 for a day's first booking of a child, 1 for its second, which is expected hours later (after school).

    The contract gives bookings no id, so states of one booking are told from a second booking by the time expected.
    """
    minute = [(at.hour * 60 + at.minute) if (at := time_of(value)) else 0 for value in bookings["expected_in"]]
    rows = bookings[["child_id", "day"]].assign(minute=minute).sort_values(["child_id", "day", "minute"], kind="stable")
    same = ~(rows["child_id"].ne(rows["child_id"].shift()) | rows["day"].ne(rows["day"].shift()))
    apart = same & (rows["minute"].diff() > SECOND_VISIT_MINUTES) & (rows["minute"].shift() > 0)
    return apart.groupby([rows["child_id"], rows["day"]]).cumsum().clip(upper=1).astype(int).reindex(bookings.index)


def _children_known(children: pd.DataFrame, known: Mapping[str, pd.DataFrame], at: pd.Timestamp) -> pd.DataFrame:
    """Children recorded by then or, read later, already seen in stays or bookings; an end told later is not known.
    `moved_at` is when the record gave them their present room instead of another.
    """
    if "recorded_at" not in children or not len(children):
        return children
    rows = children.sort_values("recorded_at", kind="stable", na_position="first")
    on_time = ~(rows["recorded_at"] > at)
    changed = rows["child_id"].duplicated() & rows["room_id"].ne(rows.groupby("child_id")["room_id"].shift())
    rows = rows.assign(moved_at=rows["recorded_at"].where(changed))
    rows["moved_at"] = rows.groupby("child_id")["moved_at"].ffill()
    latest = rows[on_time].drop_duplicates("child_id", keep="last")
    seen = set(known["stays"]["child_id"]) | set(known["bookings"].get("child_id", pd.Series(dtype=object)))
    late = rows[~on_time & rows["child_id"].isin(seen - set(latest["child_id"]))].drop_duplicates("child_id")
    late = late.assign(enrolled_to=None)
    return pd.concat([latest, late], ignore_index=True) if len(late) else latest.reset_index(drop=True)


def _closures_known(closures: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Closures recorded by then; those of days gone by are facts whenever they were read."""
    if not len(closures):
        return closures
    past = pd.to_datetime(closures["day"]).dt.date < at.date()
    recorded = closures["recorded_at"].isna() | (closures["recorded_at"] <= at) if "recorded_at" in closures else True
    return closures[recorded | past]


def _shifts_known(shifts: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """The last version of each shift known then; of one read only later the first version, as it was scheduled."""
    if not len(shifts) or "recorded_at" not in shifts:
        return shifts
    rows = shifts.sort_values("recorded_at", kind="stable")
    now = rows[rows["recorded_at"] <= at].drop_duplicates("shift_id", keep="last")
    later = rows[(rows["recorded_at"] > at) & ~rows["shift_id"].isin(set(now["shift_id"]))]
    before = later.drop_duplicates("shift_id").assign(status="scheduled")
    return pd.concat([now, before], ignore_index=True) if len(before) else now.reset_index(drop=True)


def _events(frame: pd.DataFrame) -> list[Event]:
    rows = frame[list(Event.__dataclass_fields__)].astype(object).where(frame.notna(), None)
    result = []
    for row in rows.to_dict("records"):
        for name in ("happened_at", "recorded_at"):
            row[name] = row[name].to_pydatetime()
        row["room_ids"] = tuple(
            json.loads(row["room_ids"]) if isinstance(row["room_ids"], str) else row["room_ids"] or ()
        )
        row["voided"] = bool(row["voided"])
        result.append(Event(**{str(key): value for key, value in row.items()}))
    return result

"""Headcounts per room and slot of 15 minutes, by age band, from stays; doubtful stays are counted and marked."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.time import SLOT_MINUTES, local_instant, zone
from forecasting.frames import INSTANT, band_of, is_doubtful, micros
from forecasting.history import time_of, weekdays_of

SLOT_MICROS = SLOT_MINUTES * 60_000_000
ALL = "all"
COLUMNS = ("center_id", "room_id", "slot", "band", "children_mean", "children_max", "children_at_start",
           "adults_at_start", "doubtful")  # fmt: skip
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def headcounts_frame(
    centers: pd.DataFrame,
    rooms: pd.DataFrame,
    children: pd.DataFrame,
    stays: pd.DataFrame,
    staff_stays: pd.DataFrame,
    until: datetime,
) -> pd.DataFrame:
    """One row per room, slot and band, up to `until`: band 'all' for every slot of the opening hours and every slot
    with somebody in it, an age band only where a child of it was there.

    children_mean is time-weighted over the slot, children_max the most at once, children_at_start and adults_at_start
    are taken at the slot's first instant, doubtful is how many of the children counted rest on a doubtful stay.
    adults_at_start counts adults in the room (not on break, not stepped out) and is given with band 'all' only (else
    0). A stay without an end lasts until `until`, a doubtful one at most until its day's closing.
    """
    parts = []
    for center in centers.itertuples(index=False):
        here = rooms[rooms["center_id"] == center.center_id]
        kids = children[children["center_id"] == center.center_id].drop_duplicates("child_id", keep="last")
        parts.append(
            _center_headcounts(
                center,
                list(here["room_id"]),
                dict(zip(kids["child_id"], kids["birth_date"], strict=True)),
                stays[stays["center_id"] == center.center_id],
                staff_stays[staff_stays["center_id"] == center.center_id],
                int(until.timestamp() * 1e6),
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _center_headcounts(
    center: object, room_ids: list[str], births: dict[str, date | None], stays: pd.DataFrame,
    staff_stays: pd.DataFrame, until: int,
) -> pd.DataFrame:  # fmt: skip
    tz, rank = zone(center.timezone), {room: code for code, room in enumerate(room_ids)}  # type: ignore[attr-defined]
    stays = stays[stays["room_id"].isin(rank)]
    doubtful = is_doubtful(stays["doubts"])
    start = micros(stays["start"])
    days = [instant.date() for instant in stays["start"].dt.tz_convert(tz)] if len(stays) else []
    closing = np.array([_closing(center, day) for day in days], dtype=np.int64)
    end = np.minimum(micros(stays["end"]), until)
    end[doubtful] = np.minimum(end, np.maximum(closing, start))[doubtful]
    room = stays["room_id"].map(rank).to_numpy().astype(np.int64)
    bands = np.array([band_of(births.get(child), day) for child, day in zip(stays["child_id"], days, strict=True)])
    keep = end > start
    parts = [_counts(room[keep], start[keep], end[keep], doubtful[keep], _open_slots(center, stays, until), len(rank))]
    parts[0]["band"] = ALL
    for band in sorted(set(bands[keep])):
        of = keep & (bands == band)
        parts.append(_counts(room[of], start[of], end[of], doubtful[of], np.zeros(0, np.int64), 0).assign(band=band))
    result = pd.concat(parts, ignore_index=True)
    result["adults_at_start"] = _adults(result, staff_stays, rank, until)
    result.insert(0, "center_id", center.center_id)  # type: ignore[attr-defined]
    result["room_id"] = np.array(room_ids, dtype=object)[result.pop("room").to_numpy()] if len(result) else []
    result["slot"] = pd.to_datetime(result["slot"], unit="us", utc=True).astype(INSTANT)
    return result[list(COLUMNS)].sort_values(["room_id", "slot", "band"], ignore_index=True)


def _counts(room: Ints, start: Ints, end: Ints, doubtful: Flags, base: Ints, rooms: int) -> pd.DataFrame:
    """Per (room, slot): mean, maximum, count at the start, doubtful; the `base` slots exist for all rooms."""
    first, last = start // SLOT_MICROS, -(-end // SLOT_MICROS)
    repeats = last - first
    index = np.repeat(np.arange(len(start)), repeats)
    slot = first[index] + np.arange(len(index)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    begins = slot * SLOT_MICROS
    part = np.minimum(end[index], begins + SLOT_MICROS) - np.maximum(start[index], begins)
    at_start = (start[index] <= begins) & (end[index] > begins)
    frame = pd.DataFrame(
        {
            "room": room[index],
            "slot": begins,
            "children_mean": part / SLOT_MICROS,
            "children_at_start": at_start.astype(int),
            "doubtful": doubtful[index].astype(int),
        }
    )
    sums = frame.groupby(["room", "slot"], sort=True).sum()
    if len(base):
        every = pd.MultiIndex.from_product([range(rooms), base], names=["room", "slot"])
        sums = sums.reindex(sums.index.union(every), fill_value=0)
    sums["children_max"] = np.maximum(
        _peaks(room, start, end).reindex(sums.index, fill_value=0), sums["children_at_start"]
    )
    return sums.reset_index()


def _peaks(room: Ints, start: Ints, end: Ints) -> pd.Series:
    """The highest count reached just after any change inside the slot, by (room, slot)."""
    frame = pd.DataFrame(
        {"room": np.concatenate([room, room]), "at": np.concatenate([start, end]),
         "step": np.concatenate([np.ones_like(start), -np.ones_like(end)])}
    ).sort_values(["room", "at", "step"])  # fmt: skip
    frame["count"] = frame.groupby("room")["step"].cumsum()
    frame["slot"] = frame["at"] // SLOT_MICROS * SLOT_MICROS
    return frame.groupby(["room", "slot"])["count"].max()


def _adults(result: pd.DataFrame, staff_stays: pd.DataFrame, rank: dict[str, int], until: int) -> npt.NDArray[np.int64]:
    """Adults in the room at each row's slot: those who came by then less those who left by then."""
    adults = np.zeros(len(result), dtype=np.int64)
    here = staff_stays[(staff_stays["state"] == "in_room") & staff_stays["room_id"].isin(rank)]
    code, start = here["room_id"].map(rank).to_numpy(dtype=np.int64), micros(here["start"])
    end = np.minimum(micros(here["end"]), until)
    whole = (result["band"] == ALL).to_numpy()
    for room in range(len(rank)):
        rows = whole & (result["room"] == room).to_numpy()
        slots = result["slot"].to_numpy()[rows]
        came = np.searchsorted(np.sort(start[code == room]), slots, side="right")
        adults[rows] = came - np.searchsorted(np.sort(end[code == room]), slots, side="right")
    return adults


def _open_slots(center: object, stays: pd.DataFrame, until: int) -> Ints:
    """The starts of the slots of all opening hours from the first stay to `until`."""
    if not len(stays):
        return np.zeros(0, dtype=np.int64)
    tz = zone(center.timezone)  # type: ignore[attr-defined]
    day = stays["start"].min().tz_convert(tz).date()
    result: list[Ints] = []
    while (opens := _instant(center, day, center.opens)) < until:  # type: ignore[attr-defined]
        if day.isoweekday() in weekdays_of(center.open_weekdays):  # type: ignore[attr-defined]
            first = -(-opens // SLOT_MICROS)
            result.append(np.arange(first, -(-min(_closing(center, day), until) // SLOT_MICROS)) * SLOT_MICROS)
        day += timedelta(days=1)
    return np.concatenate(result) if result else np.zeros(0, dtype=np.int64)


def _closing(center: object, day: date) -> int:
    over = (time_of(center.closes) or time(0)) <= (time_of(center.opens) or time(0))  # type: ignore[attr-defined]
    return _instant(center, day + timedelta(days=int(over)), center.closes)  # type: ignore[attr-defined]


def _instant(center: object, day: date, at: object) -> int:
    return int(local_instant(day, time_of(at) or time(0), zone(center.timezone)).timestamp()) * 1_000_000  # type: ignore[attr-defined]

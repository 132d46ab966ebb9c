"""Which room each child is expected in: by its booking, by where it went, by the home the record gives it."""

from __future__ import annotations

import numpy as np

from forecasting.attendance import Attendance, Flags, Ints

STRAYS = 3  # visits to one other room than booked, after which bookings of that room are read as of the other


def rooms_expected(a: Attendance) -> Ints:
    """[row, day]: the room booked, else the room last entered, else the home room; -1 where all are unknown.

    Who keeps going to another room than the one booked is expected there; from today on, who would be in a closed room
    is expected in the open one with the children nearest in age.
    """
    rows, days = a.arrive.shape
    result = np.empty((rows, days), dtype=np.int64)
    last, strays, astray = a.home.copy(), _Strays(rows), _astray(a)
    for day in range(days):
        booked = strays.read(a.booked_room[:, day])
        result[:, day] = np.where(booked >= 0, booked, last)
        told = np.where(booked >= 0, booked, a.room[:, day])
        last = np.where(told >= 0, told, last)
        if day < a.future:
            strays.see(a.booked_room[:, day], a.room[:, day], astray[:, day])
    return _around_closed(a, _after_moves(a, result))


def _astray(a: Attendance) -> Flags:
    """[row, day]: came, and was never in the room booked."""
    result = (a.booked_room >= 0) & (a.room >= 0) & (a.room != a.booked_room)
    row, day, target = (a.moves[name].to_numpy(dtype=np.int64) for name in ("row", "day", "target"))
    into = a.booked_room[row, day] == target
    result[row[into], day[into]] = False
    return np.asarray(result)


class _Strays:
    """Per row: the room gone to instead of the one booked, and by how many visits that is so."""

    def __init__(self, rows: int) -> None:
        self.booked, self.entered = np.full((2, rows), -1, dtype=np.int64)
        self.run = np.zeros(rows, dtype=np.int64)

    def read(self, booked: Ints) -> Ints:
        return np.where((self.run >= STRAYS) & (booked == self.booked), self.entered, booked)

    def see(self, booked: Ints, entered: Ints, astray: Flags) -> None:
        again = astray & (booked == self.booked) & (entered == self.entered)
        first = astray & ~again & (self.run < STRAYS)
        back = (booked >= 0) & (entered >= 0) & ~again & ~first
        self.run = np.clip(np.where(first, 1, self.run + again - back), 0, STRAYS + 1)
        self.booked, self.entered = np.where(first, booked, self.booked), np.where(first, entered, self.entered)


def _after_moves(a: Attendance, rooms: Ints) -> Ints:
    """From today on, whoever was given another home since the booking is expected there, unless seen elsewhere."""
    seen = np.where(a.present, np.arange(len(a.days)), -1).max(axis=1, initial=-1)
    elsewhere = (seen > a.moved) & (a.room[np.arange(len(seen)), seen] != a.home)
    ahead = np.arange(a.future, len(a.days))
    booked = ahead + np.nan_to_num(a.told_at[:, ahead], nan=-np.inf) / 1440
    known = ~elsewhere & ~np.isnan(a.moved) & (a.home >= 0)
    since = known[:, None] & (booked <= a.moved[:, None])
    rooms[:, ahead] = np.where(since, a.home[:, None], rooms[:, ahead])
    return rooms


def _around_closed(a: Attendance, rooms: Ints) -> Ints:
    usual = rooms[:, a.future].copy()
    for day in a.future + np.flatnonzero(a.closed_rooms[:, a.future :].any(axis=0)):
        closed = np.flatnonzero(a.closed_rooms[:, day])
        for room in closed:
            rooms[rooms[:, day] == room, day] = _nearest_in_age(a, usual, int(room), set(closed.tolist()))
    return rooms


def _nearest_in_age(a: Attendance, usual: Ints, closed: int, never: set[int]) -> int:
    """The open room whose children were born nearest to those of the closed one; -1 where none is open."""
    born = np.array([np.nan if birth is None else birth.toordinal() for birth in a.births])
    known = ~np.isnan(born)
    ages = {
        room: born[known & (usual == room)] for room in range(len(a.room_ids)) if room == closed or room not in never
    }
    middle = {room: float(np.median(values)) for room, values in ages.items() if len(values)}
    others = [room for room in ages if room != closed]
    return min(others, key=lambda room: abs(middle.get(room, np.inf) - middle.get(closed, 0.0)), default=-1)

"""A day of the past replayed as it became known: who was recorded as present, and what was told, at any instant."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from domain.stays import child_stays
from forecasting.center_day import center_day, minute_of
from forecasting.history import History
from forecasting.session import Left, Present, Session


class DayReplay:
    """One center's day. Knowledge of earlier days is that of its beginning."""

    def __init__(self, history: History, center_id: str, day_of: datetime) -> None:
        day = center_day(history.center(center_id), day_of)
        self.date, self.midnight = day.date, day.midnight
        self.start, self.end = day.span.start, day.span.end
        self.known = history.known_at(self.start)
        self._events = history.day_events(center_id, self.start, self.end)
        self._stays = history.stays_between(center_id, self.start, self.end)
        self._bookings = history.bookings_told(center_id, self.start, self.end)

    def state(self, now: datetime) -> tuple[list[Present], list[Left]]:
        """Who was recorded as present at `now`, and who had come and gone."""
        present: list[Present] = []
        left: list[Left] = []
        if self._events:
            known = [event for event in self._events if event.recorded_at <= now]
            stays = [(s.child_id, s.room_id, s.start, s.end) for s in child_stays(known)]
        else:
            rows = self._stays[self._stays["start_recorded_at"] <= pd.Timestamp(now)]
            unknown = (rows["end_recorded_at"] > pd.Timestamp(now)) | rows["end"].isna()
            ends = [None if u else e.to_pydatetime() for u, e in zip(unknown, rows["end"], strict=True)]
            starts = [start.to_pydatetime() for start in rows["start"]]
            stays = list(zip(rows["child_id"], rows["room_id"], starts, ends, strict=True))
        for child_id, room_id, start, end in stays:
            if end is None:
                present.append((child_id, room_id, start))
            else:
                left.append((child_id, start, end))
        return present, left

    def tell(self, session: Session, after: datetime, until: datetime) -> None:
        """Pass on the bookings that changed in (after, until]."""
        for row in self._bookings.to_dict("records"):
            if after < row["known_since"] <= until:
                pick_up = minute_of(row["expected_out"]) if row["status"] == "booked" else None
                session.tell(str(row["child_id"]), absent=row["status"] != "booked", pick_up=pick_up)

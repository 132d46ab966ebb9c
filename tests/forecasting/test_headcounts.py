from datetime import UTC, date, datetime, time, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.events import Event
from domain.people import Child
from domain.places import Center, Room
from forecasting.frames import band_of, frames_of
from forecasting.headcounts import headcounts_frame

CENTER = Center("c", "Oak", "TX", "America/Chicago", time(6, 30), time(18))
ROOMS = [Room("r1", "c", "Infants", 0, 12, 8), Room("r2", "c", "Toddlers", 12, 24, 12)]
CHILDREN = [(Child(f"k{n}", "c", date(2024 + n % 2, 1 + n, 5), "r1"), None) for n in range(8)]
MONDAY = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def random_events(seed: int) -> list[Event]:
    draw = np.random.default_rng(seed)
    events = []
    for person in range(8):
        minutes = np.sort(draw.choice(600, size=4, replace=False))
        for minute, kind in zip(minutes, ("check_in", "room_transfer", "check_out", ""), strict=True):
            if kind:
                when = MONDAY + timedelta(minutes=int(minute))
                room = ROOMS[int(draw.integers(2))].room_id
                events.append(
                    Event(
                        f"{person}{kind}", len(events) + 1, "c", kind, when, when, child_id=f"k{person}", room_id=room
                    )
                )
    for person in range(3):
        minutes = np.sort(draw.choice(600, size=4, replace=False))
        for minute, kind in zip(minutes, ("clock_in", "break_start", "break_end", "clock_out"), strict=True):
            when = MONDAY + timedelta(minutes=int(minute))
            events.append(
                Event(f"s{person}{kind}", len(events) + 1, "c", kind, when, when, staff_id=f"s{person}", room_id="r1")
            )
    return events


def built(events: list[Event], until: datetime) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    frames = frames_of(centers=[CENTER], rooms=ROOMS, children=CHILDREN, events=events)
    parts = [frames[name] for name in ("centers", "rooms", "children", "stays", "staff_stays")]
    return frames, headcounts_frame(*parts, until=until)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_headcounts_equal_what_sql_counts(seed: int) -> None:
    until = MONDAY + timedelta(hours=11, minutes=30)
    frames, counts = built(random_events(seed), until)
    stays, staff = frames["stays"], frames["staff_stays"]
    whole = counts[counts["band"] == "all"]
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    for name, frame in (("s", stays), ("w", staff), ("c", whole)):
        con.register(name, frame)
    wrong = con.sql(
        """
        WITH truth AS (
          SELECT c.room_id, c.slot,
            (SELECT count(*) FROM s WHERE s.room_id = c.room_id AND s."start" <= c.slot
               AND s."end" > c.slot) AS present,
            (SELECT count(*) FROM w WHERE w.room_id = c.room_id AND w.state = 'in_room' AND w."start" <= c.slot
               AND w."end" > c.slot) AS adults,
            (SELECT coalesce(sum(epoch(least(s."end", c.slot + INTERVAL 15 MINUTE)
                                       - greatest(s."start", c.slot))) / 900.0, 0)
               FROM s WHERE s.room_id = c.room_id AND s."start" < c.slot + INTERVAL 15 MINUTE
               AND s."end" > c.slot) AS mean
          FROM c)
        SELECT count(*) FROM truth JOIN c USING (room_id, slot)
        WHERE present <> children_at_start OR adults <> adults_at_start OR abs(mean - children_mean) > 1e-6
        """
    ).fetchall()
    assert wrong == [(0,)]
    assert len(whole) == 2 * 46


@pytest.mark.parametrize("seed", [1, 2])
def test_the_bands_add_up_to_all_and_the_maximum_is_reached(seed: int) -> None:
    frames, counts = built(random_events(seed), MONDAY + timedelta(hours=12))
    totals = counts[counts["band"] != "all"].groupby(["room_id", "slot"])["children_at_start"].sum()
    whole = counts[counts["band"] == "all"].set_index(["room_id", "slot"])
    assert (whole["children_at_start"] == totals.reindex(whole.index, fill_value=0)).all()
    stays = frames["stays"]
    for (room, slot), row in whole.iterrows():
        here = stays[stays["room_id"] == room]
        moments = [slot, *here["start"][(here["start"] >= slot) & (here["start"] < slot + pd.Timedelta(minutes=15))]]
        assert row["children_max"] == max(((here["start"] <= m) & (here["end"] > m)).sum() for m in moments)


def test_a_child_never_checked_out_is_counted_until_closing_and_marked() -> None:
    events = [
        Event("1", 1, "c", "check_in", MONDAY, MONDAY, child_id="k0", room_id="r1"),
        Event(
            "2", 2, "c", "check_in", MONDAY + timedelta(days=1), MONDAY + timedelta(days=1), child_id="k0", room_id="r1"
        ),
    ]
    _, counts = built(events, MONDAY + timedelta(days=1, hours=1))
    doubtful = counts[(counts["band"] == "all") & (counts["doubtful"] > 0)]
    assert doubtful["slot"].max() == pd.Timestamp("2026-03-02T23:45Z")
    assert (doubtful["children_at_start"] == 1).all()


def test_an_age_band_is_in_completed_months() -> None:
    assert band_of(date(2025, 3, 3), date(2026, 3, 2)) == "0-11"
    assert band_of(date(2025, 3, 2), date(2026, 3, 2)) == "12-17"
    assert band_of(date(2020, 1, 1), date(2026, 3, 2)) == "60+"
    assert band_of(None, date(2026, 3, 2)) == "unknown"

"""The simulated centers follow their knobs, and the same knobs and seed give the same world."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import BadInput
from domain.stays import child_stays
from domain.time import local_instant, zone
from sandbox import Knobs, World, simulate
from sandbox.attendance import Day
from sandbox.laws import holidays_of, thanksgiving

LISTS = (
    "children", "staff", "shifts", "availability", "bookings", "closures", "events", "true_stays", "true_presences",
    "true_merges", "faults",
)  # fmt: skip


def open_days(world: World) -> list[Day]:
    return [day for day in world.simulations[0].days if day.open and day.day < world.end]


def family_means(world: World, name: str) -> np.ndarray:
    families = world.simulations[0].families.families
    return np.concatenate([[getattr(families[f], name) for f in day.families] for day in open_days(world)])


def per_family(world: World, name: str) -> np.ndarray:
    return np.concatenate([getattr(day, name) for day in open_days(world)])


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    knobs = Knobs(size="small")
    first, second = simulate(knobs, 3, date(2026, 2, 16), 10), simulate(knobs, 3, date(2026, 2, 16), 10)
    assert all(getattr(first, name) == getattr(second, name) for name in LISTS)
    assert simulate(knobs, 4, date(2026, 2, 16), 10).events != first.events


def test_a_world_that_is_extended_equals_one_simulated_longer_at_once() -> None:
    knobs = Knobs(size="small", centers=2)
    whole, grown = simulate(knobs, 3, date(2026, 2, 16), 40), simulate(knobs, 3, date(2026, 2, 16), 15)
    grown.extend(25)
    for name in LISTS:
        assert getattr(whole, name) == getattr(grown, name), name


def test_the_world_does_not_depend_on_the_order_of_hashes() -> None:
    script = (
        "import hashlib; from datetime import date; from sandbox import Knobs, simulate;"
        "w = simulate(Knobs(size='small'), 5, date(2026, 3, 2), 5);"
        "print(hashlib.sha256(repr((w.events, w.true_presences, w.shifts)).encode()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1


def test_absences_meet_their_rate_and_their_share_of_illness(year: World) -> None:
    attends = np.concatenate([day.attends for day in open_days(year)])
    ill = np.concatenate([day.ill for day in open_days(year)])
    assert 1 - attends.mean() == pytest.approx(0.07, abs=0.012)
    assert ill[~attends].mean() == pytest.approx(0.57, abs=0.08)


def test_mondays_and_fridays_are_two_points_emptier(year: World) -> None:
    def rate(weekdays: tuple[int, ...]) -> float:
        return float(np.concatenate([d.planned for d in open_days(year) if d.day.isoweekday() in weekdays]).mean())

    assert rate((1, 5)) - rate((2, 3, 4)) == pytest.approx(0.02, abs=0.01)


def test_notices_of_absence_come_before_half_past_eight_later_or_never(year: World) -> None:
    notice = np.concatenate(
        [
            np.where(d.planned[d.family_position], d.plan_notice[d.family_position], d.ill_notice)[~d.attends]
            for d in open_days(year)
        ]
    )
    assert (notice < 8.5 * 60).mean() == pytest.approx(0.60, abs=0.05)
    assert np.isinf(notice).mean() == pytest.approx(0.15, abs=0.04)


def test_arrivals_share_a_shift_of_the_day_and_have_a_heavy_tail(year: World) -> None:
    late_by = per_family(year, "arrival") - family_means(year, "arrival")
    shifts = [day.center_arrival for day in open_days(year)]
    assert np.std(shifts) == pytest.approx(12, rel=0.2)
    observed = [float(np.nanmean(d.arrival)) for d in open_days(year)]
    assert np.corrcoef(shifts, observed)[0, 1] > 0.8
    assert 0.015 < np.nanmean(late_by > 40) < 0.05
    assert np.nanmin(per_family(year, "arrival")) >= 6.5 * 60


def test_stays_pickups_and_messages_meet_their_figures(year: World) -> None:
    stay, departure = per_family(year, "departure") - per_family(year, "arrival"), per_family(year, "departure")
    here = ~np.isnan(stay)
    assert (stay / family_means(year, "stay"))[here].min() > 0
    assert np.mean((stay / family_means(year, "stay"))[here] < 0.8) == pytest.approx(0.04, abs=0.01)
    assert np.isfinite(per_family(year, "message"))[here].mean() == pytest.approx(0.02, abs=0.007)
    assert 0.008 < np.mean(departure[here] > 18 * 60) < 0.025


def test_siblings_come_and_go_together(year: World) -> None:
    simulation = year.simulations[0]
    family_of = {simulation.child_id(i): child.family for i, child in enumerate(simulation.families.children)}
    assert sum(len(family.children) > 1 for family in simulation.families.families) >= 5
    first: dict[tuple[int, date], set[object]] = {}
    for stay in year.true_stays:
        day = stay.start.astimezone(zone("America/Chicago")).date()
        first.setdefault((family_of[stay.child_id], day), set())
    starts: dict[tuple[str, date], object] = {}
    for stay in year.true_stays:
        key = (stay.child_id, stay.start.astimezone(zone("America/Chicago")).date())
        starts.setdefault(key, stay.start)
    for (child, day), start in starts.items():
        first[family_of[child], day].add(start)
    assert all(len(times) == 1 for times in first.values())


def test_outbreaks_are_two_to_four_a_year_and_last_three_to_seven_days(year: World) -> None:
    running = np.array([day.health.outbreak for day in year.simulations[0].days])
    starts = (running == 1).sum(axis=0)
    assert 1.5 <= starts.mean() <= 4.5
    ended = running[:-1][(running[:-1] > 0) & (running[1:] == 0)]
    assert set(ended) <= {3, 4, 5, 6, 7}


def test_callouts_meet_their_rate_and_a_stressed_center_has_more(year: World) -> None:
    shifts = {row.value.shift_id for row in year.shifts}
    out = {row.value.shift_id for row in year.shifts if row.value.status == "called_out"}
    assert len(out) / len(shifts) == pytest.approx(0.042, abs=0.012)
    stressed = simulate(Knobs(size="small", callout_rate=0.12), 1, date(2026, 3, 2), 60)
    told = {row.value.shift_id for row in stressed.shifts if row.value.status == "called_out"}
    assert len(told) / len({row.value.shift_id for row in stressed.shifts}) > 0.08


def test_faults_of_the_record_meet_their_rates(year: World) -> None:
    kinds = Counter(fault.kind for fault in year.faults)
    stays = sum(int(day.attends.sum()) for day in open_days(year))
    logged = Counter(event.event_type for event in year.events)
    assert kinds["missed_check_out"] / stays == pytest.approx(0.02, abs=0.004)
    assert kinds["missed_check_in"] / stays == pytest.approx(0.005, abs=0.002)
    moves = kinds["missed_room_move"] / (logged["room_move"] + kinds["missed_room_move"])
    assert moves == pytest.approx(0.08, abs=0.015)
    delays = [(e.recorded_at - e.happened_at).total_seconds() for e in year.events if e.event_type == "check_in"]
    assert np.median(delays) == pytest.approx(20, abs=4)
    assert 0.005 < np.mean(np.array(delays) > 600) < 0.03


def test_the_records_of_adults_have_faults_of_their_own_rates() -> None:
    knobs = Knobs(size="small", faults=3, wrong_room_adults=0, unlogged_move_adults=0)
    world = simulate(knobs, 2, date(2026, 3, 2), 5)
    kinds = {(fault.kind, "-s" in fault.subject) for fault in world.faults}
    assert ("wrong_room", False) in kinds
    assert ("missed_clock_out", True) in kinds
    assert not {("wrong_room", True), ("missed_room_move", True)} & kinds


def test_without_faults_the_record_is_the_truth() -> None:
    world = simulate(Knobs(size="small", faults=0), 2, date(2026, 3, 2), 12)
    recorded = {(s.child_id, s.room_id, s.start, s.end) for s in child_stays(world.events)}
    assert recorded == {(s.child_id, s.room_id, s.start, s.end) for s in world.true_stays}
    assert not world.faults
    assert not [event for event in world.events if event.event_type == "correction"]


def test_without_faults_an_adult_is_where_the_last_move_that_was_told_sent_them() -> None:
    world = simulate(Knobs(faults=0), 7, date(2026, 3, 2), 28)
    moves = [event for event in world.events if event.event_type == "room_move"]
    truly = {(p.staff_id, p.start): p.room_id for p in world.true_presences}
    assert len(moves) > 300
    assert all(truly.get((event.staff_id, event.happened_at)) == event.room_id for event in moves)
    returns = [event for event in world.events if event.event_type == "break_end"]
    assert all(truly.get((event.staff_id, event.happened_at)) == event.room_id for event in returns)


def test_three_times_the_faults_are_three_times_as_many() -> None:
    usual = simulate(Knobs(size="small"), 2, date(2026, 3, 2), 30)
    worse = simulate(replace(usual.knobs, faults=3), 2, date(2026, 3, 2), 30)
    assert 2 < len(worse.faults) / len(usual.faults) < 4
    assert worse.true_stays == usual.true_stays


def test_sequences_have_no_gaps_and_follow_the_time_of_recording(spring: World) -> None:
    assert [event.sequence for event in spring.events] == list(range(1, len(spring.events) + 1))
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(spring.events))
    assert all(event.recorded_at >= event.happened_at for event in spring.events)


def test_nobody_is_in_two_places_and_every_stay_is_inside_a_day(year: World) -> None:
    last: dict[str, object] = {}
    for presence in year.true_presences:
        assert presence.start < presence.end
        assert last.get(presence.staff_id, presence.start) <= presence.start  # type: ignore[operator]
        last[presence.staff_id] = presence.end


def test_rooms_run_inside_the_ratio_most_of_the_day() -> None:
    """The simulated director's own ratio: short for a small part of the time, and not never."""
    world = simulate(Knobs(faults=0, snow_days_per_winter=0), 1, date(2026, 2, 16), 26)
    stays, presences = by_day(world.true_stays), by_day(world.true_presences)
    short = total = 0
    for day in open_days(world):
        for minute in range(9 * 60 + 30, 16 * 60, 15):
            at = local_instant(day.day, time(minute // 60, minute % 60), zone("America/Chicago"))
            for room in world.rooms:
                here = [row for row in stays[day.day] if row.room_id == room.room_id and row.start <= at < row.end]
                adults = [
                    row
                    for row in presences[day.day]
                    if row.room_id == room.room_id and row.state == "in_room" and row.start <= at < row.end
                ]
                total += bool(here)
                short += len(here) > len(adults) * world.knobs.children_per_adult(room.age_min_months)
    assert 0.0005 < short / total < 0.05


def by_day(rows: list[Any]) -> dict[date, list[Any]]:
    grouped: dict[date, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.start.date()].append(row)
    return grouped


def test_holidays_are_closed_and_known_weeks_ahead() -> None:
    world = simulate(Knobs(size="small"), 1, date(2026, 11, 16), 14)
    closed = {row.value.day: row for row in world.closures}
    assert thanksgiving(2026) == date(2026, 11, 26)
    assert set(closed) == {date(2026, 11, 26), date(2026, 11, 27), date(2026, 12, 24), date(2026, 12, 25)} & set(closed)
    assert closed[date(2026, 11, 26)].recorded_at.date() <= date(2026, 11, 10)
    assert not [stay for stay in world.true_stays if stay.start.date() in (date(2026, 11, 26), date(2026, 11, 27))]
    assert date(2026, 7, 4) in holidays_of(2026)


def test_opening_keeps_local_time_across_a_clock_change(spring: World) -> None:
    tz = zone("America/Chicago")
    firsts: dict[date, object] = {}
    for stay in spring.true_stays:
        local = stay.start.astimezone(tz)
        firsts[local.date()] = min(firsts.get(local.date(), local.time()), local.time())  # type: ignore[type-var]
    assert {day for day in firsts if day > date(2026, 3, 8)}
    assert all(6 <= first.hour <= 8 for first in firsts.values())  # type: ignore[attr-defined]


def test_bookings_tell_when_they_took_their_state(spring: World) -> None:
    states: dict[tuple[str, date], list] = {}
    for row in spring.bookings:
        assert row.recorded_at == row.value.reported_at
        states.setdefault((row.value.child_id, row.value.day), []).append(row.value)
    absent = [s for rows in states.values() for s in rows if s.status == "absent"]
    assert absent
    assert all(rows[0].status == "booked" for rows in states.values())


def test_wrong_knobs_are_named() -> None:
    with pytest.raises(BadInput, match="size 'huge'"):
        Knobs(size="huge")
    with pytest.raises(BadInput, match="at least one day"):
        simulate(Knobs(), 1, date(2026, 3, 2), 0)

"""The ground truth tells the same as the true stays, in stretches without gaps."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from sandbox import World
from sandbox.ground import GroundTruth

DAY = date(2026, 3, 4)


def test_stretches_follow_each_other_and_hold_every_child_once(spring: World) -> None:
    stretches = GroundTruth(spring, "c01").day(DAY)
    assert all(before.end == after.start for before, after in pairwise(stretches))
    stays = [stay for stay in spring.true_stays if stay.start.date() == DAY]
    for stretch in stretches[:: max(1, len(stretches) // 60)]:
        told = [child for room in stretch.rooms for child in room.children]
        assert sorted(told) == sorted(s.child_id for s in stays if s.start <= stretch.start < s.end)
        adults = [adult for room in stretch.rooms for adult in (*room.in_room, *room.stepped_out)]
        assert len(adults) == len(set(adults))


def test_merged_rooms_are_one_room_under_their_host(spring: World) -> None:
    truth = GroundTruth(spring, "c01")
    merge = next(merge for merge in spring.true_merges if merge.start.date() == DAY)
    rooms = {room.room_id: room for room in truth.at(merge.start)}
    assert rooms[merge.room_id].room_ids == merge.room_ids
    assert set(merge.room_ids[1:]).isdisjoint(rooms)
    after = {room.room_id for room in truth.at(merge.end)}
    assert set(merge.room_ids) <= after


def test_who_steps_out_is_told_with_the_room_they_left(spring: World) -> None:
    truth = GroundTruth(spring, "c01")
    away = next(row for row in spring.true_presences if row.state == "step_out" and row.start.date() == DAY)
    rooms = [room for room in truth.at(away.start) if away.staff_id in room.stepped_out]
    assert len(rooms) == 1
    assert away.staff_id not in rooms[0].in_room


def test_a_closed_day_has_no_stretches(spring: World) -> None:
    assert GroundTruth(spring, "c01").day(date(2026, 3, 7)) == []

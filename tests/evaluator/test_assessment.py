"""Verdicts with trust, and when they change by themselves. Texas: 4 infants, 11 two-year-olds per adult."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

import rulebook
from domain.errors import NotFound
from evaluator import what_if_leaves

INFANTS = [f"i{n}" for n in range(1, 7)]
TODDLERS = [f"t{n}" for n in range(1, 13)]


def rules(room: Any) -> set[str]:
    return {doubt.rule for doubt in room.trust.doubts}


def test_six_infants_with_one_adult_are_short_of_one(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS)
    room = house.look("08:05").rooms["r1"]
    assert (room.verdict.required, room.verdict.counted, room.verdict.deficit) == (2, 1, 1)


def test_an_empty_room_without_staff_is_in_order(house: Any) -> None:
    room = house.look("08:05").rooms["r2"]
    assert room.verdict.compliant
    assert not room.trust.doubtful


def test_an_idle_float_counts_in_no_room(house: Any) -> None:
    house.adult("flo", None)
    house.children("r1", INFANTS[:2])
    room = house.look("08:05").rooms["r1"]
    assert room.verdict.counted == 0
    assert "free_adult_may_have_come" in rules(room)
    assert not room.rests_on_doubt  # it happens, and is too rare to wait for a headcount


def test_nobody_clocked_in_is_never_replaced_by_scheduled(house: Any) -> None:
    house.knows(shifts=(house.shift("ana", "07:00", "16:00"),))
    house.children("r1", INFANTS[:2])
    room = house.look("08:05").rooms["r1"]
    assert room.verdict.counted == 0
    assert not room.rests_on_doubt
    assert room.root_cause.code == "late_start"


def test_combined_rooms_are_counted_as_one(house: Any) -> None:
    house.adult("cleo", "r2")
    house.children("r1", ["i1"])
    house.children("r2", TODDLERS[:2])
    house.tell("rooms_combined", "08:30", room_id="r2", room_ids=("r1", "r2"))
    seen = house.look("08:31")
    assert set(seen.rooms) == {"r2"}
    assert len(seen.rooms["r2"].group.children) == 3
    assert seen.room_of("r1") is seen.rooms["r2"]
    house.tell("rooms_split", "09:00", room_id="r2")
    assert set(house.look("09:01").rooms) == {"r1", "r2"}


def test_a_room_nobody_knows_is_said_to_be_unknown(house: Any) -> None:
    with pytest.raises(NotFound, match="no room 'attic'"):
        house.look("08:00").room_of("attic")


def test_who_was_never_checked_out_yesterday_is_set_aside_today(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", ["i1"])
    tomorrow = house.at("08:00") + timedelta(days=1)
    from evaluator import assess

    room = assess(house.state, house.facts, house.book, tomorrow).rooms["r1"]
    assert room.group.children == ()
    assert set(room.group.aside) == {"i1"}
    assert set(room.group.adults_aside) == {"ana"}


def test_an_adult_on_a_short_absence_leaves_the_room_softly_short(house: Any) -> None:
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    house.children("r1", INFANTS)
    house.tell("step_out", "09:00", staff_id="bea", room_id="r1")
    room = house.look("09:01").rooms["r1"]
    assert room.verdict.deficit == 1
    assert room.if_back


def test_what_if_says_who_may_not_leave(house: Any) -> None:
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    house.children("r1", INFANTS)
    answer = what_if_leaves(house.state, house.facts, house.book, "bea", house.at("09:00"))
    assert not answer.departure.allowed
    assert answer.after is not None
    assert answer.after.deficit == 1
    assert what_if_leaves(house.state, house.facts, house.book, "flo", house.at("09:00")).departure.allowed


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("09:00", "12:00"), ("12:00", "12:30"), ("12:30", "16:00")],
)
def test_the_next_instant_is_the_break_its_end_and_the_end_of_the_shift(house: Any, clock: str, expected: str) -> None:
    house.knows(shifts=(house.shift("ana", "07:00", "16:00", breaks="12:00-12:30"),))
    house.adult("ana", "r1")
    assert house.look(clock).next_instant == house.at(expected)


def test_a_nap_nobody_ends_is_over_with_its_window(house: Any) -> None:
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:3])
    house.tell("nap_start", "12:20", room_id="r2")
    assert house.look("13:00").rooms["r2"].situation.activity == "nap"
    assert house.look("13:00").next_instant == house.at("14:30")
    assert house.look("14:30").rooms["r2"].situation.activity == "normal"


def test_a_step_out_past_a_grace_of_the_rules_is_an_instant(house: Any) -> None:
    house.adult("ana", "r1")
    house.tell("step_out", "09:00", staff_id="ana", room_id="r1")
    assert house.look("09:01").next_instant == house.at("09:05")


def test_a_birthday_can_change_a_verdict_so_midnight_is_an_instant(house: Any) -> None:
    assert house.look("18:30").next_instant == house.at("00:00") + timedelta(days=1)


def test_a_partial_assessment_covers_the_group_that_was_asked_for(house: Any) -> None:
    seen = house.look("08:00", rooms=["r1"])
    assert set(seen.rooms) == {"r1"}
    assert not seen.complete


# ---- count trust ----


def test_a_child_still_in_after_closing_is_doubtful(house: Any) -> None:
    house.children("r1", ["i1"])
    assert "stay_past_closing" not in rules(house.look("17:59").rooms["r1"])
    assert "stay_past_closing" in rules(house.look("18:01").rooms["r1"])


def test_a_child_without_a_booking_is_doubtful_where_bookings_are_kept(house: Any) -> None:
    house.children("r1", ["i1", "i2"])
    assert rules(house.look("08:10").rooms["r1"]) == set()
    house.knows(bookings=(house.booking("i1", "r1"), house.booking("i2", "r1", status="absent")))
    doubts = house.look("08:10").rooms["r1"].trust.doubts
    assert [(doubt.rule, doubt.child_ids) for doubt in doubts] == [("not_booked", ("i2",))]
    assert "marked absent" in doubts[0].sentence


def test_an_overdue_pick_up_becomes_doubtful_by_itself(house: Any) -> None:
    house.adult("ana", "r1")
    house.knows(bookings=(house.booking("i1", "r1", goes="15:00"),))
    house.children("r1", ["i1"])
    seen = house.look("15:10")
    assert seen.next_instant == house.at("15:45")
    assert "pick_up_overdue" in rules(house.look("15:45").rooms["r1"])


def test_a_check_in_to_a_strange_room_makes_both_counts_doubtful(house: Any) -> None:
    house.children("r2", ["i1"])
    rooms = house.look("08:10").rooms
    assert "other_room" in rules(rooms["r2"])
    assert "own_children_elsewhere" in rules(rooms["r1"])


def test_an_adult_clocked_in_twice_makes_both_rooms_doubtful(house: Any) -> None:
    house.adult("ana", "r1")
    house.adult("ana", "r2", "08:00")
    rooms = house.look("08:10").rooms
    assert "adult_in_two_rooms" in rules(rooms["r1"])
    assert "adult_in_two_rooms" in rules(rooms["r2"])


def test_an_adult_past_the_shift_is_doubted_the_more_the_later_it_gets_and_may_hide_a_shortage(house: Any) -> None:
    house.knows(shifts=(house.shift("ana", "07:00", "16:00"),))
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:2])
    assert "adult_past_shift_end" not in rules(house.look("16:19").rooms["r1"])
    room = house.look("16:20").rooms["r1"]
    assert "adult_past_shift_end" in rules(room)
    assert room.verdict.compliant
    assert room.if_doubts_hurt
    assert house.look("17:00").rooms["r1"].hidden > room.hidden > 0


def test_a_silent_room_that_expects_children_is_doubtful(house: Any) -> None:
    house.knows(bookings=tuple(house.booking(child, "r2") for child in TODDLERS[:5]))
    assert "silent_room" not in rules(house.look("08:40").rooms["r2"])
    room = house.look("09:00").rooms["r2"]
    assert "silent_room" in rules(room)
    assert room.trust.doubts[0].more_children == 5


def test_more_out_than_in_is_doubtful(house: Any) -> None:
    for child in TODDLERS[:2]:
        house.tell("check_out", "15:00", child_id=child, room_id="r2")
    assert "more_out_than_in" in rules(house.look("15:05").rooms["r2"])


def test_children_left_behind_by_a_move_of_their_adults_are_doubtful(house: Any) -> None:
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:3])
    house.tell("room_move", "09:00", staff_id="cleo", room_id="r1")
    room = house.look("09:05").rooms["r2"]
    assert "room_never_moved_out" in rules(room)
    assert room.rests_on_doubt


def test_an_adult_planned_here_and_logged_elsewhere_may_be_here(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "07:00", "16:00", "r1"),))
    house.adult("ana", "r1")
    house.adult("bea", None)
    house.children("r1", INFANTS)
    room = house.look("08:10").rooms["r1"]
    assert "planned_here_logged_elsewhere" in rules(room)
    assert room.rests_on_doubt
    assert room.verdict.counted == 1  # planned is not present


def test_a_float_planned_here_and_logged_nowhere_may_as_well_be_here(house: Any) -> None:
    house.knows(shifts=(house.shift("flo", "07:00", "16:00", "r1"),))
    house.adult("ana", "r1")
    house.adult("flo", None)
    house.children("r1", INFANTS)
    room = house.look("08:10").rooms["r1"]
    assert "planned_here_logged_elsewhere" in rules(room)
    assert room.rests_on_doubt
    assert room.verdict.deficit == 1  # asked about first, and short all the while


def test_an_adult_logged_here_and_planned_elsewhere_may_hide_a_shortage(house: Any) -> None:
    house.knows(shifts=(house.shift("cleo", "07:00", "16:00", "r2"),))
    house.adult("ana", "r1")
    house.adult("cleo", "r1", "06:40")
    house.children("r1", INFANTS)
    room = house.look("08:10").rooms["r1"]
    assert "logged_here_planned_elsewhere" in rules(room)
    assert room.verdict.compliant
    assert room.if_doubts_hurt


def test_a_float_who_was_sent_elsewhere_lately_is_hardly_where_the_plan_has_them(house: Any) -> None:
    house.knows(shifts=(house.shift("flo", "08:00", "16:00", "r1"),))
    house.adult("ana", "r1")
    house.adult("flo", "r2")
    house.children("r1", INFANTS)
    assert house.look("08:10").rooms["r1"].rests_on_doubt
    house.tell("room_move", "08:05", staff_id="flo", room_id="r2")
    seen = house.look("08:10")
    assert "planned_here_logged_elsewhere" in rules(seen.rooms["r1"])
    assert not seen.rooms["r1"].rests_on_doubt
    assert seen.next_instant == house.at("08:15")


def test_who_was_sent_elsewhere_ten_minutes_ago_may_be_back_where_the_plan_has_them(house: Any) -> None:
    house.knows(shifts=(house.shift("flo", "08:00", "16:00", "r1"),))
    house.adult("ana", "r1")
    house.adult("flo", "r2")
    house.children("r1", INFANTS)
    house.tell("room_move", "08:05", staff_id="flo", room_id="r2")
    assert house.look("08:15").rooms["r1"].rests_on_doubt


def test_doubts_that_name_one_adult_do_not_count_twice_and_others_add_up(house: Any) -> None:
    house.adult("ana", "r1")
    house.adult("flo", None)
    house.children("r1", INFANTS)
    alone = house.look("08:10").rooms["r1"].excused
    house.adult("fin", None)
    assert house.look("08:10").rooms["r1"].excused == pytest.approx(alone)  # one of the two may have come
    house.knows(shifts=(house.shift("flo", "07:00", "16:00", "r1"),))
    both = house.look("08:10").rooms["r1"].excused
    assert both == pytest.approx(1 - (1 - 0.55) * (1 - alone))


def test_two_adults_missing_need_two_doubts_to_be_true(house: Any) -> None:
    house.knows(shifts=(house.shift("flo", "07:00", "16:00", "r1"), house.shift("bea", "07:00", "16:00", "r1")))
    house.adult("flo", None)
    house.adult("bea", None)
    house.children("r1", INFANTS)
    assert house.look("08:10").rooms["r1"].verdict.deficit == 2
    assert house.look("08:10").rooms["r1"].excused == pytest.approx(0.55 * 0.9)


# ---- headcounts ----


def test_a_headcount_lays_older_doubts_to_rest(house: Any) -> None:
    house.adult("ana", "r2")
    house.children("r2", ["i1"])
    house.count("r2", "08:30", 1)
    room = house.look("08:31").rooms["r2"]
    assert not room.trust.doubtful
    assert room.trust.confirmed_at == house.at("08:30")


def test_a_headcount_that_finds_fewer_sets_the_most_doubtful_child_aside(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", [*INFANTS[:4], "t1"])
    assert house.look("08:10").rooms["r1"].verdict.deficit == 1
    house.count("r1", "08:30", 4)
    room = house.look("08:31").rooms["r1"]
    assert set(room.group.aside) == {"t1"}
    assert room.verdict.compliant


def test_a_headcount_that_finds_more_counts_them_as_the_youngest_of_the_room(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:4])
    house.count("r1", "08:30", 5)
    room = house.look("08:31").rooms["r1"]
    assert room.group.unidentified == 1
    assert room.verdict.deficit == 1


def test_a_late_event_that_explains_a_headcount_is_not_counted_twice(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:3])
    house.count("r1", "08:30", 4)
    house.tell("check_in", "08:20", late=30, child_id="i4", room_id="r1")
    room = house.look("08:51").rooms["r1"]
    assert len(room.group.children) == 4
    assert room.group.unidentified == 0


def test_who_leaves_from_the_room_without_having_been_recorded_there_was_the_unidentified_one(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:3])
    house.children("r2", ["i4"])
    house.count("r1", "08:30", 4)
    house.tell("check_out", "09:00", child_id="i4", room_id="r1")
    assert len(house.look("09:01").rooms["r1"].group.children) == 3


def test_an_adult_seen_at_a_headcount_counts_there_until_their_next_event(house: Any) -> None:
    house.adult("ana", "r1")
    house.adult("flo", None)
    house.children("r1", INFANTS)
    house.count("r1", "08:30", 6, staff=("ana", "flo"))
    assert house.look("08:31").rooms["r1"].verdict.compliant
    house.tell("clock_out", "09:00", staff_id="flo")
    assert house.look("09:01").rooms["r1"].verdict.deficit == 1


def test_an_adult_seen_in_one_room_does_not_count_in_the_other(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:2])
    house.count("r2", "08:30", 0, staff=("ana",))
    room = house.look("08:31").rooms["r1"]
    assert room.verdict.counted == 0
    assert "ana" in room.group.adults_aside


def test_an_adult_not_seen_at_a_headcount_has_stepped_out_if_they_are_planned_there(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "07:00", "16:00"),))
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    house.children("r1", INFANTS)
    house.count("r1", "08:30", 6, staff=("ana",))
    seen = house.look("08:31")
    assert seen.rooms["r1"].verdict.deficit == 1
    assert seen.rooms["r1"].if_back
    assert house.look("08:35").next_instant == house.at("08:45")
    room = house.look("08:45").rooms["r1"]
    assert room.verdict.compliant
    assert "not_seen_at_the_headcount" in rules(room)


def test_an_adult_not_seen_at_a_headcount_and_planned_elsewhere_has_left(house: Any) -> None:
    house.knows(shifts=(house.shift("bea", "07:00", "16:00", "r2"),))
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    house.children("r1", INFANTS)
    house.count("r1", "08:30", 6, staff=("ana",))
    room = house.look("10:00").rooms["r1"]
    assert room.verdict.deficit == 1
    assert "bea" in room.group.adults_aside


def test_an_adult_seen_at_a_headcount_is_back_from_the_break_that_nobody_ended(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:2])
    house.tell("break_start", "08:20", staff_id="ana", room_id="r1")
    assert house.look("08:29").rooms["r1"].verdict.deficit == 1
    house.count("r1", "08:30", 2, staff=("ana",))
    assert house.look("08:31").rooms["r1"].verdict.compliant


def test_a_headcount_of_one_room_says_nothing_of_the_adults_of_the_room_it_is_combined_with(house: Any) -> None:
    house.adult("ana", "r1")
    house.adult("cleo", "r2")
    house.children("r1", ["i1"])
    house.children("r2", TODDLERS[:11])
    house.count("r1", "08:30", 1, staff=("ana",))
    house.tell("rooms_combined", "09:00", room_id="r2", room_ids=("r1", "r2"))
    assert {a.staff_id for a in house.look("09:01").rooms["r2"].group.in_room} == {"ana", "cleo"}


def test_a_headcount_finds_the_child_that_was_checked_in_to_the_room_next_door(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:4])
    house.children("r2", ["i5"])
    house.count("r1", "08:30", 5, staff=("ana",))
    room = house.look("08:31").rooms["r1"]
    assert (room.verdict.deficit, room.group.unidentified) == (1, 0)
    assert "i5" in room.group.places
    assert house.look("12:00").rooms["r1"].verdict.deficit == 1  # explained, so it holds on
    house.tell("check_out", "12:30", child_id="i5", room_id="r2")
    assert house.look("12:31").rooms["r1"].verdict.compliant


def test_an_even_headcount_can_hide_two_slips_of_the_finger(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", [*INFANTS[:3], "t1"])
    house.children("r2", ["i4"])
    house.count("r1", "08:30", 4, staff=("ana",))
    assert set(house.look("08:31").rooms["r1"].group.places) == set(INFANTS[:4])


def test_who_was_set_aside_and_leaves_is_not_missed_a_second_time(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", [*INFANTS[:5], "t1"])
    house.count("r1", "08:30", 5, staff=("ana",))
    house.tell("check_out", "09:00", child_id="t1", room_id="r1")
    assert len(house.look("09:01").rooms["r1"].group.children) == 5


def test_a_headcount_of_combined_rooms_says_nothing_of_one_after_the_split(house: Any) -> None:
    house.adult("cleo", "r2")
    house.children("r1", ["i1"])
    house.children("r2", TODDLERS[:2])
    house.tell("rooms_combined", "08:30", room_id="r2", room_ids=("r1", "r2"))
    house.count("r2", "08:40", 3, staff=("cleo",))
    assert house.look("08:41").rooms["r2"].trust.confirmed_at == house.at("08:40")
    house.tell("rooms_split", "09:00", room_id="r2")
    room = house.look("09:01").rooms["r2"]
    assert room.group.unidentified == 0
    assert room.trust.confirmed_at is None


def test_headcounts_by_number_never_count_an_unnamed_adult(house: Any) -> None:
    house.children("r1", INFANTS[:2])
    seen = house.count("r1", "08:30", 2)
    house.state.observe(replace(seen, observation_id="o2", happened_at=house.at("08:31"), adults=1))
    room = house.look("08:32").rooms["r1"]
    assert room.verdict.counted == 0
    assert room.group.unseen_adults == 1


def test_what_a_headcount_found_holds_for_two_hours_and_then_the_events_are_believed_again(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:5])
    house.count("r1", "09:00", 4)
    assert house.look("10:59").rooms["r1"].verdict.compliant
    assert house.look("10:00").rooms["r1"].next_doubt == house.at("11:00")
    room = house.look("11:00").rooms["r1"]
    assert room.verdict.deficit == 1
    assert "earlier_headcount_disagreed" in rules(room)
    assert room.rests_on_doubt


def test_a_headcount_near_closing_holds_for_the_night(house: Any) -> None:
    house.children("r1", ["i1"])
    house.count("r1", "18:02", 0)
    assert house.look("23:30").rooms["r1"].group.children == ()


def test_nap_relief_counts_the_adults_that_the_other_rooms_need(house: Any) -> None:
    house.book = rulebook.load("NC", on=date(2026, 3, 2))  # one may watch a nap of twos, all needed adults in call
    house.adult("ana", "r1")
    house.adult("cleo", "r2")
    house.children("r1", [f"i{n}" for n in range(1, 5)])
    house.children("r2", [f"t{n}" for n in range(1, 13)])
    house.tell("nap_start", "12:20", room_id="r2")
    alone = house.look("13:00", rooms=["r2"]).rooms["r2"]
    assert (alone.situation.building.required_elsewhere, alone.verdict.deficit) == (1, 1)
    house.adult("flo", None, "13:01")
    assert house.look("13:05").rooms["r2"].verdict.compliant

"""The situations that licensing narratives tell again and again, each with its right answer."""

from __future__ import annotations

from datetime import date, time

from rulebook import AdultHere, Building, RoomLicence, Situation, load
from rulebook.notation import parse_adults, parse_children

DAY = date(2026, 3, 2)
OPENS, CLOSES = time(6, 30), time(18, 0)


def room(*children: str, staff: tuple[str, ...] = ("Teacher",), at: time = time(10), **rest: object) -> Situation:
    return Situation(
        DAY, at, parse_children(children, DAY), parse_adults(staff), opens=OPENS, closes=CLOSES, **rest  # type: ignore[arg-type]
    )  # fmt: skip


def test_six_infants_with_one_adult_are_a_violation() -> None:
    verdict = load("OH", DAY).check(room("8x6"))
    assert (verdict.required, verdict.counted, verdict.compliant) == (2, 1, False)
    assert "one more adult is needed" in verdict.sentence


def test_the_nap_ratio_is_not_for_a_group_of_13_to_20_months() -> None:
    nap = {"activity": "nap", "asleep": 12, "building": Building(40, 10)}
    verdict = load("OH", DAY).check(room("13x4", "17x4", "20x4", **nap))
    assert (verdict.required, verdict.compliant) == (2, False)
    assert any("nap rule's conditions" in note for note in verdict.notes)
    assert load("OH", DAY).check(room("18x6", "20x6", **nap)).compliant


def test_nap_relief_needs_a_spare_adult_in_the_building() -> None:
    nap = {"activity": "nap", "asleep": 14}
    alone = load("OH", DAY).check(room("26x14", building=Building(14, 1), **nap))
    assert not alone.compliant
    assert any("2 adults in the building and 1 are there" in note for note in alone.notes)
    assert load("OH", DAY).check(room("26x14", building=Building(14, 2), **nap)).compliant


def test_one_caregiver_cannot_cover_two_groups_in_two_places() -> None:
    book = load("OH", DAY)
    first = book.check(room("50x8", staff=("Teacher",)))
    second = book.check(room("50x6", staff=("Teacher:elsewhere",)))
    assert first.compliant
    assert (second.counted, second.deficit) == (0, 1)
    assert second.uncounted[0].reason == "is in another room"


def test_fifty_one_children_with_one_adult_at_opening_are_a_violation_even_for_a_quarter_hour() -> None:
    verdict = load("TX", DAY).check(room("50x51", at=time(6, 35), building=Building(51, 1)))
    assert not verdict.compliant
    assert verdict.required == 3
    assert verdict.group_over == 16


def test_an_adult_under_18_or_without_the_training_asked_for_does_not_count() -> None:
    young = load("OH", DAY).check(room("50x20", staff=("Teacher:30y", "Aide:17y")))
    assert (young.counted, young.uncounted[0].reason) == (1, "is 17 years old, under 18")
    trained = {"name": "own policy", "who_counts": [{"says": "trained staff", "requires": ["first_aid_cpr"]}]}
    verdict = load("OH", DAY, policy=trained).check(room("50x20", staff=("Teacher:+first_aid_cpr", "Assistant")))
    assert (verdict.counted, verdict.uncounted[0].reason) == (1, "lacks first_aid_cpr")
    assert verdict.uncounted[0].citation == "own policy"


def test_a_trip_says_which_stricter_rules_were_not_checked() -> None:
    verdict = load("TX", DAY).check(room("50x10", activity="trip"))
    assert any("field trips" in note for note in verdict.notes)


def test_two_threes_among_ten_fours_change_the_room() -> None:
    book = load("OH", DAY)
    assert book.check(room("50x12")).group_limit == 28
    mixed = book.check(room("40x2", "50x10"))
    assert (mixed.group_limit, mixed.governing.value.split(":")[0]) == (24, "3 years")


def test_with_two_adults_and_eight_toddlers_at_one_to_five_nobody_may_step_out() -> None:
    book = load("ME", DAY, {"toddlers": "1:5", "preschool": "1:8"})
    verdict = book.check(room("14x8", staff=("Teacher", "Assistant")))
    assert verdict.compliant
    assert not verdict.may_leave("a1").allowed
    assert not verdict.may_leave("a2").allowed
    assert verdict.spare == 2


def test_a_child_collected_and_not_checked_out_still_counts_until_somebody_says_so() -> None:
    book = load("OH", DAY)
    assert not book.check(room("8x6")).compliant
    assert book.check(room("8x5")).compliant


def test_an_adult_clocked_in_to_two_rooms_counts_once_when_the_rooms_are_one() -> None:
    shared = AdultHere("maria", "Teacher", 40)
    one = Situation(DAY, time(10), parse_children(["50x8"], DAY), (shared,))
    combined = load("OH", DAY).combine([one, one])
    assert (combined.verdict.counted, combined.verdict.required, combined.allowed) == (1, 2, True)


def test_an_empty_room_without_staff_is_no_violation() -> None:
    assert load("TX", DAY).check(room(staff=())).compliant


def test_rooms_that_are_kept_apart_may_not_be_combined() -> None:
    combined = load("NC", DAY).combine([room("8x3"), room("30x4")])
    assert not combined.allowed
    assert combined.reason.startswith("No: a child under 1")
    early = load("NC", DAY).combine([room("8x3", at=time(7)), room("30x2", at=time(7))])
    assert (early.allowed, early.verdict.required, early.adults_saved) == (True, 1, 1)


def test_a_rooms_own_licence_governs_where_it_is_stricter() -> None:
    verdict = load("OH", DAY).check(room("50x12", room=RoomLicence(capacity=10, per_staff=8)))
    assert (verdict.required, verdict.group_over, verdict.governing.source) == (2, 2, "room licence")

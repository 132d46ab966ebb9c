"""What must hold for every rule file there is, now and later."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulebook import AdultHere, Building, ChildHere, Rulebook, Situation, codes, load
from rulebook.notation import parse_children

DAY = date(2026, 3, 2)
OPENS, CLOSES = time(6, 30), time(18, 0)
POLICY = {
    "name": "own policy",
    "bands": [{"id": "young", "label": "under 3", "from": 0, "to": 36, "children": 4, "group": 11}],
}

# One more child may lower the requirement where the rule itself says how ages are put together.
# code: (children, one more, why)
LOWERS: dict[str, tuple[list[str], str, str]] = {
    "AK": (["65x8", "90x8"], "90", "from five years up the majority tips to the older band"),
    "CO": (["40x7", "50x27"], "50", "the younger children fall to a fifth of the group and are disregarded"),
    "FL": (["30x6", "40x6"], "40", "the majority tips to the older band"),
    "GA": (["40x8", "50x8"], "50", "the majority tips to the older band"),
    "LA": (["26x11"], "100", "the average of the ages present is larger with an older child"),
    "MA": (["14x8"], "32", "groups are defined by age span, and the wider span has numbers of its own"),
    "MD": (["14x7"], "62", "with an older child the table names a number of staff and no ratio"),
    "NYC": (["26x7", "40x7"], "40", "the predominant age tips to the older band"),
    "OK": (["14", "26x6"], "40", "mixes with children of 3 and over have a number of their own"),
    "TN": (["32x8"], "62s", "age spans have numbers of their own"),
    "UT": (["14x4", "20x3"], "26", "mixes with children of 2 and over have no number of their own"),
}

ages = st.one_of(st.integers(0, 80), st.integers(0, 150))
children = st.builds(ChildHere, ages, walking=st.sampled_from([None, True, False]), in_school=st.booleans())
rooms = st.lists(children, max_size=14).map(tuple)
roles = st.sampled_from(["Lead Teacher", "Teacher", "Assistant", "Aide", "Cook", "Juggler"])
adults = st.builds(
    AdultHere,
    staff_id=st.uuids().map(str),
    role=roles,
    age_years=st.sampled_from([None, 15, 16, 17, 18, 19, 30]),
    credentials=st.frozensets(st.sampled_from(["lead", "units"])),
    state=st.sampled_from(["in_room", "in_room", "on_break", "stepped_out"]),
    away_seconds=st.sampled_from([0, 200, 400]),
    volunteer=st.booleans(),
)
buildings = st.one_of(st.none(), st.builds(Building, st.integers(0, 60), st.integers(0, 12)))
calm = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
BOOKS: list[Rulebook] = [load(code, DAY) for code in codes()]
WITH_POLICY = {code: load(code, DAY, policy=POLICY) for code in codes()}


@st.composite
def situations(draw: st.DrawFn, activity: str | None = None) -> Situation:
    here = draw(rooms)
    return Situation(
        day=DAY,
        local_time=draw(st.times()),
        children=here,
        adults=tuple(draw(st.lists(adults, max_size=4))),
        activity=activity or draw(st.sampled_from(["normal", "nap", "outdoors", "meal", "trip"])),
        asleep=draw(st.one_of(st.none(), st.integers(0, len(here)))),
        opens=OPENS,
        closes=CLOSES,
        building=draw(buildings),
    )


def with_more(situation: Situation, child: ChildHere, more: int) -> Situation:
    building = situation.building
    if building is not None:
        building = replace(building, children=building.children + more)
    return replace(situation, children=situation.children + (child,) * more, building=building)


def at_noon(room: tuple[ChildHere, ...]) -> Situation:
    return Situation(DAY, time(12), room, building=Building(children=60, adults=12))


@given(room=rooms, more=children)
@calm
def test_one_more_child_never_lowers_the_requirement(room: tuple[ChildHere, ...], more: ChildHere) -> None:
    for rules in BOOKS:
        before, after = rules.check(at_noon(room)), rules.check(at_noon((*room, more)))
        assert after.required >= before.required or rules.code in LOWERS, rules.code


@pytest.mark.parametrize("code", sorted(LOWERS))
def test_a_rule_said_to_lower_the_requirement_does_so_in_its_example(code: str) -> None:
    here, more, why = LOWERS[code]
    before = load(code, DAY).check(at_noon(parse_children(here, DAY)))
    after = load(code, DAY).check(at_noon(parse_children([*here, more], DAY)))
    assert after.required < before.required, why


@given(situation=situations())
@calm
def test_one_more_counted_adult_never_raises_the_deficit(situation: Situation) -> None:
    teacher = AdultHere("one-more", "Lead Teacher", 40)
    for rules in BOOKS:
        after = rules.check(replace(situation, adults=(*situation.adults, teacher)))
        assert after.deficit <= rules.check(situation).deficit, rules.code


@given(situation=situations(), state=st.sampled_from(["on_break", "elsewhere", "not_clocked_in"]))
@calm
def test_an_uncounted_adult_changes_nothing(situation: Situation, state: str) -> None:
    idlers = (
        AdultHere("idle", "Teacher", 40, state=state),
        AdultHere("idle", "Cook", 40),
        AdultHere("idle", "Juggler"),
    )
    for rules, idle in product(BOOKS, idlers):
        before, after = rules.check(situation), rules.check(replace(situation, adults=(*situation.adults, idle)))
        assert (before.required, before.counted) == (after.required, after.counted), rules.code
        assert "idle" in {entry.staff_id for entry in after.uncounted}, rules.code
        assert after.may_leave("idle", leaves_building=False).allowed, rules.code


@given(situation=situations())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_headroom_agrees_with_checking_again(situation: Situation) -> None:
    for rules in BOOKS:
        verdict = rules.check(situation)
        present = verdict.basis.findings[0].group.bands_present or range(len(rules.bands))
        assert verdict.spare == min(verdict.headroom[index].more for index in present)
        for entry, band in zip(verdict.headroom, rules.bands, strict=True):
            assert verdict.compliant or entry.more <= 0, rules.code
            for more in range(1, entry.more + 2) if verdict.compliant else ():
                fuller = with_more(situation, band.example, more)
                assert rules.check(fuller).compliant == (more <= entry.more) or more > 60, rules.code


@given(situation=situations(), at=st.times())
@calm
def test_the_answer_depends_on_local_time_only_at_named_boundaries(situation: Situation, at: time) -> None:
    later = replace(situation, local_time=at)
    for rules in BOOKS:
        edges = {*rules.boundaries(OPENS, CLOSES), OPENS, CLOSES}
        if any((edge <= at) != (edge <= situation.local_time) for edge in edges):
            continue
        one, other = rules.check(situation), rules.check(later)
        assert (one.required, one.group_limit, one.breaches) == (other.required, other.group_limit, other.breaches)


@given(situation=situations())
@calm
def test_the_strictest_of_law_and_policy_is_never_weaker_than_its_parts(situation: Situation) -> None:
    young = sum(child.age_months is not None and child.age_months < 36 for child in situation.children)
    for rules in BOOKS:
        law, both = rules.check(situation), WITH_POLICY[rules.code].check(situation)
        assert both.required >= law.required, rules.code
        assert situation.activity == "nap" or both.required >= -(-young // 4), rules.code
        assert both.deficit >= law.deficit, rules.code
        if law.group_limit is not None:
            assert both.group_limit is not None
            assert both.group_limit <= law.group_limit, rules.code
        if both.required > law.required:
            assert both.governing.source == "policy", rules.code


@given(situation=situations())
@calm
def test_an_option_not_chosen_is_as_strict_as_each_choice(situation: Situation) -> None:
    for rules in BOOKS:
        options = {name: rules.document["options"][name]["choices"] for name in rules.undecided}
        strictest = rules.check(situation)
        for choice in product(*options.values()):
            settled = load(rules.code, DAY, dict(zip(options, choice, strict=True))).check(situation)
            assert strictest.required >= settled.required, rules.code
            assert settled.compliant or not strictest.compliant, rules.code


@given(room=st.lists(ages, max_size=14))
@calm
def test_the_fast_path_agrees_with_the_check(room: list[int]) -> None:
    situation = Situation(DAY, time(7), tuple(ChildHere(age) for age in room), opens=OPENS, closes=CLOSES)
    for rules in BOOKS:
        assert rules.required(room, time(7), opens=OPENS, closes=CLOSES) == rules.check(situation).required


@given(situation=situations())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_every_answer_explains_itself(situation: Situation) -> None:
    for rules in BOOKS:
        verdict = rules.check(situation)
        assert verdict.to_json()["sentence"].startswith(rules.name)
        assert verdict.deficit == max(0, verdict.required - verdict.counted)
        assert len(verdict.uncounted) == len(situation.adults) - verdict.counted, rules.code
        assert verdict.governing.citation


@pytest.mark.parametrize("code", codes())
def test_an_empty_room_without_staff_is_compliant(code: str) -> None:
    verdict = load(code, DAY).check(Situation(DAY, time(12)))
    assert verdict.compliant
    assert (verdict.required, verdict.deficit) == (0, 0)

"""Incidents and alerts: who is told what, when and why. Times are of one Monday morning."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from domain.errors import BadInput, Conflict
from evaluator import (
    Change,
    Incident,
    Policy,
    Risk,
    acknowledge,
    decide,
    incident_from_json,
    incident_to_json,
    message_from_json,
    message_to_json,
    next_decision,
    note_action,
    policy_from_json,
    policy_to_json,
    review,
    snooze,
)

INFANTS = [f"i{n}" for n in range(1, 7)]
TODDLERS = [f"t{n}" for n in range(1, 13)]


class Desk:
    """Keeps incidents as the service would, and decides when asked."""

    def __init__(self, house: Any, policy: Policy | None = None) -> None:
        self.house, self.policy = house, policy or house.policy
        self.incidents: dict[str, Incident] = {}

    def round(self, clock: str, risks: list[Risk] | None = None) -> list[Change]:
        now = self.house.at(clock)
        changes = decide(self.incidents.values(), self.house.look(clock), risks, self.policy, now)
        for change in changes:
            # Through JSON each time: what is stored is what is decided on.
            stored = incident_from_json(incident_to_json(change.incident))
            assert stored == change.incident
            self.incidents[stored.incident_id] = stored
        return changes

    def apply(self, change: Change) -> None:
        self.incidents[change.incident.incident_id] = change.incident

    @property
    def one(self) -> Incident:
        assert len(self.incidents) == 1
        return next(iter(self.incidents.values()))


def told(changes: list[Change]) -> set[tuple[str, str, str]]:
    return {(m.kind, m.audience, m.outlet) for change in changes for m in change.messages}


@pytest.fixture
def desk(house: Any) -> Desk:
    """Twelve two-year-olds with one adult: one short, nobody free."""
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS, "09:00")
    return Desk(house)


def test_a_violation_is_on_record_at_once_and_told_after_its_grace(desk: Desk) -> None:
    opened = desk.round("09:00")
    assert [(c.kind, c.incident.severity, c.messages) for c in opened] == [("opened", "violation", ())]
    assert desk.round("09:00:44") == []
    changes = desk.round("09:00:45")
    assert told(changes) == {
        ("alert", "director", "chat"), ("alert", "director", "in_app"), ("alert", "floats", "chat"),
        ("alert", "floats", "in_app"),
    }  # fmt: skip
    assert "longer than the grace" in changes[0].reason
    assert desk.round("09:01") == []


def test_a_violation_gone_within_its_grace_is_recorded_and_nobody_is_told(desk: Desk) -> None:
    desk.round("09:00")
    desk.house.tell("check_out", "09:00:20", child_id="t1", room_id="r2")
    changes = [*desk.round("09:00:20"), *desk.round("09:01:20")]
    assert told(changes) == set()
    assert desk.one.status == "resolved"
    assert desk.one.resolved_at == desk.house.at("09:00:20")


def test_hysteresis_keeps_one_incident_through_a_flicker(desk: Desk) -> None:
    desk.round("09:00")
    desk.round("09:00:45")
    desk.house.tell("check_out", "09:02", child_id="t1", room_id="r2")
    assert desk.round("09:02")[0].messages == ()
    desk.house.tell("check_in", "09:02:30", child_id="t1", room_id="r2")
    desk.round("09:02:30")
    assert desk.one.is_open
    assert desk.one.clear_since is None


def test_whoever_was_told_hears_that_it_is_over(desk: Desk) -> None:
    desk.round("09:00")
    desk.round("09:00:45")
    desk.house.tell("check_out", "09:05", child_id="t1", room_id="r2")
    desk.round("09:05")
    changes = desk.round("09:06")
    assert {kind for kind, _, _ in told(changes)} == {"all_clear"}
    assert {audience for _, audience, _ in told(changes)} == {"director", "floats"}
    assert desk.one.resolved_at == desk.house.at("09:05")


def test_nobody_acknowledges_so_it_climbs_the_ladder_and_becomes_critical(desk: Desk) -> None:
    desk.round("09:00")
    desk.round("09:00:45")
    rung = desk.round("09:05:45")
    assert told(rung) == {("escalation", "assistant_director", "chat"), ("escalation", "assistant_director", "in_app")}
    assert "nobody has acknowledged" in rung[0].reason
    critical = desk.round("09:15")
    assert critical[0].incident.severity == "critical"
    assert ("alert", "director", "sms") in told(critical)
    assert desk.one.status == "escalated"


def test_an_unacknowledged_critical_incident_is_repeated(desk: Desk) -> None:
    for clock in ("09:00", "09:15", "09:20"):
        desk.round(clock)
    changes = desk.round("09:30")
    assert {kind for kind, _, _ in told(changes)} == {"repeat"}


def test_acknowledged_means_quiet_until_it_gets_worse(desk: Desk) -> None:
    desk.round("09:00")
    desk.round("09:00:45")
    desk.apply(acknowledge(desk.one, "dora", desk.house.at("09:02")))
    assert desk.round("09:10") == []
    assert ("alert", "director", "sms") in told(desk.round("09:15"))
    assert desk.one.status == "escalated"


def test_a_snooze_mutes_until_its_end(desk: Desk) -> None:
    desk.round("09:00")
    desk.apply(snooze(desk.one, "dora", desk.house.at("09:10"), desk.house.at("09:00:10")))
    assert told(desk.round("09:05")) == set()
    assert ("alert", "director", "chat") in told(desk.round("09:10"))


def test_an_infant_shortage_is_critical_from_the_start(house: Any) -> None:
    house.adult("ana", "r1")
    house.children("r1", INFANTS, "09:00")
    assert Desk(house).round("09:00")[0].incident.severity == "critical"


def test_children_without_any_adult_are_critical(house: Any) -> None:
    house.children("r2", TODDLERS[:2], "09:00")
    change = Desk(house).round("09:00")[0]
    assert (change.incident.cause, change.incident.severity) == ("nobody", "critical")


def test_a_short_absence_is_soft_for_the_room_lead_then_a_violation(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.adult("dan", "r2")
    house.children("r2", TODDLERS, "08:00")
    house.tell("step_out", "09:00", staff_id="dan", room_id="r2")
    assert desk.round("09:00")[0].incident.severity == "soft"
    assert told(desk.round("09:01")) == {("alert", "room_lead", "in_app")}
    assert desk.round("09:05")[0].incident.severity == "violation"
    assert ("alert", "director", "chat") in told(desk.round("09:08"))  # nobody has counted


def test_a_violation_resting_on_doubt_asks_for_a_headcount_and_the_clock_runs(house: Any) -> None:
    desk = Desk(house)
    house.knows(shifts=(house.shift("dan", "07:00", "16:00", "r2"),))
    house.adult("cleo", "r2")
    house.adult("dan", None)
    house.children("r2", TODDLERS, "09:00")
    desk.round("09:00")
    asked = desk.round("09:00:20")
    assert told(asked) == {("please_count", "room_lead", "in_app"), ("please_count", "room_lead", "chat")}
    assert "please count" in asked[0].messages[0].title
    assert ("escalation", "director", "chat") in told(desk.round("09:01:50"))
    assert ("escalation", "assistant_director", "chat") in told(desk.round("09:04:20"))
    late = desk.round("09:08")
    assert ("alert", "director", "chat") in told(late)
    assert "nobody has counted in time" in late[0].reason


def test_a_shortage_that_is_doubted_late_or_by_turns_is_alarmed_eight_minutes_after_it_began(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.adult("dan", "r2")
    house.children("r2", TODDLERS, "08:00")
    house.tell("step_out", "09:00", staff_id="dan", room_id="r2")
    desk.round("09:00")
    assert ("please_count", "room_lead", "chat") in told(desk.round("09:05"))
    assert not any(message.kind == "alert" for change in desk.round("09:07:59") for message in change.messages)
    assert next_decision([desk.one], house.at("09:07:59")) == house.at("09:08")
    assert ("alert", "director", "chat") in told(desk.round("09:08"))


def test_where_nobody_is_logged_with_the_children_others_than_the_room_lead_are_asked_at_once(house: Any) -> None:
    desk = Desk(house)
    house.knows(shifts=(house.shift("dan", "07:00", "16:00", "r2"),))
    house.adult("dan", None)
    house.children("r2", TODDLERS[:6], "09:00")
    desk.round("09:00")
    assert {("please_count", "room_lead", "chat"), ("please_count", "director", "chat")} <= told(desk.round("09:00:20"))
    assert told(desk.round("09:03:20")) == set()
    assert ("escalation", "assistant_director", "chat") in told(desk.round("09:04:20"))


def test_a_shortage_that_a_headcount_has_just_found_has_no_grace(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:11])
    desk.round("09:00")
    house.count("r2", "09:02", 12, staff=("cleo",))
    changes = desk.round("09:02")
    assert ("alert", "director", "chat") in told(changes)
    assert changes[0].reason == "a headcount has just found it"


def test_a_short_absence_that_is_not_logged_as_over_asks_for_a_headcount_before_it_alarms(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.adult("dan", "r2")
    house.children("r2", TODDLERS, "08:00")
    house.tell("step_out", "09:00", staff_id="dan", room_id="r2")
    desk.round("09:00")
    assert ("please_count", "room_lead", "chat") in told(desk.round("09:05"))
    house.count("r2", "09:07", 12, staff=("cleo",))
    assert ("alert", "director", "chat") in told(desk.round("09:07"))


def test_a_short_absence_that_follows_a_shortage_has_a_grace_of_its_own(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS, "09:00")
    desk.round("09:00")
    house.adult("dan", "r2", "09:03")
    house.tell("step_out", "09:03:30", staff_id="dan", room_id="r2")
    assert desk.round("09:03:30")[0].incident.severity == "soft"
    assert all(change.incident.severity == "soft" for change in desk.round("09:08:20"))
    assert desk.round("09:08:30")[0].incident.severity == "violation"


def test_a_headcount_that_confirms_the_shortage_alarms_at_once(house: Any) -> None:
    desk = Desk(house)
    house.knows(shifts=(house.shift("dan", "07:00", "16:00", "r2"),))
    house.adult("cleo", "r2")
    house.adult("dan", None)
    house.children("r2", TODDLERS, "09:00")
    desk.round("09:00")
    desk.round("09:00:20")
    house.count("r2", "09:02", 12, staff=("cleo",))
    assert ("alert", "director", "chat") in told(desk.round("09:02"))


def test_a_headcount_that_explains_it_ends_it_without_an_alarm(house: Any) -> None:
    desk = Desk(house)
    house.knows(shifts=(house.shift("dan", "07:00", "16:00", "r2"),))
    house.adult("cleo", "r2")
    house.adult("dan", None)
    house.children("r2", TODDLERS, "09:00")
    desk.round("09:00")
    desk.round("09:00:20")
    house.count("r2", "09:02", 12, staff=("cleo", "dan"))
    desk.round("09:02")
    changes = desk.round("09:03")
    assert changes[0].kind == "resolved"
    assert "headcount has settled it" in changes[0].reason
    assert not any(m.severity in ("violation", "critical") for c in changes for m in c.messages)


def test_a_count_that_may_hide_a_shortage_is_asked_for_once(house: Any) -> None:
    desk = Desk(house)
    house.knows(shifts=(house.shift("cleo", "07:00", "16:00", "r2"),))
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:3])
    desk.round("17:00")
    assert told(desk.round("17:02")) == {("please_count", "room_lead", "in_app"), ("please_count", "room_lead", "chat")}
    house.count("r2", "17:03", 3, staff=("cleo",))
    desk.round("17:03")
    assert told(desk.round("17:04")) == set()
    assert desk.one.status == "resolved"


def risk(house: Any, odds: float, clock: str = "09:15") -> Risk:
    return Risk("r2", house.at(clock), 15, odds, "shift_end", "at 09:15: Cleo's shift ends", "test", 9.0, 1.0, 0.4)


def test_one_warning_with_odds_and_cause_then_withdrawn_visibly(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:5])
    changes = desk.round("09:00", [risk(house, 0.7)])
    assert told(changes) == {("warning", "room_lead", "task"), ("warning", "room_lead", "in_app")}
    assert "70 %" in changes[0].messages[0].title
    assert "shift ends" in changes[0].messages[0].body
    assert desk.round("09:01", [risk(house, 0.4)]) == []  # above the lower threshold: it stands
    assert desk.round("09:02", None) == []  # not looked at: it stands
    desk.round("09:03", [risk(house, 0.1)])
    assert desk.round("09:12", [risk(house, 0.1)]) == []
    gone = desk.round("09:13", [risk(house, 0.1)])
    assert gone[0].kind == "withdrawn"
    assert {kind for kind, _, _ in told(gone)} == {"withdrawal"}
    assert desk.one.withdrawn


def test_a_warning_that_comes_true_gives_way_to_the_violation(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:11])
    desk.round("08:50", [risk(house, 0.7)])
    house.children("r2", ["t12"], "09:00")
    changes = desk.round("09:00", [risk(house, 0.9)])
    assert {(c.incident.matter, c.kind) for c in changes} == {("shortage", "opened"), ("outlook", "resolved")}
    assert told(changes) == set()


def test_a_warning_of_a_group_too_large_gives_way_to_that_alone(house: Any) -> None:
    desk = Desk(house)
    for name in ("cleo", "dan", "flo", "fin"):
        house.adult(name, "r2")
    house.children("r2", TODDLERS[:5])
    group = replace(risk(house, 0.0), group_odds=0.9)
    assert "may have too large or mixed a group" in desk.round("08:50", [group])[0].messages[0].title
    house.children("r2", [f"t{n}" for n in range(6, 24)], "09:00")  # 23, where 22 are allowed
    changes = desk.round("09:00", [group])
    assert {(c.incident.matter, c.kind) for c in changes} == {("group_size", "opened"), ("outlook", "resolved")}
    again = desk.round("09:05", [group, risk(house, 0.7)])  # that adults will be missing is another matter
    assert ("outlook", "shift_end") in {(c.incident.matter, c.incident.root_cause) for c in again}


def test_a_warning_of_a_gap_takes_the_place_of_one_of_the_group(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:5])
    group = replace(risk(house, 0.1), group_odds=0.9)
    assert [c.incident.root_cause for c in desk.round("08:30", [group])] == ["group_too_large"]
    assert desk.round("08:40", [replace(group, odds=0.4)]) == []  # not likely enough for a warning of its own
    changes = desk.round("08:50", [replace(group, odds=0.6)])
    assert [(c.kind, c.incident.root_cause) for c in changes] == [
        ("resolved", "group_too_large"),
        ("opened", "shift_end"),
    ]
    assert desk.round("08:55", [replace(group, odds=0.4)]) == []  # it stands, and is not exchanged back


def test_the_stronger_incident_mutes_the_weaker_of_the_room(house: Any) -> None:
    desk = Desk(house)
    house.adult("cleo", "r2")
    house.children("r2", [f"t{n}" for n in range(1, 24)], "09:00")  # 23: two short, and above the group size
    changes = desk.round("09:00")
    by_matter = {change.incident.matter: change.incident for change in changes}
    assert by_matter["group_size"].muted_by == by_matter["shortage"].incident_id
    later = desk.round("09:03")
    assert {m.incident_id for c in later for m in c.messages} == {by_matter["shortage"].incident_id}


def test_quiet_hours_hold_weak_messages_back_and_let_strong_ones_pass(house: Any) -> None:
    quiet = replace(house.policy, quiet_from=time(18), quiet_to=time(10))
    house.adult("cleo", "r2")
    house.children("r2", TODDLERS[:5], "08:00")
    weak = Desk(house, quiet).round("09:00", [risk(house, 0.7)])
    assert {m.not_before for m in weak[0].messages} == {house.at("10:00")}
    house.children("r2", TODDLERS[5:], "09:01")
    desk = Desk(house, quiet)
    desk.round("09:01")
    assert {m.not_before for c in desk.round("09:02") for m in c.messages} == {None}


def test_the_policy_in_force_at_opening_stays_with_the_incident(desk: Desk) -> None:
    desk.round("09:00")
    desk.policy = replace(desk.policy, version="2", grace_seconds={"ratio": 3600})
    assert desk.one.policy.version == "default"
    assert told(desk.round("09:00:45")) != set()


def test_deciding_twice_gives_the_same_ids(desk: Desk) -> None:
    now = desk.house.at("09:00")
    first = decide([], desk.house.look("09:00"), None, desk.policy, now)
    second = decide([], desk.house.look("09:00"), None, desk.policy, now)
    assert first == second
    assert first[0].incident.incident_id.startswith("inc_")


def test_two_rounds_give_two_message_ids(desk: Desk) -> None:
    ids = [m.message_id for clock in ("09:00:45", "09:05:45", "09:15") for c in desk.round(clock) for m in c.messages]
    desk.round("09:00")
    assert len(ids) == len(set(ids))


def test_the_next_decision_walks_through_grace_ladder_and_criticality(desk: Desk) -> None:
    desk.round("09:00")
    instants = []
    now = desk.house.at("09:00")
    for _ in range(5):
        instant = next_decision(desk.incidents.values(), now)
        assert instant is not None
        instants.append(instant - desk.house.at("09:00"))
        now = instant
        desk.round(now.astimezone(desk.house.facts.tz).time().isoformat())
    assert timedelta(seconds=45) in instants
    assert timedelta(seconds=345) in instants


def test_incidents_of_a_room_that_was_combined_away_resolve(desk: Desk) -> None:
    desk.round("09:00")
    desk.house.adult("ana", "r1")
    desk.house.adult("bea", "r1")
    desk.house.tell("rooms_combined", "09:10", room_id="r1", room_ids=("r1", "r2"))
    desk.round("09:10")
    desk.round("09:11:30")
    assert [i.status for i in desk.incidents.values() if i.room_id == "r2"] == ["resolved"]


def test_acts_on_an_incident_that_is_over_are_refused_and_reviews_are_not(desk: Desk) -> None:
    desk.round("09:00")
    now = desk.house.at("09:10")
    over = replace(desk.one, status="resolved", resolved_at=now)
    with pytest.raises(Conflict, match="resolved already"):
        acknowledge(over, "dora", now)
    reviewed = review(over, "dora", "false_alarm", now, "we were three").incident
    assert (reviewed.status, reviewed.review) == ("reviewed", "false_alarm")
    with pytest.raises(BadInput, match="no label"):
        review(over, "dora", "meh", now)
    assert note_action(over, "dora", "moved Dan over", now).incident.history[-1].sentence == "moved Dan over"


def test_a_policy_survives_json_and_a_wrong_one_is_named() -> None:
    policy = Policy(version="7", quiet_from=time(20), quiet_to=time(6))
    assert policy_from_json(policy_to_json(policy)) == policy
    wrong = policy_to_json(policy) | {"risk_threshold": 0.1}
    with pytest.raises(BadInput, match="risk_clear"):
        policy_from_json(wrong)
    bad = policy_to_json(policy)
    bad["routes"]["soft"]["targets"][0]["audience"] = "everybody"
    with pytest.raises(BadInput, match="everybody"):
        policy_from_json(bad)


def test_messages_survive_json(desk: Desk) -> None:
    desk.round("09:00")
    message = desk.round("09:00:45")[0].messages[0]
    assert message_from_json(message_to_json(message)) == message


def test_a_building_with_too_few_adults_is_one_incident_of_its_own(desk: Desk) -> None:
    seen = desk.house.look("09:00")
    for room in seen.rooms.values():
        room.verdict.premises_required, room.verdict.premises_deficit = 2, 1
    change = next(c for c in decide([], seen, None, desk.policy, desk.house.at("09:00")) if not c.incident.room_id)
    assert (change.kind, change.incident.matter, change.incident.severity) == ("opened", "premises", "violation")
    desk.apply(change)
    after = [c for clock in ("09:05", "09:06") for c in desk.round(clock) if c.incident.matter == "premises"]
    assert after[-1].kind == "resolved"

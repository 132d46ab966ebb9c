"""From events to one well-mannered incident, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from storage import audit


def crowd(house: Any, children: int = 5) -> None:
    """Too many infants for one adult: with two adults all is well, then one leaves."""
    house.staff("clock_in", "s1", "s2")
    house.staff("clock_in", "s3", "s4", room_id="r2")
    house.arrive(*(f"i{n}" for n in range(children)))
    house.step()
    house.pass_time(minutes=10)
    house.staff("clock_out", "s2", room_id=None)
    house.step()


def shortages(house: Any) -> list[dict[str, Any]]:
    return [i for i in house.get("/v1/incidents", center_id="c1") if i["matter"] == "shortage"]


def sent(house: Any, incident_id: str, kind: str | None = None) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = house.get(f"/v1/incidents/{incident_id}")["messages"]
    return [message for message in messages if kind in (None, message["kind"])]


def test_a_shortage_is_on_record_at_once_told_after_its_grace_and_told_over_when_it_is_over(house: Any) -> None:
    crowd(house)
    (incident,) = shortages(house)
    assert (incident["status"], incident["told_at"]) == ("open", None)
    house.pass_time(minutes=2)
    (incident,) = shortages(house)
    alerts = sent(house, incident["incident_id"])
    assert alerts
    assert {message["status"] for message in alerts} == {"sent"}
    assert all(len(message["attempts"]) == 1 for message in alerts)
    house.staff("clock_in", "s2")
    house.step()
    house.pass_time(minutes=2)
    (incident,) = shortages(house)
    assert incident["status"] == "resolved"
    assert sent(house, incident["incident_id"], "all_clear")


def test_an_incident_is_one_thread_of_the_bot_whose_first_message_says_when_it_is_over(
    make_house: Callable[..., Any], vendors: Any
) -> None:
    with vendors.vendor(vendors.slack_api) as slack:
        house = make_house(
            mode="alerts", slack_bot_token="xoxb-1", slack_channel="#alerts", slack_api_url=f"{slack.url}/api/"
        )
        house.service.outlets["slack"].min_interval = 0.0
        crowd(house)
        house.pass_time(minutes=2)
        (alert,) = slack.pages
        assert "thread_ts" not in alert
        assert alert["blocks"][-1]["type"] == "actions"
        for _ in range(4):  # nobody acknowledges
            house.pass_time(minutes=10)
        told = len(slack.pages)
        assert told > 1
        house.staff("clock_in", "s2")
        house.step()
        house.pass_time(minutes=2)
        first, *rest = slack.pages
    assert {message["thread_ts"] for message in rest} == {first["ts"]}
    assert [message["reply_broadcast"] for message in rest] == [True] * (told - 1) + [False]
    assert first["text"] == rest[-1]["text"]
    assert [block["type"] for block in first["blocks"]] == ["header", "section"]


def test_judging_again_and_again_tells_nobody_twice(house: Any) -> None:
    crowd(house)
    house.pass_time(minutes=2)
    (incident,) = shortages(house)
    before = sent(house, incident["incident_id"])
    for _ in range(5):
        house.pass_time(seconds=1)
    assert sent(house, incident["incident_id"]) == before


def test_acknowledged_means_no_more_calls_and_doing_it_twice_changes_nothing(house: Any) -> None:
    crowd(house)
    house.pass_time(minutes=2)
    (incident,) = shortages(house)
    path = f"/v1/incidents/{incident['incident_id']}"
    assert house.post(f"{path}/ack", role="lead_teacher").json()["status"] == "acknowledged"
    assert house.post(f"{path}/ack", role="float").json()["acknowledged_by"].startswith("key:")
    before = len(sent(house, incident["incident_id"]))
    for _ in range(10):
        house.pass_time(minutes=1)
    assert len(sent(house, incident["incident_id"])) == before
    log = house.get("/v1/audit", center_id="c1", subject=f"incident:{incident['incident_id']}")
    assert [entry["action"] for entry in log].count("incident.acknowledged") == 1
    assert house.post(f"{path}/ack", role="analyst").status_code == 403


def test_unacknowledged_alerts_escalate(house: Any) -> None:
    crowd(house)
    house.pass_time(minutes=2)
    for _ in range(6):
        house.pass_time(minutes=1)
    (incident,) = shortages(house)
    assert sent(house, incident["incident_id"], "escalation")


def test_a_snooze_keeps_quiet_for_its_time(house: Any) -> None:
    crowd(house)
    (incident,) = shortages(house)
    path = f"/v1/incidents/{incident['incident_id']}/snooze"
    assert house.post(path, {"minutes": 0}).status_code == 422
    assert house.post(path, {"minutes": 5}).status_code == 200
    house.pass_time(minutes=3)
    assert sent(house, incident["incident_id"]) == []


def test_a_closed_incident_can_be_reviewed_and_explained_but_not_acknowledged(house: Any) -> None:
    crowd(house)
    house.pass_time(minutes=2)
    house.staff("clock_in", "s2")
    house.step()
    house.pass_time(minutes=2)
    (incident,) = shortages(house)
    path = f"/v1/incidents/{incident['incident_id']}"
    assert house.post(f"{path}/ack").status_code == 409
    reviewed = house.post(f"{path}/review", {"label": "false_alarm", "note": "drill"})
    assert (reviewed.json()["status"], reviewed.json()["review"]) == ("reviewed", "false_alarm")
    assert house.get("/v1/feedback", center_id="c1")[0]["label"] == "false_alarm"
    text = house.get(path)["explanation"]["text"]
    for word in ("Infants", "5 children", "TAC", "lasted", "Cause"):
        assert word in text


def test_a_late_correction_amends_a_closed_incident_and_rewrites_nothing(house: Any) -> None:
    crowd(house)
    house.pass_time(minutes=6)
    house.staff("clock_in", "s2")
    house.step()
    house.pass_time(minutes=3)
    (before,) = shortages(house)
    assert before["status"] == "resolved"
    at = (house.clock.now() - timedelta(minutes=12)).isoformat()
    gone = house.event("check_out", child_id="i0", room_id="r1", timestamp=at)
    assert house.deliver(gone).status_code == 200
    house.step()
    (after,) = shortages(house)
    assert after["history"][: len(before["history"])] == before["history"]
    assert [entry["kind"] for entry in after["history"][len(before["history"]) :]] == ["amended"]
    assert house.get("/v1/audit", center_id="c1", limit=1000)[-1]["action"] == "incident.amended"


def test_in_shadow_everything_is_decided_and_logged_and_nobody_is_told(make_house: Callable[..., Any]) -> None:
    house = make_house(mode="shadow")
    crowd(house)
    house.pass_time(minutes=2)
    (incident,) = shortages(house)
    messages = sent(house, incident["incident_id"])
    assert messages
    assert {message["status"] for message in messages} == {"shadow"}
    assert all(message["attempts"] == [] for message in messages)


def test_a_restart_in_the_middle_of_an_incident_goes_on_with_it(make_house: Callable[..., Any]) -> None:
    house = make_house(mode="alerts")
    crowd(house)
    house.pass_time(minutes=2)
    (before,) = shortages(house)
    told = sent(house, before["incident_id"])
    house.client.__exit__(None, None, None)
    again = make_house(now=house.clock.at + timedelta(seconds=5), mode="alerts")
    again.sequence = house.sequence
    again.step()
    (after,) = shortages(again)
    assert after["incident_id"] == before["incident_id"]
    assert {m["message_id"] for m in sent(again, after["incident_id"])} == {m["message_id"] for m in told}
    again.staff("clock_in", "s2")
    again.step()
    again.pass_time(minutes=2)
    assert shortages(again)[0]["status"] == "resolved"
    entries = again.service.ledger.read(lambda c: [entry.record() for entry in audit.entries(c, "c1")])
    assert audit.verify(entries)[1] == []


def test_a_headcount_is_an_event_of_its_own_and_counts_once(house: Any) -> None:
    crowd(house)
    body = {"center_id": "c1", "room_id": "r1", "children": 4, "headcount_id": "tablet-1"}
    assert house.post("/v1/headcounts", body, role="lead_teacher").json()["new"] is True
    assert house.post("/v1/headcounts", body, role="lead_teacher").json()["new"] is False
    assert house.post("/v1/headcounts", {**body, "room_id": "attic"}).status_code == 404
    assert house.post("/v1/headcounts", {**body, "children": -1}).status_code == 422
    old = (house.clock.now() - timedelta(days=3)).isoformat()
    assert house.post("/v1/headcounts", {**body, "counted_at": old}).status_code == 400
    assert [count["children"] for count in house.get("/v1/headcounts", center_id="c1")] == [4]
    house.step()
    assert house.get("/v1/rooms/r1/check")["children"] == 4


def test_what_if_an_adult_left_is_answered_before_they_do(house: Any) -> None:
    house.staff("clock_in", "s1", "s2")
    house.arrive(*(f"i{n}" for n in range(5)))
    answer = house.get("/v1/rooms/r1/check", leaving="s2")["leaving"]
    assert (answer["allowed"], answer["after"]["compliant"]) == (False, False)


def test_a_missed_violation_can_be_logged_with_room_and_time(house: Any) -> None:
    now = house.clock.now().isoformat()
    good = {"center_id": "c1", "label": "missed", "room_id": "r1", "start": now, "note": "seen at the door"}
    assert house.post("/v1/feedback", good).status_code == 201
    assert house.post("/v1/feedback", {"center_id": "c1", "label": "missed"}).status_code == 400
    assert house.post("/v1/feedback", {**good, "incident_id": "none"}).status_code == 404


def test_the_audit_log_of_an_incident_holds_no_sentence_and_no_name(house: Any) -> None:
    crowd(house)
    house.pass_time(minutes=2)
    for entry in house.get("/v1/audit", center_id="c1", limit=1000):
        assert "Secret Name" not in str(entry)
        assert "sentence" not in str(entry["after"])
        assert entry["rule_version"].startswith("TX@") or not entry["action"].startswith("incident.")


def test_a_center_without_rules_says_so_and_is_never_silently_well(house: Any) -> None:
    center = house.center()
    center.settings = center.settings.model_copy(update={"rules_code": "ZZ"})
    house.arrive("i1")
    house.step()
    assert "ZZ" in house.get("/v1/centers/c1/live")["trouble"]
    assert house.get("/v1/health")["degraded"] is True

"""Who could help: proposed, approved by those who may, carried out once, or shown to be made by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.center import LiveCenter
from api.proposals import Proposals
from api.suggestions import Alternative, Need, changed_segments
from domain.people import Segment, Shift
from evaluator import Change, Incident, Policy

ROOM, LEAD, TEACHERS = "c01-r01", "c01-s01", ("c01-s02", "c01-s07")


def step(house: Any, platform: Any, seconds: float) -> None:
    platform.step(seconds)
    house.run(house.service.catchup.read, "c01")
    house.step("c01")


def in_need(house: Any, platform: Any) -> dict[str, Any]:
    """The infant room's second and third adult leave; a proposal follows. Nobody's count is doubted."""
    present = {adult["staff_id"] for adult in house.get(f"/v1/rooms/{ROOM}/check")["adults"]}
    for staff_id in sorted(present - {LEAD}):
        platform.happens({"center_id": "c01", "event_type": "clock_out", "staff_id": staff_id})
    step(house, platform, 5)
    for _ in range(4):
        step(house, platform, 200)
    (proposal,) = [p for p in house.get("/v1/proposals", center_id="c01") if p["room_id"] == ROOM]
    found: dict[str, Any] = proposal
    return found


@pytest.fixture
def live(make_house: Callable[..., Any], platform: Any) -> Any:
    return make_house(centers=("c01",), mode="suggestions", **platform.settings())


def approve(house: Any, proposal: dict[str, Any], choice: int = 0, role: str = "director") -> Any:
    return house.post(f"/v1/proposals/{proposal['proposal_id']}/approve", {"choice": choice}, role)


def test_an_approved_move_reaches_the_platform_once_and_is_on_record(live: Any, platform: Any) -> None:
    proposal = in_need(live, platform)
    best = proposal["alternatives"][0]
    assert best["solves"]
    assert best["kind"] == "move_float"
    assert best["method"] == "optimizer"
    assert len(proposal["alternatives"]) <= 3
    answers = [approve(live, proposal).json() for _ in range(3)]
    assert {answer["status"] for answer in answers} == {"applied"}
    (change,) = platform.received("schedule_changes")
    spans = [part for part in change["body"]["segments"] if part["room_id"] == ROOM]
    assert spans
    assert spans[0]["start"] >= proposal["created_at"][:19]
    log = live.get("/v1/audit", center_id="c01", subject=f"proposal:{proposal['proposal_id']}")
    assert [e["action"] for e in log] == ["proposal.made", "proposal.approved", "proposal.applied"]
    assert log[2]["before"]["shifts"][0]["version"] != log[2]["after"]["shifts"][0]["version"]
    incident = live.get(f"/v1/incidents/{proposal['incident_id']}")
    assert any(entry["kind"] == "action" for entry in incident["history"])


def test_after_an_approval_the_rest_of_the_day_is_planned_around_what_was_approved(live: Any, platform: Any) -> None:
    proposal = in_need(live, platform)
    path = f"/v1/proposals/{proposal['proposal_id']}/rest-of-day"
    assert live.post(path).status_code == 409
    assert approve(live, proposal).status_code == 200
    (step,) = proposal["alternatives"][0]["steps"]
    answer = live.post(path)
    assert answer.status_code == 200, answer.text
    draft = answer.json()
    spans = [each for each in draft["assignments"] if each["staff_id"] == step["staff_id"] and each["room_id"] == ROOM]
    assert spans[0]["start"] <= proposal["created_at"][:19] < spans[0]["end"]
    assert spans[0]["end"] >= step["end"]
    assert draft["missing_minutes_after"] <= draft["missing_minutes_before"] + 1e-6
    assert len(platform.received("schedule_changes")) == 1


def test_another_choice_after_the_decision_is_a_conflict_and_denied_stays_denied(live: Any, platform: Any) -> None:
    proposal = in_need(live, platform)
    path = f"/v1/proposals/{proposal['proposal_id']}"
    assert live.post(f"{path}/deny").json()["status"] == "denied"
    assert live.post(f"{path}/deny").json()["status"] == "denied"
    assert approve(live, proposal).status_code == 409
    assert platform.received("schedule_changes") == []
    for _ in range(2):
        step(live, platform, 120)
    assert len(live.get("/v1/proposals", center_id="c01")) == 1


def test_those_who_may_not_decide_cannot(live: Any, platform: Any) -> None:
    proposal = in_need(live, platform)
    for role in ("lead_teacher", "float", "analyst", "inspector", "service"):
        assert approve(live, proposal, role=role).status_code == 403
    assert approve(live, proposal, choice=7).status_code == 409
    assert live.post("/v1/proposals/none/approve", {"choice": 0}).status_code == 404


def test_a_shift_that_changed_meanwhile_is_read_again_and_asked_about_again(live: Any, platform: Any) -> None:
    proposal = in_need(live, platform)
    shift_id, version = proposal["alternatives"][0]["shift_id"], proposal["alternatives"][0]["shift_version"]
    shifts = platform.http.get(
        "/api/v1/schedules", params={"center_id": "c01", "from": "2026-03-04T00:00:00Z", "to": "2026-03-05T00:00:00Z"}
    ).json()["data"]
    (shift,) = [row for row in shifts if row["shift_id"] == shift_id]
    headers = {"Authorization": "Bearer sandbox-write", "If-Match": version, "Idempotency-Key": "somebody-else"}
    body = {"segments": shift["segments"], "reason": "edited by hand"}
    assert platform.http.patch(f"/api/v1/schedules/{shift_id}", json=body, headers=headers).status_code == 200
    asked = approve(live, proposal).json()
    assert (asked["status"], asked["asked"]) == ("open", 2)
    assert asked["alternatives"][0]["shift_version"] != version
    assert approve(live, asked).json()["status"] == "applied"
    assert len(platform.received("schedule_changes")) == 2


def test_an_approval_waits_for_a_platform_that_does_not_answer_and_is_carried_out_once(
    live: Any, platform: Any
) -> None:
    proposal = in_need(live, platform)
    live.service.platform._attempts = 1  # no patience, for the test's sake
    platform.faults(server_error={"rate": 1})
    assert approve(live, proposal).json()["status"] == "approved"
    platform.faults()
    live.run(live.service.proposals.step)
    assert live.get(f"/v1/proposals/{proposal['proposal_id']}")["status"] == "applied"
    assert len(platform.received("schedule_changes")) == 1


def test_an_approval_on_record_is_carried_out_after_a_restart(
    live: Any, platform: Any, make_house: Callable[..., Any]
) -> None:
    proposal = in_need(live, platform)
    live.service.platform._attempts = 1
    platform.faults(drop={"rate": 1})
    assert approve(live, proposal).json()["status"] == "approved"
    live.client.__exit__(None, None, None)
    platform.faults()
    again = make_house(centers=("c01",), mode="suggestions", **platform.settings())
    assert again.get(f"/v1/proposals/{proposal['proposal_id']}")["status"] == "applied"
    assert len(platform.received("schedule_changes")) == 1


def test_without_a_write_token_the_change_is_shown_to_be_made_by_hand(
    make_house: Callable[..., Any], platform: Any
) -> None:
    settings = {**platform.settings(), "platform_write_token": ""}
    house = make_house(centers=("c01",), mode="suggestions", **settings)
    answer = approve(house, in_need(house, platform)).json()
    assert answer["status"] == "by_hand"
    assert "write token" in answer["why_by_hand"]
    assert platform.received("schedule_changes") == []


@pytest.mark.parametrize(
    ("kinds", "status", "who"), [([], "open", None), (["move_float"], "applied", "rule:automatic")]
)
def test_in_mode_automatic_only_the_kinds_switched_on_happen_by_themselves(
    live: Any, platform: Any, kinds: list[str], status: str, who: str | None
) -> None:
    body = {"mode": "automatic", "automatic_kinds": kinds}
    answer = live.client.put("/v1/centers/c01/settings", json=body, headers=live.auth("director"))
    assert answer.status_code == 200
    proposal_id = in_need(live, platform)["proposal_id"]
    live.run(live.service.proposals.step)
    proposal = live.get(f"/v1/proposals/{proposal_id}")
    assert (proposal["status"], proposal["decided_by"]) == (status, who)
    assert len(platform.received("schedule_changes")) == (1 if kinds else 0)


def test_in_mode_alerts_nothing_is_proposed_and_in_shadow_it_is_only_logged(
    make_house: Callable[..., Any], platform: Any
) -> None:
    house = make_house(centers=("c01",), mode="shadow", **platform.settings())
    proposal = in_need(house, platform)
    assert proposal["status"] == "shadow"
    assert approve(house, proposal).status_code == 409
    assert platform.received("notifications") == []
    assert platform.received("tasks") == []


def test_a_proposal_ends_with_its_incident(live: Any, platform: Any) -> None:
    proposal = in_need(live, platform)
    for staff_id in TEACHERS:
        platform.happens({"center_id": "c01", "event_type": "clock_in", "staff_id": staff_id, "room_id": ROOM})
    for _ in range(3):
        step(live, platform, 120)
    assert live.get(f"/v1/proposals/{proposal['proposal_id']}")["status"] == "expired"


def test_a_button_in_slack_decides_for_a_known_user_alone(live: Any, platform: Any, slack: Any) -> None:
    proposal = in_need(live, platform)
    value = f"{proposal['proposal_id']}:0"
    assert slack.press(live, "approve", value, "U404").status_code == 200
    assert "not known here" in slack.told()[-1]
    assert platform.received("schedule_changes") == []
    user = {
        "user_id": "ana", "name": "Ana", "password": "correct horse", "role": "director", "centers": ["c01"],
        "contacts": {"slack": "U1"},
    }  # fmt: skip
    assert live.post("/v1/users", user).status_code == 201
    slack.press(live, "approve", value, "U1")
    assert slack.told()[-1].startswith("Done")
    assert len(platform.received("schedule_changes")) == 1
    slack.press(live, "acknowledge", proposal["incident_id"], "U1")
    assert slack.told()[-1].startswith("Acknowledged")
    slack.press(live, "explode", "x", "U1")
    assert "unknown" in slack.told()[-1]
    assert live.client.post("/v1/slack/interactions", content=b"payload={}").status_code == 401


def test_a_shift_changes_only_between_the_two_instants() -> None:
    at = [datetime(2026, 3, 4, 8 + n, tzinfo=UTC) for n in range(8)]
    shift = Shift(
        "h", "c", "s", at[0], at[7],
        (Segment(at[0], at[3], "room", "a"), Segment(at[3], at[4], "break"), Segment(at[4], at[7], "float")), "1",
    )  # fmt: skip
    changed = changed_segments(shift, [("room", "b", at[2], at[5])])
    assert changed == [
        Segment(at[0], at[2], "room", "a"), Segment(at[2], at[5], "room", "b"), Segment(at[5], at[7], "float"),
    ]  # fmt: skip
    late = changed_segments(shift, [("room", "b", at[6], at[7] + timedelta(hours=3))])
    assert late[-1] == Segment(at[6], at[7], "room", "b")
    assert sum((part.end - part.start for part in late), timedelta()) == at[7] - at[0]


def test_a_warning_of_too_large_a_group_asks_for_no_further_adult(live: Any) -> None:
    asked: list[Need] = []

    async def suggest(_center: LiveCenter, need: Need, _now: datetime) -> list[Alternative]:
        asked.append(need)
        return []

    center, now = live.service.live.centers["c01"], live.clock.now()
    warnings = [
        Incident(
            f"inc_{cause}", "c01", room, "outlook", "outlook", "approaching", "open", now, Policy(), cause,
            told_severity="approaching",
        )
        for room, cause in ((ROOM, "shift_end"), ("c01-r02", "group_too_large"))
    ]  # fmt: skip
    proposals = Proposals(live.service, suggest)
    proposals.consider(center, [Change("opened", warning, None, "") for warning in warnings], now)
    live.run(proposals.step)
    assert [need.room_id for need in asked if need.kind == "predicted_gap"] == [ROOM]

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks._stage import Stage


@pytest.fixture
def version(director: Any) -> str:
    found = re.search(r'name="version" value="(\d+)"', director.read("/settings"))
    assert found
    return found[1]


def policy(director: Any, running: Stage) -> dict[str, Any]:
    found: dict[str, Any] = director.client.get(f"/v1/centers/{running.center_id}/settings").json()
    return found


def test_thresholds_and_patience_are_kept_as_given(director: Any, running: Stage, version: str) -> None:
    html = director.read("/settings")
    form = dict(re.findall(r'name="([a-z_]+)" type="number"[^>]*value="(\d+)"', html))
    director.send("/settings/patience", **(form | {"version": version, "risk_threshold": "65", "grace_ratio": "90"}))
    now = policy(director, running)["policy"]
    assert (now["risk_threshold"], now["grace_seconds"]["ratio"]) == (0.65, 90)
    assert now["grace_seconds"]["nobody"] == 45


def test_quiet_hours_need_both_ends(director: Any, version: str) -> None:
    html = director.send(
        "/settings/quiet", 400, version=version, quiet_from="19:00", quiet_to="", quiet_severity="soft"
    )
    assert "quiet_from and quiet_to" in html


def test_routing_keeps_the_ladder_and_changes_the_first_targets(director: Any, running: Stage, version: str) -> None:
    before = policy(director, running)["policy"]["routes"]["violation"]
    director.send(
        "/settings/routing", version=version, route_violation=["director/sms"], contacts_director="sms +15550100\nslack"
    )
    now = policy(director, running)
    assert now["policy"]["routes"]["violation"] == before | {"targets": [{"audience": "director", "outlet": "sms"}]}
    assert now["settings"]["contacts"]["director"][0] == {"outlet": "sms", "recipient": "+15550100"}


def test_a_stricter_policy_governs_at_once_and_a_broken_one_is_refused(
    director: Any, running: Stage, version: str
) -> None:
    stricter = "name: Ours\nbands:\n  - {id: all, label: all, from: 0, to: 72, children: 2, group: 4}"
    assert "not YAML" in director.send("/settings/rules", 400, version=version, code="TX", stricter="name: [")
    director.send("/settings/rules", version=version, code="TX", stricter=stricter)
    check = director.client.get("/v1/rooms/c01-r03/check").json()
    assert check["verdict"]["governing"]["source"] == "policy"
    now = str(int(version) + 1)
    director.send("/settings/rules", version=now, code="TX", stricter="")
    assert director.client.get("/v1/rooms/c01-r03/check").json()["verdict"]["governing"]["source"] == "law"


def test_settings_somebody_else_changed_are_not_overwritten(director: Any, version: str) -> None:
    director.send("/settings/retention", version=version, retention_days=800, record_keeping_days=1100)
    assert "changed meanwhile" in director.send(
        "/settings/retention", 409, version=version, retention_days=900, record_keeping_days=1100
    )


def test_people_and_keys_come_and_go(director: Any, running: Stage) -> None:
    person = {"user_id": "ana", "name": "Ana Float", "password": "0123456789", "role": "float"}
    assert "Ana Float" in director.send("/settings/users", **person)
    assert "at least 10" in director.send("/settings/users", 400, **(person | {"user_id": "ben", "password": "short"}))
    director.send("/settings/users/ana/disable")
    users = {user["user_id"]: user for user in director.client.get("/v1/users").json()}
    assert users["ana"]["disabled_at"]
    html = director.send("/settings/keys", name="a notebook", role="analyst", days=3)
    key = re.search(r'value="(rk_[^"]+)"', html)
    assert key
    headers = {"Authorization": f"Bearer {key[1]}"}
    assert director.client.get("/v1/sessions/me", headers=headers).json()["role"] == "analyst"


def test_nobody_locks_themselves_out(director: Any) -> None:
    assert "cannot lock yourself out" in director.send("/settings/users/dana/disable", 400)


def test_walks_and_floats_are_the_centers_own_word_and_survive_a_fresh_read_of_the_platform(
    director: Any, running: Stage, version: str
) -> None:
    live = running.app.state.service.live.centers["c01"]
    form = {"version": version, "walk/c01-r01/c01-r03": "95", "floats": ["c01-s02"]}
    director.send("/settings/map", **form)
    assert live.facts.rooms["c01-r01"].walk_seconds["c01-r03"] == 95
    assert [s for s, member in live.facts.staff.items() if member.is_float] == ["c01-s02"]
    director.send("/settings/map", version=str(int(version) + 1), as_platform="on")
    assert [s for s, member in live.facts.staff.items() if member.is_float] == ["c01-s07", "c01-s08"]


def test_retention_the_states_span_and_a_legal_hold_are_kept_and_said(
    director: Any, running: Stage, version: str
) -> None:
    assert "older than 1100 days is deleted" in director.read("/settings")
    director.send("/settings/retention", version=version, retention_days="400", record_keeping_days="730")
    now = policy(director, running)["settings"]
    assert (now["retention_days"], now["record_keeping_days"], now["legal_hold"]) == (400, 730, False)
    assert "older than 730 days is deleted" in director.read("/settings")
    held = {"retention_days": "400", "record_keeping_days": "730", "legal_hold": "on"}
    director.send("/settings/retention", version=str(int(version) + 1), **held)
    assert policy(director, running)["settings"]["legal_hold"] is True
    assert "Nothing is deleted." in director.read("/settings")
    usual = {"retention_days": "1100", "record_keeping_days": "1100"}
    director.send("/settings/retention", version=str(int(version) + 2), **usual)

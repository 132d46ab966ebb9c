"""Roles, centers, sessions, CSRF and failures: who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api.access import PERMISSIONS, Failures
from api.app import ROUTERS
from domain.errors import TooManyFailures
from storage.ledger import access
from storage.ledger.access import ROLES

PUBLIC = {"/v1/health", "/v1/webhooks/attendance", "/v1/slack/interactions", "/v1/sms/replies", "/v1/sessions"}
READS = {
    "live.read": "/v1/centers/c1/live", "incidents.read": "/v1/incidents?center_id=c1",
    "proposals.read": "/v1/proposals?center_id=c1", "audit.read": "/v1/audit?center_id=c1",
    "settings.read": "/v1/centers/c1/settings", "keys.manage": "/v1/keys", "rules.read": "/v1/rules/TX",
    "plans.read": "/v1/plans?center_id=c1", "forecasts.read": "/v1/forecasts?center_id=c1",
}  # fmt: skip


def routes() -> list[APIRoute]:
    found = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return [route for route in found if route.path.startswith("/v1")]


def permission_of(route: APIRoute) -> str | None:
    for dependency in route.dependant.dependencies:
        found: str | None = getattr(dependency.call, "permission", None)
        if found or getattr(dependency.call, "__name__", "") == "principal_of":
            return found or "signed in"
        if deeper := [getattr(each.call, "permission", None) for each in dependency.dependencies]:
            return deeper[0]
    return None


def test_every_route_names_its_permission_or_is_meant_to_be_public() -> None:
    found = {(route.path, permission_of(route)) for route in routes()}
    assert {path for path, permission in found if permission is None} == PUBLIC
    assert {permission for _, permission in found} <= {*PERMISSIONS, "signed in", None}


def test_each_role_may_read_what_its_permission_says_and_nothing_else(house: Any) -> None:
    for permission, path in READS.items():
        for role in ROLES:
            status = house.client.get(path, headers=house.auth(role)).status_code
            allowed = role in PERMISSIONS[permission]
            assert status in ((200, 503) if allowed else (403,)), (role, permission, status)


def test_without_a_good_key_nothing_is_told(house: Any) -> None:
    for header in (None, "", "Bearer", "Bearer x", "Bearer rk_a_b", "Basic abc", "bearer \u00e9", "rk_1_2"):
        headers = {} if header is None else {"Authorization": header.encode()}
        answer = house.client.get("/v1/centers/c1/live", headers=headers)
        assert answer.status_code == 401, header
        assert answer.headers["www-authenticate"] == "Bearer"


def test_no_key_reads_or_changes_another_center(make_house: Callable[..., Any]) -> None:
    house = make_house(centers=("c1", "c2"), mode="alerts")
    now = house.clock.now()
    _, token = house.service.ledger.write(lambda c: access.create_key(c, "one", "director", ["c1"], now))
    house.tokens["one"] = token
    house.arrive("i1", "i2", "i3", "i4", "i5")
    assert house.deliver(house.event("check_in", center_id="c2", child_id="i1", room_id="r1")).status_code == 200
    house.run(house.service.live.step, house.center("c2"))
    house.clock.at += timedelta(minutes=3)
    house.run(house.service.live.step, house.center("c2"))
    (incident,) = [i for i in house.get("/v1/incidents", center_id="c2") if i["matter"] == "shortage"]
    for path in ("/v1/centers/c2/live", "/v1/incidents?center_id=c2", "/v1/audit?center_id=c2", "/v1/live?center_id=c2",
                 "/v1/headcounts?center_id=c2", "/v1/centers/c2/settings", "/v1/plans?center_id=c2"):  # fmt: skip
        assert house.client.get(path, headers=house.auth("one")).status_code == 403, path
    for path in (f"/v1/incidents/{incident['incident_id']}", "/v1/incidents/none"):
        assert house.client.get(path, headers=house.auth("one")).status_code == 404
    assert house.post(f"/v1/incidents/{incident['incident_id']}/ack", role="one").status_code == 404
    assert [c["center_id"] for c in house.get("/v1/centers", role="one")] == ["c1"]
    body = {"center_id": "c2", "room_id": "r1", "children": 1}
    assert house.post("/v1/headcounts", body, role="one").status_code == 403
    for centers in (["c2"], ["*"], ["c1", "c2"]):
        new = {"name": "x", "role": "director", "centers": centers}
        assert house.post("/v1/keys", new, role="one").status_code == 403


def test_a_revoked_or_expired_key_ends_at_once(house: Any) -> None:
    made = house.post("/v1/keys", {"name": "tablet", "role": "lead_teacher", "centers": ["c1"]}).json()
    house.tokens["tablet"] = made["key"]
    assert house.get("/v1/sessions/me", role="tablet")["role"] == "lead_teacher"
    assert house.client.delete(f"/v1/keys/{made['key_id']}", headers=house.auth("director")).status_code == 204
    assert house.client.get("/v1/sessions/me", headers=house.auth("tablet")).status_code == 401
    house.clock.at += timedelta(days=366)
    assert house.client.get("/v1/sessions/me", headers=house.auth("director")).status_code == 401


def test_a_session_changes_nothing_without_its_csrf_token(house: Any) -> None:
    user = {"user_id": "ana", "name": "Ana", "password": "correct horse", "role": "director", "centers": ["c1"]}
    assert house.post("/v1/users", user).status_code == 201
    assert house.client.post("/v1/sessions", json={"user_id": "ana", "password": "wrong"}).status_code == 401
    signed_in = house.client.post("/v1/sessions", json={"user_id": "ana", "password": "correct horse"})
    assert signed_in.status_code == 201
    assert "httponly" in signed_in.headers["set-cookie"].lower()
    csrf = signed_in.json()["csrf_token"]
    body = {"center_id": "c1", "room_id": "r1", "children": 0}
    assert house.client.get("/v1/centers/c1/live").status_code == 200
    assert house.client.post("/v1/headcounts", json=body).status_code == 403
    assert house.client.post("/v1/headcounts", json=body, headers={"X-CSRF-Token": "x"}).status_code == 403
    assert house.client.post("/v1/headcounts", json=body, headers={"X-CSRF-Token": csrf}).status_code == 201
    assert house.client.delete("/v1/sessions/me", headers={"X-CSRF-Token": csrf}).status_code == 204
    assert house.client.get("/v1/centers/c1/live").status_code == 401


def test_a_disabled_user_is_out(house: Any) -> None:
    user = {"user_id": "bo", "name": "Bo", "password": "correct horse", "role": "float", "centers": ["c1"]}
    house.post("/v1/users", user)
    house.client.post("/v1/sessions", json={"user_id": "bo", "password": "correct horse"})
    assert house.client.get("/v1/sessions/me").status_code == 200
    assert house.client.delete("/v1/users/bo", headers=house.auth("director")).status_code == 204
    assert house.client.get("/v1/sessions/me").status_code == 401
    house.client.cookies.clear()
    assert house.client.post("/v1/sessions", json={"user_id": "bo", "password": "correct horse"}).status_code == 401


def test_too_many_failures_from_one_address_are_refused_unread(house: Any) -> None:
    statuses = [
        house.client.get("/v1/sessions/me", headers={"Authorization": "Bearer rk_x_y"}).status_code for _ in range(25)
    ]
    assert statuses[:20] == [401] * 20
    assert statuses[20:] == [429] * 5
    assert house.client.get("/v1/sessions/me", headers=house.auth("director")).status_code == 429
    assert house.deliver(house.event("check_in", child_id="i1", room_id="r1")).status_code == 200


def test_failures_are_forgotten_after_their_window() -> None:
    elapsed = [0.0]
    failures = Failures(limit=2, window_seconds=60, elapsed=lambda: elapsed[0])
    for _ in range(2):
        failures.check("a")
        failures.count("a")
    with pytest.raises(TooManyFailures):
        failures.check("a")
    failures.check("b")
    elapsed[0] = 61
    failures.check("a")


def test_childrens_names_are_not_stored_unless_switched_on() -> None:
    from api.facts import FactsSource
    from domain.people import Child

    child = Child("k", "c1", None, "r1", display_name="Mia")
    for store_names, kept in ((False, None), (True, "Mia")):
        source = FactsSource(None, None, store_names=store_names)  # type: ignore[arg-type]
        assert source._without_name(child).display_name == kept

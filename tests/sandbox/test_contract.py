"""The double speaks the contract over real HTTP: every path, every rule about tokens, keys, versions and pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from domain.time import parse_instant
from sandbox import World
from sandbox.app import create_app
from sandbox.platform import Token

NOW = datetime(2026, 3, 11, 16, 0, tzinfo=UTC)
DAY = {"from": "2026-03-11T00:00:00-05:00", "to": "2026-03-12T00:00:00-05:00"}
LISTS = {
    "centers": "CenterPage", "rooms": "RoomPage", "children": "ChildPage", "staff": "StaffPage",
    "staff/availability": "AvailabilityPage", "schedules": "ShiftPage", "bookings": "BookingPage",
    "attendance/checkins": "EventPage",
}  # fmt: skip


@pytest.fixture(scope="module")
def contract(shared: Path) -> dict[str, Any]:
    file = shared / "contracts" / "kangarootime.yaml"
    if not file.is_file():
        pytest.skip("the platform's contract is not in the shared folder")
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    return document


def check(contract: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    validator = Draft202012Validator({**schema, "components": contract["components"]}, format_checker=FormatChecker())
    problems = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]
    assert not problems, problems[:5]


@pytest.mark.parametrize("path", sorted(LISTS))
def test_every_page_of_every_list_is_what_the_contract_says(contract: dict[str, Any], double: Any, path: str) -> None:
    schema = {"$ref": f"#/components/schemas/{LISTS[path]}"}
    cursor, seen = None, 0
    for _ in range(4):
        asked = {"center_id": "c01", "limit": 7} | ({"cursor": cursor} if cursor else {})
        page = double.read.get(f"/api/v1/{path}", params=asked).raise_for_status().json()
        check(contract, schema, page)
        seen, cursor = seen + len(page["data"]), page["next_cursor"]
        if cursor is None:
            break
    assert seen


def test_rows_carry_no_field_the_contract_does_not_know(contract: dict[str, Any], double: Any) -> None:
    schemas = contract["components"]["schemas"]
    for path, page_name in LISTS.items():
        known = set(schemas[page_name.removesuffix("Page")]["properties"])
        rows = double.read.get(f"/api/v1/{path}", params={"center_id": "c01", "limit": 300}).json()["data"]
        assert {name for row in rows for name in row} <= known, path


def test_the_rooms_of_now_and_the_closures_are_what_the_contract_says(contract: dict[str, Any], double: Any) -> None:
    paths = contract["paths"]
    for path, query in (
        ("/api/v1/rooms/{room_id}/children", {}), ("/api/v1/rooms/{room_id}/staff", {}),
        ("/api/v1/closures", {"center_id": "c01", "from": "2026-01-01T00:00:00Z"}), ("/control/clock", {}),
    ):  # fmt: skip
        schema = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        check(contract, schema, double.read.get(path.format(room_id="c01-r02"), params=query).raise_for_status().json())


def test_every_path_and_method_of_the_contract_is_served(contract: dict[str, Any], double: Any) -> None:
    for path, methods in contract["paths"].items():
        for method in set(methods) & {"get", "post", "patch"}:
            url = path.format(room_id="c01-r01", shift_id="nobody")
            answer = double.write.request(
                method, url, params={"center_id": "c01"}, json={} if method != "get" else None
            )
            assert answer.status_code not in (405, 500), (method, path)
            assert answer.status_code != 404 or "no shift" in answer.text, (method, path)


def test_small_pages_give_the_same_rows_as_large_ones(double: Any) -> None:
    for path in ("children", "bookings", "attendance/checkins", "schedules"):
        assert double.rows(path, limit=13) == double.rows(path, limit=1000), path


def test_an_empty_page_may_come_and_the_list_still_goes_on(double: Any) -> None:
    whole = double.rows("children", limit=10)
    double.control("faults", {"empty_page": {"next": 3}})
    first = double.read.get("/api/v1/children", params={"center_id": "c01"}).json()
    assert first["data"] == []
    assert first["next_cursor"]
    assert double.rows("children", limit=10) == whole


def test_only_what_is_recorded_by_the_clock_is_told(double: Any) -> None:
    now = parse_instant(double.read.get("/control/clock").json()["now"])
    events = double.rows("attendance/checkins", limit=1000)
    assert max(parse_instant(event["recorded_at"]) for event in events) <= now
    assert all(parse_instant(row["reported_at"]) <= now for row in double.rows("bookings", limit=1000))
    double.control("clock", {"step": 3600})
    later = double.rows("attendance/checkins", limit=1000)
    assert later[: len(events)] == events
    assert len(later) > len(events)
    assert [event["sequence"] for event in later] == list(range(1, len(later) + 1))


def test_a_clock_set_back_tells_the_same_story_again(double: Any) -> None:
    start = double.read.get("/control/clock").json()["now"]
    double.control("clock", {"step": 7200})
    first = double.rows("attendance/checkins", limit=1000)
    double.control("clock", {"set": start})
    assert len(double.rows("attendance/checkins", limit=1000)) < len(first)
    double.control("clock", {"step": 7200})
    assert double.rows("attendance/checkins", limit=1000) == first


def test_the_world_goes_on_beyond_its_simulated_end(double: Any) -> None:
    double.control("clock", {"set": "2026-04-15T16:00:00Z"})
    recent = double.rows("attendance/checkins", **{"from": "2026-04-15T11:00:00Z"})
    assert any(event["event_type"] == "check_in" for event in recent)
    ahead = double.rows("bookings", **{"from": "2026-04-27T12:00:00Z", "to": "2026-05-01T22:00:00Z"})
    assert len({row["date"] for row in ahead}) >= 4


def test_windows_choose_rows_that_overlap_them(double: Any) -> None:
    shifts = double.rows("schedules", **DAY)
    start, end = parse_instant(DAY["from"]), parse_instant(DAY["to"])
    assert shifts
    assert all(parse_instant(s["start"]) < end and parse_instant(s["end"]) > start for s in shifts)
    assert {row["date"] for row in double.rows("bookings", **DAY)} == {"2026-03-11"}
    after = double.rows("attendance/checkins", after_sequence=100, limit=50)
    assert after[0]["sequence"] == 101


def test_tokens_decide_who_may_read_and_who_may_write(double: Any) -> None:
    base = str(double.read.base_url)
    assert httpx.get(f"{base}/api/v1/centers", trust_env=False).status_code == 401
    wrong = httpx.get(f"{base}/api/v1/centers", headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401
    refused = double.read.patch("/api/v1/schedules/x", headers={"Idempotency-Key": "k", "If-Match": "1"}, json={})
    assert refused.status_code == 403
    task = {"center_id": "c01", "title": "Look", "body": "Room A is near its limit."}
    assert double.read.post("/api/v1/tasks", json=task, headers={"Idempotency-Key": "t"}).status_code == 201
    assert double.read.get("/api/v1/rooms", params={"center_id": "elsewhere"}).status_code == 404


POSTS = {
    "tasks": ({"center_id": "c01", "title": "Look", "body": "now"}, "task_id", "tasks"),
    "notifications": (
        {"center_id": "c01", "severity": "warning", "title": "x", "body": "y"}, "notification_id", "notifications",
    ),
    "messages/drafts": (
        {"center_id": "c01", "room_id": "c01-r01", "subject": "x", "body": "y"}, "draft_id", "drafts",
    ),
}  # fmt: skip


def test_a_token_for_other_centers_sees_nothing_of_this_one(served: World, serve: Callable[..., Any]) -> None:
    elsewhere = serve(create_app(served, now=NOW, tokens={"sandbox-read": Token(centers=frozenset({"c77"}))}))
    assert elsewhere.read.get("/api/v1/centers").json() == {"data": [], "next_cursor": None}
    for path in ("rooms", "bookings", "attendance/checkins", "closures"):
        assert elsewhere.read.get(f"/api/v1/{path}", params={"center_id": "c01"}).status_code == 403
    assert elsewhere.read.get("/api/v1/rooms/c01-r01/children").status_code == 403


def test_after_an_approved_change_the_adult_goes_back_to_the_plan(double: Any) -> None:
    shift, now = float_shift(double)
    part = {"start": now.isoformat(), "end": (now + timedelta(minutes=30)).isoformat(), "kind": "room"}
    body = {"segments": [{**part, "room_id": "c01-r03"}], "reason": "short"}
    headers = {"Idempotency-Key": "a", "If-Match": shift["version"]}
    assert double.write.patch(f"/api/v1/schedules/{shift['shift_id']}", json=body, headers=headers).status_code == 200
    double.control("clock", {"step": 29 * 60})
    assert shift["staff_id"] in {row["staff_id"] for row in double.read.get("/api/v1/rooms/c01-r03/staff").json()}
    double.control("clock", {"step": 120})
    moves = [
        event
        for event in double.rows("attendance/checkins", limit=1000)
        if event.get("staff_id") == shift["staff_id"] and event["event_type"] == "room_move"
    ]
    assert parse_instant(moves[-1]["timestamp"]) == now + timedelta(minutes=30)
    assert all("shift_id" not in event for event in moves)


@pytest.mark.parametrize("path", sorted(POSTS))
def test_a_post_counts_once_per_idempotency_key(double: Any, path: str) -> None:
    body, name, kind = POSTS[path]
    url, key = f"/api/v1/{path}", {"Idempotency-Key": "once"}
    assert double.read.post(url, json=body).status_code == 400
    first = double.read.post(url, json=body, headers=key)
    again = double.read.post(url, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert list(first.json()) == [name]
    other = double.read.post(url, json={**body, "body": "something else"}, headers=key)
    assert other.status_code == 422
    assert double.read.post(url, json={}, headers={"Idempotency-Key": "bad"}).status_code == 422
    received = double.read.get("/control/received").json()[kind]
    assert [row["body"] for row in received] == [body]


def float_shift(double: Any) -> tuple[dict[str, Any], datetime]:
    """A float at work now, idle, and the present."""
    now = parse_instant(double.read.get("/control/clock").json()["now"])
    floats = {row["staff_id"] for row in double.rows("staff") if row["is_float"]}
    here = [s for s in double.rows("schedules", **DAY) if s["staff_id"] in floats and s["status"] == "scheduled"]
    return next(s for s in here if parse_instant(s["start"]) < now < parse_instant(s["end"]) - timedelta(hours=2)), now


def test_a_changed_shift_asks_for_key_and_version_and_takes_effect(double: Any, contract: dict[str, Any]) -> None:
    shift, now = float_shift(double)
    url = f"/api/v1/schedules/{shift['shift_id']}"
    until = (now + timedelta(minutes=40)).isoformat()
    part = {"start": now.isoformat(), "end": until, "kind": "room", "room_id": "c01-r03"}
    body = {"segments": [part], "reason": "room 3 is short"}
    assert double.write.patch(url, json=body, headers={"If-Match": shift["version"]}).status_code == 400
    assert double.write.patch(url, json=body, headers={"Idempotency-Key": "a"}).status_code == 400
    stale = double.write.patch(url, json=body, headers={"Idempotency-Key": "a", "If-Match": "0"})
    assert stale.status_code == 412
    headers = {"Idempotency-Key": "a", "If-Match": shift["version"]}
    done = double.write.patch(url, json=body, headers=headers)
    assert done.status_code == 200
    check(contract, {"$ref": "#/components/schemas/Shift"}, done.json())
    assert done.json()["version"] != shift["version"]
    assert double.write.patch(url, json=body, headers=headers).json() == done.json()
    assert double.write.patch(url, json=body, headers={**headers, "Idempotency-Key": "b"}).status_code == 412
    told = next(s for s in double.rows("schedules", **DAY) if s["shift_id"] == shift["shift_id"])
    assert told == done.json()
    double.control("clock", {"step": 300})
    log = [e for e in double.rows("attendance/checkins", limit=1000) if e.get("staff_id") == shift["staff_id"]]
    assert any(e["event_type"] == "schedule_changed" and e.get("shift_id") == shift["shift_id"] for e in log)
    assert log[-1]["event_type"] == "room_move"
    assert log[-1]["room_id"] == "c01-r03"


@pytest.mark.parametrize(
    "segment",
    [
        {"kind": "room", "room_id": "nowhere"}, {"kind": "dance"}, {"kind": "room"},
        {"kind": "float", "room_id": "c01-r01"},
    ],
)  # fmt: skip
def test_a_senseless_segment_is_refused_and_changes_nothing(double: Any, segment: dict[str, Any]) -> None:
    shift, now = float_shift(double)
    whole = {"start": now.isoformat(), "end": (now + timedelta(minutes=30)).isoformat(), **segment}
    answer = double.write.patch(
        f"/api/v1/schedules/{shift['shift_id']}", json={"segments": [whole], "reason": "no"},
        headers={"Idempotency-Key": "a", "If-Match": shift["version"]},
    )  # fmt: skip
    assert answer.status_code == 422
    assert next(s for s in double.rows("schedules", **DAY) if s["shift_id"] == shift["shift_id"]) == shift


def test_faults_come_when_they_are_asked_for_and_then_end(double: Any) -> None:
    def ask() -> httpx.Response:
        return double.read.get("/api/v1/rooms", params={"center_id": "c01"})  # type: ignore[no-any-return]

    double.control("faults", {"rate_limit": {"next": 1, "retry_after": 3}})
    limited = ask()
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    double.control("faults", {"server_error": {"next": 1}})
    assert ask().status_code == 503
    double.control("faults", {"html": {"next": 1}})
    page = ask()
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    double.control("faults", {"drop": {"next": 1}})
    with pytest.raises(httpx.RemoteProtocolError):
        ask()
    double.control("faults", {"truncate": {"next": 1}})
    with pytest.raises(ValueError, match="Unterminated"):
        ask().json()
    assert ask().json()["data"]
    assert double.read.post("/control/faults", json={"gremlins": 1}).status_code == 400


def test_events_can_be_made_to_happen(double: Any) -> None:
    made = double.control("events", [{"center_id": "c01", "event_type": "nap_start", "room_id": "c01-r01"}])
    log = double.rows("attendance/checkins", limit=1000)
    assert log[-1] == made[0]
    assert log[-1]["sequence"] == len(log)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"cursor": "???"}, {"from": "yesterday"}, {"center_id": ""}]
)
def test_bad_questions_get_a_sentence(double: Any, query: dict[str, Any]) -> None:
    answer = double.read.get("/api/v1/schedules", params={"center_id": "c01", **query})
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]


@pytest.mark.parametrize("wanted", [{}, {"speed": -1}, {"step": "soon"}, {"set": "noon"}, {"jump": 1}])
def test_a_senseless_order_to_the_clock_is_refused(double: Any, wanted: dict[str, Any]) -> None:
    assert double.read.post("/control/clock", json=wanted).status_code == 400


def test_a_running_clock_passes_events_as_they_are_recorded(double: Any) -> None:
    before = len(double.rows("attendance/checkins", limit=1000))
    double.control("clock", {"speed": 3600})
    double.wait_until(lambda: len(double.rows("attendance/checkins", limit=1000)) > before)
    double.control("clock", {"speed": 0})
    stood = double.read.get("/control/clock").json()
    assert stood == double.read.get("/control/clock").json()


def test_who_is_in_a_room_follows_the_log(double: Any) -> None:
    children = {room: double.read.get(f"/api/v1/rooms/{room}/children").json() for room in ("c01-r01", "c01-r02")}
    assert all(children.values())
    child = children["c01-r01"][0]["child_id"]
    double.control("events", [{"center_id": "c01", "event_type": "check_out", "child_id": child, "room_id": "c01-r01"}])
    after = double.read.get("/api/v1/rooms/c01-r01/children").json()
    assert child not in {row["child_id"] for row in after}
    staff = double.read.get("/api/v1/rooms/c01-r02/staff").json()
    assert staff
    assert all(isinstance(row["on_break"], bool) for row in staff)

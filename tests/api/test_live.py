"""The live stream, the bus behind it, settings, published snapshots, and the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from api.bus import KEPT, Bus, Change


def collect(bus: Bus, centers: list[str] | None, last_id: str | None, count: int) -> list[Change]:
    async def run() -> list[Change]:
        found = []
        async for change in bus.listen(centers, last_id, follow=False):
            found.append(change)
            if len(found) == count:
                break
        return found

    return asyncio.run(run())


def test_a_listener_that_comes_back_gets_what_it_missed_of_its_own_centers() -> None:
    bus = Bus("s")
    for number in range(6):
        bus.publish("c1" if number % 2 else "c2", "room", {"n": number})
    assert [json.loads(c.data)["n"] for c in collect(bus, ["c1"], "s-2", 9)] == [3, 5]
    assert [c.id for c in collect(bus, None, "s-4", 9)] == ["s-5", "s-6"]


@pytest.mark.parametrize("last_id", [None, "other-3", "s-99999", "s-x", "", "s-1"])
def test_a_listener_whose_past_is_gone_is_told_to_read_everything_anew(last_id: str | None) -> None:
    bus = Bus("s")
    for number in range(KEPT + 5):
        bus.publish("c1", "room", {"n": number})
    (reset,) = collect(bus, ["c1"], last_id, 1)
    assert reset.kind == "reset"


def test_a_listener_that_is_too_slow_is_ended_and_the_others_go_on() -> None:
    async def run() -> tuple[int, int]:
        bus = Bus("s")
        slow, quick = 0, 0
        sleeping = bus.listen(None)
        await anext(sleeping)
        busy = bus.listen(None)
        await anext(busy)
        waiting = asyncio.create_task(anext(sleeping))
        await asyncio.sleep(0)
        for number in range(1500):
            bus.publish("c1", "room", number)
            await anext(busy)
            quick += 1
        await waiting
        async for _ in sleeping:
            slow += 1
        bus.close()
        return slow, quick

    slow, quick = asyncio.run(run())
    assert quick == 1500
    assert slow < 1500


def test_what_nobody_listens_to_is_not_put_into_words_and_who_comes_back_reads_everything_anew() -> None:
    now = [0.0]
    bus = Bus("s", lambda: now[0])
    assert not bus.has_listeners("c1")
    collect(bus, ["c1"], None, 9)
    now[0] = 299.0
    assert bus.has_listeners("c1")
    assert not bus.has_listeners("c2")
    now[0] = 301.0
    assert not bus.has_listeners("c1")
    bus.publish("c1", "incident", {})
    bus.skip("c1")
    bus.publish("c1", "incident", {})
    assert [change.kind for change in collect(bus, ["c1"], "s-1", 9)] == ["reset"]
    assert [change.id for change in collect(bus, ["c1"], "s-2", 9)] == ["s-3"]
    assert [change.id for change in collect(bus, ["c2"], "s-1", 9)] == []


def test_rooms_are_the_same_to_who_asks_whether_or_not_somebody_listens(house: Any) -> None:
    house.staff("clock_in", "s1")
    house.arrive("i1")
    house.clock.at += timedelta(minutes=1)  # however busy the loop is, it looks ahead every minute
    house.step()
    unheard = house.get("/v1/centers/c1/live")["rooms"]
    assert not house.center().shown
    house.client.get("/v1/live?once=true", headers=house.auth("director"))
    house.service.live.touch("c1")
    house.step()
    assert house.center().shown == unheard == house.get("/v1/centers/c1/live")["rooms"]


def test_the_stream_over_http_resumes_behind_the_last_id(house: Any) -> None:
    house.arrive("i1")
    house.step()
    answer = house.client.get("/v1/live?once=true", headers=house.auth("director"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith("event: reset")
    last = answer.text.split("id: ")[1].split("\n")[0]
    house.arrive("i2")
    house.step()
    missed = house.client.get("/v1/live?once=true", headers={**house.auth("director"), "Last-Event-ID": last}).text
    assert "event: room" in missed
    assert '"children":2' in missed
    assert "event: reset" not in missed


def test_a_room_says_who_counts_and_who_does_not_and_by_which_rule(house: Any) -> None:
    house.staff("clock_in", "s1", "s2")
    house.staff("break_start", "s2")
    house.arrive("i1")
    room = house.get("/v1/centers/c1/live")["rooms"] or {}
    house.step()
    room = house.get("/v1/centers/c1/live")["rooms"]["r1"]
    assert room["verdict"]["governing"]["citation"]
    (uncounted,) = room["verdict"]["uncounted"]
    assert uncounted["staff_id"] == "s2"
    assert uncounted["reason"]
    assert {risk["minutes"] for risk in room["risks"]} == {15, 30}


def test_settings_change_by_version_and_take_effect_at_once(house: Any) -> None:
    headers = house.auth("director")
    before = house.get("/v1/centers/c1/settings")
    assert before["version"] == 0
    body = {"mode": "suggestions", "policy": {"risk_threshold": 0.7}, "contacts": {"director": [{"outlet": "slack"}]}}
    put = house.client.put("/v1/centers/c1/settings", json=body, headers={**headers, "If-Match": '"0"'})
    assert put.json()["version"] == 1
    after = house.get("/v1/centers/c1/settings")
    assert (after["mode"], after["policy"]["risk_threshold"], after["policy"]["risk_clear"]) == (
        "suggestions",
        0.7,
        0.42,
    )
    stale = house.client.put("/v1/centers/c1/settings", json=body, headers={**headers, "If-Match": "0"})
    assert stale.status_code == 409
    for wrong in (
        {"mode": "loud"},
        {"contacts": {"king": []}},
        {"policy": {"x": 1}},
        {"policy": {"clear_seconds": "a"}},
    ):
        assert house.client.put("/v1/centers/c1/settings", json=wrong, headers=headers).status_code == 422
    refused = house.client.put("/v1/centers/c1/settings", json=body, headers={**headers, "If-Match": "soon"})
    assert refused.status_code == 400


def test_settings_survive_a_restart(make_house: Callable[..., Any]) -> None:
    house = make_house()
    body = {"mode": "alerts"}
    house.client.put("/v1/centers/c1/settings", json=body, headers=house.auth("director"))
    house.client.__exit__(None, None, None)
    assert make_house().get("/v1/centers/c1/settings")["mode"] == "alerts"


def test_without_a_published_snapshot_forecasts_and_plans_say_so(house: Any) -> None:
    for path in ("/v1/forecasts?center_id=c1", "/v1/plans?center_id=c1", "/v1/plans/2026-W10?center_id=c1"):
        answer = house.client.get(path, headers=house.auth("director"))
        assert answer.status_code == 503
        assert answer.json()["detail"]


def test_any_situation_can_be_checked(house: Any) -> None:
    question = {
        "jurisdiction": "TX", "day": "2026-03-02", "children": [{"age_months": 5}] * 5,
        "adults": [{"staff_id": "a", "role": "Teacher", "age_years": 30}],
    }  # fmt: skip
    verdict = house.post("/v1/ratio/check", question).json()
    assert (verdict["required"], verdict["counted"], verdict["compliant"]) == (2, 1, False)
    assert house.post("/v1/ratio/check", {**question, "jurisdiction": "ZZ"}).status_code == 400
    assert house.post("/v1/ratio/check", {**question, "local_time": "10:00Z"}).status_code == 400
    assert "TX" in {rule["code"] for rule in house.get("/v1/rules")}


def test_the_audit_log_reads_and_verifies_over_http_and_its_head_is_signed(house: Any) -> None:
    house.arrive("i1")
    house.step()  # so that nothing is written on while the log is read
    entries = house.get("/v1/audit", center_id="c1")
    assert house.get("/v1/audit", center_id="c1", after=entries[0]["number"]) == entries[1:]
    assert house.get("/v1/audit/verify", center_id="c1")["holds"] is True
    head = house.get("/v1/audit/head", center_id="c1")
    assert head["hash"] == house.get("/v1/audit", center_id="c1")[-1]["hash"]
    assert house.get("/v1/audit/head", center_id="c1")["key"] == head["key"]


def test_verdicts_are_kept_as_they_change(house: Any) -> None:
    house.staff("clock_in", "s1")
    house.arrive("i1", "i2")
    house.step()
    house.pass_time(minutes=5)
    house.arrive("i3", "i4", "i5")
    house.step()
    span = {"since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    rows = [row for row in house.get("/v1/verdicts", center_id="c1", **span) if row["room_id"] == "r1"]
    assert (rows[-1]["children"], rows[-1]["required"], rows[-1]["compliant"]) == (5, 2, False)
    assert len({row["at"] for row in rows}) == len(rows)
    late = {"since": "2026-03-02T00:00:00Z", "until": "2026-06-02T00:00:00Z", "center_id": "c1"}
    assert house.client.get("/v1/verdicts", params=late, headers=house.auth("director")).status_code == 400

"""The nightly purge in a running service, and the command beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from api.retention import NightlyPurge


def keep_for(house: Any, **chosen: Any) -> None:
    before = house.get("/v1/centers/c1/settings")
    headers = {**house.auth("director"), "If-Match": str(before["version"])}
    answer = house.client.put("/v1/centers/c1/settings", json=chosen, headers=headers)
    assert answer.status_code == 200, answer.text


def events_left(house: Any) -> int:
    return len([e for e in house.service.ledger.read(read_all) if e.center_id == "c1"])


def read_all(connection: Any) -> list[Any]:
    from storage.ledger.events import read_events

    return read_events(connection, "c1")


def night_after(house: Any, **span: float) -> None:
    house.clock.at += timedelta(**span)
    house.run(NightlyPurge(house.service).step)


def close_everything(house: Any) -> None:
    """An incident that is open holds everything back: nobody is here any more."""
    assert house.deliver(house.event("check_out", child_id="i1", room_id="r1")).status_code == 200
    for _ in range(4):
        house.pass_time(minutes=5)
    assert house.get("/v1/incidents", center_id="c1", status="open") == []


def test_events_go_at_night_once_both_spans_are_over(house: Any) -> None:
    house.staff("clock_in", "s1")
    house.arrive("i1")
    close_everything(house)
    keep_for(house, retention_days=30, record_keeping_days=90)
    night_after(house, days=40)
    assert events_left(house) == 3
    night_after(house, days=60)
    assert events_left(house) == 0
    purged = [row for row in house.get("/v1/audit", center_id="c1") if row["action"] == "retention.purged"]
    assert sum(row["after"].get("events", 0) for row in purged) == 3
    assert house.get("/v1/audit/verify", center_id="c1")["holds"] is True


def test_a_legal_hold_keeps_everything(house: Any) -> None:
    house.staff("clock_in", "s1")
    house.arrive("i1")
    close_everything(house)
    keep_for(house, retention_days=30, record_keeping_days=0, legal_hold=True)
    night_after(house, days=400)
    assert events_left(house) == 3


def test_a_service_that_starts_after_a_purge_does_not_read_the_log_again(make_house: Callable[..., Any]) -> None:
    house = make_house(mode="alerts")
    house.staff("clock_in", "s1")
    house.arrive("i1")
    close_everything(house)
    keep_for(house, retention_days=30, record_keeping_days=0)
    night_after(house, days=40)
    later, sequence = house.clock.at, dict(house.sequence)
    house.client.__exit__(None, None, None)
    again = make_house(mode="alerts", now=later)
    assert again.service.catchup.centers["c1"].contiguous == 3
    again.sequence.update(sequence)
    again.arrive("i2")
    assert again.service.catchup.centers["c1"].contiguous == 4
    assert again.get("/v1/health")["waiting_for_events"] == 0


def test_the_command_counts_beside_a_running_service_and_deletes_without_one(
    make_house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(mode="alerts")  # the clock of the test stands in March: for the command that is long ago
    house.staff("clock_in", "s1")
    house.arrive("i1")
    close_everything(house)
    keep_for(house, retention_days=30, record_keeping_days=0)
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(house.settings.data_dir))
    run = CliRunner().invoke
    counted = json.loads(run(cli.app, ["purge", "--dry-run", "--json"]).stdout)["c1"]
    assert counted["events"] == 3
    assert "another ratiocast service" in str(run(cli.app, ["purge"]).exception)
    house.client.__exit__(None, None, None)
    gone = json.loads(run(cli.app, ["purge", "--json"]).stdout)["c1"]
    assert gone == counted
    assert json.loads(run(cli.app, ["purge", "--dry-run", "--json"]).stdout) == {"c1": {}}

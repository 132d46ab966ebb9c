"""What people agreed on stands over the shifts, also after a restart: accepted plans and approved call-outs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import optimizer
from api.live_problem import pose_now
from api.plan_files import PlanFiles
from api.suggestions import Need
from optimizer import Assignment, Plan, Problem
from optimizer.standing import spots_of

DAY, WEEK = date(2026, 3, 2), "2026-W10"
ELEVEN = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
HTML = {"Accept": "text/html"}


@pytest.fixture
def full(make_house: Callable[..., Any]) -> Any:
    """Nine in the morning: eight infants with the two adults they need, adults next door, a float in no room."""
    house = make_house(mode="suggestions")
    house.staff("clock_in", "s1", "s2")
    house.staff("clock_in", "s3", "s4", room_id="r2")
    house.staff("clock_in", "s5", room_id=None)
    house.arrive(*(f"i{n}" for n in range(8)))
    house.step()
    house.client.app.state.solver.day_seconds = 1.0
    return house


def posed(house: Any) -> Any:
    now = house.clock.now()
    agreed = house.run(house.service.proposals.agreed, house.center(), now)

    async def pose() -> Any:
        return pose_now(house.center(), now, (), agreed)

    return house.run(pose)


def accept(house: Any) -> None:
    """The float is in the infants' room from eleven on."""
    problem = Problem.model_validate(posed(house).problem.model_dump() | {"label": WEEK, "frozen_until": 0})
    slot, end = problem.slots.index(ELEVEN), len(problem.slots)
    others = [item for item in optimizer.greedy(problem).assignments if item.staff_id != "s5"]
    turn = Assignment(staff_id="s5", start=slot, end=end, state="room", room_id="r1")
    plan = Plan.model_validate(optimizer.greedy(problem).model_dump() | {"assignments": [*others, turn]})
    PlanFiles(house.settings.data_dir, "c1").write("accepted", problem, plan)


def room_of(house: Any, staff_id: str, at: datetime) -> str | None:
    problem = posed(house).problem
    spot = spots_of(problem.current).get(staff_id, {}).get(problem.slots.index(at))
    return spot.room_id if spot else None


def test_the_accepted_plan_of_the_week_stands_over_the_shifts(full: Any) -> None:
    assert room_of(full, "s5", ELEVEN) is None
    accept(full)
    assert room_of(full, "s5", ELEVEN) == "r1"
    assert room_of(full, "s5", ELEVEN - timedelta(minutes=15)) is None


def test_a_suggestion_starts_from_the_accepted_plan(full: Any) -> None:
    need, now = Need("call_out", None, "s1"), full.clock.now()

    def best() -> Any:
        return full.run(full.service.proposals._suggest, full.center(), need, now)[0]

    before = best()
    assert (before.method, before.staff_id, before.to_room_id) == ("optimizer", "s5", "r1")
    assert before.end > ELEVEN
    accept(full)
    after = best()
    assert (after.staff_id, after.to_room_id, after.end) == ("s5", "r1", ELEVEN), "from then on the plan has them there"


def test_another_acceptance_replaces_the_plan_at_once_and_one_that_cannot_be_read_is_left_out(full: Any) -> None:
    accept(full)
    assert room_of(full, "s5", ELEVEN) == "r1"
    path = full.settings.data_dir / "plans" / "c1" / f"{WEEK}.accepted.plan.json"
    plan = Plan.read(path.read_bytes(), path.name)
    elsewhere = tuple(
        item.model_copy(update={"room_id": "r2"}) if item.staff_id == "s5" else item for item in plan.assignments
    )
    path.write_text(plan.model_copy(update={"assignments": elsewhere}).model_dump_json())
    assert room_of(full, "s5", ELEVEN) == "r2"
    path.write_text("{}")
    assert room_of(full, "s5", ELEVEN) is None


def call_out(house: Any, staff_id: str, **how: str) -> str:
    """Asked for and approved on the pages; the address of its page."""
    asked = house.client.post(
        "/call-out", data={"staff_id": staff_id, **how}, headers=HTML | house.auth("director"), follow_redirects=False
    )
    assert asked.status_code == 303, asked.text
    path = str(asked.headers["location"])
    answer = house.client.post(f"{path}/approve", headers=HTML | house.auth("director"))
    assert "Approved" in answer.text
    return path


def read(house: Any, path: str) -> str:
    page = house.client.get(path, headers=HTML | house.auth("director"))
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def test_an_approved_call_out_holds_after_a_restart(full: Any, make_house: Callable[..., Any]) -> None:
    path = call_out(full, "s1", how="from", at="11:00")
    said = read(full, path)
    changed = room_of(full, "s5", ELEVEN)
    assert changed == "r1", "the cover plan sends the float"
    full.client.__exit__(None, None, None)
    again = make_house(mode="suggestions")
    again.step()
    assert read(again, path) == said
    assert "s1 is out from 11:00 on" in read(again, "/call-out")
    assert room_of(again, "s5", ELEVEN) == changed
    agreed = again.run(again.service.agreements.of, "c1", DAY)
    assert agreed.away.keys() == {"s1"}


def test_a_call_out_asked_for_and_not_approved_binds_nobody(full: Any) -> None:
    answer = full.client.post(
        "/call-out", data={"staff_id": "s1", "how": "from", "at": "11:00"}, headers=HTML | full.auth("director")
    )
    assert "Approve" in answer.text
    assert full.run(full.service.agreements.of, "c1", DAY).plans == ()


def test_who_was_approved_to_come_later_is_expected_then_and_no_sooner(full: Any) -> None:
    full.staff("clock_out", "s4", room_id="r2")
    call_out(full, "s4", how="until", at="11:00")
    full.step()
    problem = posed(full).problem
    (absence,) = problem.adult("s4").absences
    assert problem.slots[absence.end] == ELEVEN
    full.staff("clock_in", "s4", room_id="r2")
    full.step()
    assert posed(full).problem.adult("s4").absences == ()

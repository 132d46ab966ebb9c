"""A plan keeps to what the center has chosen: its rules, options and own policy, its floats and walks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

import rulebook
from api.center_settings import CenterSettings
from domain.errors import StoreError
from domain.people import Role
from domain.places import Center, Room
from flows.choices import read_choices
from flows.demand import Law
from flows.staffing import rooms_counted
from flows.steps import STEPS, open_run, run_plan
from forecasting.frames import BANDS
from optimizer import Problem
from storage.ledger import open_ledger
from storage.ledger.centers import write_settings
from storage.settings import Settings, load_settings
from tests.flows.test_staffing import member
from tests.platform_double import TOKEN, PlatformDouble, small_world

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
CENTER = Center("c1", "Center", "TX", "America/Chicago", time(6, 30), time(18))
ROOM = Room("r0", "c1", "Infants", 0, 18, 12)
STRICTER = {
    "name": "Accreditation 2026",
    "bands": [{"id": "all", "label": "everybody", "from": 0, "to": 216, "children": 2, "group": 12}],
}
LAXER = {
    "name": "Wishes",
    "bands": [{"id": "all", "label": "everybody", "from": 0, "to": 216, "children": 90, "group": 90}],
}


def keep(url: str, chosen: CenterSettings) -> None:
    with open_ledger(url) as ledger:
        body = chosen.model_dump(mode="json")
        ledger.write(lambda c: write_settings(c, "c1", body, "test", datetime(2026, 2, 1, tzinfo=UTC), version=None))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A center with two open hours a day, ingested, built and trained; it has chosen nothing yet."""
    world = small_world(date(2026, 2, 2), days=18)
    world.centers[0] |= {"opens": "09:00", "closes": "11:00"}
    server = PlatformDouble(world, page_size=1000)
    made = load_settings(
        data_dir=tmp_path, platform_url=server.url, platform_token=SecretStr(TOKEN), clock=f"{server.url}/control/clock"
    )
    for name in ("ingest", "build", "train"):
        STEPS[name](open_run(made))
    yield made
    server.close()


def problem_of(settings: Settings) -> Problem:
    return Problem.read((settings.data_dir / "plans" / "c1" / "2026-W09.problem.json").read_bytes())


def expected_adults(problem: Problem) -> float:
    return sum(s.weight * sum(map(sum, s.required.values())) for s in problem.scenarios)


def test_a_center_with_a_stricter_policy_plans_more_adults_and_names_it(settings: Settings) -> None:
    before = run_plan(open_run(settings))["plans"][0]
    by_law = problem_of(settings)
    assert not (settings.data_dir / "ledger.sqlite").exists()
    assert all(rule.startswith("26 TAC 746") for rule in before["rules"].values())

    keep(settings.ledger_location, CenterSettings(stricter_policy=STRICTER, floats=("c1-s0",)))
    after = run_plan(open_run(settings))["plans"][0]
    by_policy = problem_of(settings)
    assert expected_adults(by_policy) > 1.2 * expected_adults(by_law)
    assert set(after["rules"]) == {"c1-r0", "c1-r1", "c1-r2"}
    assert all(rule.startswith("Accreditation 2026: ") for rule in after["rules"].values())
    assert [room.rule for room in by_policy.rooms] == list(after["rules"].values())
    assert after["version"] == before["version"] + 1
    assert [adult.staff_id for adult in by_policy.staff if adult.is_float] == ["c1-s0"]


def test_a_policy_laxer_than_the_law_changes_nothing_and_the_law_is_named() -> None:
    rows = np.random.default_rng(2).integers(0, 4, (30, len(BANDS)))
    by_law, with_policy = Law(CENTER), Law(CENTER, CenterSettings(stricter_policy=LAXER))
    assert with_policy.required(rows, NOON, ROOM).tolist() == by_law.required(rows, NOON, ROOM).tolist()
    assert with_policy.governing(rows[0], NOON, ROOM) == by_law.governing(rows[0], NOON, ROOM) != ""


@pytest.mark.parametrize(
    "chosen",
    [
        CenterSettings(stricter_policy=STRICTER),
        CenterSettings(rules_code="NYC"),
        CenterSettings(rules_code="HS", stricter_policy=STRICTER),
    ],
    ids=["policy", "another code", "both"],
)
def test_the_plan_asks_the_rulebook_the_live_board_asks(chosen: CenterSettings) -> None:
    """`api.center.LiveCenter.book` is `CenterSettings.book` of the day."""
    book = rulebook.load(chosen.rules_code or "TX", date(2026, 3, 2), chosen.rule_options, chosen.stricter_policy)
    assert Law(CENTER, chosen).book(NOON) is book is chosen.book("TX", date(2026, 3, 2))


def test_an_adult_the_centers_policy_does_not_count_is_planned_nowhere() -> None:
    policy = {"name": "Checks", "who_counts": [{"says": "staff with a check of our own", "requires": ["own_check"]}]}
    day, teacher = date(2026, 3, 2), member(role=Role.TEACHER)
    by_law = CenterSettings().book("TX", day)
    assert rooms_counted(by_law, CENTER, [ROOM], teacher, day) == ("r0",)
    assert rooms_counted(CenterSettings(stricter_policy=policy).book("TX", day), CENTER, [ROOM], teacher, day) == ()


def test_choices_are_read_beside_a_running_service_and_a_damaged_ledger_stops_the_plan(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    assert read_choices(url) == {}
    chosen = CenterSettings(rules_code="NYC")
    keep(url, chosen)
    with open_ledger(url):
        assert read_choices(url) == {"c1": chosen}
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(StoreError, match="the ledger cannot be read"):
        read_choices(url)

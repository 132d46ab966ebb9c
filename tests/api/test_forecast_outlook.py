"""The trained model in the live loop, on the published snapshot of a small center."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.center import LiveCenter
from api.center_settings import CenterSettings
from api.forecast_outlook import ForecastOutlook
from api.outlook import Outlook
from connectors.platform import PlatformClient
from evaluator import CenterFacts, CenterState
from evaluator.expectations import BookedExpectation, Expectation
from evaluator.lookahead import look_ahead
from flows.steps import STEPS, open_run
from storage.settings import Settings, load_settings
from tests.platform_double import TOKEN, PlatformDouble, small_world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, LiveCenter]]:
    """A data folder with snapshot and model, and the same center live."""
    server = PlatformDouble(small_world(date(2026, 2, 2), days=18), page_size=1000)
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("data"), platform_url=server.url, platform_token=SecretStr(TOKEN),
        clock=f"{server.url}/control/clock",
    )  # fmt: skip
    for name in ("ingest", "build", "train", "publish"):
        STEPS[name](open_run(settings))
    now = open_run(settings).now
    with PlatformClient(server.url, TOKEN) as platform:
        center = platform.centers()[0]
        span = (center.center_id, now - timedelta(days=1), now + timedelta(days=1))
        facts = CenterFacts.of(
            center, platform.rooms(center.center_id), platform.children(center.center_id),
            platform.staff(center.center_id), platform.shifts(*span), platform.bookings(*span),
        )  # fmt: skip
        state = CenterState.rebuild(center.center_id, platform.events(center.center_id))
    yield settings, LiveCenter(center.center_id, state, facts, CenterSettings(), 0, settings)
    server.close()


def test_the_model_takes_over_once_its_session_stands(made: tuple[Settings, LiveCenter]) -> None:
    settings, center = made
    now = open_run(settings).now
    model = ForecastOutlook(settings.data_dir)
    outlook = Outlook(model)
    assert asyncio.run(outlook.risks(center, now, lambda started: asyncio.sleep(0, started)))
    assert center.expectation is not None
    assert center.expectation.model == "bookings and who is present"
    deadline = time.monotonic() + 60
    while (expectation := model(center, now)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert expectation is not None
    assert expectation.model.startswith("child")
    room = next(room_id for room_id, children in center.state.rooms.items() if children)
    draws = expectation.ages(room, now + timedelta(minutes=15), 50)
    assert len(draws) == 50
    model.close()


def test_a_look_in_pieces_finds_what_one_look_at_all_rooms_finds(
    made: tuple[Settings, LiveCenter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.outlook._ROOMS_AT_ONCE", 1)
    settings, center = made
    now = open_run(settings).now + timedelta(hours=2)
    rests: list[float] = []

    async def rest(started: float) -> float:
        rests.append(started)
        return started

    found = asyncio.run(Outlook().risks(center, now, rest))
    expectation = BookedExpectation(center.state, center.facts, now)
    assert found == look_ahead(center.state, center.facts, center.book(now), expectation, now)
    assert len(rests) == len(center.facts.rooms) > 1


def test_without_a_model_bookings_stand_in(made: tuple[Settings, LiveCenter], tmp_path: Path) -> None:
    settings, center = made
    model = ForecastOutlook(tmp_path)
    for _ in range(3):
        assert model(center, open_run(settings).now) is None
    model.close()


def test_a_model_that_cannot_be_read_is_no_reason_to_fail(
    made: tuple[Settings, LiveCenter], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings, center = made
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "current").write_text("000001")
    model = ForecastOutlook(tmp_path)
    caplog.set_level("INFO")
    deadline = time.monotonic() + 30
    while "has no forecast of its own yet" not in caplog.text and time.monotonic() < deadline:
        assert model(center, open_run(settings).now) is None
        time.sleep(0.02)
    assert "has no forecast of its own yet" in caplog.text
    model.close()


def test_bookings_that_change_today_change_the_forecast(made: tuple[Settings, LiveCenter]) -> None:
    settings, center = made
    now = open_run(settings).now + timedelta(hours=1)  # the first children are about to come
    model, usual = ForecastOutlook(settings.data_dir), center.facts
    deadline = time.monotonic() + 60
    while (before := model(center, now)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert before is not None
    today = usual.day_of(now)
    away = [replace(row, status="absent", reported_at=now) if row.day == today else row for row in usual.bookings]
    counts = []
    for bookings in (usual.bookings, tuple(away), usual.bookings):
        center.facts = replace(usual, bookings=bookings)
        expectation = model(center, now)
        assert expectation is not None
        counts.append(expected(expectation, center, now))
    center.facts = usual
    model.close()
    assert counts[1] < 0.5 * counts[0]
    assert counts[2] == counts[0] == expected(before, center, now)


def expected(expectation: Expectation, center: LiveCenter, now: datetime) -> float:
    """The mean number of children an hour ahead."""
    draws = [expectation.ages(room_id, now + timedelta(minutes=60), 200) for room_id in center.facts.rooms]
    return sum(len(ages) for room in draws for ages in room) / 200


def test_at_night_the_model_looks_at_the_day_on_which_the_center_opened(made: tuple[Settings, LiveCenter]) -> None:
    """Round the clock the day turns at the hour of opening; who left before it may come again after it."""
    settings, center = made
    usual, now = center.facts, open_run(settings).now
    turn = (now + timedelta(hours=1)).astimezone(usual.tz).replace(minute=0, tzinfo=None).time()
    center.facts = replace(usual, center=replace(usual.center, opens=turn, closes=turn))
    model = ForecastOutlook(settings.data_dir)
    model(center, now)
    assert model._centers[center.center_id].day == usual.day_of(now) - timedelta(days=1)
    model(center, now + timedelta(hours=1))
    assert model._centers[center.center_id].day == usual.day_of(now)
    center.facts = usual
    model.close()

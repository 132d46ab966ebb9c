"""The live day: what a refresh makes of who is here, who is not, and of a record that is not quite true."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import Forecast, History, Model
from forecasting.boost import Boost
from forecasting.model import whereabouts
from forecasting.session import Look, Present, Session, refresh_many
from tests.forecasting.conftest import ORIGIN, local

LATER = datetime(2025, 4, 10, 5, tzinfo=UTC)  # a Thursday's midnight


@pytest.fixture
def session(small_model: Model, small_history: History) -> Session:
    return small_model.session(small_history.known_at(ORIGIN), ORIGIN)


def at_desk(history: History, now: datetime) -> list[Present]:
    return whereabouts(history.known_at(now), now, "c01")[0]


def total(forecast: Forecast, step: int = 5) -> float:
    return sum(forecast.mean(room, forecast.times[step]) for room in forecast.room_ids)


def home(session: Session, child_id: str) -> str:
    a = session.patterns.attendance
    return a.room_ids[session.home[a.child_ids.index(child_id)]]


def test_nobody_is_expected_in_the_night_and_most_come_by_nine(session: Session) -> None:
    assert total(session.refresh(local(0, 3), [])) < 0.01
    early = session.refresh(local(0, 6.5), [])
    assert total(early) < total(early, step=11)
    assert total(session.refresh(local(0, 6), [], [local(0, 10)]), step=0) > 25


def test_those_who_are_here_are_counted_and_a_refresh_can_be_repeated(session: Session, small_history: History) -> None:
    now = local(0, 12)
    present = at_desk(small_history, now)
    first = session.refresh(now, present)
    assert total(first) == pytest.approx(len(present), abs=1.5)
    assert np.array_equal(first.pmf, session.refresh(now, present).pmf)


def test_refreshing_step_by_step_equals_starting_in_the_middle_of_the_day(
    small_model: Model, small_history: History, session: Session
) -> None:
    for hour in (7.5, 8, 8.5, 9):
        session.refresh(local(0, hour), at_desk(small_history, local(0, hour)))
    now = local(0, 9)
    midway = small_model.session(small_history.known_at(now), now).refresh(now, at_desk(small_history, now))
    late = session.refresh(now, at_desk(small_history, now))
    assert total(late) == pytest.approx(total(midway), abs=1.0)


def test_many_centers_are_refreshed_together_as_one_by_one(
    small_model: Model, small_history: History, simulated: Callable[..., History]
) -> None:
    histories = (small_history, simulated(8, 40))
    known = [history.known_at(ORIGIN if n == 0 else LATER) for n, history in enumerate(histories)]
    unboosted = replace(small_model, boost=Boost(None, None))
    models = (small_model, small_model, unboosted)

    def looks() -> list[Look]:
        return [
            Look(model.session(known[n]), now, at_desk(histories[n], now), [now + timedelta(minutes=m) for m in ahead])
            for model, n, now, ahead in zip(
                models, (0, 1, 0), (local(0, 9), LATER + timedelta(hours=12), local(0, 16)),
                ((15, 30), (5, 20, 45, 60), (30,)), strict=True,
            )
        ]  # fmt: skip

    one_by_one = [one.session.refresh(one.now, one.present, one.times) for one in looks()]
    for together in (1, 2, 3):
        for alone, joint in zip(one_by_one, refresh_many(looks(), together), strict=True):
            assert joint.times == alone.times
            assert np.array_equal(joint.pmf, alone.pmf)
            assert joint.adults is not None
            assert np.array_equal(joint.adults, alone.adults)
    assert list(refresh_many([])) == []


def test_when_many_come_late_the_rest_is_expected_later(
    session: Session, small_model: Model, small_history: History
) -> None:
    now = local(0, 8.25)
    usual = at_desk(small_history, now)
    fewer = [one for n, one in enumerate(usual) if n % 3]
    other = small_model.session(small_history.known_at(ORIGIN), ORIGIN)
    coming_usual = session.refresh(now, usual, [now + timedelta(minutes=30)])
    coming_late = other.refresh(now, fewer, [now + timedelta(minutes=30)])
    assert total(coming_late, 0) - len(fewer) > total(coming_usual, 0) - len(usual)
    assert session.minute(now) == other.minute(now)


def test_a_child_recorded_as_here_long_after_its_habit_is_doubted(session: Session, small_history: History) -> None:
    present = at_desk(small_history, local(0, 12))
    evening = session.refresh(local(0, 19.5), present)
    assert total(evening) < 0.2 * len(present)


def test_a_check_in_to_an_unexpected_room_is_read_as_a_slip_but_a_move_is_believed(
    session: Session, small_model: Model, small_history: History
) -> None:
    now, soon = local(0, 11), [local(0, 11) + timedelta(minutes=5)]
    (child, own, since), *others = at_desk(small_history, now)
    assert own == home(session, child)
    other = next(r for r in session.patterns.attendance.room_ids if r != own)
    usual = session.refresh(now, [(child, own, since), *others], soon)
    slip = small_model.session(small_history.known_at(ORIGIN), ORIGIN)
    read = slip.refresh(now, [(child, other, since), *others], soon)
    assert read.mean(own, soon[0]) > usual.mean(own, soon[0]) - 0.4
    moved = session.refresh(now, [(child, other, now - timedelta(minutes=5)), *others], soon)
    assert moved.mean(own, soon[0]) < usual.mean(own, soon[0]) - 0.6


def test_an_absence_told_now_and_an_announced_pick_up_count_at_once(session: Session, small_history: History) -> None:
    before = session.refresh(local(0, 7), [], [local(0, 9)])
    a = session.patterns.attendance
    booked = [child for child, chance in zip(a.child_ids, session.chance, strict=True) if chance > 0.8][:6]
    for child in booked:
        session.tell(child, absent=True)
    assert total(session.refresh(local(0, 7), [], [local(0, 9)]), 0) < total(before, 0) - 3
    now = local(0, 13)
    present = at_desk(small_history, now)
    stays = session.refresh(now, present, [local(0, 14)])
    for child, _, _ in present[:5]:
        session.tell(child, absent=False, pick_up=13.4 * 60)
    assert total(session.refresh(now, present, [local(0, 14)]), 0) < total(stays, 0) - 3


def test_a_child_nobody_told_of_is_counted(session: Session) -> None:
    now = local(0, 10)
    room = session.patterns.attendance.room_ids[0]
    before = session.refresh(now, [], [now + timedelta(minutes=15)])
    after = session.refresh(now, [("newcomer", room, now)], [now + timedelta(minutes=15)])
    assert after.mean(room, after.times[0]) - before.mean(room, before.times[0]) > 0.8
    assert after.samples(5, seed=1).shape == (5, len(after.room_ids), 1)


def test_the_reasons_are_in_words_and_name_nobody(session: Session, small_history: History) -> None:
    now = local(0, 8)
    forecast = session.refresh(now, at_desk(small_history, now))
    texts = [text for room in forecast.room_ids for text in forecast.drivers(room, forecast.times[5])]
    assert any("still expected" in text for text in texts)
    assert not any(child in text for text in texts for child in session.patterns.attendance.child_ids)

"""A plain rule in the place of the model: the odds, the joint draws and the live session follow it there."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import Forecast, History, Model
from forecasting.fallbacks import WatchedSession, with_fallbacks
from forecasting.model import whereabouts
from forecasting.monitoring import Health
from tests.forecasting.conftest import local

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
TIMES = (NOW + timedelta(minutes=15), NOW + timedelta(minutes=30))


def health(room_id: str, horizon: str = "15min", center_id: str = "c") -> Health:
    return Health(center_id, room_id, horizon, 9, 2.0, 2.0, "last", 1.0, 0.5, 0.0, 0.0, fallen_back=True)


def forecast(model: str, highest: int) -> Forecast:
    """Two rooms whose draws rise together, in two bands of which the second holds a third."""
    pmf = np.full((2, 2, highest + 1), 1 / (highest + 1))

    def draws(n: int, seed: int) -> np.ndarray:
        total = np.random.default_rng(seed).integers(0, highest + 1, n)
        bands = np.stack([total - total // 3, total // 3], axis=1)
        return np.broadcast_to(bands[:, None, None, :], (n, 2, 2, 2)).copy()

    return Forecast("c", NOW, ("r1", "r2"), TIMES, pmf, model, ("0-11", "12-17"), np.ones((2, 2, 2)), sampler=draws)


def test_draws_are_the_rules_where_it_stands_in_and_still_hang_together() -> None:
    mixed = with_fallbacks(forecast("ours", 9), {"last": forecast("baseline:last", 30)}, [health("r1")])
    draws = mixed.samples_by_band(3000, 1)
    totals = draws.sum(axis=3)
    assert totals[:, 0, 0].mean() == pytest.approx(mixed.mean("r1", TIMES[0]), abs=0.02) == pytest.approx(15, abs=0.02)
    assert (totals[:, 0, 1] == totals[:, 1, 1]).all()  # half an hour ahead the model stands
    assert np.corrcoef(totals[:, 0, 0], totals[:, 1, 0])[0, 1] > 0.99
    assert draws[:, 0, 0, 1].sum() / totals[:, 0, 0].sum() == pytest.approx(1 / 4, abs=0.08)
    assert mixed.band_mean is not None
    assert mixed.band_mean[0, 0].sum() == pytest.approx(15)
    assert list(mixed.table()["model"]) == ["baseline:last", "ours", "ours", "ours"]
    assert mixed.drivers("r1", TIMES[0]) == ["the plain rule 'last' stands in for the model, which was worse here"]


def test_the_live_session_falls_back_in_the_room_and_at_the_horizon_meant(
    small_model: Model, small_history: History
) -> None:
    now = local(2, 8.25)
    known = small_history.known_at(now)
    center_id = known.center_ids[0]
    present, left = whereabouts(known, now, center_id)
    session = small_model.session(known, center_id=center_id)
    session.see(now, (), left)
    plain = session.refresh(now, present)
    room = plain.room_ids[0]
    watched = WatchedSession.of(session, known, center_id, [health(room, "30min", center_id)])
    mixed = watched.refresh(now, present)
    here = sum(room_id == room for _, room_id, _ in present)
    at = mixed.times[5]
    stands_in = mixed.table().query("room_id == @room and model == 'baseline:last'")
    assert set(stands_in["target_time"]) == set(mixed.times[4:])
    assert abs(mixed.quantile(room, at, 0.5) - here) <= 3  # 'last' says what is now
    assert mixed.samples(500, 1)[:, 0, 5].mean() == pytest.approx(mixed.mean(room, at), abs=0.2)
    assert (mixed.pmf[1:, :, : plain.pmf.shape[2]] == plain.pmf[1:]).all()

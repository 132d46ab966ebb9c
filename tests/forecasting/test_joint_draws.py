"""Draws of children and adults: they keep to the forecast, and belong together."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from domain.errors import NotFound
from forecasting import Forecast, History, Model
from forecasting.crew import CrewAhead, crew_ahead
from forecasting.draws import following
from forecasting.staffside import WITH_ABSENCES, StaffRates, staff_rates
from tests.forecasting.conftest import local
from tests.forecasting.test_shared_call_outs import NOW, history_of, roster

NOON = local(2, 11)


def rates(shared: float = 0.8, with_absences: float = 0.7) -> StaffRates:
    usual = StaffRates.usual()
    return StaffRates(usual.in_room, 0.05, usual.late, usual.late_minutes, shared, with_absences)


def crew(**how: float) -> CrewAhead:
    return crew_ahead(rates(**how), roster(), NOW, [NOW + timedelta(hours=n) for n in (7, 8)], ZoneInfo("UTC"))


def test_draws_take_the_counts_of_the_forecast_and_keep_their_order() -> None:
    draw = np.random.default_rng(1)
    level = draw.integers(0, 6, 2000)
    draws = np.stack([level, level, np.zeros_like(level)], axis=1)[:, None, None, :].repeat(2, axis=2)
    pmf = np.zeros((1, 2, 20))
    pmf[0, 0, [3, 19]] = 0.7, 0.3
    pmf[0, 1, :10] = 0.1
    counts = following(draws, pmf, 1).sum(axis=3)
    assert np.bincount(counts[:, 0, 0], minlength=20)[[3, 19]].tolist() == [1400, 600]
    assert np.bincount(counts[:, 0, 1], minlength=10) == pytest.approx(np.full(10, 200), abs=1)
    assert (counts[counts[:, 0, 0] == 19, 0, 1] >= 7).all()  # many at one time are many at the other


def test_draws_where_nobody_was_drawn_are_of_unknown_age() -> None:
    pmf = np.zeros((1, 1, 4))
    pmf[0, 0, 3] = 1
    assert following(np.zeros((5, 1, 1, 2), dtype=np.int64), pmf, 1)[:, 0, 0].tolist() == [[0, 3]] * 5


def test_drawn_adults_agree_with_their_distribution() -> None:
    one = crew()
    drawn = one.draws(20_000, 3)[:, 0]
    for column in range(2):
        share = np.bincount(drawn[:, column], minlength=5) / len(drawn)
        assert share == pytest.approx(one.pmf()[0, column], abs=0.012)


def test_who_is_out_is_out_all_day() -> None:
    drawn = crew().draws(4000, 3)[:, 0]
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert drawn.min() < 4


def test_call_outs_come_with_the_childrens_absences() -> None:
    draw = np.random.default_rng(5)
    away = draw.standard_normal(20_000)
    one = crew().with_children(lambda n, _seed, _day: away[:n])
    adults = one.draws(20_000, 3)[:, 0, 0]
    assert adults[away > 1].mean() < adults[away < 0].mean() - 0.1
    apart = crew(with_absences=0.0).with_children(lambda n, _seed, _day: away[:n]).draws(20_000, 3)[:, 0, 0]
    assert abs(apart[away > 1].mean() - apart[away < 0].mean()) < 0.03


def test_the_rise_of_call_outs_with_absences_is_measured() -> None:
    draw = np.random.default_rng(2)
    away = draw.standard_normal(300)
    days = {date(2026, 3, 2) + timedelta(days=n): float(z) for n, z in enumerate(away)}
    wave = history_of(draw.poisson(20 * 0.06 * np.exp(0.5 * away - 0.125)).clip(0, 20).tolist())
    calm = history_of(draw.binomial(20, 0.06, 300).tolist())
    origin = NOW + timedelta(days=301)
    found = [staff_rates(h.known_at(origin), "c", days).with_absences for h in (wave, calm)]
    assert found[0] > 0.3 > WITH_ABSENCES > found[1] - 0.05


def test_a_week_is_drawn_with_its_adults(small_model: Model, small_history: History) -> None:
    forecast = small_model.forecast_week(small_history.known_at(local(1, 8)), local(1, 8), [NOON])
    children, adults = forecast.samples_with_adults(2000, 7)
    assert np.array_equal(children, forecast.samples_by_band(2000, 7))
    assert adults.shape == (2000, 3, 1)
    assert forecast.adults is not None
    expected = forecast.adults[:, 0] @ np.arange(forecast.adults.shape[2])
    assert adults[:, :, 0].mean(axis=0) == pytest.approx(expected, abs=0.06)
    assert np.corrcoef(children.sum(axis=(1, 2, 3)), adults.sum(axis=(1, 2)))[0, 1] > 0


def test_without_shifts_there_are_no_adults_to_draw() -> None:
    pmf = np.ones((1, 1, 1))
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    forecast = Forecast("c", at, ("r",), (at,), pmf, "ours")
    with pytest.raises(NotFound, match="no staff side"):
        forecast.samples_with_adults(5, 1)

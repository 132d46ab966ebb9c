from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.counts.baselines import LEVELS
from forecasting.counts.calibration import Errors, calibrated, factors, followed_width
from forecasting.counts.grid import Floats
from forecasting.counts.scores import diebold_mariano, pinball

DAY = 24


def forecasts(rng: np.random.Generator, days: int, width: float) -> tuple[Floats, Floats]:
    """Raw forecasts whose 80 % interval should be 1.28 wide on each side but is `width`, and what happened."""
    middle = rng.uniform(20, 40, (days * DAY, 1))
    raw = np.stack([middle - width, middle, middle + width], axis=-1)
    return raw, middle + rng.normal(size=middle.shape)


def test_intervals_too_narrow_or_too_wide_are_mended_by_past_errors() -> None:
    for width in (0.5, 1.28, 4.0):
        raw, actual = forecasts(np.random.default_rng(1), 120, width)
        slot = np.arange(len(raw))
        past = Errors.of_forecasts(raw[: 90 * DAY], actual[: 90 * DAY], slot[: 90 * DAY], DAY)
        quantiles = calibrated(raw[90 * DAY :], slot[90 * DAY :], past, DAY)
        inside = (actual[90 * DAY :] >= quantiles[..., 1]) & (actual[90 * DAY :] <= quantiles[..., 5])
        assert 0.76 < inside.mean() < 0.86


def test_without_errors_the_raw_interval_stands() -> None:
    raw = np.array([[[10.0, 15.0, 30.0]]])
    quantiles = calibrated(raw, np.array([12]), Errors.none(), DAY)[0, 0]
    assert quantiles[LEVELS.index(0.1)] == 10.0
    assert quantiles[LEVELS.index(0.5)] == 15.0
    assert quantiles[LEVELS.index(0.9)] == 30.0


def test_few_days_of_errors_move_the_factors_less_than_many() -> None:
    raw, actual = forecasts(np.random.default_rng(2), 60, 0.3)
    slot = np.arange(len(raw))
    errors = Errors.of_forecasts(raw, actual, slot, DAY)
    few, many = factors(errors.between(0, 3 * DAY), DAY), factors(errors, DAY)
    assert (many[:, LEVELS.index(0.9)] > few[:, LEVELS.index(0.9)]).all()


def test_a_week_ahead_a_wild_week_moves_the_interval_less_than_an_hour_ahead() -> None:
    raw, actual = forecasts(np.random.default_rng(6), 40, 1.28)
    actual[: 7 * DAY] += 30.0
    slot = np.arange(len(raw))
    errors = Errors.of_forecasts(raw, actual, slot, DAY)
    hour, week = (factors(errors, DAY, days_ahead=days)[:, LEVELS.index(0.95)] for days in (0, 7))
    assert (week - 1.35 < (hour - 1.35) / 4).all()
    assert (week == week[0]).all()  # parts of the day are not told apart


def test_a_week_ahead_lasting_errors_are_still_heard() -> None:
    raw, actual = forecasts(np.random.default_rng(7), 40, 0.2)
    errors = Errors.of_forecasts(raw, actual, np.arange(len(raw)), DAY)
    assert (factors(errors, DAY, days_ahead=7)[:, LEVELS.index(0.9)] > 1.2).all()


def test_the_width_follows_the_last_days_and_stands_where_they_held_what_was_promised() -> None:
    raw, actual = forecasts(np.random.default_rng(8), 60, 1.28)
    calm = Errors.of_forecasts(raw, actual, np.arange(len(raw)), DAY)
    learned = factors(calm, DAY)
    assert abs(np.log(followed_width(calm, learned, DAY))) < 0.15
    actual[50 * DAY :] += 2 * (actual[50 * DAY :] - raw[50 * DAY :, :, 1])  # three times the error in ten days
    wild = Errors.of_forecasts(raw, actual, np.arange(len(raw)), DAY)
    assert followed_width(wild, learned, DAY) > 1.5
    assert followed_width(Errors.none(), learned, DAY) == 1.0


def test_after_a_change_the_next_days_are_covered_again() -> None:
    raw, actual = forecasts(np.random.default_rng(9), 60, 1.28)
    actual[30 * DAY :] += actual[30 * DAY :] - raw[30 * DAY :, :, 1]
    slot = np.arange(len(raw))
    known = Errors.of_forecasts(raw[13 * DAY : 55 * DAY], actual[13 * DAY : 55 * DAY], slot[13 * DAY : 55 * DAY], DAY)
    next_days = slice(55 * DAY, 60 * DAY)
    followed, unheard = (
        calibrated(raw[next_days], slot[next_days], known, DAY, days_ahead=days)[..., [1, 5]] for days in (0, 2)
    )
    shares = [
        float(((actual[next_days] >= said[..., 0]) & (actual[next_days] <= said[..., 1])).mean())
        for said in (followed, unheard)
    ]
    assert 0.72 < shares[0] < 0.88
    assert shares[1] < 0.7


def test_hours_in_which_nobody_is_there_teach_the_intervals_nothing() -> None:
    raw, actual = forecasts(np.random.default_rng(10), 40, 0.5)
    slot = np.arange(len(raw))
    night = slot % DAY < 8
    actual[night] = raw[night, :, 1]
    by_day = Errors.of_forecasts(raw, actual, slot, DAY, ~night[:, None])
    assert len(by_day.slot) == (~night).sum()
    assert followed_width(by_day, factors(by_day, DAY), DAY) > 0.9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    raw=st.lists(st.tuples(*[st.floats(0, 300)] * 3), min_size=1, max_size=20),
    actual=st.lists(st.integers(0, 300), min_size=20, max_size=20),
)
def test_calibrated_quantiles_never_cross(raw: list[tuple[float, float, float]], actual: list[int]) -> None:
    sorted_raw = np.sort(np.array(raw), axis=1)[:, None, :]
    slot = np.arange(len(raw)) * 5
    happened = np.array(actual[: len(raw)], dtype=float)[:, None]
    quantiles = calibrated(sorted_raw, slot, Errors.of_forecasts(sorted_raw, happened, slot, DAY), DAY)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert (quantiles >= 0).all()


def test_pinball_loss_is_least_at_the_true_quantile() -> None:
    sample = np.random.default_rng(3).poisson(20, 4000).astype(float)
    for level in (0.1, 0.5, 0.9):
        losses = [pinball(sample, np.full(4000, float(q)), level).mean() for q in range(5, 40)]
        assert abs(5 + int(np.argmin(losses)) - np.quantile(sample, level)) <= 1


def test_diebold_mariano_tells_luck_from_difference() -> None:
    rng = np.random.default_rng(4)
    assert diebold_mariano(rng.normal(0, 1, 60)) > 0.05
    assert diebold_mariano(rng.normal(2, 1, 60)) < 0.001
    assert diebold_mariano(np.zeros(10)) == 1.0

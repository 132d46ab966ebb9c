"""The odds of a gap: the law asked draw by draw, and what days gone by make of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecasting import Forecast, History, Model
from forecasting.attendance import Ints
from forecasting.gap_review import Outcome, taught_gaps
from forecasting.gaps import PRIOR, SHORT, WEEK, GapMap, GapMaps, drawn_odds
from tests.forecasting.conftest import local

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


class OneShort:
    """A crew that lacks one adult in every fourth draw."""

    def draws(self, n: int, seed: int) -> Ints:
        return np.where(np.arange(n) % 4 == 0, 1, 2)[:, None, None]


def forecast(hours: float) -> Forecast:
    pmf = np.zeros((1, 1, 9))
    pmf[0, 0, 8] = 1
    return Forecast("c", AT, ("r",), (AT + timedelta(hours=hours),), pmf, "ours", crew=OneShort())


def four_to_one(_room_id: str, _at: datetime, bands: Ints) -> Ints:
    return np.asarray(-(-bands.sum(axis=1) // 4))


def one_to_twenty(_room_id: str, _at: datetime, bands: Ints) -> Ints:
    return np.asarray(-(-bands.sum(axis=1) // 20))


def never_enough(_room_id: str, _at: datetime, bands: Ints) -> Ints:
    return np.full(len(bands), 30)


def test_the_law_is_asked_draw_by_draw() -> None:
    assert drawn_odds(forecast(0.25), four_to_one).tolist() == [[0.25]]
    assert drawn_odds(forecast(0.25), one_to_twenty).tolist() == [[0.0]]


def test_odds_rise_with_those_drawn_and_differ_by_horizon() -> None:
    drawn = np.linspace(0, 1, 50)
    for kind in PRIOR:
        said = GapMap.of(kind).odds(drawn)
        assert (np.diff(said) >= 0).all()
        assert 0 < said[0] < said[-1] < 1
    maps = GapMaps({SHORT: GapMap.of(SHORT), WEEK: replace(GapMap.of(WEEK), mean=np.array([3.0, 1.0]))})
    assert maps.odds(forecast(0.25), four_to_one) < 0.25 < maps.odds(forecast(48), four_to_one)


def test_a_center_teaches_how_often_its_rooms_truly_fall_short() -> None:
    draw = np.random.default_rng(1)
    drawn = draw.beta(0.5, 2, (120, 60))
    truth = np.array([0.4, 1.1])
    logit = truth[0] + truth[1] * np.log(np.clip(drawn, 1e-3, 1 - 1e-3) / (1 - np.clip(drawn, 1e-3, 1 - 1e-3)))
    short = (draw.random(drawn.shape) < 1 / (1 + np.exp(-logit))).astype(float)
    learnt = GapMap.of(SHORT)
    for day in range(120):
        learnt = learnt.seen(drawn[day], short[day])
    assert learnt.odds(drawn).mean() == pytest.approx(short.mean(), abs=0.02)
    assert learnt.mean == pytest.approx(truth, abs=0.25)


def test_one_day_moves_the_odds_a_little() -> None:
    before, drawn = GapMap.of(SHORT), np.full(40, 0.3)
    calm, bad = (before.seen(drawn, np.full(40, outcome)) for outcome in (0.0, 1.0))
    said = [float(one.odds(np.array([0.3]))[0]) for one in (calm, before, bad)]
    assert said[0] < said[1] < said[2]
    assert said[1] - said[0] < 0.05


def test_a_finished_day_is_lived_again_and_kept_with_the_model(
    small_model: Model, small_history: History, tmp_path: Path
) -> None:
    day = local(1, 12)
    taught = taught_gaps(small_model, small_history, "c01", day, never_enough)
    now = local(2, 9)
    shown = small_model.forecast_short(small_history.known_at(now), now)
    odds = taught.gap_odds(shown, never_enough)
    assert odds.mean() > small_model.gap_odds(shown, never_enough).mean()
    taught.save(tmp_path / "m")
    assert np.array_equal(Model.load(tmp_path / "m").gap_odds(shown, never_enough), odds)


def test_joined_rooms_are_left_out(small_history: History) -> None:
    start = local(1, 0)
    joined = small_history.joined_rooms("c01", start, start + timedelta(days=1))
    assert joined  # the simulated center joins rooms early and late
    outcome = Outcome(small_history.known_at(local(2, 12)), joined, "c01", one_to_twenty, start)
    room, spans = next(iter(joined.items()))
    inside = [at for at in outcome.times if any(a <= at < b for a, b in spans)]
    outside = [at for at in outcome.times if not any(a <= at < b for a, b in spans)]
    assert {outcome.short(room, at) for at in inside} == {None}
    assert {outcome.short(room, at) for at in outside} <= {True, False}

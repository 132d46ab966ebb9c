"""The odds of a gap: the law asked draw by draw, and what days gone by make of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from domain.time import Interval
from forecasting import Forecast, History, Model
from forecasting.attendance import Floats, Ints
from forecasting.gap_review import Outcome, taught_gaps
from forecasting.gaps import RECORDED_RATES, SHORT, TRUE_RATES, WEEK, GapMap, GapMaps, drawn_headroom
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


def nobody_needed(_room_id: str, _at: datetime, bands: Ints) -> Ints:
    return np.zeros(len(bands), dtype=np.int64)


def test_the_law_is_asked_draw_by_draw() -> None:
    assert drawn_headroom(forecast(0.25), four_to_one).tolist() == [[[0.25, 0.75, 0.0]]]
    assert drawn_headroom(forecast(0.25), one_to_twenty).tolist() == [[[0.0, 0.25, 0.75]]]


def test_an_empty_room_cannot_fall_short() -> None:
    assert drawn_headroom(forecast(0.25), nobody_needed).tolist() == [[[0.0, 0.0, 0.0]]]
    assert GapMaps().odds(forecast(0.25), nobody_needed).tolist() == [[0.0]]


def test_odds_are_highest_where_adults_lack_soon_and_lowest_where_some_are_to_spare() -> None:
    lacking, just_enough, to_spare = (GapMap(SHORT).odds(np.eye(3)[n]) for n in range(3))
    assert 1 > lacking > just_enough > to_spare > 0
    for kind in TRUE_RATES:
        assert GapMap(kind).odds(np.array([0.5, 0.5, 0.0])) == pytest.approx(np.mean(TRUE_RATES[kind][:2]))


def test_horizons_have_rates_of_their_own() -> None:
    taught = GapMap(SHORT, np.array([100.0, 0, 0]), np.array([100.0, 0, 0]))
    maps = GapMaps({SHORT: taught, WEEK: GapMap(WEEK)})
    assert maps.odds(forecast(0.25), four_to_one) > GapMaps().odds(forecast(0.25), four_to_one)
    assert maps.odds(forecast(48), four_to_one) == GapMaps().odds(forecast(48), four_to_one)


def days_of(rates: tuple[float, ...], days: int, seed: int = 1) -> list[tuple[Floats, Floats]]:
    """Draws, and a record in which rooms drawn so are short at these rates."""
    draw = np.random.default_rng(seed)
    result = []
    for _ in range(days):
        headroom = draw.dirichlet((0.3, 0.6, 0.8), 60)
        result.append((headroom, (draw.random(60) < headroom @ np.array(rates)).astype(float)))
    return result


def test_a_center_whose_record_is_as_usual_keeps_the_usual_rates() -> None:
    learnt = GapMap(SHORT)
    for headroom, short in days_of(RECORDED_RATES[SHORT], 200):
        learnt = learnt.taught(headroom, short)
    assert learnt.rates == pytest.approx(TRUE_RATES[SHORT], rel=0.25)


def test_a_center_whose_record_shows_twice_the_gaps_has_higher_odds() -> None:
    learnt = GapMap(SHORT)
    twice = tuple(2 * rate for rate in RECORDED_RATES[SHORT])
    for headroom, short in days_of(twice, 300):
        learnt = learnt.taught(headroom, short)
    assert learnt.rates[0] == pytest.approx(2 * TRUE_RATES[SHORT][0], rel=0.2)  # seen every day in the record
    assert TRUE_RATES[SHORT][1] < learnt.rates[1] < 2 * TRUE_RATES[SHORT][1]  # seldom seen, so slowly learnt


def test_one_day_moves_the_odds_a_little() -> None:
    before, drawn = GapMap(SHORT), np.tile([0.3, 0.5, 0.2], (40, 1))
    calm, bad = (before.taught(drawn, np.full(40, outcome)) for outcome in (0.0, 1.0))
    said = [float(one.odds(drawn[0])) for one in (calm, before, bad)]
    assert said[0] < said[1] < said[2]
    assert said[1] - said[0] < 0.02
    assert (bad.rates <= 1).all()


def test_an_artifact_of_another_kind_of_map_has_taught_nothing() -> None:
    logistic = {"mean": [-2.5, 0.6], "precision": [[1.0, 0.0], [0.0, 16.0]]}
    assert GapMaps.from_json({SHORT: logistic}).odds(forecast(1), four_to_one) == GapMaps().odds(
        forecast(1), four_to_one
    )


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
    day = Interval(local(1, 0), local(2, 0))
    joined = small_history.joined_rooms("c01", day.start, day.end)
    assert joined  # the simulated center joins rooms early and late
    outcome = Outcome(small_history.known_at(local(2, 12)), joined, "c01", one_to_twenty, day)
    room, spans = next(iter(joined.items()))
    inside = [at for at in outcome.times if any(a <= at < b for a, b in spans)]
    outside = [at for at in outcome.times if not any(a <= at < b for a, b in spans)]
    assert {outcome.short(room, at) for at in inside} == {None}
    assert {outcome.short(room, at) for at in outside} <= {True, False}

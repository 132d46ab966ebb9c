"""The odds of a gap ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from evaluator import BookedExpectation, ForecastExpectation, look_ahead
from evaluator.expectations import Ages
from forecasting.forecast import Forecast

INFANTS = [f"i{n}" for n in range(1, 7)]


class Certain:
    """An expectation without doubt: so many infants in r1, nobody elsewhere."""

    model = "certain"

    def __init__(self, count: int) -> None:
        self.count = count

    def ages(self, room_id: str, at: datetime, n: int) -> Sequence[Ages]:
        return [(6,) * self.count if room_id == "r1" else ()] * n

    def drivers(self, room_id: str, at: datetime) -> list[str]:
        return []


def odds(house: Any, expectation: Any, clock: str) -> dict[tuple[str, int], float]:
    risks = look_ahead(house.state, house.facts, house.book, expectation, house.at(clock))
    return {(risk.room_id, risk.horizon_minutes): risk.odds for risk in risks}


def test_an_adult_whose_shift_ends_makes_a_gap_likely_and_is_named_as_its_cause(house: Any) -> None:
    house.knows(shifts=(house.shift("ana", "07:00", "15:00"),))
    house.adult("ana", "r1")
    house.children("r1", INFANTS[:3])
    risks = look_ahead(house.state, house.facts, house.book, Certain(3), house.at("14:40"))
    later = next(risk for risk in risks if (risk.room_id, risk.horizon_minutes) == ("r1", 30))
    assert later.odds > 0.8
    assert later.cause == "shift_end"
    assert "ana's shift ends at 15:00" in later.sentence
    assert odds(house, Certain(3), "14:40")["r1", 15] == 0


def test_a_covered_break_is_no_risk_and_an_uncovered_one_is(house: Any) -> None:
    house.knows(shifts=(house.shift("ana", "07:00", "16:00", breaks="12:00-12:30"),))
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    assert odds(house, Certain(3), "11:50")["r1", 15] < 0.2
    house.tell("clock_out", "11:51", staff_id="bea")
    assert odds(house, Certain(3), "11:52")["r1", 15] > 0.8


def test_an_adult_who_is_due_is_expected_but_not_counted_on_blindly(house: Any) -> None:
    house.knows(shifts=(house.shift("ana", "08:00", "16:00"),))
    before = odds(house, Certain(2), "07:50")["r1", 15]
    assert 0.01 < before < 0.25
    # Half an hour late without a word: a call-out has become the likelier reading.
    assert odds(house, Certain(2), "08:40")["r1", 15] > 0.5


def test_more_children_never_lower_the_odds(house: Any) -> None:
    house.knows(shifts=(house.shift("ana", "07:00", "15:00"), house.shift("bea", "07:00", "16:00")))
    house.adult("ana", "r1")
    house.adult("bea", "r1")
    values = [odds(house, Certain(count), "14:40")["r1", 30] for count in range(11)]
    assert values == sorted(values)
    assert values[0] == 0


def test_an_infant_who_is_due_in_a_combined_room_of_older_children_is_warned_of(house: Any) -> None:
    house.knows(bookings=(house.booking("i1", "r1", came="07:00"),))
    for name in ("ana", "bea", "cleo", "dan"):
        house.adult(name, "r2")
    house.tell("rooms_combined", "07:00", room_id="r2", room_ids=("r1", "r2"))
    house.children("r2", [f"t{n}" for n in range(1, 13)], "07:05")  # from 13 in the building on Texas keeps them apart
    now = house.at("07:10")
    risks = look_ahead(house.state, house.facts, house.book, BookedExpectation(house.state, house.facts, now), now)
    risk = next(risk for risk in risks if risk.horizon_minutes == 30)
    assert risk.group_odds > 0.6
    assert risk.odds == 0  # nobody will be missing


def test_the_fallback_keeps_those_present_and_adds_those_booked(house: Any) -> None:
    house.knows(bookings=tuple(house.booking(child, "r1", came="08:30") for child in INFANTS))
    house.children("r1", INFANTS[:2], "08:00")
    expectation = BookedExpectation(house.state, house.facts, house.at("08:10"))
    chances = expectation.chances("r1", house.at("08:40"))
    assert chances["i1"] == pytest.approx(1.0, abs=0.01)
    assert 0.4 < chances["i3"] < 0.9
    coming = round(4 * chances["i3"])
    assert expectation.drivers("r1", house.at("08:40")) == [f"about {coming} more to arrive"]
    draws = expectation.ages("r1", house.at("08:40"), 500)
    mean = sum(map(len, draws)) / 500
    assert mean == pytest.approx(sum(chances.values()), abs=0.3)
    assert all(age == 7 for draw in draws for age in draw)


def test_absent_children_and_those_who_have_left_are_not_expected(house: Any) -> None:
    house.knows(
        bookings=(house.booking("i1", "r1", status="absent"), house.booking("i2", "r1"), house.booking("i3", "r1"))
    )
    house.children("r1", ["i2"], "08:00")
    house.tell("check_out", "08:30", child_id="i2", room_id="r1")
    chances = BookedExpectation(house.state, house.facts, house.at("08:31")).chances("r1", house.at("09:00"))
    assert set(chances) == {"i3"}


def test_equal_input_gives_equal_odds(house: Any) -> None:
    house.knows(bookings=tuple(house.booking(child, "r1", came="08:30") for child in INFANTS))
    house.adult("ana", "r1")
    first = odds(house, BookedExpectation(house.state, house.facts, house.at("08:10")), "08:10")
    assert first == odds(house, BookedExpectation(house.state, house.facts, house.at("08:10")), "08:10")


class Bands:
    """As much of a forecast as is used: r1 holds 2 infants and 1 child of unknown age at 08:15, 3 at 08:30."""

    model = "bands"
    room_ids = ("r1",)
    bands = ("0-11", "60+", "unknown")

    def __init__(self, times: tuple[datetime, ...]) -> None:
        self.times = times

    def samples_by_band(self, n: int, seed: int) -> Any:
        return np.tile(np.array([[[2, 0, 1], [3, 1, 0]]]), (n, 1, 1, 1))

    def drivers(self, room_id: str, target_time: datetime) -> list[str]:
        return [f"driver of {target_time:%H:%M}"]


def test_a_forecast_by_age_band_counts_each_child_as_the_youngest_of_its_band(house: Any) -> None:
    times = (house.at("08:15"), house.at("08:30"))
    expectation = ForecastExpectation(Bands(times), house.facts, n=5)
    assert expectation.ages("r1", house.at("08:10"), 5) == [(0, 0, None)] * 5
    assert expectation.ages("r1", house.at("08:20"), 5)[0] == (0, 0, 0, 60)
    assert expectation.ages("r2", house.at("08:20"), 5)[0] == ()
    assert expectation.drivers("r1", house.at("08:30")) == [f"driver of {house.at('08:30'):%H:%M}"]


def test_a_real_forecast_without_bands_counts_children_as_the_youngest_of_the_room(house: Any) -> None:
    pmf = np.zeros((1, 1, 5))
    pmf[0, 0, 3] = 1.0
    forecast = Forecast("c", house.at("08:00"), ("r2",), (house.at("08:15"),), pmf, "test")
    assert set(ForecastExpectation(forecast, house.facts, n=4).ages("r2", house.at("08:15"), 4)) == {(24, 24, 24)}

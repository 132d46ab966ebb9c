from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import BadInput
from forecasting.counts import CountModel, Weather, backtest, read_weather, scored, summary
from forecasting.counts.features import Features, examples
from forecasting.counts.grid import grids, horizon
from tests.forecasting.counts.conftest import world


@pytest.fixture(scope="module")
def rainy() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts that rain halves, and the rain of each day."""
    frame = world(days=84, rooms=1)
    days = pd.date_range(frame["ts"].min(), periods=84, freq="D")
    rain = np.random.default_rng(8).random(84) < 0.4
    wet = pd.Series(rain, days).reindex(frame["ts"].dt.normalize()).to_numpy()
    frame["count"] = np.where(wet, frame["count"] // 4, frame["count"])
    return frame, pd.DataFrame({"rain": rain.astype(float)}, days)


def test_a_week_ahead_gains_from_weather_known_ahead(rainy: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame, table = rainy
    dry, wet = (
        summary(scored(backtest(frame, ["7d"], "14d", weather=weather, retrain="28d"))).set_index("model")["pinball"]
        for weather in (None, Weather(table, known_ahead=True))
    )
    assert wet["ratiocast"] < 0.9 * dry["ratiocast"]
    assert wet["ratiocast"] < 0.85 * wet["mean4"]


def test_weather_that_was_not_known_ahead_is_read_up_to_the_origin(counts_world: pd.DataFrame) -> None:
    frame = counts_world
    hourly = pd.DataFrame({"heat": np.arange(70.0 * 24)}, pd.date_range(frame["ts"].min(), periods=70 * 24, freq="h"))
    for known_ahead, moved in ((False, 0), (True, 5)):
        grid = grids(frame, weather=Weather(hourly, known_ahead))[0]
        pairs = examples(grid, horizon("5h", 60), 1000, 1100)
        values = Features(grid).matrix(pairs, short=True)
        assert (values["weather_heat"][:, 0] == pairs.origin + moved).all()
        assert (values["weather_heat_change"] == 168).all()


def test_planting_later_weather_changes_nothing_unless_known_ahead(rainy: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame, table = rainy
    cut = frame["ts"].max().normalize()
    planted = table.assign(rain=table["rain"].where(table.index < cut, 99.0))
    answers = []
    for one in (table, planted):
        found = backtest(frame, ["1h"], "7d", weather=Weather(one, known_ahead=False))
        answers.append(found[found["origin"] < cut])
    pd.testing.assert_frame_equal(*answers)


def test_a_forecast_goes_on_when_the_weather_is_missing(rainy: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame, table = rainy
    until = pd.Timestamp("2024-03-20 10:00")
    known = frame[frame["ts"] <= until]
    model = CountModel.train(frame, until, ["7d"], weather=Weather(table, known_ahead=True))
    answers = model.forecast(known, until, [until + pd.Timedelta(days=2)])
    assert (answers["model"] == "ratiocast").all()
    assert not answers["q50"].isna().any()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,rain\n2024-01-01,1\n", "is not a file of weather"),
        ("timestamp,rain\nyesterday,1\n", "must hold local times"),
        ("timestamp,rain\n2024-01-01,1\n2024-01-01,2\n", "stands twice"),
        ("timestamp,rain\n2024-01-01,wet\n", "column 'rain' must hold numbers"),
        ("timestamp\n2024-01-01\n", "no column of numbers"),
    ],
)
def test_bad_weather_files_are_refused_with_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "weather.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=says):
        read_weather(path, known_ahead=True)
    with pytest.raises(BadInput, match="cannot be read"):
        read_weather(tmp_path / "none.csv", known_ahead=True)


def test_a_reading_stands_for_two_steps_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("timestamp,heat\n2024-01-01 00:00,1\n2024-01-01 01:00,\n2024-01-01 02:00,3\n")
    times = pd.DatetimeIndex(["2024-01-01 00:30", "2024-01-01 01:30", "2024-01-01 04:00", "2024-01-01 04:15"])
    found = read_weather(path, known_ahead=False).at(times)["weather_heat"]
    np.testing.assert_array_equal(found, [1.0, np.nan, 3.0, np.nan])

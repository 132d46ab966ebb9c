"""Weather of centers from a file: learnt where it matters, never read before it was known."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import BadInput, LeakageError
from forecasting import History, showup, train
from forecasting.covariates import Weather
from forecasting.weather import EVERYWHERE, CenterWeather, read_center_weather
from tests.forecasting.conftest import ORIGIN, START, WEEKS, local

DAYS = [START + timedelta(days=n) for n in range(WEEKS * 7)]
WET = {day for n, day in enumerate(DAYS) if (n * 7) % 5 in (0, 1)}  # two of five
NOON = local(2, 11)


def rain(wet: set[date], *, ahead: bool) -> CenterWeather:
    table = pd.DataFrame({"rain": [10.0 * (day in wet) for day in DAYS]}, index=pd.to_datetime(pd.Series(DAYS)))
    return CenterWeather({EVERYWHERE: Weather(table, ahead)})


@pytest.fixture(scope="module")
def rainy(small_frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The center, but on wet days every other child stays at home."""
    frames = dict(small_frames)
    for name, column in (("stays", "start"), ("events", "happened_at")):
        rows = small_frames[name]
        day = rows[column].dt.tz_convert("America/Chicago").dt.date
        home = rows["child_id"].astype(str).str[-1].isin(list("02468"))
        frames[name] = rows[~(home & day.isin(WET))]
    return frames


def test_children_who_stay_at_home_in_the_rain_are_not_expected_then(
    rainy: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showup, "FEWEST_ROWS", 500)  # twelve weeks are short
    history = History(rainy, rain(WET, ahead=True))
    model = train(history, ORIGIN)
    assert model.card["features"]["show_up"][-1] == "rain"
    target = NOON.date()
    means = {}
    for name, wet in (("dry", WET - {target}), ("wet", WET | {target})):
        known = History(rainy, rain(wet, ahead=True)).known_at(ORIGIN)
        forecast = model.forecast_week(known, ORIGIN, [NOON])
        means[name] = sum(forecast.mean(room, NOON) for room in forecast.room_ids)
    assert means["wet"] < 0.8 * means["dry"]
    unknown = model.forecast_week(History(rainy).known_at(ORIGIN), ORIGIN, [NOON])
    assert np.isfinite(unknown.pmf).all()  # a model that knows rain, and no file of it


def test_readings_are_not_known_before_their_day(rainy: dict[str, pd.DataFrame]) -> None:
    monday = ORIGIN.date()
    for ahead, told in ((True, 10.0), (False, 0.0)):
        known = History(rainy, rain({monday}, ahead=ahead)).known_at(ORIGIN)
        seen = known.weather("c01", monday).seen_from(monday, monday, ["rain"])
        assert seen.tolist() == [told]
    with pytest.raises(LeakageError, match="not yet known"):
        known.weather("c01", monday + timedelta(days=3))


def test_a_file_may_tell_centers_apart(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("center_id,timestamp,heat\nc1,2026-03-02 08:00,4\nc1,2026-03-02 22:00,99\nc2,2026-03-02 00:00,7\n")
    weather = read_center_weather(path, known_ahead=True)
    day = date(2026, 3, 2)
    heat = [weather.known_on(c, day).seen_from(day, day, ["heat", "snow"]) for c in ("c1", "c2", "c3")]
    assert [row[0] for row in heat[:2]] == [4.0, 7.0]  # by day, where the file tells the hour
    assert np.isnan(heat[2]).all()
    assert np.isnan([row[1] for row in heat]).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("center_id,timestamp,heat\n,2026-03-02,1\n", "must name a center"),
        ("center_id,heat\nc1,1\n", "'timestamp' must hold"),
        ("timestamp,heat\n2026-03-02,warm\n", "must hold numbers"),
    ],
)
def test_a_bad_file_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text(content)
    with pytest.raises(BadInput, match=message):
        read_center_weather(path, known_ahead=False)
    with pytest.raises(BadInput, match="cannot be read"):
        read_center_weather(tmp_path / "none.csv", known_ahead=False)

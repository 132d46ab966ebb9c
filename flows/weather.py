"""The weather of centers, kept in the data folder, so that training, forecasts, plans and the service read the same."""

from __future__ import annotations

from pathlib import Path

from domain.errors import BadInput
from flows.artifacts import write_file
from forecasting.weather import CenterWeather, read_center_weather

FOLDER = "weather"
NAMES = {True: "forecasts.csv", False: "readings.csv"}  # by whether each origin knew the weather of its targets


def keep_weather(data_dir: Path, file: Path, *, known_ahead: bool) -> None:
    """A file of weather takes the place of the one kept before; BadInput, and nothing changed, if it is none."""
    read_center_weather(file, known_ahead=known_ahead)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}") from error
    write_file(data_dir / FOLDER / NAMES[known_ahead], content)
    (data_dir / FOLDER / NAMES[not known_ahead]).unlink(missing_ok=True)


def kept_weather(data_dir: Path) -> CenterWeather | None:
    """The weather kept last, or None. Forecasts come before readings; an unreadable file raises BadInput."""
    for known_ahead, name in NAMES.items():
        path = data_dir / FOLDER / name
        if path.exists():
            return read_center_weather(path, known_ahead=known_ahead)
    return None

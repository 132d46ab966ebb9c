"""The backtest's pictures: files, and a page that stands alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from forecasting.counts.baselines import QUANTILE_COLUMNS
from forecasting.counts.plots import PAGE, draw


def rows() -> pd.DataFrame:
    at = pd.Timestamp("2026-03-02 08:00") + pd.to_timedelta(np.arange(20) * 30, unit="min")
    parts = [
        pd.DataFrame({"site": "Oak & Elm", "horizon": horizon, "model": model, "target_time": at, "actual": 5.0,
                      "error": error, "pinball": error / 3} | dict.fromkeys(QUANTILE_COLUMNS, 5.0))
        for horizon in ("15min", "7d") for model, error in (("last", 3.0), ("ours", 1.0))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_the_page_holds_every_picture_and_needs_no_other_file(tmp_path: Path) -> None:
    written = draw(rows(), tmp_path / "plots")
    page = (tmp_path / "plots" / PAGE).read_text()
    assert [path.suffix for path in written] == [".png"] * 4 + [".html"]
    assert page.count("data:image/png;base64,") == 4
    assert "http" not in page
    assert "<script" not in page


def test_the_page_names_places_safely_and_shows_the_best_model_first(tmp_path: Path) -> None:
    draw(rows(), tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert "<h2>Oak &amp; Elm, 7d ahead</h2>" in page
    first = page.split("<h2>")[1]
    assert first.index("<td>ours</td>") < first.index("<td>last</td>")

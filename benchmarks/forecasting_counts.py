"""Forecasts of count-only rooms on real counts, beside their baselines and, where installed, other forecasters.

`python -m benchmarks.forecasting_counts earlier [HORIZON ...]` measures a week ahead, or what is named, on windows of
four weeks that end earlier, on which choices are made; it prints and stores nothing.

Reads the count files of ../shared/datasets (or RATIOCAST_SHARED); what is not there is skipped with a spoken row.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forecasting.counts import backtest, read_counts, scored, summary
from forecasting.counts.peers import available

SHARED = Path(os.environ.get("RATIOCAST_SHARED", Path(__file__).parents[2] / "shared"))
FILES = (
    ("pool_pl", ("15min", "30min", "7d"), "28d"),
    ("campus_gym_us", ("10min", "30min", "7d"), "28d"),
    ("kindergarten_vilnius_daily", ("1d", "7d"), "14d"),
)
EARLIER_WEEKS = (4, 12, 20)  # before the file ends


def run() -> list[dict[str, Any]]:
    """One row per file, horizon and forecaster: mae, pinball (mean over 0.1, 0.5, 0.9), coverage of the 80 % interval,
    `of_best`: pinball as a share of the best other one's in the same run, `cpu_seconds` of the backtest with all."""
    rows: list[dict[str, Any]] = []
    for name, horizons, last in FILES:
        path = SHARED / "datasets" / f"{name}.parquet"
        if not path.is_file():
            rows.append({"file": name, "note": f"skipped: {path.name} is not in the shared folder"})
            continue
        frame = read_counts(path)
        for horizon in horizons:
            started = time.process_time()
            rows_scored = scored(backtest(frame, [horizon], last, with_peers=available()))
            seconds = time.process_time() - started
            rows += _rows(name, summary(rows_scored).to_dict("records"), seconds)
    return rows


def earlier(horizons: Sequence[str] = ("7d",)) -> list[dict[str, Any]]:
    """Rows as of `run` on the files with months of history, each window trained once; `weeks_before` its end."""
    rows: list[dict[str, Any]] = []
    for name, _, last in FILES[:2]:
        frame = read_counts(SHARED / "datasets" / f"{name}.parquet")
        for weeks in EARLIER_WEEKS:
            past = frame[frame["ts"] < frame["ts"].max().normalize() + pd.Timedelta(days=1 - 7 * weeks)]
            for horizon in horizons:
                scores = summary(scored(backtest(past, [horizon], last, retrain=last, with_peers=available())))
                rows += [row | {"weeks_before": weeks} for row in _rows(name, scores.to_dict("records"), 0)]
    return rows


def _rows(file: str, scores: list[dict[Any, Any]], seconds: float) -> list[dict[str, Any]]:
    best = min(score["pinball"] for score in scores if score["model"] != "ratiocast")
    return [
        {
            "file": file,
            "horizon": score["horizon"],
            "model": score["model"],
            "mae": round(score["mae"], 3),
            "pinball": round(score["pinball"], 3),
            "of_best": round(score["pinball"] / best, 3),
            "coverage": round(score["coverage"], 3),
            "n": score["n"],
            "cpu_seconds": round(seconds) if score["model"] == "ratiocast" else "",
        }
        for score in scores
    ]


if __name__ == "__main__":
    from benchmarks.__main__ import main, show

    if sys.argv[1:2] == ["earlier"]:
        show("forecasting_counts, earlier windows", earlier(sys.argv[2:] or ["7d"]))
        raise SystemExit
    raise SystemExit(main(["forecasting_counts"]))

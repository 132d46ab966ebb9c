"""What both backtests show: what is saved over each other model, and pictures."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd

from cli.output import print_table, writing


def show_significance(tests: pd.DataFrame, model: str, place: str = "site") -> None:
    """`place` is what the column `site` holds."""
    print_table(
        f"Pinball loss saved by {model}, paired by day (bootstrap interval, Diebold-Mariano p)",
        [place, "horizon", "beside", "saved", "95 % from", "to", "p"],
        [
            [row.site, row.horizon, row.other, f"{row.gain:.1%}", f"{row.low:.1%}", f"{row.high:.1%}", f"{row.p:.2g}"]
            for row in tests.itertuples()
        ],
    )


def drawn(rows: pd.DataFrame, folder: Path) -> list[str]:
    """Reliability and error plots in the folder, told as notes; without matplotlib a note that says so."""
    if not importlib.util.find_spec("matplotlib"):
        return ["the plots are left out: matplotlib is not installed; install ratiocast[notebooks] to see them"]
    from forecasting.counts.plots import draw

    with writing(folder):
        return [f"written: {path}" for path in draw(rows, folder)]

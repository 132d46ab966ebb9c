"""Pictures of a backtest: are the quantiles reliable, and when is the error large?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS


def draw(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """One reliability and one error plot per site and horizon of the scored rows; returns the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for (site, horizon), part in rows.groupby(["site", "horizon"], sort=False):
        stem = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in f"{site}_{horizon}")
        for kind, plot in (("reliability", _reliability), ("error", _error)):
            path = folder / f"{stem}_{kind}.png"
            plot(part, f"{site}, {horizon} ahead", path)
            written.append(path)
    return written


def _reliability(part: pd.DataFrame, title: str, path: Path) -> None:
    """Share of counts at or below each quantile, against the share it promises."""
    figure, axes = _figure(title, "promised share below", "observed share below")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for model, own in part.groupby("model", sort=False):
        actual = own["actual"].to_numpy()
        known = [name for name in QUANTILE_COLUMNS if own[name].notna().all()]
        levels = [LEVELS[QUANTILE_COLUMNS.index(name)] for name in known]
        below = [np.mean((actual < own[name]) + 0.5 * (actual == own[name])) for name in known]
        axes.plot(levels, below, marker="o", markersize=3, label=str(model))
    axes.legend()
    figure.savefig(path)


def _error(part: pd.DataFrame, title: str, path: Path) -> None:
    """Mean absolute error by hour of the day."""
    figure, axes = _figure(title, "hour of the day (local)", "mean absolute error, persons")
    for model, own in part.groupby("model", sort=False):
        by_hour = own.groupby(own["target_time"].dt.hour)["error"].mean()
        axes.plot(by_hour.index, by_hour.to_numpy(), marker="o", markersize=3, label=str(model))
    axes.legend()
    figure.savefig(path)


def _figure(title: str, x: str, y: str):  # type: ignore[no-untyped-def]  # matplotlib is optional and untyped here
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
    return figure, axes

"""Pictures of a backtest: are the quantiles reliable, and when is the error large?

As PNG files, and all together as one page, `backtest.html`, that needs nothing else: no script, no file beside it.
"""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.counts.baselines import LEVELS, QUANTILE_COLUMNS

PAGE = "backtest.html"
_LOOK = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1d2733}"
    "figure{display:inline-block;margin:0 1rem 1rem 0}img{max-width:100%}table{border-collapse:collapse}"
    "th,td{padding:.2rem .8rem .2rem 0;text-align:right}th:first-child,td:first-child{text-align:left}"
    "@media(prefers-color-scheme:dark){body{background:#14181d;color:#e4e8ec}img{filter:invert(.9) hue-rotate(180deg)}}"
)


def draw(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """One reliability and one error plot per site and horizon of the scored rows, and a page with all of them; returns
    the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written, parts = [], []
    for (site, horizon), part in rows.groupby(["site", "horizon"], sort=False):
        stem = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in f"{site}_{horizon}")
        for kind, plot in (("reliability", _reliability), ("error", _error)):
            path = folder / f"{stem}_{kind}.png"
            plot(part, f"{site}, {horizon} ahead", path)
            written.append(path)
        parts.append(_section(f"{site}, {horizon} ahead", part, written[-2:]))
    page = folder / PAGE
    page.write_text(_page(parts), encoding="utf-8")
    return [*written, page]


def _page(parts: list[str]) -> str:
    head = f'<meta charset="utf-8"><title>Backtest</title><style>{_LOOK}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>Backtest</h1>{"".join(parts)}</body></html>\n'


def _section(title: str, part: pd.DataFrame, pictures: list[Path]) -> str:
    """The means of every model, the best first, and the pictures."""
    means = part.groupby("model")[["error", "pinball"]].mean().sort_values("pinball")
    cells = [
        f"<tr><td>{escape(str(row.Index))}</td><td>{row.error:.3f}</td><td>{row.pinball:.4f}</td></tr>"
        for row in means.itertuples()
    ]
    table = f"<table><tr><th>model</th><th>MAE</th><th>pinball</th></tr>{''.join(cells)}</table>"
    shown = [
        f'<figure><img alt="{escape(title)}: {path.stem.rsplit("_", 1)[1]}" src="data:image/png;base64,'
        f'{base64.b64encode(path.read_bytes()).decode()}"></figure>'
        for path in pictures
    ]
    return f"<h2>{escape(title)}</h2>{table}{''.join(shown)}"


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

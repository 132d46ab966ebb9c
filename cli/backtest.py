"""Commands: backtest counts | center."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from cli.backtest_tables import drawn, show_significance
from cli.output import print_json, print_table, progress_console, require_place_for, writing
from domain.errors import BadInput

_MODEL = "ratiocast"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Forecasts of the past, by rolling origins, beside their baselines.", no_args_is_help=True)
    group.command(name="counts")(backtest_counts)
    if importlib.util.find_spec("cli.backtest_center"):
        importlib.import_module("cli.backtest_center").register(group)
    app.add_typer(group, name="backtest")


def backtest_counts(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV: site, room, ts (naive local), count, and extras.")],
    horizons: Annotated[str, typer.Option(help="Spans of time, separated by commas.")] = "15min,30min,7d",
    origins_last: Annotated[str, typer.Option(help="Forecast the targets of this last span of the file.")] = "28d",
    out: Annotated[Path | None, typer.Option(help="Write every forecast to this Parquet file.")] = None,
    retrain: Annotated[str, typer.Option(help="Train anew this often; default: 7d.")] = "",
    known_ahead: Annotated[
        str | None,
        typer.Option(help="Columns that are calendar facts; default: holiday..., closed..., vacation..., term..."),
    ] = None,
    country: Annotated[str, typer.Option(help="ISO code: adds its public holidays if the file has none.")] = "",
    weather: Annotated[
        Path | None, typer.Option(help="CSV of the site's weather: timestamp (naive local), then numbers.")
    ] = None,
    weather_known_ahead: Annotated[
        bool, typer.Option("--weather-known-ahead", help="Each origin knew the weather of its targets.")
    ] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Score other forecasters too (extra 'peers').")] = False,
    plots: Annotated[
        Path | None, typer.Option(help="Write reliability and error plots (PNG, and one HTML page) to this folder.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the model.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forecast the last weeks of a file of counts from what each origin knew, and score it beside the baselines."""
    from forecasting.counts import backtest, health, read_counts, read_weather, scored, significance, summary
    from forecasting.counts.grid import grid_minutes, horizon
    from forecasting.counts.peers import MISSING, available

    require_place_for(out)
    if country:
        _require_country(country)
    frame = read_counts(file)
    names = [name.strip() for name in horizons.split(",") if name.strip()]
    if not names:
        raise BadInput("no horizon is given; write for example --horizons 15min,30min,7d")
    notes = [note for name in names if (note := horizon(name, grid_minutes(frame["ts"])).note)]
    if peers and not available():
        notes.append(MISSING)
    table = backtest(
        frame,
        names,
        origins_last,
        known_ahead=None if known_ahead is None else [name for name in known_ahead.split(",") if name],
        country=country,
        weather=None if weather is None else read_weather(weather, known_ahead=weather_known_ahead),
        retrain=retrain,
        with_peers=peers and available(),
        seed=seed,
        progress=progress_console.print,
    )
    if out is not None:
        with writing(out):
            table.to_parquet(out, index=False)
    rows = scored(table)
    if plots is not None:
        notes += drawn(rows, plots)
    scores, tests, rooms = summary(rows), significance(rows, _MODEL), health(table)
    notes += [one.sentence for one in rooms if one.fallen_back]
    if as_json:
        tables = {"scores": scores.to_dict("records"), "significance": tests.to_dict("records")}
        print_json({"notes": notes, **tables, "rooms": [asdict(one) for one in rooms]})
        return
    _print(scores, tests, notes)


def _require_country(code: str) -> None:
    """BadInput even where the file has holidays of its own and the country would not be asked."""
    import holidays

    try:
        holidays.country_holidays(code)
    except NotImplementedError as error:
        raise BadInput(
            f"--country: the public holidays of '{code}' are not known; give an ISO code such as US"
        ) from error


def _print(scores: pd.DataFrame, tests: pd.DataFrame, notes: list[str]) -> None:
    for note in notes:
        progress_console.print(note)
    print_table(
        "Scores on open slots (pinball: mean over 0.1, 0.5, 0.9; coverage of the 80 % interval)",
        ["site", "horizon", "model", "MAE", "pinball", "coverage", "n"],
        [
            [row.site, row.horizon, row.model, f"{row.mae:.3f}", f"{row.pinball:.3f}", f"{row.coverage:.3f}", row.n]
            for row in scores.itertuples()
        ],
    )
    show_significance(tests, _MODEL)

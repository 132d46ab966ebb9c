"""Command: backtest center."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from cli.backtest_tables import drawn, show_significance
from cli.output import print_json, print_table, progress_console, require_place_for, writing
from domain.errors import BadInput
from storage.settings import load_settings

_SHOWN_ROWS = 20
_LEARNED_DAYS = 7  # before the first day scored, which is forecast a week ahead too


def register(group: typer.Typer) -> None:
    """Add the command to the group `backtest`."""
    group.command(name="center")(backtest_center)


def backtest_center(
    questions: Annotated[
        Path | None, typer.Option(help="CSV or Parquet: center_id, room_id, origin, target_time (UTC). Answer these.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write every answer to this .csv or .parquet file.")] = None,
    center: Annotated[str | None, typer.Option(help="Without questions: this center alone.")] = None,
    last_days: Annotated[int, typer.Option(min=1, help="Without questions: days at the end of the history.")] = 14,
    retrain_weekly: Annotated[bool, typer.Option("--retrain-weekly", help="Train anew at each later week.")] = False,
    weather: Annotated[
        Path | None,
        typer.Option(help="CSV of the weather: timestamp (naive local), then numbers; center_id where it differs."),
    ] = None,
    weather_known_ahead: Annotated[
        bool, typer.Option("--weather-known-ahead", help="Each origin knew the weather of its targets.")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option(help="Write reliability and error plots (PNG, and one HTML page) to this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forecast a center's past from what each origin knew.

    With --questions: exactly those rows are answered, by a model trained only on what was known before the earliest
    origin. Without: every room and slot of the last days, 15 and 30 minutes and 7 days ahead, beside the baselines,
    with what is saved over each of them, paired by day.
    """
    from forecasting import History
    from forecasting.backtest import answer, checked, compared, recorded_counts, rolling_questions, scores
    from forecasting.baselines import NAMES
    from forecasting.counts import significance
    from forecasting.weather import read_center_weather
    from storage.reader import open_reader

    require_place_for(out)
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise BadInput(f"{out} has neither the ending .csv nor .parquet")
    found_weather = None if weather is None else read_center_weather(weather, known_ahead=weather_known_ahead)
    with open_reader(load_settings().data_dir) as reader:
        frames = reader.frames()
    history = History(frames, found_weather)
    if questions is not None:
        asked = checked(_read(questions))
        with progress_console.status(f"answering {len(asked)} questions ..."):
            table = answer(history, asked, retrain_weekly=retrain_weekly)
        _show_answers(table, out, as_json=as_json)
        return
    _require_history(frames["stays"], last_days, center)
    asked = rolling_questions(history, timedelta(days=last_days), center)
    with progress_console.status(f"answering {len(asked)} questions, beside {len(NAMES)} baselines ..."):
        truth = recorded_counts(history, asked).to_numpy()
        table = answer(history, asked, baselines=NAMES, retrain_weekly=retrain_weekly, truth=truth)
    if out is not None:
        _write(table, out)
    found, rows = scores(table, table["actual"]), compared(history, table)
    tests = significance(rows, "ratiocast")
    notes = [] if plots is None else drawn(rows, plots)
    if as_json:
        print_json({"notes": notes, "scores": found.to_dict("records"), "significance": tests.to_dict("records")})
        return
    for note in notes:
        progress_console.print(note)
    _show_scores(found, tests)


def _require_history(stays: pd.DataFrame, last_days: int, center: str | None) -> None:
    """BadInput where less than a week of the history lies before the days asked for."""
    starts = (stays if center is None else stays[stays["center_id"] == center])["start"]
    if starts.empty:  # said by whoever asks for the days
        return
    days = (starts.max() - starts.min()).days + 1
    if days < last_days + _LEARNED_DAYS:
        most = days - _LEARNED_DAYS
        then = f"ask for at most {most}" if most > 0 else "ingest more of the past first"
        raise BadInput(
            f"--last-days: the history is {days} days long, so its last {last_days} leave less than a week to learn "
            f"from; {then}"
        )


def _show_scores(found: pd.DataFrame, tests: pd.DataFrame) -> None:
    print_table(
        "Scores on recorded headcounts of opening hours (pinball: mean over 0.1, 0.5, 0.9; coverage: inside q10..q90; "
        "whole: inside the whole-number interval nearest to 80 %; PIT: transforms in 0.1..0.9)",
        ["horizon", "model", "MAE", "pinball", "coverage", "whole", "PIT", "n"],
        [
            [r.horizon, r.model, f"{r.mae:.3f}", f"{r.pinball:.4f}", f"{r.cov80:.3f}", f"{r.whole80:.3f}",
             f"{r.pit80:.3f}", r.n]
            for r in found.itertuples()
        ],
    )  # fmt: skip
    show_significance(tests, "ratiocast", "center")


def _show_answers(table: pd.DataFrame, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        _write(table, out)
    if as_json:
        print_json(table.to_dict("records"))
        return
    print_table(
        f"{len(table)} answers" + (f", the first {_SHOWN_ROWS}" if len(table) > _SHOWN_ROWS else ""),
        ["room", "origin", "target", "10 %", "median", "90 %", "mean"],
        [
            [r.room_id, f"{r.origin:%Y-%m-%d %H:%M}Z", f"{r.target_time:%Y-%m-%d %H:%M}Z", f"{r.q10:g}", f"{r.q50:g}",
             f"{r.q90:g}", f"{r.mean:.2f}"]
            for r in table.head(_SHOWN_ROWS).itertuples(index=False)
        ],
    )  # fmt: skip


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as questions: {error}; give a CSV or Parquet file") from error


def _write(table: pd.DataFrame, out: Path) -> None:
    with writing(out):
        if out.suffix == ".parquet":
            table.to_parquet(out, index=False)
        else:
            table.to_csv(out, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")

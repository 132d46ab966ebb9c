"""Commands: ingest, import, train, forecast, plan, flows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.output import print_json, print_table, progress_console, require_place_for
from cli.progress import Bars
from domain.errors import BadInput
from domain.time import format_instant, parse_instant
from storage.settings import Settings, load_settings

LEFT_OUT = 3  # exit status: done, but with something left out that standard error names
_JSON = typer.Option("--json", help="Print JSON.")
_WEATHER = typer.Option(
    help="CSV of the weather, kept for later runs: timestamp (naive local), then numbers; center_id where it differs."
)
_KNOWN_AHEAD = typer.Option("--weather-known-ahead", help="The file holds forecasts: each day's was known before it.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="ingest")(ingest)
    app.add_typer(_imports, name="import")
    app.command(name="train")(train)
    app.add_typer(_forecasts, name="forecast")
    app.command(name="plan")(plan)
    app.add_typer(_flows, name="flows")


_imports = typer.Typer(help="Bring in files: head counts of rooms, or attendance of any platform.")
_forecasts = typer.Typer()
_flows = typer.Typer(help="Run the pipeline's flows with Prefect, once or on a schedule.")


def ingest(
    platform_url: Annotated[str, typer.Option(help="Address of the platform's API.")] = "",
    token: Annotated[str, typer.Option(help="Read-only token (better: RATIOCAST_PLATFORM_TOKEN).")] = "",
    feed: Annotated[str, typer.Option(help="Folder or URL of the data feed; {year}, {month:02d}, {day:02d}.")] = "",
    since: Annotated[str, typer.Option(help="How far back the first read of a center goes, e.g. 2026-01-01.")] = "",
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Read the platform (or its data feed) into the warehouse, make stays and headcounts, publish."""
    if feed and platform_url:
        raise BadInput("give either --platform-url or --feed, not both")
    given: dict[str, object] = {"feed_path": feed, "platform_url": ""} if feed else {}
    given |= {"platform_url": platform_url} if platform_url else {}
    given |= {"platform_token": token} if token else {}
    from flows.steps import run_build, run_ingest, run_publish

    first = _since(since)
    with Bars() as bars:
        run = _run(load_settings(**given), bars)
        told = {"ingest": run_ingest(run, first), "build": run_build(run), "publish": run_publish(run)}
    read, built = told["ingest"], told["build"]
    if as_json:
        print_json(told)
    else:
        print_table(
            "Ingested",
            ["centers", "new events", "changed rows", "rebuilt", "doubtful stays", "snapshot"],
            [
                (len(read["centers"]), read["new_events"], read["changed_rows"], len(built["built"]),
                 built["doubtful_stays"], told["publish"]["version"])
            ],
        )  # fmt: skip
    _end(told)


@_imports.command("counts")
def import_counts(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, NDJSON or Parquet with ts (local), count, site, room.")],
    site: Annotated[str, typer.Option(help="The site, where the file has no such column.")] = "",
    room: Annotated[str, typer.Option(help="The room, where the file has no such column.")] = "",
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Import head counts of rooms; a count given before for the same room and time is replaced."""
    from flows.steps import run_import_counts

    _tell("Imported", run_import_counts(_run(load_settings()), file, site, room), as_json)


@_imports.command("attendance")
def import_attendance(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, NDJSON or Parquet, one row per visit of a child.")],
    map_file: Annotated[Path, typer.Option("--map", help="TOML that names the columns and describes the center.")],
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Import attendance from any platform's export, make stays and headcounts, publish."""
    from flows.steps import run_import_attendance

    told = run_import_attendance(_run(load_settings()), file, map_file)
    _tell("Imported", told, as_json)
    _end(told)


def train(
    weather: Annotated[Path | None, _WEATHER] = None,
    weather_known_ahead: Annotated[bool, _KNOWN_AHEAD] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Train the forecasting model on everything ingested."""
    from flows.steps import run_train, take_weather

    run = _run(load_settings())
    take_weather(run, weather, known_ahead=weather_known_ahead)
    with progress_console.status("Training ..."):
        told = run_train(run)
    _tell("Trained", told, as_json)


@_forecasts.callback(invoke_without_command=True)
def forecast(
    context: typer.Context,
    horizon: Annotated[str, typer.Option(help="15min, 30min or week; all three when not given.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the table to this Parquet file as well.")] = None,
    weather: Annotated[Path | None, _WEATHER] = None,
    weather_known_ahead: Annotated[bool, _KNOWN_AHEAD] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Forecast the headcounts of every room: the next 30 minutes and the next two weeks.

    Forecasts of days gone by are reviewed first; where the model was worse than a plain rule, that rule stands in.
    """
    if context.invoked_subcommand is not None:
        return
    from flows.forecast import HORIZONS
    from flows.steps import forecast_table, run_forecast, take_weather

    require_place_for(out)
    horizons = (horizon,) if horizon else HORIZONS
    with Bars() as bars:
        run = _run(load_settings(), bars)
        take_weather(run, weather, known_ahead=weather_known_ahead)
        told = run_forecast(run, horizons)
    table = forecast_table(run, horizons, out)
    _warn(told["stand_ins"])
    if as_json:
        print_json(told | {"forecasts": table.to_dict("records")})
        return
    soon = table[table["horizon"].isin(["15min", "30min"])].to_dict("records")
    print_table(
        f"Forecast at {format_instant(told['origin'])}",
        ["center", "room", "at", "q10", "q50", "q90", "mean", "model"],
        [
            (row["center_id"], row["room_id"], format_instant(row["target_time"]), row["q10"], row["q50"], row["q90"],
             f"{row['mean']:.1f}", row["model"])
            for row in soon
        ],
    )  # fmt: skip
    print_table("Kept", ["rows", "folder"], [(told["rows"], told["folder"])])


@_forecasts.command("health")
def forecast_health(
    center: Annotated[str, typer.Option(help="This center alone.")] = "",
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """How the forecasts of the last four weeks did, per room and horizon, and where a plain rule stands in."""
    from storage.reader import open_reader

    with open_reader(load_settings().data_dir) as reader:
        if center:
            reader.require_center(center)
        rows = reader.frame("forecast_health", center or None).astype(object)
    found: list[Any] = rows.where(rows.notna(), None).to_dict("records")
    if as_json:
        print_json(found)
        return
    if not found:
        progress_console.print("Nothing has been reviewed yet: a day is, in the first forecast run after it.")
        return
    print_table(
        "Forecasts of the last four weeks against what happened",
        ["center", "room", "horizon", "days", "error", "pinball", "best plain rule", "its pinball", "coverage", "bias",
         "drift", "stands in"],
        [
            (row["center_id"], row["room_id"], row["horizon"], row["days"], f"{row['error']:.2f}", f"{row['loss']:.3f}",
             row["baseline"], f"{row['baseline_loss']:.3f}", f"{row['coverage']:.0%}", f"{row['bias']:+.2f}",
             f"{row['drift']:+.2f}", row["baseline"] if row["fallen_back"] else "")
            for row in found
        ],
    )  # fmt: skip


def plan(
    week: Annotated[str, typer.Option(help="ISO week such as 2026-W48; the next one when not given.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write the plan of a single center to this JSON file as well.")
    ] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Plan the week's coverage of every center from the forecast and the licensing rules."""
    from flows.steps import run_plan

    require_place_for(out)
    with Bars() as bars:
        told = run_plan(_run(load_settings(), bars), week, out)
    if as_json:
        print_json(told)
    else:
        print_table(
            f"Coverage plans of {told['week']}",
            ["center", "version", "status", "gap", "expected shortage (adult-hours)", "moves", "file"],
            [
                (p["center_id"], p["version"], p["status"], p["gap"], p["shortage_hours"], p["assignments"], p["path"])
                for p in told["plans"]
            ],
        )
    _end(told)


@_flows.command("run")
def run_flow(
    name: Annotated[str, typer.Argument(help="ingest, build, publish, train, forecast, plan or refresh.")],
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Run one flow now."""
    from flows import schedule

    with Bars() as bars:
        told = schedule.run_flow(name, _run(load_settings(), bars))
    _tell(f"Flow {name}", told, as_json)
    _end(told)


@_flows.command("serve")
def serve_flows() -> None:
    """Schedule the flows on this machine until interrupted."""
    from flows import schedule

    every = ", ".join(f"{name} every {interval}" for name, interval in schedule.EVERY.items())
    progress_console.print(f"Scheduling {every} (h:mm:ss). Ctrl-C ends it.")
    schedule.serve_flows()


def _run(settings: Settings, progress: Any = None) -> Any:
    from flows.progress import silent
    from flows.steps import open_run

    return open_run(settings, progress or silent)


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        first = parse_instant(text if "T" in text else f"{text}T00:00:00Z")
    except BadInput as error:
        raise BadInput(f"--since: '{text}' is not a day; write it as 2026-01-01") from error
    if first.year < 2000:
        raise BadInput(f"--since: {text} lies before the year 2000; name a later day")
    return first


def _end(told: Mapping[str, Any]) -> None:
    """Say what was left out, of a step or of several, and end with the status of its own."""
    parts = [told, *(part for part in told.values() if isinstance(part, Mapping))]
    problems = [problem for part in parts for problem in part.get("problems", ())]
    _warn(problems)
    if problems:
        raise typer.Exit(LEFT_OUT)


def _warn(problems: Sequence[str]) -> None:
    for problem in problems:
        progress_console.print(Text.assemble(("!", "yellow"), f" {problem}"), soft_wrap=True)


def _tell(title: str, told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        print_table(title, ["what", "value"], _lines(told))


def _lines(told: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, object]]:
    """What a step told, or several steps one after the other, a line each; problems go to standard error."""
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{under}{name}: ")
        elif name != "problems":
            shown = format_instant(value) if isinstance(value, datetime) else value
            yield f"{under}{name}", ", ".join(map(str, shown)) if isinstance(shown, list | tuple) else shown

"""Commands: sandbox."""

from __future__ import annotations

import json
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import progress_console
from domain.errors import BadInput, RatiocastError
from domain.time import format_instant, local_date, local_instant, parse_instant, parse_local_time, zone

if TYPE_CHECKING:
    from sandbox import World


_CLOCK_HELP = "now, a time like 2026-03-02T07:10:00-06:00, or a local time like 10:00 of the last open day."
_FEED_HELP = (
    "Write the history as a data feed into this folder and end; {year}, {month:02d}, {day:02d} may stand in it."
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="sandbox")(run_sandbox)


def run_sandbox(
    centers: Annotated[int, typer.Option(min=1, help="How many centers.")] = 1,
    size: Annotated[str, typer.Option(help="small (3 rooms), medium (6) or large (11).")] = "medium",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same centers and same history.")] = 1,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Weeks of history before the clock.")] = 40,
    state: Annotated[str, typer.Option(help="Postal code of the centers' state, for instance TX.")] = "TX",
    faults: Annotated[str, typer.Option(help="Errors in the record: x0 none, x1 usual, x3 three times.")] = "x1",
    clock: Annotated[str, typer.Option(help=_CLOCK_HELP)] = "now",
    speed: Annotated[float, typer.Option(min=0, help="Simulated seconds per second; 0 stands still.")] = 1.0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8900,
    ready_file: Annotated[Path | None, typer.Option(help="Write one JSON line here once it listens.")] = None,
    feed: Annotated[Path | None, typer.Option(help=_FEED_HELP)] = None,
    feed_format: Annotated[str, typer.Option(help="csv, ndjson, parquet or xlsx.")] = "csv",
    as_json: Annotated[bool, typer.Option("--json", help="Print address and tokens as one JSON line.")] = False,
) -> None:  # fmt: skip
    """Run a double of the childcare platform with simulated centers, or write a data feed as the platform would.

    Serves the API of the platform's contract, sends signed webhooks (POST /control/webhook), and moves its own clock
    (/control/clock). Set RATIOCAST_CLOCK to the clock's URL so that the product lives in the same time.
    """
    from sandbox import Knobs, simulate

    knobs = Knobs(centers=centers, size=size, state=state.upper(), faults=_multiplier(faults))
    now = _clock(clock, knobs.zone_name)
    today = local_date(now, zone(knobs.zone_name))
    start = today - timedelta(days=7 * weeks + today.weekday())
    with progress_console.status(f"Simulating {centers} {size} center(s), {weeks} weeks ..."):
        world = simulate(knobs, seed, start, (today - start).days + 3)
    if feed is not None:
        _write_feed(world, str(feed), feed_format, now, as_json=as_json)
    else:
        _serve(world, now, speed, host, port, ready_file, as_json=as_json)


def _serve(
    world: World, now: datetime, speed: float, host: str, port: int, ready_file: Path | None, *, as_json: bool
) -> None:
    import uvicorn

    from sandbox.app import READ_TOKEN, WRITE_TOKEN, create_app

    listener = _listen(host, port)
    url = f"http://{host}:{listener.getsockname()[1]}"
    ready: dict[str, Any] = {
        "url": url, "clock_url": f"{url}/control/clock", "token": READ_TOKEN, "write_token": WRITE_TOKEN,
        "now": format_instant(now), "speed": speed, "center_ids": [center.center_id for center in world.centers],
    }  # fmt: skip
    app = create_app(world, now=now, speed=speed, seed=world.seed)
    server = _Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=2), ready, ready_file, as_json)
    server.run(sockets=[listener])


class _Server:
    """Uvicorn that tells when it listens, so that a parent may wait for it."""

    def __init__(self, config: Any, ready: dict[str, Any], ready_file: Path | None, as_json: bool) -> None:
        import uvicorn

        outer = self

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                outer.tell()

        self._server, self._ready, self._file, self._as_json = Server(config), ready, ready_file, as_json

    def run(self, sockets: list[socket.socket]) -> None:
        self._server.run(sockets=sockets)

    def tell(self) -> None:
        line = json.dumps(self._ready)
        if self._file is not None:
            partial = self._file.with_name(self._file.name + ".part")
            partial.write_text(line + "\n")
            partial.replace(self._file)
        if self._as_json:
            typer.echo(line)
            return
        typer.echo(f"The platform double listens on {self._ready['url']}")
        typer.echo(f"  read token   {self._ready['token']}")
        typer.echo(f"  write token  {self._ready['write_token']}")
        typer.echo(
            f"  clock        {self._ready['clock_url']} (now {self._ready['now']}, speed {self._ready['speed']:g})"
        )
        typer.echo(f"  centers      {', '.join(self._ready['center_ids'])}")
        typer.echo("Ctrl-C ends it.")


def _write_feed(world: World, template: str, form: str, now: datetime, *, as_json: bool) -> None:
    from sandbox.feed import FeedWriter

    report = FeedWriter(world, template, form).write_until(now)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        typer.echo(f"{report['files']} files with {report['rows']} rows written under {report['folder']}")


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise RatiocastError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error
    return listener


def _multiplier(text: str) -> float:
    try:
        return float(text.lower().removeprefix("x"))
    except ValueError as error:
        raise BadInput(f"--faults takes x0, x1 or x3, not '{text}'") from error


def _clock(text: str, timezone: str) -> datetime:
    if text == "now":
        return datetime.now(UTC).replace(microsecond=0)
    if "T" in text or " " in text:
        return parse_instant(text)
    at, tz = parse_local_time(text), zone(timezone)
    return local_instant(_last_open_day(datetime.now(UTC), timezone), at, tz)


def _last_open_day(now: datetime, timezone: str) -> date:
    """Today if it is an open day, else the one before."""
    from sandbox.laws import holidays_of

    day = local_date(now, zone(timezone))
    while day.isoweekday() > 5 or day in holidays_of(day.year):
        day -= timedelta(days=1)
    return day

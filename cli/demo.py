"""Commands: demo. The whole product in one go, on simulated centers: from an empty folder to a live board."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import SecretStr
from rich.text import Text

from cli.demo_tables import show_accuracy, show_week
from cli.output import console
from cli.processes import Processes
from cli.progress import Bars
from domain.errors import BadInput, RatiocastError
from domain.time import SystemClock, zone
from storage.settings import Settings, load_settings

SPEED = 60
STEPS = {
    "ingest": "read the history from the platform double into the warehouse (10 to 20 s)",
    "build": "fold events into stays and headcounts per room and quarter hour",
    "train": "learn each child's habits (10 to 20 s)",
    "forecast": "forecast the next hour and the next two weeks",
    "plan": "plan next week's floats and breaks (the longest step: up to half a minute of proving)",
    "publish": "publish the snapshot the service reads",
}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="demo")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Do it all, check that it answers, stop, exit.")] = False,
    centers: Annotated[int, typer.Option(min=1, max=50, help="How many simulated centers.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page and the API.")] = 8080,
    weeks: Annotated[int, typer.Option(min=4, max=104, help="Weeks of simulated history.")] = 40,
) -> None:
    """Start a simulated platform, run the pipeline, print forecast and plan, and serve the live board.

    Everything it starts ends with it (Ctrl-C). It keeps its files in the folder `demo` of the data directory and
    begins anew each time.
    """
    _require_free(load_settings().host, port)
    folder = load_settings().data_dir / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    with Processes(folder / "logs") as processes:
        try:
            _run(folder, processes, centers=centers, port=port, weeks=weeks, once=once, started=started)
        except KeyboardInterrupt:
            console.print("\nStopping everything that was started ...")
    console.print("All processes of the demo have ended.")


@dataclass(frozen=True)
class Entrance:
    """How a person, and the demo's own check, come in."""

    user: str
    password: str
    key: str


def _run(
    folder: Path, processes: Processes, *, centers: int, port: int, weeks: int, once: bool, started: float
) -> None:
    platform = _start_platform(folder, processes, centers, weeks)
    settings = _settings(folder, platform, port)
    _pipeline(settings)
    show_week(folder, platform["center_ids"][0])
    console.print("Measuring the forecasts of the last days beside the baselines ...")
    show_accuracy(folder, platform["center_ids"][0])
    entrance = _let_in(settings)
    url = _start_service(settings, processes)
    _stream(platform, settings, url)
    console.print(f"\nReady after {time.monotonic() - started:.0f} s. The simulated day runs at {SPEED}x.")
    console.print(
        Text.assemble(
            (f"Open {url}/", "bold"), " and sign in as ", (entrance.user, "bold"), " / ", (entrance.password, "bold")
        )
    )
    console.print(
        f"API key (director): {entrance.key}\nEverything shown comes from a simulated platform. Ctrl-C stops it all."
    )
    if once:
        _check_live(url, entrance, platform["center_ids"][0])
        return
    while True:
        processes.fail_if_ended()
        time.sleep(1)


def _require_free(host: str, port: int) -> None:
    """BadInput now, not after the work, and never the answer of another service taken for the demo's own."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise BadInput(f"the port {port} of {host} is not free; name another with --port") from error


def _start_platform(folder: Path, processes: Processes, centers: int, weeks: int) -> dict[str, Any]:
    """The platform double with its clock standing still at the start of a day."""
    console.print(f"Simulating {centers} medium center(s) with {weeks} weeks of history ...")
    ready = folder / "platform.json"
    arguments = [
        "sandbox",
        "--centers",
        str(centers),
        "--weeks",
        str(weeks),
        "--clock",
        _start_of_show(),
        "--speed",
        "0",
    ]
    processes.start("platform", [*arguments, "--port", "0", "--ready-file", str(ready)], {})
    _wait(lambda: ready.exists(), "the platform double", processes, seconds=180)
    told: dict[str, Any] = json.loads(ready.read_text())
    console.print(f"The platform double (no real platform) listens on {told['url']}; its clock shows {told['now']}.")
    return told


def _start_of_show() -> str:
    """Today's clock while centers are open, else the morning of the last open day: there is something to see."""
    local = SystemClock().now().astimezone(zone("America/Chicago"))
    return "now" if local.isoweekday() <= 5 and 7 <= local.hour < 16 else "08:00"


def _settings(folder: Path, platform: dict[str, Any], port: int) -> Settings:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return load_settings(
        data_dir=folder,
        platform_url=platform["url"],
        platform_token=SecretStr(platform["token"]),
        platform_write_token=SecretStr(platform["write_token"]),
        clock=platform["clock_url"],
        webhook_secrets=SecretStr(secret),
        feed_path="",
        ledger_url="",
        port=port,
        mode="suggestions",
    )


def _pipeline(settings: Settings) -> None:
    """Every step as a Prefect flow, with a bar each."""
    console.print("Starting Prefect's temporary server (8 to 20 s the first time) ...")
    from flows.schedule import run_flow
    from flows.steps import open_run

    with Bars() as bars:
        for name, meaning in STEPS.items():
            console.print(Text.assemble((name, "bold"), f": {meaning}"))
            run_flow(name, open_run(settings, bars))


def _let_in(settings: Settings) -> Entrance:
    """A director's account and key in the demo's ledger."""
    from connectors.clock import open_clock
    from storage.ledger import open_ledger
    from storage.ledger.access import User, create_key, create_user, hash_password

    now, password = open_clock(settings).now(), secrets.token_urlsafe(9)
    hashed = hash_password(password)
    ledger = open_ledger(settings.ledger_location)
    try:
        ledger.write(lambda c: create_user(c, User("director", "Dana Director", "director", ("*",)), hashed, now))
        _, key = ledger.write(lambda c: create_key(c, "demo", "director", ("*",), now))
    finally:
        ledger.close()
    return Entrance("director", password, key)


def _start_service(settings: Settings, processes: Processes) -> str:
    url = f"http://{settings.host}:{settings.port}"
    processes.start("service", ["serve"], _environment(settings))
    _wait(lambda: _answers(f"{url}/v1/health"), "the service", processes, seconds=120)
    return url


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as variables of a child process."""
    shown = {name: getattr(settings, name) for name in Settings.model_fields}
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in shown.items()}
    return {f"RATIOCAST_{name.upper()}": str(value) for name, value in plain.items()}


def _stream(platform: dict[str, Any], settings: Settings, url: str) -> None:
    """Let the double send its webhooks to us and its clock run."""
    secret = settings.webhook_secrets.get_secret_value()
    with httpx.Client(base_url=platform["url"], timeout=10) as double:
        target = {"url": f"{url}/v1/webhooks/attendance", "secret": secret}
        double.post("/control/webhook", json=target).raise_for_status()
        double.post("/control/clock", json={"speed": SPEED}).raise_for_status()


def _check_live(url: str, entrance: Entrance, center_id: str) -> None:
    """The page and the API answer with data that moves; RatiocastError if they do not within a minute."""
    with httpx.Client(base_url=url, timeout=10, follow_redirects=True) as browser:
        board = f"/v1/centers/{center_id}/live"
        before = _get_json(browser, board, entrance.key)
        deadline = time.monotonic() + 60
        while (now := _get_json(browser, board, entrance.key)) == before or now["at"] == before["at"]:
            if time.monotonic() > deadline:
                raise RatiocastError("the live board did not change within a minute although the simulated day runs")
            time.sleep(1)
        page = browser.post("/sign-in", data={"user": entrance.user, "password": entrance.password})
        if page.status_code != 200 or center_id not in page.text:
            raise RatiocastError(f"the page answered {page.status_code} and does not show center {center_id}")
    children = sum(room["children"] for room in now["rooms"].values())
    console.print(f"Checked: page and API answer; {children} children in {len(now['rooms'])} rooms at {now['at']}.")


def _get_json(browser: httpx.Client, path: str, key: str) -> dict[str, Any]:
    answer = browser.get(path, headers={"Authorization": f"Bearer {key}"})
    if answer.status_code != 200:
        raise RatiocastError(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _wait(ready: Callable[[], bool], what: str, processes: Processes, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        processes.fail_if_ended()
        if time.monotonic() > deadline:
            raise RatiocastError(f"{what} was not ready within {seconds:.0f} s; its log lies in the demo's folder")
        time.sleep(0.1)

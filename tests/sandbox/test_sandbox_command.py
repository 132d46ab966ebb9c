"""The command: it serves, tells when it listens, ends when asked, writes feeds and names bad options."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli import app
from domain.errors import BadInput, RatiocastError

ROOT = Path(__file__).parents[2]
SMALL = ["sandbox", "--size", "small", "--weeks", "1", "--clock", "2026-03-11T16:00:00Z"]


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "cli", *SMALL, "--port", "0", "--speed", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(600):
            if ready.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        told = json.loads(ready.read_text())
        auth = {"Authorization": f"Bearer {told['token']}"}
        answer = httpx.get(f"{told['url']}/api/v1/centers", headers=auth, trust_env=False)
        assert answer.json()["data"][0]["center_id"] == told["center_ids"][0]
        clock = httpx.get(told["clock_url"], trust_env=False).json()
        assert clock == {"now": "2026-03-11T16:00:00Z", "speed": 0.0}
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    assert told["token"] in output


def test_it_writes_a_feed_and_ends(tmp_path: Path) -> None:
    template = str(tmp_path / "{year}" / "{month:02d}" / "{day:02d}")
    result = CliRunner().invoke(app, [*SMALL, "--feed", template, "--feed-format", "ndjson", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["files"] == len(list(tmp_path.rglob("*.ndjson")))
    assert report["rows"] > 0


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--size", "huge"], "the size 'huge' is unknown"),
        (["--faults", "many"], "--faults takes x0, x1 or x3"),
        (["--clock", "tomorrowT"], "is not a time"),
        (["--feed", "x", "--feed-format", "pdf"], "the feed format 'pdf' is unknown"),
    ],
)
def test_a_wrong_option_is_named(option: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, [*SMALL, *option])
    assert isinstance(result.exception, BadInput)
    assert sentence in str(result.exception)


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(app, [*SMALL, "--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, RatiocastError)
    assert "choose another --port" in str(result.exception)


def test_help_names_every_option() -> None:
    result = CliRunner().invoke(app, ["sandbox", "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for option in ("--centers", "--speed", "--faults", "--ready-file", "--feed-format"):
        assert option in result.output

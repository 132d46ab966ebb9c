"""The pages say what the code does: every route, permission and outlet; and the verifier needs nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.routing import APIRoute
from typer.testing import CliRunner

import cli
from api.access import PERMISSIONS
from api.app import ROUTERS
from api.heads import DailyHeads
from domain.errors import BadInput
from storage import audit

DOCS = Path(__file__).parents[2] / "docs"
VERIFIER = DOCS / "verify_audit.py"


def test_every_route_and_permission_is_documented() -> None:
    page = (DOCS / "api.md").read_text()
    for route in (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)):
        for method in route.methods:
            assert f"| `{method} {route.path}` |" in page
    for permission in PERMISSIONS:
        assert f"| `{permission}` |" in page


def test_every_outlet_and_mode_is_documented(house: Any) -> None:
    page = (DOCS / "service.md").read_text()
    for name in [*house.service.outlets, "sms", "email", "shadow", "alerts", "suggestions", "automatic"]:
        assert f"`{name}`" in page


def verify(*files: Path) -> subprocess.CompletedProcess[str]:
    """Run as a stranger would: isolated, without our packages."""
    command = [sys.executable, "-I", "-S", str(VERIFIER), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_stand_alone_verifier_is_short_and_finds_what_was_changed(
    make_house: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(VERIFIER.read_text().splitlines()) <= 62
    house = make_house()
    for child in ("i1", "i2", "i3"):
        house.arrive(child)
    house.step()  # what follows is decided and on record before the head is taken
    head = tmp_path / "head.json"
    head.write_text(json.dumps(house.get("/v1/audit/head", center_id="c1")))
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(house.settings.data_dir))
    out = tmp_path / "audit.jsonl"
    assert CliRunner().invoke(cli.app, ["audit", "export", "--center", "c1", "--out", str(out)]).exit_code == 0
    assert verify(out, head).returncode == 0
    lines = out.read_text().splitlines()
    forged = tmp_path / "forged.jsonl"
    for broken in ([lines[0].replace('"service"', '"nobody"'), *lines[1:]], lines[1:], [lines[0], *lines[2:]]):
        forged.write_text("\n".join(broken))
        assert verify(forged).returncode == 1
    forged.write_text("\n".join(lines[:-1]))
    assert verify(forged).returncode == 0
    assert verify(forged, head).returncode == 1
    assert verify(tmp_path / "none").returncode == 2


def test_the_commands_work_beside_a_running_service(
    make_house: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(mode="shadow")
    house.staff("clock_in", "s1")
    house.arrive(*(f"i{n}" for n in range(5)))
    house.step()
    for _ in range(3):
        house.pass_time(minutes=2)
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(house.settings.data_dir))
    run = CliRunner().invoke
    verified = run(cli.app, ["audit", "verify", "--json"])
    assert verified.exit_code == 0
    assert all(row["holds"] for row in json.loads(verified.stdout))
    export = run(cli.app, ["audit", "export", "--center", "c1", "--format", "csv"])
    assert export.stdout.startswith("number,center_id,at,")
    head = tmp_path / "head.json"
    head.write_text(run(cli.app, ["audit", "head", "--center", "c1"]).stdout)
    assert run(cli.app, ["audit", "verify", "--head", str(head)]).exit_code == 0
    head.write_text(head.read_text().replace('"number": ', '"number": 1'))
    assert run(cli.app, ["audit", "verify", "--head", str(head)]).exit_code == 1
    assert "director" in run(cli.app, ["keys", "list", "--json"]).stdout
    assert run(cli.app, ["users", "list"]).exit_code == 0
    busy = run(cli.app, ["keys", "create", "--name", "x", "--role", "float", "--center", "c1"])
    assert "another ratiocast service" in str(busy.exception)


def test_a_tampered_ledger_fails_the_verification(
    make_house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    house = make_house()
    house.arrive("i1")
    house.arrive("i2")
    house.client.__exit__(None, None, None)
    database = house.settings.data_dir / "ledger.sqlite"
    with sqlite3.connect(database) as tampered:
        tampered.execute("UPDATE audit SET actor = 'nobody' WHERE center_id = 'c1' AND number = 1")
    tampered.close()
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(house.settings.data_dir))
    failed = CliRunner().invoke(cli.app, ["audit", "verify"])
    assert failed.exit_code == 1
    make_house()


def test_the_head_of_the_audit_log_goes_out_once_a_day_and_is_signed(
    make_house: Callable[..., Any], vendors: Any
) -> None:
    with vendors.mail_server() as server:
        house = make_house(smtp_url=f"smtp://127.0.0.1:{server.port}", email_from="audit@center.example")
        contacts = {"director": [{"outlet": "email", "recipient": "ana@center.example"}]}
        house.client.put("/v1/centers/c1/settings", json={"contacts": contacts}, headers=house.auth("director"))
        heads = DailyHeads(house.service)
        for hours in (0, 12, 0.25, 24):
            house.clock.at += timedelta(hours=hours)
            house.run(heads.step)
            house.step()
        texts = [text for _, _, text in server.mails]
    assert len(texts) == 2
    body = texts[0].replace("=\r\n", "").replace("=22", '"').replace("\r\n", "\n")
    head = json.loads(body[body.index("{") : body.index("}") + 1])
    assert audit.head_is_signed(head)


def test_the_audit_log_is_pushed_to_a_sheet_or_notion_once(
    make_house: Callable[..., Any], vendors: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house()
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(house.settings.data_dir))
    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key, token = tmp_path / "key.json", tmp_path / "token"
    token.write_text("secret\n")
    push = ["audit", "push", "--center", "c1"]
    with vendors.vendor(vendors.google) as google, vendors.vendor(vendors.notion) as notion:
        account = {"client_email": "x@y", "token_uri": f"{google.url}/token", "private_key": private.decode()}
        key.write_text(json.dumps(account))
        to_sheet = [*push, "--sheet", "s", "--service-account", str(key), "--url", google.url]
        to_notion = [*push, "--data-source", "ds1", "--token-file", str(token), "--url", notion.url]
        for children in (("i1",), ("i2",), ()):
            for child in children:
                house.arrive(child)
            for command in (to_sheet, to_notion):
                done = CliRunner().invoke(cli.app, command)
                assert done.exit_code == 0, done.exception
        for numbers in ([row[0] for row in google.rows], [p["properties"]["Number"]["number"] for p in notion.pages]):
            assert len(numbers) >= 2
            assert numbers == list(range(1, len(numbers) + 1))
    for wrong in (
        [],
        ["--sheet", "s", "--data-source", "d"],
        ["--sheet", "s"],
        ["--sheet", "s", "--service-account", "none"],
    ):
        assert isinstance(CliRunner().invoke(cli.app, [*push, *wrong]).exception, BadInput)

"""What is given wrong ends in one sentence and a status of its own, before the work and never in silence."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import cli
from api import serving
from cli import app, output
from domain.errors import BadInput, NotFound, RatiocastError
from storage.ledger import open_ledger
from storage.warehouse import open_warehouse


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    open_ledger(f"sqlite:///{tmp_path / 'data' / 'ledger.sqlite'}").close()
    return tmp_path


def refused(*words: str) -> RatiocastError:
    result = CliRunner().invoke(app, list(words))
    assert isinstance(result.exception, RatiocastError), result.output
    return result.exception


@pytest.mark.parametrize(
    "command",
    ["purge", "purge --dry-run", "audit verify", "audit export", "audit head", "shadow report"],
)
def test_a_center_nobody_knows_is_no_success(command: str) -> None:
    error = refused(*command.split(), "--center", "nobody")
    assert isinstance(error, NotFound)
    assert str(error) == "the ledger knows no center 'nobody'; it has none yet"


def test_the_health_of_a_center_nobody_knows_is_no_success(home: Path) -> None:
    with open_warehouse(home / "data") as warehouse:
        warehouse.publish(datetime(2026, 3, 2, tzinfo=UTC))
    error = refused("forecast", "health", "--center", "nobody")
    assert isinstance(error, NotFound)
    assert str(error) == "the published snapshot has no center 'nobody'; it has none yet"


@pytest.mark.parametrize("center", ["*", "../plans/c1", "c?", "nobody"])
def test_a_center_of_a_call_out_is_a_name_and_no_pattern(home: Path, center: str) -> None:
    folder = home / "data" / "plans" / "c1"
    folder.mkdir(parents=True)
    (folder / "2026-W10.problem.json").write_text("{}")
    error = refused("callout", "--staff", "ann", "--date", "2026-03-02", "--center", center)
    assert isinstance(error, NotFound)
    assert str(error) == f"no plan of the center '{center}' is stored; there are plans of c1"


def test_a_service_that_could_not_start_ends_with_the_code_of_what_could_not_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "create_app", lambda *_, **__: None)
    monkeypatch.setattr(serving.sys, "setswitchinterval", lambda _: None)
    monkeypatch.setattr(serving, "share_arenas", lambda: None)
    monkeypatch.setattr(serving.uvicorn, "Config", lambda *_, **__: None)  # it closes every log handler there is
    monkeypatch.setattr(serving, "_Server", lambda _: SimpleNamespace(run=lambda: None, started=False))
    assert CliRunner().invoke(app, ["serve"]).exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("keys", "create", "--name", "x", "--role", "director", "--center", "c", "--expires", "2020-01-01T00:00:00Z"),
         "the key would have ended already, at 2020-01-01T00:00:00Z"),
        (("keys", "create", "--name", " ", "--role", "director", "--center", "c"), "a key needs a name"),
        (("keys", "create", "--name", "x", "--role", "director", "--center", ""), "name at least one center"),
        (("users", "create", "", "--role", "director", "--center", "c", "--password", "long enough"), "a user needs a"),
        (("ingest", "--platform-url", "http://127.0.0.1:abc"), "is not the address of a platform: Invalid port"),
        (("ingest", "--platform-url", "http://127.0.0.1:1", "--token", "tökén"), "a character that no token has"),
        (("ingest", "--platform-url", "http://x", "--since", "yesterday"), "--since: 'yesterday' is not a day"),
        (("ingest", "--platform-url", "http://x", "--since", "0001-01-01"), "--since: 0001-01-01 lies before the year"),
        (("ingest", "--platform-url", "http://x", "--since", "2199-01-01"), "lies ahead; name an earlier one"),
        (("plan", "--week", "9999-W52"), "'9999-W52' is not a week; write it as 2026-W48"),
        (("solve", "x.json", "--value", "--json"), "give either --value or --json"),
        (("backtest", "center", "--out", "answers.txt"), "has neither the ending .csv nor .parquet"),
        (("backtest", "counts", "unread.csv", "--country", "QQ"), "public holidays of 'QQ' are not known"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_before_the_work(words: tuple[str, ...], said: str) -> None:
    error = refused(*words)
    assert isinstance(error, BadInput)
    assert said in str(error)


@pytest.mark.parametrize(
    "command",
    ["forecast", "plan", "backtest center", "backtest counts x.csv", "audit export --center c", "solve x", "floats x"],
)
def test_a_place_that_may_not_be_written_is_refused_before_the_work(
    command: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = home / "out.parquet"
    assert "is a folder; name a file in it" in str(refused(*command.split(), "--out", str(home)))
    monkeypatch.setattr(output.os, "access", lambda path, _mode: path != home)
    assert str(refused(*command.split(), "--out", str(out))).startswith(f"--out: {out} may not be written")


def test_a_disk_that_is_full_at_the_end_is_told_with_the_file(home: Path) -> None:
    with pytest.raises(BadInput, match="/dev/full cannot be written: No space left on device; name another place"):
        if Path("/dev/full").exists():
            with output.writing(Path("/dev/full")):
                Path("/dev/full").write_text("x")
        else:
            pytest.skip("this system has no /dev/full")


def test_a_file_that_fails_where_nobody_foresaw_it_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(cli, "app", failing)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "ratiocast: /some/file cannot be used: Permission denied\n"


def test_the_demo_takes_no_port_that_another_holds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = str(refused("demo", "--port", str(other.getsockname()[1])))
    assert "is not free; name another with --port" in said


def test_a_ledger_url_with_a_wrong_port_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_LEDGER_URL", "postgresql://ann@127.0.0.1:abc/x")
    assert "the setting 'ledger_url' is not a database URL" in str(refused("users", "list"))


def test_a_table_keeps_ids_and_paths_whole(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/srv/ratiocast/data/" + "x" * 200
    output.print_table("A title", ["what", "where"], [("plan", path)])
    shown = "".join(part.strip() for line in capsys.readouterr().out.splitlines() for part in line.split("│")[2:3])
    assert shown == path

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import BadSettings
from storage.settings import PREFIX, Settings, load_settings, origins

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ratiocast.toml").write_text('port = 9000\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("RATIOCAST_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.host, settings.mode) == (9001, "0.0.0.0", "shadow")
    import os

    source = origins(os.environ)
    assert source["port"] == "environment RATIOCAST_PORT"
    assert source["host"] == "file ratiocast.toml"
    assert source["mode"] == "default"


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    monkeypatch.setenv("RATIOCAST_PLATFORM_TOKEN_FILE", str(tmp_path / "token"))
    assert load_settings().platform_token.get_secret_value() == "abc"


def test_a_secret_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_PLATFORM_TOKEN_FILE", "nowhere/token")
    with pytest.raises(BadSettings, match="nowhere/token"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "none"), ("PORT", "0"), ("CLOCK", "sundial"), ("MODE", "loud"), ("RISK_THRESHOLD", "2")],
)
def test_an_invalid_setting_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(BadSettings, match=f"RATIOCAST_{name}"):
        load_settings()


def test_an_unknown_name_in_the_file_is_an_error() -> None:
    Path("ratiocast.toml").write_text("prot = 9000\n")
    with pytest.raises(BadSettings, match="prot"):
        load_settings()


def test_a_file_that_is_no_toml_is_an_error() -> None:
    Path("ratiocast.toml").write_text("port = = 1")
    with pytest.raises(BadSettings, match=r"ratiocast\.toml"):
        load_settings()


def test_the_command_prints_values_with_origin_and_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_PLATFORM_TOKEN", "very-secret")
    run = subprocess.run(
        [sys.executable, "-m", "cli", "settings", "--json"], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "very-secret" not in run.stdout
    rows = {row["name"]: row for row in json.loads(run.stdout)}
    assert rows["platform_token"]["value"] == "(set)"
    assert rows["platform_token"]["origin"] == "environment RATIOCAST_PLATFORM_TOKEN"


def test_an_invalid_setting_ends_the_command_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_PORT", "none")
    run = subprocess.run(
        [sys.executable, "-m", "cli", "settings"], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "RATIOCAST_PORT" in run.stderr


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text()
    assert [name for name in Settings.model_fields if f"`{name}`" not in text] == []

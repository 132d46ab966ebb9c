"""Commands: settings."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from pydantic import SecretStr

from cli.output import print_json, print_table
from storage.settings import Settings, load_settings, origins


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="settings")(show_settings)


def show_settings(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print every setting, its value (secrets hidden) and where it came from."""
    settings = load_settings()
    source = origins(os.environ)
    rows = [
        {"name": name, "value": _shown(getattr(settings, name)), "origin": source[name], "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("Settings", ["name", "value", "origin", "meaning"], [list(row.values()) for row in rows])


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    return str(value)

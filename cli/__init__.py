"""The `ratiocast` command. Each module here owns a few commands and adds them by `register(app)`."""

from __future__ import annotations

import sys

import typer

from cli import backtest, blocks, demo, pipeline, plans, rules, sandbox, service, settings
from domain.errors import RatiocastError

app = typer.Typer(
    name="ratiocast",
    help="Keeps every room of a childcare center inside its legal child-to-staff ratio.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def ratiocast() -> None:
    """Keeps every room of a childcare center inside its legal child-to-staff ratio."""


for module in (demo, service, sandbox, pipeline, backtest, plans, blocks, rules, settings):
    module.register(app)


def main() -> None:
    """Entry point: errors raised on purpose become one sentence and their exit code."""
    try:
        app()
    except RatiocastError as error:
        typer.echo(f"ratiocast: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        typer.echo(f"ratiocast: {error.filename or 'a file'} cannot be used: {error.strerror or error}", err=True)
        sys.exit(1)

"""How commands speak: tables for people on standard output, JSON on request, progress on standard error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from domain.errors import BadInput
from domain.time import format_instant

console = Console(markup=False)  # names and files' contents may hold brackets
progress_console = Console(stderr=True, markup=False)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))  # noqa: T201


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """The title on a line of its own, the table under it; texts are shown as they are."""
    table = Table(*(Column(name, overflow="fold") for name in columns))  # ids and paths are there to be copied
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(table)


def require_place_for(out: Path | None) -> None:
    """BadInput before the work, not after it, where the file to be written has no place."""
    if out is not None and out.is_dir():
        raise BadInput(f"--out: {out} is a folder; name a file in it")
    if out is not None and not out.parent.is_dir():
        raise BadInput(f"--out: there is no folder {out.parent}; make it first, or name another place")
    if out is not None and not os.access(out if out.exists() else out.parent, os.W_OK):
        raise BadInput(f"--out: {out} may not be written; change its rights, or name another place")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """A disk that is full or taken away meanwhile becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name another place") from error


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return str(value)

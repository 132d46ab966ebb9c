"""Files a step leaves for others: written beside, then moved into place in one step, so none is ever half there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from domain.errors import NotFound
from storage.warehouse import disk_errors

_KEPT = 3
_CURRENT = "current"


def write_file(path: Path, content: bytes) -> None:
    """The whole content under the name, or what was there before."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def write_version(base: Path, write: Callable[[Path], None]) -> Path:
    """A new version of a folder: `write` fills it beside, then it is moved into place and `current` names it."""
    with disk_errors(base):
        base.mkdir(parents=True, exist_ok=True)
        versions = _versions(base)
        folder = base / f"{max([0, *(number for number, _ in versions)]) + 1:06d}"
        partial = base / f".{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            write(partial)
            partial.replace(folder)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    write_file(base / _CURRENT, folder.name.encode())
    for _, old in _versions(base)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def current_version(base: Path, otherwise: str) -> Path:
    """The folder `current` names; NotFound with the sentence given if there is none."""
    try:
        return base / (base / _CURRENT).read_text().strip()
    except FileNotFoundError as error:
        raise NotFound(otherwise) from error


def _versions(base: Path) -> list[tuple[int, Path]]:
    return sorted((int(path.name), path) for path in base.iterdir() if path.name.isdigit())

"""Published snapshots: complete copies of the warehouse, and a pointer that is moved in one step."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from domain.errors import NothingPublished, StoreError
from domain.time import format_instant, parse_instant

KEPT = 3  # a reader that has just read the pointer still finds its file
POINTER = "current.json"


@dataclass(frozen=True, slots=True)
class Snapshot:
    version: int
    path: Path
    published_at: datetime


def current_snapshot(data_dir: Path) -> Snapshot:
    """The snapshot the pointer names; NothingPublished if there is none yet."""
    pointer = _folder(data_dir) / POINTER
    try:
        named = json.loads(pointer.read_text())
        return Snapshot(named["version"], pointer.parent / named["file"], parse_instant(named["published_at"]))
    except FileNotFoundError as error:
        raise NothingPublished(
            f"nothing has been published in {data_dir} yet; run `ratiocast ingest` first (or `ratiocast demo`)"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{pointer} is damaged; remove it and run `ratiocast flows run publish`") from error


def publish_file(source: Path, data_dir: Path, now: datetime) -> Snapshot:
    """Copy a closed database file to the next version, then move the pointer to it; older versions are pruned.

    Killed at any point, the pointer names the old complete file or the new complete file; leftovers of a killed run are
    swept by the next one. The caller holds the writer's lock.
    """
    folder = _folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    version = max([0, *(number for number, _ in _versions(folder))]) + 1
    snapshot = Snapshot(version, folder / f"warehouse-{version:06d}.duckdb", now)
    partial = snapshot.path.with_suffix(".partial")
    pointer = folder / f"{POINTER}.partial"
    try:
        shutil.copyfile(source, partial)
        _flush(partial)
        partial.replace(snapshot.path)
        pointer.write_text(
            json.dumps({"version": version, "file": snapshot.path.name, "published_at": format_instant(now)})
        )
        _flush(pointer)
        pointer.replace(folder / POINTER)
        _flush(folder)
    except OSError:
        for unfinished in (partial, pointer):
            unfinished.unlink(missing_ok=True)
        if not _is_current(folder, snapshot):
            snapshot.path.unlink(missing_ok=True)
        raise
    _prune(folder)
    return snapshot


def _folder(data_dir: Path) -> Path:
    return data_dir / "snapshots"


def _versions(folder: Path) -> list[tuple[int, Path]]:
    return sorted((int(path.stem.split("-")[1]), path) for path in folder.glob("warehouse-*.duckdb"))


def _is_current(folder: Path, snapshot: Snapshot) -> bool:
    try:
        return current_snapshot(folder.parent).path == snapshot.path
    except StoreError:
        return False


def _prune(folder: Path) -> None:
    for unfinished in folder.glob("*.partial"):
        unfinished.unlink(missing_ok=True)
    for _, path in _versions(folder)[:-KEPT]:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files that are whole or not there, and folders with versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import NotFound, StoreError
from flows.artifacts import current_version, write_file, write_version


def test_a_file_is_replaced_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_file(tmp_path / "deep" / "a.json", b"one")
    write_file(tmp_path / "deep" / "a.json", b"two")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "deep").iterdir()] == [("a.json", b"two")]


def test_what_cannot_be_written_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StoreError, match="cannot be used"):
        write_file(tmp_path / "a", b"a folder stands here")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_version_is_named_once_it_is_whole(tmp_path: Path) -> None:
    def fill(folder: Path, text: str = "model") -> None:
        folder.mkdir()
        (folder / "model.txt").write_text(text)

    def fail(folder: Path) -> None:
        fill(folder, "half")
        raise OSError(28, "No space left on device")

    with pytest.raises(NotFound, match="train first"):
        current_version(tmp_path / "models", "train first")
    first = write_version(tmp_path / "models", fill)
    with pytest.raises(StoreError, match=r"the disk that holds .* is full"):
        write_version(tmp_path / "models", fail)
    assert current_version(tmp_path / "models", "") == first
    for _ in range(4):
        last = write_version(tmp_path / "models", fill)
    assert current_version(tmp_path / "models", "") == last
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["000003", "000004", "000005", "current"]

"""Outcomes of standard groups, kept in git. After a change of law write them anew and read the diff:

RATIOCAST_UPDATE_SNAPSHOTS=1 python -m pytest tests/rulebook/test_snapshots.py
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from rulebook import codes
from rulebook.catalogue import outcomes

FOLDER = Path(__file__).parent / "snapshots"
DAY = date(2026, 3, 2)


@pytest.mark.parametrize("code", codes())
def test_outcomes_are_those_in_git(code: str) -> None:
    path = FOLDER / f"{code.lower()}.txt"
    now = "\n".join(outcomes(code, DAY)) + "\n"
    if os.environ.get("RATIOCAST_UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(now)
    assert path.is_file(), f"{path.name} is missing; the head of this file says how to write it"
    assert path.read_text() == now


def test_every_snapshot_belongs_to_a_jurisdiction() -> None:
    assert {path.stem.upper() for path in FOLDER.glob("*.txt")} == set(codes())

"""The README's table is the data's table; every jurisdiction can be shown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rulebook import codes
from rulebook.catalogue import described, markdown_table

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- rules:start -->", "<!-- rules:end -->"


def test_the_readme_lists_the_jurisdictions_as_the_data_do() -> None:
    text = README.read_text() if README.is_file() else ""
    if START not in text:
        pytest.skip("the README has no table of jurisdictions yet (rules:start)")
    inside = text.split(START)[1].split(END)[0].strip()
    assert inside == markdown_table().strip(), "run `ratiocast rules list --markdown` and paste it between the markers"


@pytest.mark.parametrize("code", codes())
def test_a_jurisdiction_can_be_shown(code: str) -> None:
    shown = described(code, date(2026, 3, 2))
    assert shown["numbers"]
    assert shown["unknown"] or shown["confidence"] == "primary"

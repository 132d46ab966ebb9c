"""Every worked case of data/rules/cases, and that there are enough of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulebook import codes
from rulebook.cases import Case, cases_of
from rulebook.documents import RULES_FOLDER, read_document

ALL = [case for code in codes() for case in cases_of(code)]


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_the_case_has_the_answer_its_author_expects(case: Case) -> None:
    assert case.failures() == []


@pytest.mark.parametrize("code", codes())
def test_a_jurisdiction_of_some_confidence_has_at_least_six_cases(code: str) -> None:
    if read_document(code)["confidence"] == "unverified":
        pytest.skip("unverified jurisdictions need no cases")
    names = [case.name for case in cases_of(code)]
    assert len(names) >= 6
    assert len(set(names)) == len(names)


def test_every_case_file_belongs_to_a_jurisdiction() -> None:
    assert {path.stem.upper() for path in Path(RULES_FOLDER / "cases").glob("*.yaml")} <= set(codes())

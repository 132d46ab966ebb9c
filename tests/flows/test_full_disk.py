"""A disk that is full in any step of the pipeline: one clear sentence, nothing lost, and on with space again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.apart import told_by


@pytest.mark.timeout(300)
def test_every_step_says_that_the_disk_is_full_and_loses_nothing(tmp_path: Path) -> None:
    told = told_by("tests.flows.starved_runs", tmp_path)
    for step, what in told["steps"].items():
        assert "is full; free some space and run this again" in what["said"], (step, what)
        assert (what["status"], what["unchanged"]) == (1, True), (step, what)
    assert told["plans"] == 1

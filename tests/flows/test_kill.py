"""A pipeline killed anywhere and resumed gives what one clean run gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.apart import told_by


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_kills_and_a_second_run_change_nothing(tmp_path: Path) -> None:
    """8 kills from ingest to publish, 4 each in training, forecasting and planning; the world's day is short, so that a
    plan takes seconds."""
    told = told_by("tests.flows.killed_runs", tmp_path)
    assert told["different"] == []
    assert told["plans"] >= 2

"""Days in processes of their own: what was told in time counts."""

from __future__ import annotations

import os
import time

import pytest

from optimizer.side_by_side import Tell, may_fork, side_by_side

pytestmark = pytest.mark.skipif(not may_fork(), reason="this process has threads, or cannot fork")


def test_the_last_answer_told_counts_even_of_a_process_that_hangs_or_dies() -> None:
    def ask(index: int, seconds: float, tell: Tell[str]) -> None:
        if index == 0:
            tell("first")
            tell("last")
        elif index == 1:
            tell("hangs")
            time.sleep(60)
        elif index == 2:
            tell("dies")
            os._exit(3)
        else:
            time.sleep(60)

    answers = side_by_side(ask, 4, 4, time.perf_counter() + 1.0)
    assert answers == {0: "last", 1: "hangs", 2: "dies"}


def test_no_more_run_at_once_than_there_are_places_and_each_gets_its_share() -> None:
    def ask(index: int, seconds: float, tell: Tell[tuple[float, float]]) -> None:
        tell((time.perf_counter(), seconds))

    answers = side_by_side(ask, 3, 1, time.perf_counter() + 9.0)
    assert [answers[index][0] for index in range(3)] == sorted(answers[index][0] for index in range(3))
    assert 0 < answers[0][1] <= 3.0

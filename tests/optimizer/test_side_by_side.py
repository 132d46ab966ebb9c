"""Days in processes of their own: what was told in time counts."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from problems import floater, problem

from optimizer import check
from optimizer.planner import plan
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


def test_days_planned_apart_share_the_hours_of_the_week() -> None:
    first = datetime(2026, 3, 2, 12, tzinfo=UTC)
    hours = [first + timedelta(days=day, minutes=15 * t) for day in range(2) for t in range(4)]
    days = [{"day": date(2026, 3, 2 + day), "start": 4 * day, "end": 4 * day + 4} for day in range(2)]
    shifts = [{"start": day["start"], "end": day["start"] + 3, "may_end_later": 1} for day in days]
    adult = floater("f", 0, 3) | {"shifts": shifts, "available": [{"start": 0, "end": 8}], "max_hours_week": 1.75}
    case = problem({"a": [1] * 8}, [adult], slots=hours, days=days)
    answer = plan(case, 5.0)
    assert check(case, answer) == []
    assert answer.goal("shortage").value == 1  # two days would be longer by a slot, the week by one only


def test_the_bound_of_a_week_knows_that_a_shorter_day_leaves_hours_to_another() -> None:
    first = datetime(2026, 3, 2, 12, tzinfo=UTC)
    hours = [first + timedelta(days=day, minutes=15 * t) for day in range(2) for t in range(4)]
    days = [{"day": date(2026, 3, 2 + day), "start": 4 * day, "end": 4 * day + 4} for day in range(2)]
    shifts = [{"start": 0, "end": 3, "may_end_earlier": 1}, {"start": 4, "end": 7, "may_end_later": 1}]
    adult = floater("f", 0, 3) | {"shifts": shifts, "available": [{"start": 0, "end": 8}], "max_hours_week": 1.5}
    answer = plan(problem({"a": [1, 1, 0, 0, 1, 1, 1, 1]}, [adult], slots=hours, days=days), 5.0)
    assert answer.goal("shortage").bound == 0


def test_shifts_that_cannot_be_shorter_leave_no_hours_to_another_day() -> None:
    first = datetime(2026, 3, 2, 12, tzinfo=UTC)
    hours = [first + timedelta(days=day, minutes=15 * t) for day in range(2) for t in range(4)]
    days = [{"day": date(2026, 3, 2 + day), "start": 4 * day, "end": 4 * day + 4} for day in range(2)]
    shifts = [{"start": 4 * day + 1, "end": 4 * day + 4, "may_start_earlier": 1} for day in range(2)]
    adult = floater("f", 0, 3) | {"shifts": shifts, "available": [{"start": 0, "end": 8}], "max_hours_week": 1.5}
    answer = plan(problem({"a": [1] * 8}, [adult], slots=hours, days=days), 5.0)
    assert (answer.goal("shortage").value, answer.goal("shortage").bound) == (2, 2)

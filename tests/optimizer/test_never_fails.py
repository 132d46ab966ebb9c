"""Any well-formed problem has an answer, and the independent checker accepts it.

`RATIOCAST_HYPOTHESIS=long python -m pytest tests/optimizer/test_never_fails.py --timeout 0` asks for 2,000 each.
"""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from problems import problems

from optimizer import Problem, check, greedy, planner
from optimizer.planner import plan
from optimizer.side_by_side import may_fork


def at_least(few: int) -> settings:
    """More where the profile asks for more."""
    return settings(max_examples=max(few, settings().max_examples))


@given(problems())
@at_least(80)
def test_the_greedy_plan_is_always_accepted(case: Problem) -> None:
    assert check(case, greedy(case)) == []


@given(problems())
@at_least(40)
def test_the_solver_always_answers_and_is_never_worse_on_the_first_goals_than_greedy(case: Problem) -> None:
    _answers_no_worse_than_greedy(case)


@pytest.mark.skipif(not may_fork(), reason="this process has threads, or cannot fork")
@given(problems())
@at_least(10)
def test_so_does_the_solver_with_each_day_in_a_process_of_its_own(case: Problem) -> None:
    with patch.object(planner, "WORTH_A_PROCESS", -1):
        _answers_no_worse_than_greedy(case)


def _answers_no_worse_than_greedy(case: Problem) -> None:
    answer, simple = plan(case, 5.0), greedy(case)
    assert check(case, answer) == []
    first = [goal.value for goal in answer.goals[:2]]
    assert first <= [goal.value + 1e-6 for goal in simple.goals[:2]]

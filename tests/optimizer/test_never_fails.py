"""Any well-formed problem has an answer, and the independent checker accepts it."""

from __future__ import annotations

from hypothesis import given, settings
from problems import problems

from optimizer import Problem, check, greedy
from optimizer.planner import plan


@given(problems())
@settings(max_examples=80)
def test_the_greedy_plan_is_always_accepted(case: Problem) -> None:
    assert check(case, greedy(case)) == []


@given(problems())
@settings(max_examples=40)
def test_the_solver_always_answers_and_is_never_worse_on_the_first_goals_than_greedy(case: Problem) -> None:
    answer, simple = plan(case, 5.0), greedy(case)
    assert check(case, answer) == []
    first = [goal.value for goal in answer.goals[:2]]
    assert first <= [goal.value + 1e-6 for goal in simple.goals[:2]]

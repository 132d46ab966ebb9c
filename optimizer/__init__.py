"""Coverage problem -> plan: week planner, live reassignment, explanations, independent checker."""

from optimizer.plan import GOALS, Goal, Plan
from optimizer.problem import Assignment, Problem

__all__ = ["GOALS", "Assignment", "Goal", "Plan", "Problem"]

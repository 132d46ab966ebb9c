"""Coverage problem -> plan: week planner, live reassignment, explanations, independent checker."""

from optimizer.callout import CalloutPlan, callout
from optimizer.check import check
from optimizer.plan import GOALS, Goal, Plan
from optimizer.planner import greedy
from optimizer.problem import Assignment, Problem
from optimizer.reassign import Alternative, Disruption, reassign
from optimizer.watchdog import solve

__all__ = [
    "GOALS",
    "Alternative",
    "Assignment",
    "CalloutPlan",
    "Disruption",
    "Goal",
    "Plan",
    "Problem",
    "callout",
    "check",
    "greedy",
    "reassign",
    "solve",
]

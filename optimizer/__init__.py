"""Coverage problem -> plan: week planner, live reassignment, explanations, checker; fewest floats for blocks."""

from optimizer.blocks import BlocksPlan, BlocksProblem, check_blocks, fewest_floats, read_blocks
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
    "BlocksPlan",
    "BlocksProblem",
    "CalloutPlan",
    "Disruption",
    "Goal",
    "Plan",
    "Problem",
    "callout",
    "check",
    "check_blocks",
    "fewest_floats",
    "greedy",
    "read_blocks",
    "reassign",
    "solve",
]

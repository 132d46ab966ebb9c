"""The independent checker of blocks plans: does the plan answer the problem, and does its proof hold?

It shares no code with the search, the bounds or the exact model; an empty list accepts the plan.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from optimizer.blocks.problem import Block, BlocksPlan, BlocksProblem


def check_blocks(problem: BlocksProblem, plan: BlocksPlan) -> list[str]:
    """Faults of the plan, in words."""
    if plan.problem_hash != problem.input_hash:
        return ["the plan answers another problem: its hash differs"]
    return [*_duties(problem, plan), *_numbers(problem, plan), *_proof(problem, plan)]


def _duties(problem: BlocksProblem, plan: BlocksPlan) -> Iterator[str]:
    """Every block once, done by a qualified float or told uncovered; nobody in two places at once."""
    blocks = {block.block_id: block for block in problem.blocks}
    qualified = {adult.staff_id: set(adult.blocks) for adult in problem.floats}
    told = [duty.block_id for duty in plan.duties] + [item.block_id for item in plan.uncovered]
    for name in sorted(set(told) ^ set(blocks)):
        yield f"block '{name}' is " + (
            "not in the problem" if name not in blocks else "neither covered nor told uncovered"
        )
    if len(told) != len(set(told)):
        yield "a block is told twice"
    days: dict[str, list[Block]] = defaultdict(list)
    for duty in plan.duties:
        if duty.block_id not in qualified.get(duty.staff_id, ()):
            yield f"'{duty.staff_id}' is not qualified for block '{duty.block_id}'"
        elif duty.block_id in blocks:
            days[duty.staff_id].append(blocks[duty.block_id])
    for staff_id, day in days.items():
        day.sort(key=lambda block: block.start)
        for earlier, later in pairwise(day):
            if later.start < earlier.end:
                yield f"'{staff_id}' does blocks '{earlier.block_id}' and '{later.block_id}' at once"


def _numbers(problem: BlocksProblem, plan: BlocksPlan) -> Iterator[str]:
    weights = {block.block_id: block.weight for block in problem.blocks}
    used = len({duty.staff_id for duty in plan.duties})
    weight = sum(weights.get(item.block_id, 0) for item in plan.uncovered)
    if (used, weight) != (plan.floats_used, plan.uncovered_weight):
        yield f"{used} floats are used and weight {weight} is uncovered, the plan says otherwise"
    if plan.uncovered_bound > weight or (weight == plan.uncovered_bound and plan.floats_bound > used):
        yield "a bound is above what the plan itself reaches"
    if weight > plan.uncovered_bound and plan.floats_bound:
        yield "a bound on floats is told while the uncovered weight is open"
    proven = (used, weight) == (plan.floats_bound, plan.uncovered_bound)
    if (plan.status == "optimal") != proven:
        yield f"the status is '{plan.status}', the bounds say otherwise"


def _proof(problem: BlocksProblem, plan: BlocksPlan) -> Iterator[str]:
    """The bounds follow from the prices; a plan without prices says that they are the solver's word."""
    if plan.proof is None:
        return
    unit, prices, many = plan.proof.unit, plan.proof.prices, len(problem.floats)
    blocks = {block.block_id: block for block in problem.blocks}
    for name, price in prices.items():
        if name not in blocks or price > unit * (many + 1) * blocks[name].weight:
            yield f"the price of block '{name}' is above what leaving it uncovered costs"
            return
    surplus = sum(
        max(0, _most_earned([blocks[name] for name in adult.blocks if name in prices], prices) - unit)
        for adult in problem.floats
    )
    cost = -((surplus - sum(prices.values())) // unit)  # rounded up
    uncovered = max(0, -((many - cost) // (many + 1)))
    if plan.uncovered_bound > uncovered:
        yield f"the prices prove an uncovered weight of {uncovered}, the plan says {plan.uncovered_bound}"
    elif plan.floats_bound > max(0, cost - (many + 1) * plan.uncovered_bound):
        yield f"the prices prove a cost of {cost}, which is less than the bounds told"


def _most_earned(blocks: list[Block], prices: Mapping[str, int]) -> int:
    """The highest sum of prices of blocks that do not overlap."""
    blocks = sorted(blocks, key=lambda block: block.end)
    ends = [block.end for block in blocks]
    best = [0]
    for number, block in enumerate(blocks):
        best.append(max(best[-1], best[bisect_right(ends, block.start, hi=number)] + prices[block.block_id]))
    return best[-1]

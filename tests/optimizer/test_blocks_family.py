"""The instances made for measuring are what they say: seeded, coverable where promised, each family of its own kind."""

from __future__ import annotations

import pytest

from benchmarks._smptsp_family import KINDS, instances, planted
from optimizer import check_blocks, fewest_floats
from optimizer.blocks.bound import peak_bound
from optimizer.blocks.case import Case


def test_the_same_seed_makes_the_same_instances_and_another_seed_others() -> None:
    one, again, other = ([problem.input_hash for problem in instances(seed)] for seed in (3, 3, 4))
    assert one == again
    assert len({*one, *other}) == 2 * len(KINDS)


def test_somebody_is_qualified_for_every_block() -> None:
    for problem in instances(5):
        assert Case.of(problem).able.any(axis=0).all(), problem.label


@pytest.mark.parametrize("seed", range(4))
def test_the_floats_who_were_given_days_of_their_own_are_enough(seed: int) -> None:
    kind, problem = KINDS[0], next(instances(seed))
    assert kind.make is planted
    plan = fewest_floats(problem, 30)
    assert (plan.status, plan.uncovered_weight) == ("optimal", 0)
    assert peak_bound(Case.of(problem)).cost <= plan.floats_used <= kind.needed
    assert check_blocks(problem, plan) == []

"""A blocks problem as arrays. A cover is an array: per block the index of the float who does it, or -1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimizer.blocks.problem import BlocksProblem

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Reals = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Case:
    """Per block: start, end, weight; `able` [float, block] says who is qualified."""

    start: Ints
    end: Ints
    weight: Ints
    able: Bools

    @classmethod
    def of(cls, problem: BlocksProblem) -> Case:
        number = {block.block_id: n for n, block in enumerate(problem.blocks)}
        able = np.zeros((len(problem.floats), len(number)), dtype=np.bool_)
        for row, adult in enumerate(problem.floats):
            able[row, [number[name] for name in adult.blocks]] = True
        columns = [[getattr(block, field) for block in problem.blocks] for field in ("start", "end", "weight")]
        start, end, weight = (np.array(column, dtype=np.int64) for column in columns)
        return cls(start, end, weight, able)

    @property
    def dear(self) -> int:
        """What one unit of uncovered weight costs, in floats: more than all floats together."""
        return len(self.able) + 1

    @cached_property
    def neighbours(self) -> list[Ints]:
        """Per block the others that overlap it."""
        found = []
        for j in range(len(self.start)):
            near = (self.start < self.end[j]) & (self.end > self.start[j])
            near[j] = False
            found.append(np.flatnonzero(near).astype(np.int32))
        return found  # type: ignore[return-value] # half the memory of 64 bits

    @cached_property
    def qualified(self) -> list[Ints]:
        """Per block the floats who may do it."""
        return [np.flatnonzero(self.able[:, j]) for j in range(len(self.start))]

    def cost(self, cover: Ints) -> int:
        """Uncovered weight first, then floats used, as one number."""
        return int(self.dear * self.weight[cover < 0].sum()) + len(np.unique(cover[cover >= 0]))

    def instants(self, blocks: Ints) -> Ints:
        """The starts at which the sets of those blocks that overlap are largest (maximal cliques), in order of time."""
        events = sorted([(t, 1) for t in self.start[blocks].tolist()] + [(t, 0) for t in self.end[blocks].tolist()])
        found: list[int] = []
        opened: int | None = None
        for time, opens in events:
            if opens:
                opened = time
            elif opened is not None:
                found.append(opened)
                opened = None
        return np.array(found, dtype=np.int64)

    def cliques(self, blocks: Ints) -> list[Ints]:
        """Maximal sets of the blocks that overlap at one instant."""
        return [blocks[(self.start[blocks] <= at) & (at < self.end[blocks])] for at in self.instants(blocks)]


def cover_of(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)

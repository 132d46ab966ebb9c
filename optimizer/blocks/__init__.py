"""The fewest floats that cover given blocks of work: problem, bounds, search, exact model, independent check.

`solve` runs what its processes find through `check`, which shares no code with them.
"""

from optimizer.blocks.check import check_blocks
from optimizer.blocks.problem import BlocksPlan, BlocksProblem
from optimizer.blocks.solve import fewest_floats
from optimizer.blocks.text import read_blocks

__all__ = ["BlocksPlan", "BlocksProblem", "check_blocks", "fewest_floats", "read_blocks"]

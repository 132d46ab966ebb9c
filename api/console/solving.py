"""Solving for a person who waits: one question at a time, in a process beside the service (`optimizer.solve`)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import optimizer
from optimizer import Plan, Problem

WEEK_SECONDS = 12.0
DAY_SECONDS = 8.0


@dataclass(slots=True)
class Solver:
    """Live checks go on meanwhile; two people who ask at once are answered one after the other."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def solve(self, problem: Problem, seconds: float) -> Plan:
        """The best plan found in that time, accepted by the independent checker."""
        async with self._turn:
            return await asyncio.to_thread(optimizer.solve, problem, seconds)

"""Solving for a person who waits: one question at a time, in a process beside the service (`optimizer.solve`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import optimizer
from optimizer import Plan, Problem

T = TypeVar("T")


@dataclass(slots=True)
class Solver:
    """Live checks go on meanwhile; two people who ask at once are answered one after the other."""

    week_seconds: float = 20.0
    day_seconds: float = 5.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def week(self, problem: Problem) -> Plan:
        """The best plan found in the time for a week, accepted by the independent checker."""
        return await self._solve(problem, self.week_seconds)

    async def day(self, problem: Problem) -> Plan:
        """The same for a single day."""
        return await self._solve(problem, self.day_seconds)

    async def asked(self, question: Callable[[], T]) -> T:
        """What is found by solving more than once, also one at a time."""
        async with self._turn:
            return await asyncio.to_thread(question)

    async def _solve(self, problem: Problem, seconds: float) -> Plan:
        async with self._turn:
            return await asyncio.to_thread(optimizer.solve, problem, seconds)

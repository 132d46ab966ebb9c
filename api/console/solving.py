"""Solving beside the service: a process of its own, so that live checks never wait for a planner."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from domain.errors import RatiocastError
from optimizer import Plan, Problem

_PATIENCE_SECONDS = 120.0


@dataclass(slots=True)
class Solver:
    """One process, started at the first question and kept."""

    _pool: ProcessPoolExecutor | None = None

    def warm(self) -> None:
        """Start the process, so that the first question need not wait for it."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            self._pool.submit(_ready)

    async def solve(self, problem: Problem) -> Plan:
        """A checked plan. RatiocastError if there is none in time; then nothing was changed."""
        self.warm()
        future = asyncio.get_running_loop().run_in_executor(self._pool, _solved, problem.model_dump_json())
        try:
            text = await asyncio.wait_for(future, _PATIENCE_SECONDS)
        except (TimeoutError, BrokenProcessPool) as error:
            self.close()
            raise RatiocastError("no plan was found in time; the plan before stands") from error
        return Plan.read(text)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _ready() -> None:
    import optimizer  # noqa: F401


def _solved(text: str) -> str:
    import optimizer

    problem = Problem.read(text)
    plan = optimizer.solve(problem)
    faults = optimizer.check(problem, plan)
    if faults:
        raise RatiocastError(f"the new plan broke a rule and was not kept: {faults[0]}")
    return plan.model_dump_json()

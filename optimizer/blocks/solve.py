"""`fewest_floats`: first answer at once, then search beside proof, each in a process that is ended in time.

One core solves the exact model or, where that is too large, searches covers. The other proves a bound by linear
programming, then searches. All end as soon as cost and bound meet.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.blocks.bound import UNIT, Bound, linear_bound, peak_bound
from optimizer.blocks.case import Case, Ints, cover_of
from optimizer.blocks.check import check_blocks
from optimizer.blocks.problem import BlocksPlan, BlocksProblem, Duty, Proof, Uncovered
from optimizer.blocks.search import SWAP_CHANCE, improve
from optimizer.conversation import conversation

SECONDS = 60.0
FIRST_STEPS = 2_000
TINY = 2_000  # (float, block) pairs up to which the linear program takes no time worth a process
CLOSABLE = 10_000  # pairs up to which the exact model may end in time; beyond, a second search does more
BOUND_SHARE = 0.75  # of the time, at most, for the linear program
MARGIN_SECONDS = 1.0  # for the model to tell what it has
DEAL_CHANCE = 0.5
OTHER_SWAP_CHANCE = 0.1  # of the search without deals: some answers are found by dealing alone, some by chasing alone
Found = tuple[str, dict[str, Any] | None]  # who, and what; None: it has ended
WORKER = (sys.executable, "-m", "optimizer.blocks.worker")


def fewest_floats(problem: BlocksProblem, seconds: float = SECONDS, command: tuple[str, ...] = WORKER) -> BlocksPlan:
    """The best plan found within about `seconds`, accepted by the checker.

    Cost and bound depend on the problem alone when the status is optimal; so does who does what when the first answer
    (of a fixed number of steps) is proven best. Else it may also depend on which process was first.
    """
    started = time.monotonic()
    case = Case.of(problem)
    state = _State(problem, case, started)
    state.take_bound(peak_bound(case))
    for cover in improve(case, problem.seed, steps=FIRST_STEPS):
        state.take_cover(cover)
        if state.closed or state.elapsed > seconds / 2:
            break
    if not state.closed and case.able.sum() <= TINY:
        state.take_bound(linear_bound(case))
    if not state.closed:
        _race(state, started + seconds, command)
    return state.answer()


@dataclass
class _State:
    """Covers, each cheaper than the one before, and the best bound so far."""

    problem: BlocksProblem
    case: Case
    started: float
    prices: list[int] | None = None
    bound: int = -1

    def __post_init__(self) -> None:
        self.covers = [np.full(len(self.problem.blocks), -1, dtype=np.int64)]
        self.cost = self.case.cost(self.covers[0])

    @property
    def closed(self) -> bool:
        return self.cost <= self.bound

    @property
    def complete(self) -> bool:
        """True when nothing is left out but what nobody may do."""
        return bool((self.covers[-1] >= 0)[self.case.able.any(axis=0)].all())

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def take(self, finding: dict[str, Any]) -> None:
        if "cover" in finding:
            self.take_cover(cover_of(finding["cover"]))
        elif self.bound < finding["bound"] <= self.cost:
            self.bound, self.prices = finding["bound"], finding["prices"]

    def take_bound(self, found: Bound) -> None:
        self.take({"bound": found.cost, "prices": found.prices.tolist()})

    def take_cover(self, cover: Ints) -> None:
        if self.case.cost(cover) < self.cost:
            self.covers.append(cover)
            self.cost = self.case.cost(cover)

    def answer(self) -> BlocksPlan:
        """The best cover that the checker accepts; the first, which leaves all uncovered, always is."""
        plans = (self._plan(cover) for cover in reversed(self.covers))
        return next(plan for plan in plans if not check_blocks(self.problem, plan))

    def _plan(self, cover: Ints) -> BlocksPlan:
        problem, dear = self.problem, self.case.dear
        weight, used = int(self.case.weight[cover < 0].sum()), len(np.unique(cover[cover >= 0]))
        uncovered_bound = max(0, -((dear - 1 - self.bound) // dear))
        floats_bound = max(0, self.bound - dear * weight) if weight == uncovered_bound else 0
        names = [block.block_id for block in problem.blocks]
        workers = cover.tolist()
        return BlocksPlan(
            label=problem.label, problem_hash=problem.input_hash,
            status="optimal" if (weight, used) == (uncovered_bound, floats_bound) else "feasible",
            floats_used=used, floats_bound=floats_bound, uncovered_weight=weight, uncovered_bound=uncovered_bound,
            seed=problem.seed, seconds=round(self.elapsed, 3),
            duties=tuple(
                Duty(block_id=name, staff_id=problem.floats[w].staff_id)
                for name, w in zip(names, workers, strict=True) if w >= 0
            ),
            uncovered=tuple(
                Uncovered(block_id=name, reason=self._reason(j)) for j, name in enumerate(names) if workers[j] < 0
            ),
            proof=self._proof(names),
        )  # fmt: skip

    def _proof(self, names: list[str]) -> Proof | None:
        if self.prices is None:
            return None
        return Proof(unit=UNIT, prices={name: p for name, p in zip(names, self.prices, strict=True) if p})

    def _reason(self, block: int) -> str:
        able = len(self.case.qualified[block])
        return f"each of the {able} who are qualified is needed elsewhere then" if able else "nobody is qualified"


def _race(state: _State, deadline: float, command: tuple[str, ...]) -> None:
    """Two cores until cost and bound meet or the time is over: one searches or solves the model, one goes in turns."""
    found: queue.Queue[Found] = queue.Queue()
    seed = state.problem.seed
    deal = {"part": "search", "seed": seed, "swap_chance": SWAP_CHANCE, "deal_chance": DEAL_CHANCE}
    chase = {"part": "search", "seed": seed + 1, "swap_chance": OTHER_SWAP_CHANCE, "deal_chance": 0.0}
    if state.case.able.sum() <= CLOSABLE:
        until = deadline - MARGIN_SECONDS
        beside, search = {"part": "model", "seed": seed, "until": until, "complete": state.complete}, deal
    else:
        beside, search = deal, chase
    bound_until = deadline - (1 - BOUND_SHARE) * (deadline - time.monotonic())
    bound = {"part": "bound", "until": bound_until - MARGIN_SECONDS}
    with _running(state, beside, "beside", found, command):
        for turn, who, until in ((bound, "bound", bound_until), (search, "search", deadline)):
            if not state.closed:
                with _running(state, turn, who, found, command):
                    _listen(state, found, who, until)


def _listen(state: _State, found: queue.Queue[Found], turn: str, until: float) -> None:
    """Take findings until the turn ends: by itself, by its time, or because all is proven."""
    while not state.closed:
        try:
            who, finding = found.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        if finding is not None:
            state.take(finding)
        elif who == turn:
            return


def _running(
    state: _State, order: dict[str, Any], who: str, found: queue.Queue[Found], command: tuple[str, ...]
) -> AbstractContextManager[object]:
    """A worker whose findings go to the queue, then None when it ends; it is ended with the context."""
    text = json.dumps(order | {"problem": state.problem.model_dump_json()})
    return conversation(command, text, lambda line: found.put((who, None if line is None else json.loads(line))))

"""Search for covers with ever fewer floats: one float is let go, and the blocks that lose their place chase others out.

A block without a place goes to a qualified float whose blocks in the way are cheapest to lose; those look for a place
next. Or all blocks at one of its instants change hands at once, the cheapest way: an assignment problem, as of blocks
that overlap each needs a float of its own. A block's price rises each time it finds no place, so that hard blocks win
in the end; a block that would find another place at once is nearly free. Now and then a float outside the team takes
the place of one inside; blocks move to free places and change hands at no cost. (Ejection chains with learnt prices, as
used for reducing the number of vehicles in routing.) The course depends on the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.blocks.case import Case, Ints, Reals

SWAP_CHANCE = 0.02
STROLL_CHANCE = 0.3
ELSEWHERE = 0.1  # share of its price that losing a block costs which has another place
PATIENCE = 40_000  # steps without progress before blocks are given up that find no place with all floats there
NOISE = 0.05


def improve(
    case: Case, seed: int = 0, swap_chance: float = SWAP_CHANCE, deal_chance: float = 0.0, steps: int | None = None
) -> Iterator[Ints]:
    """Covers, each better than the one before. Ends after `steps` (None: never) or when there is nothing to save.

    `deal_chance`: how often all blocks at an instant are dealt anew, which finds more and takes longer.
    """
    chase = _Chase(case, seed, swap_chance, deal_chance, steps)
    chase.fill_in_order_of_time()
    chase.place(PATIENCE)
    while True:
        yield chase.doer.copy()
        if not chase.shrink() or not chase.place():
            return


class _Chase:
    """The state: who does what (`doer`), the team, and how many places each block has."""

    def __init__(self, case: Case, seed: int, swap_chance: float, deal_chance: float, steps: int | None) -> None:
        self.case, self.swap_chance, self.deal_chance, self.steps = case, swap_chance, deal_chance, steps
        self.floats, self.blocks = case.able.shape
        self.random = np.random.default_rng(seed)
        self.doer = np.full(self.blocks, -1, dtype=np.int64)
        self.inside = np.ones(self.floats, dtype=np.bool_)
        self.in_way = np.zeros((self.floats, self.blocks), dtype=np.int16)  # blocks of the float that overlap this one
        self.places = case.able.sum(axis=0)  # floats inside, qualified, with nothing in the way
        self.price = case.weight.astype(np.float64)
        self.given_up = ~case.able.any(axis=0)  # nobody is qualified

    def fill_in_order_of_time(self) -> None:
        """A first cover: each block to a free qualified float, one already used before a new one."""
        used = np.zeros(self.floats, dtype=np.bool_)
        for block in np.lexsort((self.case.end, self.case.start)).tolist():
            free = self._free(block)
            if len(free):
                doer = int(free[np.argmax(used[free])])
                self._put(block, doer)
                used[doer] = True

    def shrink(self) -> bool:
        """Let go of those without work and then of the one with the least; False when nobody works."""
        load = np.bincount(self.doer[self.doer >= 0], minlength=self.floats)
        for idle in np.flatnonzero(self.inside & (load == 0)).tolist():
            self._let_go(idle)
        busy = np.flatnonzero(load)
        if not len(busy):
            return False
        least = busy[load[busy] == load[busy].min()]
        self._let_go(int(self.random.choice(least)))
        return True

    def place(self, patience: int | None = None) -> bool:
        """Chase until every block has a place. With patience, give up the lightest set left when it is lost.

        False when the steps are used up; the cover is then not complete.
        """
        waiting = np.flatnonzero((self.doer < 0) & ~self.given_up).tolist()
        least, best, since = int(self.case.weight[waiting].sum()), self.doer.copy(), 0
        while waiting:
            spent = self.steps is not None and self.steps <= 0
            if spent and patience is None:
                return False
            if patience is not None and (spent or since > patience):
                self._restore(best)
                self.given_up = self.doer < 0
                return True
            if self.steps is not None:
                self.steps -= 1
            since += 1
            self._step(waiting)
            if patience is not None:
                missing = int(self.case.weight[waiting].sum())
                if missing < least:
                    least, best, since = missing, self.doer.copy(), 0
        return True

    def _step(self, waiting: list[int]) -> None:
        """One waiting block gets a place; blocks chased out are appended."""
        number = int(self.random.random() * len(waiting))
        block = waiting[number]
        waiting[number] = waiting[-1]
        waiting.pop()
        if self.places[block] > 0:
            free = self._free(block)
            self._put(block, int(free[int(self.random.random() * len(free))]))
        else:
            self.price[block] += 1
            if self.random.random() < self.swap_chance or not self.inside[self.case.qualified[block]].any():
                if not self._swap(block, waiting) and not self._squeeze(block, waiting):
                    waiting.append(block)
            elif self.random.random() < self.deal_chance:
                self._deal(block)
                waiting[:] = np.flatnonzero((self.doer < 0) & ~self.given_up).tolist()
            else:
                self._squeeze(block, waiting)
        if self.random.random() < STROLL_CHANCE:
            self._stroll()
        self._exchange()

    def _squeeze(self, block: int, waiting: list[int]) -> bool:
        """Put the block where what it chases out is cheapest."""
        able = self.case.qualified[block]
        able = able[self.inside[able]]
        if not len(able):
            return False
        near = self.case.neighbours[block]
        cost = np.bincount(self.doer[near] + 1, self._loss()[near], minlength=self.floats + 1)[1:][able]
        waiting += self._force(block, int(able[(cost + NOISE * self.random.random(len(able))).argmin()]))
        return True

    def _deal(self, block: int) -> None:
        """Deal all blocks at an instant of this one anew, so that it has a place and what is chased out is cheapest."""
        at = self.random.integers(self.case.start[block], self.case.end[block])
        hands = np.flatnonzero((self.case.start <= at) & (at < self.case.end) & ~self.given_up)
        doers = self._cheapest(block, hands)
        moves = [(j, doer) for j, doer in zip(hands.tolist(), doers, strict=True) if doer != self.doer[j]]
        for j, _ in moves:
            if self.doer[j] >= 0:
                self._take(j)
        for j, doer in moves:
            if doer >= 0:
                self._force(j, doer)

    def _cheapest(self, block: int, hands: Ints) -> list[int]:
        """A float of the team for each of the blocks, which all overlap; -1 for those left without."""
        from scipy.optimize import linear_sum_assignment  # takes a while to import; most questions need no deal

        team = np.flatnonzero(self.inside)
        loss = self._loss()
        loss[hands] = 0.0  # they all move
        leave = self.price[hands]
        leave[hands == block] = self.price.sum()
        lost = self._lost(hands, loss)[:, team] + NOISE * self.random.random((len(hands), len(team)))
        lost[~self.case.able[np.ix_(team, hands)].T] = np.inf
        cost = np.hstack([lost, np.where(np.eye(len(hands), dtype=np.bool_), leave, np.inf)])
        columns = linear_sum_assignment(cost)[1]
        return [int(team[column]) if column < len(team) else -1 for column in columns.tolist()]

    def _swap(self, block: int, waiting: list[int]) -> bool:
        """Bring in a qualified float from outside for the block, in the place of the one whose loss is cheapest."""
        able = self.case.qualified[block]
        outside = able[~self.inside[able]]
        if not len(outside) or not self.inside.any():
            return False
        comes = int(outside[int(self.random.random() * len(outside))])
        lost = ~self.case.able[comes]
        lost[self.case.neighbours[block]] = True
        cost = np.bincount(self.doer + 1, weights=self._loss() * lost, minlength=self.floats + 1)[1:]
        cost[~self.inside] = np.inf
        goes = int((cost + NOISE * self.random.random(self.floats)).argmin())
        handed = self._let_go(goes)
        self.inside[comes] = True
        self.places += self.case.able[comes]
        for other in handed:
            if lost[other]:
                waiting.append(other)
            else:
                self._put(other, comes)
        self._put(block, comes)
        return True

    def _stroll(self) -> None:
        """Move a block chosen at random to another place that is free, to shake the team up."""
        block = int(self.random.random() * self.blocks)
        if self.doer[block] >= 0 and self.places[block] >= 2:
            free = self._free(block)
            self._take(block)
            self._put(block, int(free[int(self.random.random() * len(free))]))

    def _exchange(self) -> None:
        """Let two floats exchange a block each if that fits both: where all are busy no place is free to stroll to."""
        block = int(self.random.random() * self.blocks)
        able = self.case.qualified[block]
        able = able[(self.in_way[able, block] == 1) & self.inside[able]]
        one = int(self.doer[block])
        if one < 0 or not len(able):
            return
        other = int(able[int(self.random.random() * len(able))])
        near = self.case.neighbours[block]
        (theirs,) = near[self.doer[near] == other].tolist()
        if self.case.able[one, theirs] and self.in_way[one, theirs] == 1:
            self._take(block)
            self._take(theirs)
            self._put(block, other)
            self._put(theirs, one)

    def _loss(self) -> Reals:
        """Per block what it costs to chase it out."""
        return self.price * np.where(self.places >= 2, ELSEWHERE, 1.0)

    def _lost(self, blocks: Ints, loss: Reals) -> Reals:
        """[block, float]: the sum of the losses if the float does the block."""
        near = [self.case.neighbours[block] for block in blocks.tolist()]
        cells = np.repeat(np.arange(len(near)) * (self.floats + 1), [len(others) for others in near])
        others = np.concatenate(near)
        sums = np.bincount(cells + self.doer[others] + 1, loss[others], minlength=len(near) * (self.floats + 1))
        return sums.reshape(len(near), self.floats + 1)[:, 1:].astype(np.float64, copy=False)

    def _force(self, block: int, doer: int) -> list[int]:
        """Put the block there; returns the blocks chased out."""
        near = self.case.neighbours[block]
        lost: list[int] = near[self.doer[near] == doer].tolist()
        for other in lost:
            self._take(other)
        self._put(block, doer)
        return lost

    def _free(self, block: int) -> Ints:
        able = self.case.qualified[block]
        free: Ints = able[(self.in_way[able, block] == 0) & self.inside[able]]
        return free

    def _put(self, block: int, doer: int) -> None:
        self.doer[block] = doer
        near = self.case.neighbours[block]
        before = self.in_way[doer, near]
        self.places[near] -= (before == 0) & self.case.able[doer, near]
        self.in_way[doer, near] = before + 1

    def _take(self, block: int) -> None:
        doer = self.doer[block]
        self.doer[block] = -1
        near = self.case.neighbours[block]
        after = self.in_way[doer, near] - 1
        self.in_way[doer, near] = after
        self.places[near] += (after == 0) & self.case.able[doer, near]

    def _let_go(self, leaver: int) -> list[int]:
        """The float leaves the team; returns the blocks that lose their place."""
        blocks: list[int] = np.flatnonzero(self.doer == leaver).tolist()
        for block in blocks:
            self._take(block)
        self.inside[leaver] = False
        self.places -= self.case.able[leaver]
        return blocks

    def _restore(self, cover: Ints) -> None:
        for block in np.flatnonzero(self.doer >= 0).tolist():
            self._take(block)
        for block in np.flatnonzero(cover >= 0).tolist():
            self._put(block, int(cover[block]))

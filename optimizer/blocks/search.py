"""Search for covers with ever fewer floats: one float is let go, and the blocks that lose their place chase others out.

A block without a place goes to a qualified float whose blocks in the way are cheapest to lose; those look for a place
next. A block's price rises each time it finds none, so that hard blocks win in the end; a block that would find another
place at once is nearly free. Now and then a float outside the team takes the place of one inside; blocks move to free
places and change hands at no cost. (Ejection chains with learnt prices, as used for reducing the number of vehicles in
routing.) The course depends on the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.blocks.case import Case, Ints

SWAP_CHANCE = 0.02
STROLL_CHANCE = 0.3
ELSEWHERE = 0.1  # share of its price that losing a block costs which has another place
PATIENCE = 40_000  # steps without progress before blocks are given up that find no place with all floats there
NOISE = 0.05


def improve(case: Case, seed: int = 0, swap_chance: float = SWAP_CHANCE, steps: int | None = None) -> Iterator[Ints]:
    """Covers, each better than the one before. Ends after `steps` (None: never) or when there is nothing to save."""
    chase = _Chase(case, seed, swap_chance, steps)
    chase.fill_in_order_of_time()
    chase.place(PATIENCE)
    while True:
        yield chase.doer.copy()
        if not chase.shrink() or not chase.place():
            return


class _Chase:
    """The state: who does what (`doer`), the team, and how many places each block has."""

    def __init__(self, case: Case, seed: int, swap_chance: float, steps: int | None) -> None:
        self.case, self.swap_chance, self.steps = case, swap_chance, steps
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
        doers = self.doer[near]
        loss = self.price[near] * np.where(self.places[near] >= 2, ELSEWHERE, 1.0)
        cost = np.bincount(doers + 1, weights=loss, minlength=self.floats + 1)[1:][able]
        doer = int(able[(cost + NOISE * self.random.random(len(able))).argmin()])
        for lost in near[doers == doer].tolist():
            self._take(lost)
            waiting.append(lost)
        self._put(block, doer)
        return True

    def _swap(self, block: int, waiting: list[int]) -> bool:
        """Bring in a qualified float from outside for the block, in the place of the one whose loss is cheapest."""
        able = self.case.qualified[block]
        outside = able[~self.inside[able]]
        if not len(outside) or not self.inside.any():
            return False
        comes = int(outside[int(self.random.random() * len(outside))])
        lost = ~self.case.able[comes]
        lost[self.case.neighbours[block]] = True
        loss = self.price * np.where(self.places >= 2, ELSEWHERE, 1.0) * lost
        cost = np.bincount(self.doer + 1, weights=loss, minlength=self.floats + 1)[1:]
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

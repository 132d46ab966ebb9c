"""Siblings, told from the record alone: children who come together whenever both come."""

from __future__ import annotations

import numpy as np

from forecasting.attendance import Attendance, Floats, Ints

TOGETHER_MINUTES = 2.5
RECENT_DAYS = 150
FEWEST_DAYS = 6
SHARE = 0.6


def families_of(a: Attendance) -> Ints:
    """Family number of every row; -1 for a child without siblings here. Second visits of a day have none."""
    recent = slice(max(0, a.future - RECENT_DAYS), a.future)
    arrive = np.where(a.visit[:, None] == 0, a.arrive[:, recent], np.nan)
    parent = np.arange(len(arrive))
    for row in range(len(arrive)):
        gap = np.abs(arrive[row + 1 :] - arrive[row])
        both = (~np.isnan(gap)).sum(axis=1)
        together = (gap < TOGETHER_MINUTES).sum(axis=1)
        for other in row + 1 + np.flatnonzero((both >= FEWEST_DAYS) & (together >= SHARE * both)):
            parent[parent == parent[other]] = parent[row]
    sizes = np.bincount(parent, minlength=len(parent))
    return np.where(sizes[parent] > 1, parent, -1).astype(np.int64)


def together_share(a: Attendance, families: Ints) -> float:
    """P(siblings arrive together | both come), over the recent days."""
    close, pairs = 9.0, 10.0
    arrive: Floats = a.arrive[:, max(0, a.future - RECENT_DAYS) : a.future]
    for family in np.unique(families[families >= 0]):
        first, *others = arrive[families == family]
        for other in others:
            gap = np.abs(other - first)
            close += float((gap < TOGETHER_MINUTES).sum())
            pairs += float((~np.isnan(gap)).sum())
    return close / pairs

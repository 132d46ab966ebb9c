"""Counts of children who each are there or not: summed exactly, shocks they share integrated over nodes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def count_pmf(chance: Floats, room: Ints, rooms: int, weights: Floats) -> Floats:
    """pmf[room, time, k] of how many of the rows are in each room.

    chance[row, time, node] = P(row is in its room[row] at the time | node): independent rows given the node
    (Poisson-binomial, by convolution). `weights` over the nodes are [node], or [time, node].
    """
    order = np.argsort(room, kind="stable")
    counts = np.bincount(room, minlength=rooms)
    most = int(counts.max(initial=0))
    padded = np.zeros((most, rooms, *chance.shape[1:]))
    place = np.arange(len(room)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded[place, room[order]] = chance[order]
    pmf = np.zeros((most + 1, rooms, *chance.shape[1:]))
    pmf[0] = 1.0
    for n in range(most):
        p = padded[n]
        moved = pmf[: n + 1] * p
        pmf[: n + 1] -= moved
        pmf[1 : n + 2] += moved
    return np.asarray(np.moveaxis((pmf * weights).sum(axis=-1), 0, -1))


def tallied(there: Flags, group: Ints, groups: int) -> Ints:
    """[draw, time, group] how many of the rows are there: there[draw, row, time], group[row]."""
    member = np.zeros((len(group), groups), dtype=np.float32)
    member[np.arange(len(group)), group] = 1
    return np.asarray(np.rint(there.transpose(0, 2, 1).astype(np.float32) @ member), dtype=np.int64)


def summed(left: Floats, right: Floats) -> Floats:
    """pmf[..., k] of the sum of two independent counts."""
    result = np.zeros((*left.shape[:-1], left.shape[-1] + right.shape[-1] - 1))
    if left.shape[-1] < right.shape[-1]:
        left, right = right, left
    for k in range(right.shape[-1]):
        result[..., k : k + left.shape[-1]] += left * right[..., k : k + 1]
    return result


def nodes(mean: float, sd: float, count: int = 5) -> tuple[Floats, Floats]:
    """Gauss-Hermite nodes and weights of N(mean, sd)."""
    at, weight = _hermite(count)
    return mean + sd * at, weight


def spread_nodes(count: int, dimensions: int) -> Floats:
    """[node, dimension]: equally weighted standard normal points, evenly spread (a rank-one lattice), each coordinate
    of mean 0 and variance 1."""
    root = 1.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1, dimensions + 1)
    uniform = (0.5 + np.outer(np.arange(1, count + 1), steps)) % 1
    ranks = uniform.argsort(axis=0).argsort(axis=0)
    points = np.vectorize(_normal_quantile)((ranks + 0.5) / count)
    result: Floats = (points - points.mean(axis=0)) / points.std(axis=0)
    return result


def recalibrated(pmf: Floats, levels: Floats) -> Floats:
    """The pmf whose distribution function is levels(old one); `levels` are values of a monotone map on an even grid of
    [0, 1], either [grid] or [time, grid] for pmf[room, time, k]."""
    cdf = np.clip(np.cumsum(pmf, axis=-1), 0, 1)
    grid = levels.shape[-1] - 1
    low = np.minimum((cdf * grid).astype(np.int64), grid - 1)
    part = cdf * grid - low
    if levels.ndim == 1:
        mapped = levels[low] * (1 - part) + levels[low + 1] * part
    else:
        time = np.arange(levels.shape[0])[None, :, None]
        mapped = levels[time, low] * (1 - part) + levels[time, low + 1] * part
    mapped[..., -1] = 1.0
    return np.asarray(np.diff(mapped, axis=-1, prepend=0.0))


def padded_to(pmf: Floats, size: int) -> Floats:
    """The same pmf with at least `size` bins."""
    short = size - pmf.shape[-1]
    return np.pad(pmf, [(0, 0)] * (pmf.ndim - 1) + [(0, short)]) if short > 0 else pmf


def stacked(parts: Sequence[Floats]) -> Floats:
    """pmfs [room, time, k] joined along time."""
    size = max(part.shape[-1] for part in parts)
    return np.concatenate([padded_to(part, size) for part in parts], axis=1)


@lru_cache(maxsize=8)
def _hermite(count: int) -> tuple[Floats, Floats]:
    at, weight = np.polynomial.hermite_e.hermegauss(count)
    return at, weight / weight.sum()


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)

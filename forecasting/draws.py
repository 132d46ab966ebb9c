"""Joint draws that keep to the forecast: how rooms, times and ages hang together is the sampler's, the counts are the
distribution's, so that odds counted over draws are those of the forecast (calibrated, or of a rule that stands in).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def following(draws: Ints, pmf: Floats, seed: int) -> Ints:
    """draws[n, room, time, band] with the counts of each room and time made to follow pmf[room, time, k].

    Each draw keeps its rank in every cell (ties are broken alike everywhere), and the bands keep their proportions.
    """
    n, rooms, times, bands = draws.shape
    if not draws.size:
        return draws
    draw = np.random.default_rng([seed, 1])
    cells = draws.reshape(n, rooms * times, bands)
    totals = cells.sum(axis=2)
    order = np.argsort(totals + draw.random((n, 1)), axis=0)
    counts = np.empty_like(totals)
    np.put_along_axis(counts, order, _spread(pmf.reshape(rooms * times, -1), n, draw.random()), axis=0)
    k, cell = np.nonzero(counts != totals)
    result = cells.copy()
    result[k, cell] = _in_bands(cells[k, cell], _usual(cells)[cell], counts[k, cell])
    return result.reshape(draws.shape)


def _spread(pmf: Floats, n: int, offset: float) -> Ints:
    """[n, cell] counts of pmf[cell, k] at n evenly spread levels, in rising order; `offset` in [0, 1) shifts them."""
    upto = np.clip(np.ceil(np.cumsum(pmf, axis=1) * n - offset - 1e-9), 0, n).astype(np.int64)
    upto[:, -1] = n
    times = np.diff(upto, axis=1, prepend=0)
    values = np.broadcast_to(np.arange(pmf.shape[1]), pmf.shape)
    return np.repeat(values.ravel(), times.ravel()).reshape(len(pmf), n).T


def _usual(cells: Ints) -> Floats:
    """[cell, band] shares over all draws; where nobody was ever drawn, all in the last band (age unknown)."""
    totals = cells.sum(axis=0).astype(np.float64)
    totals[totals.sum(axis=1) == 0, -1] = 1.0
    return np.asarray(totals / totals.sum(axis=1, keepdims=True))


def _in_bands(before: Ints, usual: Floats, counts: Ints) -> Ints:
    """New totals per row in the proportions of `before` [row, band], or of `usual` where there was nobody."""
    total = before.sum(axis=1, keepdims=True)
    share = np.where(total > 0, before / np.maximum(total, 1), usual)
    exact = share * counts[:, None]
    whole = np.floor(exact + 1e-9).astype(np.int64)
    rank = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1)
    return np.asarray(whole + (rank < (counts - whole.sum(axis=1))[:, None]))

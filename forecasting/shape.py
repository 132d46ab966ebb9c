"""The shape of deviations from a habit, learnt from the deviations themselves: no law of chance is assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
REACH, STEP = 30.0, 0.05  # deviations are in units of their spread
SMOOTHING = 0.12  # sd of the kernel, in the same units
WIDE_SHARE, WIDE_SCALE = 0.004, 3.0  # a little of a wide logistic: what was never seen may still happen
PRIOR = 60.0  # a normal shape counts as this many deviations
GRID = np.arange(-REACH, REACH + STEP / 2, STEP)


@dataclass(frozen=True)
class Shape:
    """Distribution function and density of standardized deviations on GRID."""

    cdf_values: Floats
    pdf_values: Floats

    def cdf(self, z: Floats) -> Floats:
        """P(deviation <= z)."""
        return _look_up(self.cdf_values, z)

    def pdf(self, z: Floats) -> Floats:
        return _look_up(self.pdf_values, z)


def shape_of(deviations: Floats) -> Shape:
    """The smoothed distribution of the deviations; a normal one where there are few."""
    z = deviations[np.isfinite(deviations)]
    normal = np.exp(-0.5 * GRID**2)
    counts, _ = np.histogram(np.clip(z, -REACH, REACH), bins=len(GRID), range=(-REACH - STEP / 2, REACH + STEP / 2))
    reach = np.arange(-4 * SMOOTHING, 4 * SMOOTHING + STEP / 2, STEP)
    kernel = np.exp(-0.5 * (reach / SMOOTHING) ** 2)
    mass = np.convolve(counts.astype(np.float64), kernel / kernel.sum(), mode="same") + PRIOR * normal / normal.sum()
    wide = 1 / np.cosh(GRID / (2 * WIDE_SCALE)) ** 2
    mass = (1 - WIDE_SHARE) * mass / mass.sum() + WIDE_SHARE * wide / wide.sum()
    cdf = np.cumsum(mass) - mass / 2
    return Shape(cdf, mass / STEP)


def _look_up(values: Floats, z: Floats) -> Floats:
    """Linear interpolation on GRID; faster than np.interp because the grid is even."""
    at = np.clip((z + REACH) * (1 / STEP), 0, len(values) - 1.000001)
    low = at.astype(np.int64)
    base = values[low]
    result: Floats = base + (at - low) * (values[low + 1] - base)
    return result

"""Small networks that learn the low, middle and high quantile of a count, together and below a day ahead.

Trees cut the past into steps; near the present a count is better told by smooth weights on many noisy readings. Fully
connected layers on the distance from a simple forecast (as the trees' target is), trained by Adam on the pinball loss,
smoothed near zero (Cannon 2011). Each starts from other random weights: their errors differ, and the model is the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecasting.counts.grid import Floats
from forecasting.counts.learners import RAW_LEVELS, Bools, Values, base_and_unit

Singles = npt.NDArray[np.float32]

_WAVES = 4  # of the time of day
_BATCH = 256
_LEAST_STEPS = 300
_WARM_UP_STEPS = 100
_WEIGHT_DECAY = 1e-2
_SMOOTH = 0.1  # units; a smaller error is counted by its square
_FARTHEST = 4.0  # standard deviations; an input beyond says no more than that it is far
_PATH_STEPS = 8  # from the usual input to the given one, to share out the difference (integrated gradients)
_IN_UNITS = ("step_", "surprise_", "change_", "site_")  # differences already; all other counts are taken from the base
_LEFT_OUT = (
    "slot",
    "weekday",
    "day_of_year",
    "day_share",
    "room",
    "ordinary_",
    "analog_",
    "away",
    "year_before",
    "path",
)


@dataclass(frozen=True)
class Network:
    """`base`: the simple forecast the distance is learned from; `hidden`: neurons of each layer."""

    base: str
    hidden: tuple[int, ...]
    rounds: int  # at least so many times through all examples
    rate: float


@dataclass(frozen=True)
class LearnedNetwork:
    spec: Network
    calendar: tuple[str, ...]
    names: list[str]  # the feature behind each input
    usual: Singles  # (2, inputs): mean and standard deviation where they were learned from
    layers: list[Singles]  # weights and offsets by turns

    def forecast(self, values: Values) -> Floats:
        """(examples, rooms, 3)"""
        base, unit = base_and_unit(self.spec.base, values)
        found = _activations(self.layers, self._table(values))[-1].reshape(*base.shape, len(RAW_LEVELS))
        return np.asarray(base[..., None] + unit[..., None] * found)

    def contributions(self, values: Values) -> Values:
        """Feature -> persons it adds to the middle forecast, (examples, rooms); the base is one of them."""
        base, unit = base_and_unit(self.spec.base, values)
        table = self._table(values)
        slope = np.mean([self._slope(table * np.float32((k + 0.5) / _PATH_STEPS)) for k in range(_PATH_STEPS)], axis=0)
        found: Values = {}
        for k, name in enumerate(self.names):
            part = (slope * table)[:, k].reshape(base.shape) * unit
            found[name] = found.get(name, np.zeros_like(part)) + part
        middle = self.forecast(values)[..., RAW_LEVELS.index(0.5)]
        rest = middle - np.sum(list(found.values()), axis=0)
        return found | {self.spec.base: found.get(self.spec.base, 0.0) + rest}

    def gains(self) -> dict[str, float]:
        """Sum of squares of the first weights of each feature."""
        found: dict[str, float] = {}
        for name, weights in zip(self.names, self.layers[0], strict=True):
            found[name] = found.get(name, 0.0) + float(weights @ weights)
        return found

    def _slope(self, table: Singles) -> Singles:
        """(rows, inputs): change of the middle output with each input."""
        active = _activations(self.layers, table)
        back = np.repeat(self.layers[-2][:, [RAW_LEVELS.index(0.5)]].T, len(table), axis=0)
        for k in range(len(active) - 2, 0, -1):
            back = (back * (active[k] > 0)) @ self.layers[2 * k - 2].T
        return back

    def _table(self, values: Values) -> Singles:
        columns = [column for _, column in _inputs(self.spec, values, self.calendar, self.names)]
        return _standard(np.stack([column.ravel() for column in columns], axis=-1).astype(np.float32), self.usual)


def learn_network(
    spec: Network, values: Values, actual: Floats, rows: Bools, calendar: Sequence[str], seed: int
) -> LearnedNetwork:
    """`actual` and `rows` are (examples, rooms): what happened, and which of it may be learned from."""
    pairs = list(_inputs(spec, values, calendar))
    names = [name for name, _ in pairs]
    table = np.stack([column[rows] for _, column in pairs], axis=-1).astype(np.float32)
    base, unit = base_and_unit(spec.base, values)
    target = ((actual - base) / unit)[rows].astype(np.float32)
    known = ~np.isnan(table).all(axis=0)
    usual = np.stack([np.zeros(len(names), np.float32), np.ones(len(names), np.float32)])
    usual[0, known] = np.nanmean(table[:, known], axis=0)
    usual[1, known] += np.nanstd(table[:, known], axis=0) - 1 + 1e-3
    say = (unit[rows] / unit[rows].mean()).astype(np.float32)
    with threadpool_limits(1, user_api="blas"):  # more threads only wait for each other on tables so small
        layers = _trained(spec, _standard(table, usual), target, say, np.random.default_rng(seed))
    return LearnedNetwork(spec, tuple(calendar), names, usual, layers)


def _inputs(
    spec: Network, values: Values, calendar: Sequence[str], wanted: Sequence[str] = ()
) -> Iterator[tuple[str, Floats]]:
    """Feature and input, (examples, rooms) each; `wanted` keeps those of a learned network, unknown if not given."""
    base, unit = base_and_unit(spec.base, values)
    given = {name: column for name, column in values.items() if name in calendar or not name.startswith(_LEFT_OUT)}
    waves = ("slot", "weekday", "room", "size")
    for name in sorted(given if not wanted else set(wanted) - set(waves)):
        column = given.get(name, np.full_like(base, np.nan))
        if name in calendar or name.startswith("silence"):
            yield name, column
        elif name.startswith("level_"):
            yield name, np.log(np.maximum(column, 0.05))
        elif name.startswith(_IN_UNITS) or name.endswith("_sd_8"):
            yield name, column / unit
        else:
            yield name, (column - base) / unit
    for k in range(1, _WAVES + 1):
        yield "slot", np.sin(2 * np.pi * k * values["day_share"])
        yield "slot", np.cos(2 * np.pi * k * values["day_share"])
    for day in range(7):
        yield "weekday", (values["weekday"] == day).astype(np.float64)
    for room in range(base.shape[1]):
        yield "room", (values["room"] == room).astype(np.float64)
    yield "size", np.log1p(np.maximum(base, 0))


def _standard(table: Singles, usual: Singles) -> Singles:
    """What is unknown is taken as usual."""
    return np.asarray(np.nan_to_num(np.clip((table - usual[0]) / usual[1], -_FARTHEST, _FARTHEST)))


def _activations(layers: Sequence[Singles], table: Singles) -> list[Singles]:
    """The inputs, each hidden layer, and the outputs."""
    active = [table]
    for k in range(0, len(layers) - 2, 2):
        active.append(np.maximum(active[-1] @ layers[k] + layers[k + 1], 0))
    return [*active, active[-1] @ layers[-2] + layers[-1]]


def _trained(spec: Network, table: Singles, target: Singles, say: Singles, rng: np.random.Generator) -> list[Singles]:
    levels = np.array(RAW_LEVELS, np.float32)
    layers = _start((table.shape[1], *spec.hidden, len(levels)), rng)
    layers[-1] += np.quantile(target, levels).astype(np.float32)
    speed, spread = [np.zeros_like(one) for one in layers], [np.zeros_like(one) for one in layers]
    batches = max(1, len(table) // _BATCH)
    rounds = max(spec.rounds, -(-_LEAST_STEPS // batches))
    for step in range(rounds * batches):
        if step % batches == 0:
            order = rng.permutation(len(table))
        some = order[step % batches :: batches]
        active = _activations(layers, table[some])
        miss = target[some][:, None] - active[-1]
        loss_slope = np.where(miss > 0, -levels, 1 - levels) * np.minimum(np.abs(miss) / _SMOOTH, 1)
        slopes = _slopes(layers, active, (loss_slope * say[some][:, None] / len(some)).astype(np.float32))
        share = step / (rounds * batches)
        rate = spec.rate * min(1.0, (step + 1) / _WARM_UP_STEPS) * (1 + np.cos(np.pi * share)) / 2
        for k, slope in enumerate(
            slopes
        ):  # Adam (Kingma and Ba 2015), decay apart from it (Loshchilov and Hutter 2019)
            speed[k] += 0.1 * (slope - speed[k])
            spread[k] += 0.001 * (slope**2 - spread[k])
            move = speed[k] / (1 - 0.9 ** (step + 1)) / (np.sqrt(spread[k] / (1 - 0.999 ** (step + 1))) + 1e-8)
            layers[k] -= np.float32(rate) * (move + (_WEIGHT_DECAY * layers[k] if k % 2 == 0 else 0))
    return layers


def _start(sizes: Sequence[int], rng: np.random.Generator) -> list[Singles]:
    layers: list[Singles] = []
    for k, (inward, outward) in enumerate(pairwise(sizes)):
        size = np.sqrt(2 / inward) * (0.1 if k == len(sizes) - 2 else 1.0)  # outputs start near the plain quantiles
        layers.append((size * rng.normal(size=(inward, outward))).astype(np.float32))
        layers.append(np.zeros(outward, np.float32))
    return layers


def _slopes(layers: Sequence[Singles], active: Sequence[Singles], back: Singles) -> list[Singles]:
    """The gradient of each layer, from that of the outputs."""
    found: list[Singles] = []
    for k in range(len(layers) // 2 - 1, -1, -1):
        found = [active[k].T @ back, back.sum(axis=0), *found]
        back = (back @ layers[2 * k].T) * (active[k] > 0)
    return found

"""Today given what has been seen of it: the exact posterior of a begun day, in samples, for the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from sandbox import laws
from sandbox.attendance import Day
from sandbox.knobs import Knobs
from sandbox.laws import Bools, Floats, Rng

if TYPE_CHECKING:
    from sandbox.simulation import CenterSimulation

_NODES = np.linspace(-4.5, 4.5, 91)  # of a common shift, in standard deviations


@dataclass(frozen=True, slots=True)
class Known:
    """What the oracle has at hand: the minute of the origin, and each expected child's chance of being ill today."""

    minute: float
    ill: Floats


@dataclass(frozen=True, slots=True)
class Today:
    """Samples (rows) by expected child (columns)."""

    attends: Bools
    ill: Bools
    arrival: Floats
    departure: Floats


def sample_today(rng: Rng, center: CenterSimulation, day: Day, known: Known, samples: int) -> Today:
    """Draw the day's attendance given all that had shown itself by the origin."""
    seen = _Seen(center, day, known)
    knobs, count = center.knobs, len(day.families)
    shift = _draw_shift(rng, seen.arrival_likelihood(), knobs.arrival_center_sd, samples)
    longer = _draw_shift(rng, seen.stay_likelihood(), knobs.stay_center_sd, samples)
    arrival = np.tile(np.where(seen.arrived, day.arrival, np.inf), (samples, 1))
    departure = np.tile(np.where(seen.gone, day.departure, -np.inf), (samples, 1))
    planned, ill = seen.sample_absences(rng, shift)
    waiting = np.nonzero(~seen.arrived)[0]
    means, stays = seen.means[waiting], seen.stays[waiting]
    coming = laws.arrivals(rng, knobs, means + shift, after=known.minute)
    arrival[:, waiting] = coming
    departure[:, waiting], _ = laws.departures(rng, knobs, coming, stays + longer, np.broadcast_to(stays, coming.shape))
    here = np.nonzero(seen.arrived & ~seen.gone)[0]
    departure[:, here] = _leaving(rng, seen, here, longer)
    family_well = np.zeros((samples, count), dtype=bool)
    for column, place in enumerate(day.family_position):
        family_well[:, place] |= ~ill[:, column]
    place = day.family_position
    attends = ~ill & ~planned[:, place] & family_well[:, place]
    return Today(attends, ill, arrival[:, place], departure[:, place])


class _Seen:
    """The day's families as they have shown themselves."""

    def __init__(self, center: CenterSimulation, day: Day, known: Known) -> None:
        self.knobs, self.day, self.known, self.now = center.knobs, day, known, known.minute
        families = center.families.families
        self.means = np.array([families[f].arrival for f in day.families], dtype=np.float64)
        self.stays = np.array([families[f].stay for f in day.families], dtype=np.float64)
        snowed = day.snow is not None  # not yet known, but nobody will come
        self.arrived = (day.arrival <= self.now) & (not snowed)
        self.gone = (day.departure <= self.now) & (not snowed)
        self.messaged = (day.message <= self.now) & (not snowed)
        self.announced = day.planned & (day.plan_notice <= self.now)
        notified = day.ill & ~day.planned[day.family_position] & (day.ill_notice <= self.now)
        with_family = self.arrived[day.family_position]
        self.surely_ill = notified | (with_family & day.ill)
        self.surely_well = with_family & ~day.ill
        rate = laws.planned_rate(self.knobs, day.day)
        silent = rate * laws.plan_unreported(self.knobs, 0, self.now)
        any_notice = np.zeros(len(self.means), dtype=bool)
        np.logical_or.at(any_notice, day.family_position, notified)
        self.planned_weight = np.where(self.announced, 1.0, np.where(any_notice | self.arrived, 0.0, silent))
        self.ill_weight = known.ill * laws.illness_unreported(self.knobs, self.now)
        self.well_weight = 1 - known.ill
        self._family_weights(rate)

    def _family_weights(self, rate: float) -> None:
        """Weights that a family not planned away comes (one child well), or stays at home (all ill), before arrival."""
        everything, all_ill = np.ones(len(self.means)), np.ones(len(self.means))
        for column, place in enumerate(self.day.family_position):
            ill = 1.0 if self.surely_ill[column] else self.ill_weight[column]
            well = 0.0 if self.surely_ill[column] else self.well_weight[column]
            everything[place] *= ill + well
            all_ill[place] *= ill
        unplanned = np.where(self.announced, 0.0, 1 - rate)
        self.come_weight, self.home_weight = unplanned * (everything - all_ill), unplanned * all_ill

    def still_out(self, shift: Floats) -> Floats:
        """P(arrival after now | comes, common shift), by sample and family."""
        if self.now < self.knobs.open_minute:
            return np.ones((len(shift), len(self.means)))
        if self.now >= self.knobs.last_arrival_minute:
            return np.zeros((len(shift), len(self.means)))
        return laws.arrival_survival(self.knobs, self.now - self.means - shift)

    def arrival_likelihood(self) -> Floats:
        """Log-likelihood of the arrivals so far at each node of the common shift."""
        knobs, nodes = self.knobs, (_NODES * self.knobs.arrival_center_sd)[:, None]
        waiting = ~self.arrived & ~self.announced
        out = self.still_out(nodes)[:, waiting] * self.come_weight[waiting]
        total = np.log(out + (self.planned_weight + self.home_weight)[waiting] + 1e-300).sum(axis=1)
        times, means = self.day.arrival[self.arrived], self.means[self.arrived]
        late_by = times - means - nodes
        density = laws.arrival_density(knobs, late_by)
        density = np.where(times <= knobs.open_minute, 1 - laws.arrival_survival(knobs, late_by), density)
        density = np.where(times >= knobs.last_arrival_minute, laws.arrival_survival(knobs, late_by), density)
        return np.asarray(total + np.log(density + 1e-300).sum(axis=1))

    def stay_likelihood(self) -> Floats:
        """Log-likelihood of the departures so far, and of those still here, at each node of the stay's common shift."""
        knobs, nodes = self.knobs, (_NODES * self.knobs.stay_center_sd)[:, None]
        arrival, stays = self.day.arrival, self.stays
        silent_here = self.arrived & ~self.gone & ~self.messaged
        usual, late = laws.departure_survival(knobs, arrival[silent_here], stays[silent_here] + nodes, self.now)
        low, high = laws.early_window(knobs, arrival[silent_here], stays[silent_here])
        silent, told = laws.early_survival(knobs, low, high, self.now)
        total = np.log(usual + late + silent + told + 1e-300).sum(axis=1)
        gone = self.gone & ~self.messaged
        density = _departure_density(knobs, arrival[gone], stays[gone] + nodes, stays[gone], self.day.departure[gone])
        return np.asarray(total + np.log(density + 1e-300).sum(axis=1))

    def sample_absences(self, rng: Rng, shift: Floats) -> tuple[Bools, Bools]:
        """Planned absences by family and illness by child, given what has been seen."""
        come = self.come_weight * self.still_out(shift)
        home = np.broadcast_to(self.home_weight, come.shape)
        planned_weight = np.broadcast_to(self.planned_weight, come.shape)
        total = come + home + planned_weight
        total = np.where(total <= 0, 1.0, total)
        u = rng.random(come.shape) * total
        planned = (u < planned_weight) & ~self.arrived
        at_home = ~planned & (u >= planned_weight + come) & ~self.arrived
        coming = ~planned & ~at_home
        samples, place = len(shift), self.day.family_position
        chance = self.ill_weight / np.maximum(self.ill_weight + self.well_weight, 1e-12)
        ill = rng.random((samples, len(place))) < np.where(planned[:, place], self.known.ill, chance)
        ill = self.surely_ill | (~self.surely_well & (ill | at_home[:, place]))
        self._one_is_well(rng, ill, coming, chance)
        return planned, ill

    def _one_is_well(self, rng: Rng, ill: Bools, coming: Bools, chance: Floats) -> None:
        """Families that come have a child that is well: draw again where all came out ill."""
        for family in np.nonzero(~self.arrived & (self.come_weight > 0))[0]:
            columns = np.nonzero((self.day.family_position == family) & ~self.surely_ill)[0]
            wrong = np.nonzero(coming[:, family] & ill[:, columns].all(axis=1))[0]
            for _ in range(50):
                if not wrong.size or len(columns) == 1:
                    break
                ill[np.ix_(wrong, columns)] = rng.random((len(wrong), len(columns))) < chance[columns]
                wrong = wrong[ill[np.ix_(wrong, columns)].all(axis=1)]
            ill[np.ix_(wrong, columns)] = False


def _departure_density(knobs: Knobs, arrival: Floats, stay: Floats, stay_mean: Floats, departure: Floats) -> Floats:
    """Density of an unannounced pick-up at its minute."""
    close, sd, early = float(knobs.close_minute), knobs.stay_day_sd, knobs.early_pickup_rate
    late_by = departure - arrival - stay
    usual = np.exp(-0.5 * (late_by / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    rush = ndtr((arrival + stay - close) / sd) / laws.CLOSING_RUSH * (departure > close - laws.CLOSING_RUSH)
    low, high = laws.early_window(knobs, arrival, stay_mean)
    silent = early * (1 - knobs.early_pickup_announced) * ((low <= departure) & (departure <= high)) / (high - low)
    share = (1 - early) * (1 - knobs.late_pickup_rate)
    return np.asarray(np.where(departure <= close, share * (usual + rush) + silent, 1.0))


def _leaving(rng: Rng, seen: _Seen, here: np.ndarray[tuple[int], np.dtype[np.int64]], longer: Floats) -> Floats:
    """Pick-ups of those who are here: after now, and as announced where a message was sent."""
    arrival, stays = seen.day.arrival[here], seen.stays[here]
    shape = (len(longer), len(here))
    result, _ = laws.departures(
        rng, seen.knobs, np.broadcast_to(arrival, shape), stays + longer, np.broadcast_to(stays, shape), seen.now
    )
    low, high = laws.early_window(seen.knobs, arrival, stays)
    message = np.where(seen.messaged[here], seen.day.message[here], 0.0)
    first = np.maximum(np.maximum(message + laws.MESSAGE_LEAD[0], low), seen.now)
    last = np.maximum(np.minimum(message + laws.MESSAGE_LEAD[1], high), first)
    announced = first + rng.random(shape) * (last - first)
    return np.asarray(np.where(seen.messaged[here], announced, result))


def _draw_shift(rng: Rng, log_likelihood: Floats, sd: float, samples: int) -> Floats:
    """Draws (samples, 1) of a common shift from prior times likelihood, even within a cell of the grid."""
    weight = log_likelihood - 0.5 * _NODES**2
    share = np.exp(weight - weight.max())
    nodes = rng.choice(_NODES, samples, p=share / share.sum())
    width = _NODES[1] - _NODES[0]
    return np.asarray((nodes + rng.uniform(-0.5, 0.5, samples) * width)[:, None] * sd)

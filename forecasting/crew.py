"""The adults ahead: chances of being in each room from the shifts and the center's rates, their counts and joint draws.

Call-outs of a day share a shock, and part of it is the children's: on days on which many of them stay away (an illness,
snow) more adults do. On the origin's own day both are known by the morning, and the two are drawn apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from domain.time import as_utc, local_date
from forecasting.attendance import Floats, Ints
from forecasting.counting import count_pmf, nodes
from forecasting.staffside import AWAY, FLOAT, NOBODY, STEP, Adult, Roster, StaffRates, chances_in_room

StayingAway = Callable[[int, int, date], Floats]  # (n, seed, day) -> [n] standard normal: how many children stay away


@dataclass(frozen=True)
class CrewAhead:
    """Entry e: the adult owner[e] may be in room[e], with chance[e, time]; called[e, time] is the part of being absent
    that is a call-out of the day. An adult's entries stand together."""

    rates: StaffRates
    staff_ids: tuple[str, ...]
    rooms: int
    days: tuple[date, ...]  # of each time
    owner: Ints
    room: Ints
    chance: Floats
    called: Floats
    staying_away: StayingAway | None = None

    def pmf(self) -> Floats:
        """[room, time, k]: P(k adults in the room)."""
        at, weights = nodes(0.0, self.rates.shared)
        factor = np.exp(at)
        factor /= float(factor @ weights)
        return count_pmf(_under(self.chance[..., None], self.called[..., None], factor), self.room, self.rooms, weights)

    def draws(self, n: int, seed: int) -> Ints:
        """(n, rooms, times); an adult is in one room at most, and out for the day once called out."""
        luck, factor = self._luck(n, seed)
        result = np.zeros((n, self.rooms, len(self.days)), dtype=np.int64)
        upto = np.zeros((n, len(self.days)))
        for entry, owner in enumerate(self.owner.tolist()):
            if entry == 0 or owner != self.owner[entry - 1]:
                upto = np.zeros((n, len(self.days)))
            first, upto = upto, upto + _under(self.chance[entry], self.called[entry], factor)
            result[:, self.room[entry]] += (luck[owner] >= first) & (luck[owner] < upto)
        return result

    def with_children(self, staying_away: StayingAway) -> CrewAhead:
        """The same, drawn together with the children of those days."""
        return replace(self, staying_away=staying_away)

    def _luck(self, n: int, seed: int) -> tuple[Floats, Floats]:
        """luck[staff, n, time], one uniform per day (high: out), and the day's factor on call-outs [n, time]."""
        luck, factor = np.empty((len(self.staff_ids), n, len(self.days))), np.empty((n, len(self.days)))
        own = np.sqrt(max(self.rates.shared**2 - self.rates.with_absences**2, 0.0))
        for day in sorted(set(self.days)):
            draw, here = np.random.default_rng([seed, day.toordinal(), 1]), np.array([one == day for one in self.days])
            shock = own * draw.standard_normal(n)
            away = draw.standard_normal(n) if self.staying_away is None else self.staying_away(n, seed, day)
            shock += min(self.rates.with_absences, self.rates.shared) * away
            factor[:, here] = np.exp(shock - self.rates.shared**2 / 2)[:, None]
            luck[:, :, here] = draw.random((len(self.staff_ids), n))[:, :, None]
        return luck, factor


def crew_ahead(
    rates: StaffRates, roster: Roster, now: datetime, times: Sequence[datetime], tz: ZoneInfo,
    present: Iterable[Adult] | None = None,
) -> CrewAhead:  # fmt: skip
    """From the shifts known and, within the next hours, who is there now.

    `present` None: nobody's whereabouts are known (a day or more ahead, or no staff events).
    """
    rank = {room: n for n, room in enumerate(roster.room_ids)}
    here: dict[str, int] | None = None
    if present is not None:
        here = {who: AWAY if state != "in_room" else rank.get(room or "", FLOAT) for who, room, state in present}
    plans = roster.plans(times)
    strangers = [who for who in here or () if who not in set(roster.staff_ids)]
    plans = np.concatenate([plans, np.full((len(strangers), len(times)), NOBODY)])
    staff_ids = (*roster.staff_ids, *strangers)
    steps = np.array([(as_utc(at) - as_utc(now)) / STEP for at in times])
    now_in = None if here is None else np.array([here.get(who, NOBODY) for who in staff_ids], dtype=np.int64)
    entries = [
        (owner, room)
        for owner, plan in enumerate(plans)
        for room in _rooms_of(plan, None if now_in is None else int(now_in[owner]))
    ]
    owner, room = np.array(entries, dtype=np.int64).reshape(-1, 2).T
    plan, state = plans[owner], None if now_in is None else now_in[owner]
    chance = chances_in_room(rates, plan, room, state, steps)
    unseen = (plan == room[:, None]) & (True if state is None else (state == NOBODY)[:, None])
    called = np.where(unseen, np.minimum(rates.called_out, 1 - chance), 0.0)
    days = tuple(local_date(at, tz) for at in times)
    return CrewAhead(rates, staff_ids, len(rank), days, owner, room, chance, called)


def _rooms_of(plan: Ints, now_in: int | None) -> list[int]:
    """The rooms an adult is asked about: those planned and the one they are in."""
    return sorted({*plan[plan >= 0].tolist(), *([now_in] if now_in is not None and now_in >= 0 else [])})


def _under(chance: Floats, called: Floats, factor: Floats) -> Floats:
    """Chances on a day on which `factor` times as many call out as usual."""
    return np.asarray(np.clip(chance + called * (1 - factor), 0, 1))

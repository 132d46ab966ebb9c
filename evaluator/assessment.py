"""Verdict and trust of every room at one instant, and the next instant at which one can change by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from domain.time import format_instant
from evaluator import codec
from evaluator.causes import UNKNOWN, RootCause, root_cause
from evaluator.facts import CenterFacts
from evaluator.groups import Group, children_of_group, group, members_of_groups
from evaluator.headcounts import headcounts
from evaluator.instants import Book as Book  # part of the signatures here
from evaluator.instants import nap_over, next_instant, rule_period
from evaluator.state import CenterState
from evaluator.trust import Trust, judge
from evaluator.weighing import odds_of_excuse, odds_of_harm
from rulebook import Building, Departure, RoomLicence, Situation, Verdict

COUNT_FIRST = 0.5  # a violation that is more likely false than true asks for a headcount first
COUNT_TO_BE_SURE = 0.3  # from these odds of a hidden violation on a headcount is asked for


@dataclass(frozen=True)
class RoomAssessment:
    """One room, or several combined ones counted as one."""

    room_id: str
    name: str
    group: Group
    verdict: Verdict
    trust: Trust
    if_back: bool | None = None  # not compliant, but would be if those who stepped out were back
    excused: float = 0.0  # not compliant: the odds that it is after all, because doubted counts are wrong
    hidden: float = 0.0  # compliant: the odds that it is not, because doubted counts are wrong
    root_cause: RootCause = UNKNOWN
    next_doubt: datetime | None = None
    situation: Situation | None = field(default=None, repr=False)

    @property
    def rests_on_doubt(self) -> bool:
        """Not compliant, but doubtful enough to be counted before anybody is alarmed."""
        return self.excused >= COUNT_FIRST

    @property
    def if_doubts_hurt(self) -> bool:
        """Compliant, but doubtful enough to ask for a headcount."""
        return self.hidden >= COUNT_TO_BE_SURE

    def to_json(self) -> dict[str, Any]:
        """Everything the board and an incident show of a room, as plain JSON."""
        return {
            "room_id": self.room_id,
            "name": self.name,
            "members": list(self.group.members),
            "children": len(self.group.children),
            "unidentified": self.group.unidentified,
            "set_aside": dict(self.group.aside),
            "adults": [
                {"staff_id": adult.staff_id, "role": adult.role, "state": adult.state} for adult in self.group.adults
            ],
            "adults_set_aside": dict(self.group.adults_aside),
            "verdict": self.verdict.to_json(),
            "trust": self.trust.to_json(),
            "rests_on_doubt": self.rests_on_doubt,
            "root_cause": codec.to_json(self.root_cause),
        }


@dataclass(frozen=True)
class Assessment:
    """`rooms` by group (target) room id. `complete`: every room was assessed, not only those asked for."""

    center_id: str
    at: datetime
    rooms: Mapping[str, RoomAssessment]
    next_instant: datetime | None
    complete: bool = True

    def room_of(self, room_id: str) -> RoomAssessment:
        """The assessment that covers a room, also while it is combined into another; NotFound if there is none."""
        found = self.rooms.get(room_id)
        for candidate in self.rooms.values():
            if found is None and room_id in candidate.group.members:
                found = candidate
        if found is None:
            raise NotFound(
                f"center {self.center_id} has no room '{room_id}'; known are {', '.join(sorted(self.rooms))}"
            )
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "center_id": self.center_id,
            "at": format_instant(self.at),
            "next_instant": format_instant(self.next_instant) if self.next_instant else None,
            "rooms": {room_id: room.to_json() for room_id, room in self.rooms.items()},
        }


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer to: may this adult leave now?"""

    staff_id: str
    room_id: str | None
    departure: Departure
    after: Verdict | None  # the room without them; None where no room changes


def assess(
    state: CenterState,
    facts: CenterFacts,
    book: Book,
    now: datetime,
    rooms: Iterable[str] | None = None,
    expected: Mapping[str, float] | None = None,
    *,
    doubt_all: bool = True,
) -> Assessment:
    """Checks every room, or only the groups that hold one of `rooms` (what `Applied.rooms` named).

    `expected`: children a forecast expects per room by now; it lets silence be doubted. `next_instant` covers
    the rooms assessed: after a partial assessment keep the earlier of its own and the last one. `doubt_all` False: only
    the counts of rooms out of compliance are doubted, at about a third of the work.
    """
    groups = members_of_groups(state, facts, now)
    wanted = (
        set(groups) if rooms is None else {t for t, members in groups.items() if not set(rooms).isdisjoint(members)}
    )
    building = _building(state, facts, now)
    usual: dict[str, int] = {}
    if any(napping(state, facts, member, now) for target in wanted for member in groups[target]):
        usual = {
            target: _without_relief(state, facts, book, target, members, now) for target, members in groups.items()
        }
    result: dict[str, RoomAssessment] = {}
    for room_id in sorted(wanted):
        people = group(state, facts, room_id, groups[room_id], now)
        if usual:
            building = replace(building, required_elsewhere=sum(usual.values()) - usual[room_id])
        result[room_id] = _assess_room(state, facts, book, people, building, now, expected, doubt_all)
    members = [member for room_id in wanted for member in groups[room_id]]
    instants = [next_instant(state, facts, book, now, members), *(room.next_doubt for room in result.values())]
    soonest = min((instant for instant in instants if instant is not None), default=None)
    return Assessment(state.center_id, now, result, soonest, complete=rooms is None)


def situation_of(
    state: CenterState, facts: CenterFacts, people: Group, building: Building | None, now: datetime
) -> Situation:
    """The question to the rulebook. A nap counts until it is ended or its window closes, whichever comes first."""
    activity, nap_minutes = "normal", None
    naps = [nap for member in people.members if (nap := napping(state, facts, member, now))]
    if naps and len(naps) == len([member for member in people.members if state.rooms.get(member)]):
        activity, nap_minutes = "nap", int((now - max(naps)).total_seconds() // 60)
    capacities = [facts.rooms[member].capacity for member in people.members[:1] if member in facts.rooms]
    if len(people.members) > 1:
        capacities = [facts.rooms[people.room_id].capacity] if people.room_id in facts.rooms else []
    return Situation.at(
        now, facts.tz, people.children, people.adults, activity=activity, opens=facts.center.opens,
        closes=facts.center.closes, building=building, nap_minutes=nap_minutes,
        room=RoomLicence(capacities[0]) if capacities else None,
    )  # fmt: skip


def napping(state: CenterState, facts: CenterFacts, room_id: str, now: datetime) -> datetime | None:
    """Since when the room naps; None if it does not, or its nap window is over."""
    nap = state.nap(room_id)
    if nap is None or nap.since < facts.day_start(now) or now >= nap_over(facts, room_id, nap.since):
        return None
    return nap.since


def what_if_leaves(state: CenterState, facts: CenterFacts, book: Book, staff_id: str, now: datetime) -> WhatIf:
    """Whether an adult may clock out, take a break or step out now, and what the room would be without them."""
    for room in assess(state, facts, book, now).rooms.values():
        if staff_id not in {adult.staff_id for adult in room.group.adults} or room.situation is None:
            continue
        rest = tuple(adult for adult in room.situation.adults if adult.staff_id != staff_id)
        after = book.check(replace(room.situation, adults=rest, building=_fewer(room.situation.building)))
        return WhatIf(staff_id, room.room_id, room.verdict.may_leave(staff_id), after)
    return WhatIf(staff_id, None, Departure(allowed=True, reason="is in no room's count now"), None)


def _assess_room(
    state: CenterState, facts: CenterFacts, book: Book, people: Group, building: Building, now: datetime,
    expected: Mapping[str, float] | None, doubt_all: bool,
) -> RoomAssessment:  # fmt: skip
    situation = situation_of(state, facts, people, building, now)
    verdict = book.check(situation)
    trust, next_doubt = Trust(confirmed_at=people.confirmed_at), None
    if doubt_all or not verdict.compliant:
        trust, next_doubt = judge(state, facts, people, now, expected, short=not verdict.compliant)
    if_back, excused, hidden = None, 0.0, 0.0
    cause = UNKNOWN
    if not verdict.compliant:
        back = tuple(
            replace(a, state="in_room", away_seconds=0) if a.state == "stepped_out" else a for a in people.adults
        )
        if_back = back != people.adults and book.check(replace(situation, adults=back)).compliant
        if trust.doubtful:
            excused = odds_of_excuse(facts, book, situation, trust.doubts, facts.day_of(now))
        cause = root_cause(state, facts, people, verdict, now)
    elif trust.doubtful:
        hidden = odds_of_harm(facts, book, situation, people, trust.doubts)
    name = " + ".join(facts.room_name(member) for member in people.members)
    return RoomAssessment(
        people.room_id, name, people, verdict, trust, if_back, excused, hidden, cause, next_doubt, situation,
    )  # fmt: skip


def _building(state: CenterState, facts: CenterFacts, now: datetime) -> Building:
    start = facts.day_start(now)
    adults = [state.adult(staff_id) for ids in state.staffed.values() for staff_id in ids]
    here = [place for place in adults if place is not None and place.since >= start and place.state != "on_break"]
    return Building(state.children_since(start), len(here))


def _without_relief(
    state: CenterState, facts: CenterFacts, book: Book, room_id: str, members: tuple[str, ...], now: datetime
) -> int:
    """Adults a room needs if nobody naps: nap relief elsewhere rests on them being in the building.

    Asked of every room with each event at nap time, so answers are remembered until the rules' next instant while the
    children are the same; where a headcount holds, what it found may cease by itself.
    """
    start = facts.day_start(now)
    if headcounts(state, members, now, start):
        same: object = children_of_group(state, facts, members, now)
    else:
        same = tuple([state.crowds.get(member) for member in members])
    key = (book, rule_period(facts, book, now), start, room_id, same)
    found = facts.required_awake.get(key)
    if found is None:
        if len(facts.required_awake) > 1000:
            facts.required_awake.clear()
        children = children_of_group(state, facts, members, now)
        center, room = facts.center, facts.rooms.get(room_id)
        licence = RoomLicence(room.capacity) if room else None
        situation = Situation.at(now, facts.tz, children, opens=center.opens, closes=center.closes, room=licence)
        found = facts.required_awake[key] = book.check(situation).required
    return found


def _fewer(building: Building | None) -> Building | None:
    return None if building is None else replace(building, adults=max(0, building.adults - 1))

"""What is true in one room at one moment: the question put to a rulebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from domain.errors import BadInput
from domain.time import as_utc

ACTIVITIES = ("normal", "nap", "outdoors", "meal", "trip", "water")
ADULT_STATES = ("in_room", "on_break", "stepped_out", "elsewhere", "not_clocked_in")
_OLDEST_CHILD_MONTHS = 18 * 12
STATUSES = tuple((walking, in_school) for walking in (None, False, True) for in_school in (False, True))
_STATUS_INDEX = {status: index for index, status in enumerate(STATUSES)}
AGES = (*range(_OLDEST_CHILD_MONTHS), None)  # every age a child may be given


@dataclass(frozen=True, slots=True)
class ChildHere:
    """A child in the room. Unknown age (None) or unknown walking (None) takes the strictest band that could hold."""

    age_months: int | None  # completed months on the day, see domain.time.age_in_months
    child_id: str | None = None
    walking: bool | None = None
    in_school: bool = False  # enrolled in kindergarten or above
    key: int = field(init=False, repr=False, compare=False)  # AGES x STATUSES in one number, for tables by child

    def __post_init__(self) -> None:
        age = self.age_months
        if age is not None and (
            isinstance(age, bool) or not isinstance(age, int) or not 0 <= age < _OLDEST_CHILD_MONTHS
        ):
            name = f"the child {self.child_id}" if self.child_id else "a child"
            raise BadInput(
                f"{name} has the age {age!r} in months; give completed months from 0 to 215, or none if unknown"
            )
        row = _OLDEST_CHILD_MONTHS if age is None else age
        status = _STATUS_INDEX[self.walking, bool(self.in_school)]
        object.__setattr__(self, "key", row * len(STATUSES) + status)


@dataclass(frozen=True, slots=True)
class AdultHere:
    """An adult who belongs to the room now, whether or not the rule counts them."""

    staff_id: str
    role: str  # a domain.people.Role value; an unknown role does not count
    age_years: int | None = None
    credentials: frozenset[str] = frozenset()  # codes valid today
    state: str = "in_room"  # one of ADULT_STATES
    away_seconds: int = 0  # how long stepped out
    volunteer: bool = False

    def __post_init__(self) -> None:
        if self.state not in ADULT_STATES:
            raise BadInput(
                f"the adult {self.staff_id} has the state '{self.state}'; use one of {', '.join(ADULT_STATES)}"
            )
        if self.away_seconds < 0 or (self.age_years is not None and self.age_years < 0):
            raise BadInput(f"the adult {self.staff_id} has a negative age or time away; mend the number")


@dataclass(frozen=True, slots=True)
class Building:
    """Totals of the whole center now, this room included.

    `adults` are present and awake, able to be called (on break on the premises counts only where the center says so).
    `required_elsewhere` is what the other rooms together need without nap relief; None: the children elsewhere are
    taken as of the strictest age.
    `staff`, if given, lets rules about the mix of ranks in the building be checked.
    """

    children: int
    adults: int
    required_elsewhere: int | None = None
    staff: tuple[AdultHere, ...] = ()

    def __post_init__(self) -> None:
        if self.children < 0 or self.adults < 0 or (self.required_elsewhere or 0) < 0:
            raise BadInput("the totals of the building must not be negative")


@dataclass(frozen=True, slots=True)
class RoomLicence:
    """Limits written for this one room: its licensed capacity and, if set, stricter numbers of its own."""

    capacity: int | None = None
    per_staff: int | None = None
    citation: str = "the room's licence"

    def __post_init__(self) -> None:
        if (self.capacity is not None and self.capacity < 0) or (self.per_staff is not None and self.per_staff < 1):
            raise BadInput("a room's licence needs a capacity of 0 or more and at least 1 child per adult")


@dataclass(frozen=True, slots=True)
class Situation:
    """One room at one local moment. `opens` and `closes` are local; closes not after opens means past midnight."""

    day: date
    local_time: time
    children: tuple[ChildHere, ...] = ()
    adults: tuple[AdultHere, ...] = ()
    activity: str = "normal"  # one of ACTIVITIES
    asleep: int | None = None  # at nap: how many sleep or rest quietly; None: unknown
    opens: time | None = None  # None: no exception for opening or closing is granted
    closes: time | None = None
    building: Building | None = None
    room: RoomLicence | None = None
    nap_minutes: int | None = None  # how long this nap has lasted; None: unknown

    def __post_init__(self) -> None:
        if self.activity not in ACTIVITIES:
            raise BadInput(f"the activity '{self.activity}' is unknown; use one of {', '.join(ACTIVITIES)}")
        if not isinstance(self.local_time, time) or self.local_time.tzinfo is not None:
            raise BadInput("local_time must be the wall-clock time of the center, without zone; Situation.at makes it")
        if self.asleep is not None and not 0 <= self.asleep <= len(self.children):
            raise BadInput(f"{self.asleep} asleep of {len(self.children)} children is impossible; mend the number")

    @classmethod
    def at(
        cls,
        instant: datetime,
        tz: ZoneInfo,
        children: Iterable[ChildHere] = (),
        adults: Iterable[AdultHere] = (),
        **rest: object,
    ) -> Situation:
        """The situation at an aware instant in a center's zone; a naive instant raises BadInput."""
        local = as_utc(instant).astimezone(tz)
        return cls(local.date(), local.time(), tuple(children), tuple(adults), **rest)  # type: ignore[arg-type]

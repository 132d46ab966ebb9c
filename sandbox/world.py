"""A simulated world: what the platform recorded, and what truly happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from domain.events import Event
from domain.people import Availability, Booking, Child, Shift, StaffMember
from domain.places import Center, Closure, Room
from domain.time import local_instant, zone
from sandbox.knobs import Knobs

if TYPE_CHECKING:
    from sandbox.simulation import CenterSimulation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recorded(Generic[T]):
    """One state of a row and when the platform learnt of it."""

    recorded_at: datetime
    value: T


@dataclass(frozen=True, slots=True)
class TrueStay:
    """Where a child truly was, [start, end)."""

    center_id: str
    child_id: str
    room_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class TruePresence:
    """Where an adult truly was, [start, end). state: in_room | idle (room_id None) | break | step_out."""

    center_id: str
    staff_id: str
    room_id: str | None
    start: datetime
    end: datetime
    state: str


@dataclass(frozen=True, slots=True)
class TrueMerge:
    """Rooms that truly were one, [start, end)."""

    center_id: str
    room_id: str  # the host
    room_ids: tuple[str, ...]
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which the record differs from the truth."""

    center_id: str
    kind: str
    subject: str  # child or staff id
    happened_at: datetime
    corrected: bool


@dataclass
class World:
    """`days` local days from `start`. Lists are sorted by the time they became known; events by center and sequence.

    `extend(days)` goes on with the same chances a longer simulation would have drawn.
    """

    knobs: Knobs
    seed: int
    start: date
    days: int
    simulations: list[CenterSimulation] = field(repr=False)
    centers: list[Center] = field(default_factory=list)
    rooms: list[Room] = field(default_factory=list)
    children: list[Recorded[Child]] = field(default_factory=list)
    staff: list[Recorded[StaffMember]] = field(default_factory=list)
    shifts: list[Recorded[Shift]] = field(default_factory=list)
    availability: list[Recorded[Availability]] = field(default_factory=list)
    bookings: list[Recorded[Booking]] = field(default_factory=list)
    closures: list[Recorded[Closure]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    true_stays: list[TrueStay] = field(default_factory=list)
    true_presences: list[TruePresence] = field(default_factory=list)
    true_merges: list[TrueMerge] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def extend(self, days: int) -> None:
        from sandbox.simulation import extend

        extend(self, days)

    @property
    def end(self) -> date:
        """The first day that is not simulated."""
        return self.start + timedelta(days=self.days)

    def true_headcounts(self, room_id: str, instants: Iterable[datetime]) -> list[int]:
        """Children truly in the room (their own or visited; merging aside) at each instant."""
        import numpy as np

        stays = [stay for stay in self.true_stays if stay.room_id == room_id]
        starts = np.sort(np.array([stay.start.timestamp() for stay in stays]))
        ends = np.sort(np.array([stay.end.timestamp() for stay in stays]))
        at = np.array([instant.timestamp() for instant in instants])
        here = np.searchsorted(starts, at, side="right") - np.searchsorted(ends, at, side="right")
        return [int(n) for n in here]


class LocalDay:
    """From minutes of a local day to instants; right on days with a clock change, outside the changed hour."""

    def __init__(self, day: date, timezone: str) -> None:
        self.midnight = local_instant(day, time(12), zone(timezone)) - timedelta(hours=12)

    def at(self, minute: float) -> datetime:
        return self.midnight + timedelta(seconds=round(minute * 60))

    def minute(self, instant: datetime) -> float:
        return (instant - self.midnight).total_seconds() / 60

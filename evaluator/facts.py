"""What is known about a center besides its events: places, people, shifts, bookings. Read from the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.people import Booking, Child, Segment, Shift, StaffMember
from domain.places import Center, Closure, Room
from domain.time import Interval, age_in_months, local_instant, zone
from rulebook import AdultHere, ChildHere


class Session(NamedTuple):
    """When a child's booked sessions of a day begin and end; one over midnight ends on the next day."""

    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class CenterFacts:
    """Immutable; replaced as a whole (`dataclasses.replace`) when the platform announces a change.

    `shifts` and `bookings` need to cover the days at hand only (yesterday to tomorrow). Rows of other centers are
    ignored. Of several versions of one shift the last given holds.
    """

    center: Center
    rooms: Mapping[str, Room] = field(default_factory=dict)
    children: Mapping[str, Child] = field(default_factory=dict)
    staff: Mapping[str, StaffMember] = field(default_factory=dict)
    shifts: tuple[Shift, ...] = ()
    bookings: tuple[Booking, ...] = ()
    closures: tuple[Closure, ...] = ()

    @classmethod
    def of(
        cls,
        center: Center,
        rooms: Iterable[Room] = (),
        children: Iterable[Child] = (),
        staff: Iterable[StaffMember] = (),
        shifts: Iterable[Shift] = (),
        bookings: Iterable[Booking] = (),
        closures: Iterable[Closure] = (),
    ) -> CenterFacts:
        return cls(
            center,
            {room.room_id: room for room in rooms},
            {child.child_id: child for child in children},
            {member.staff_id: member for member in staff},
            tuple(shifts),
            tuple(bookings),
            tuple(closures),
        )

    @cached_property
    def tz(self) -> ZoneInfo:
        return zone(self.center.timezone)

    def day_of(self, now: datetime) -> date:
        """The local day; asked many times of the few instants of one round, and remembered for those."""
        found = self._days.get(now)
        if found is None:
            if len(self._days) > 100:
                self._days.clear()
            found = self._days[now] = now.astimezone(self.tz).date()
        return found

    def opening(self, day: date) -> Interval | None:
        """The open interval of a local day; None when shut or closed by a closure of the whole center."""
        if day not in self._openings:
            self._openings[day] = None if day in self._closed_days else self.center.opening(day)
        return self._openings[day]

    def service(self, now: datetime) -> Interval | None:
        """The open interval that holds `now`, else that of the day it belongs to: a day lasts until 04:00, one that
        goes on beyond that until the center opens again, six hours at most."""
        day = self.day_of(now)
        openings = [self.opening(day - timedelta(days=1)), self.opening(day)]
        for opening in openings:
            if opening and now in opening:
                return opening
        night, four = openings[0], local_instant(day, FOUR, self.tz)
        if night and four < night.end <= now < night.end + AFTER_A_NIGHT:
            return night
        if now < four:
            day -= timedelta(days=1)
        return self.opening(day)

    def day_start(self, now: datetime) -> datetime:
        """Since when a stay can belong to today: 04:00 local, or the opening before a night the center stays open.

        Nobody is in a center that was shut for the night; what the events still show from before is left over.
        """
        found = self._day_starts.get(now)
        if found is None:
            if len(self._day_starts) > 100:
                self._day_starts.clear()
            found = self._day_starts[now] = self._day_start(now)
        return found

    def _day_start(self, now: datetime) -> datetime:
        service = self.service(now)
        four = local_instant(self.day_of(now), FOUR, self.tz)
        if now < four:
            four = local_instant(self.day_of(now) - timedelta(days=1), FOUR, self.tz)
        if service and service.start < four < service.end:
            return service.start
        if self.center.opens == self.center.closes:
            return four - timedelta(days=1)  # round the clock: a stay may have begun a day ago
        return four

    @cached_property
    def shifts_by_staff(self) -> Mapping[str, tuple[Shift, ...]]:
        latest = {shift.shift_id: shift for shift in self.shifts}
        result: dict[str, list[Shift]] = {}
        for shift in sorted(latest.values(), key=lambda shift: (shift.start, shift.shift_id)):
            result.setdefault(shift.staff_id, []).append(shift)
        return {staff_id: tuple(shifts) for staff_id, shifts in result.items()}

    @cached_property
    def bookings_by_child(self) -> Mapping[tuple[str, date], tuple[Booking, ...]]:
        result: dict[tuple[str, date], list[Booking]] = {}
        for booking in self.bookings:
            result.setdefault((booking.child_id, booking.day), []).append(booking)
        return {key: tuple(rows) for key, rows in result.items()}

    def bookings_of(self, child_id: str, day: date) -> tuple[Booking, ...]:
        return self.bookings_by_child.get((child_id, day), ())

    @cached_property
    def booked_days(self) -> frozenset[date]:
        """Days for which any booking is known."""
        return frozenset(booking.day for booking in self.bookings)

    def booked_children(self, day: date) -> frozenset[str]:
        """Children with a booking for the day that stands."""
        found = self._booked_children.get(day)
        if found is None:
            standing = (row.child_id for row in self.bookings if row.day == day and row.status == "booked")
            found = self._booked_children[day] = frozenset(standing)
        return found

    def session(self, child_id: str, came: datetime) -> Session:
        """Of a child who came at `came`: the booked hours of that day, or around midnight of the day that fits best."""
        key = (child_id, came)
        if key not in self._sessions:
            today = self.day_of(came)
            found = [self._booked(child_id, today + timedelta(days=shift)) for shift in (0, -1, 1)]
            known = [session for session in found if session.begins or session.ends]
            self._sessions[key] = min(known, key=lambda each: abs((each.begins or came) - came), default=Session())
        return self._sessions[key]

    def _booked(self, child_id: str, day: date) -> Session:
        begins, ends = [], []
        for row in self.bookings_of(child_id, day):
            if row.expected_in:
                begins.append(local_instant(day, row.expected_in, self.tz))
            if row.expected_out:
                over_midnight = bool(row.expected_in) and row.expected_out <= (row.expected_in or row.expected_out)
                ends.append(local_instant(day + timedelta(days=over_midnight), row.expected_out, self.tz))
        return Session(min(begins, default=None), max(ends, default=None))

    def own_rooms(self, child_id: str, day: date) -> frozenset[str]:
        """The child's home room and where it is booked that day; empty for a child nobody knows."""
        key = (child_id, day)
        found = self._own_rooms.get(key)
        if found is None:
            child = self.children.get(child_id)
            booked = [row.room_id for row in self.bookings_of(child_id, day)]
            found = self._own_rooms[key] = frozenset([*booked, child.room_id] if child else booked)
        return found

    def children_by_home(self, room_ids: Iterable[str]) -> list[str]:
        return [child_id for room_id in room_ids for child_id in self._by_home.get(room_id, ())]

    def due_arrivals(self, room_id: str, day: date) -> tuple[tuple[str, datetime], ...]:
        """Children booked into the room that day and when their first session begins."""
        return self._due.get((room_id, day), ())

    @cached_property
    def _by_home(self) -> Mapping[str, list[str]]:
        result: dict[str, list[str]] = {}
        for child_id, child in sorted(self.children.items()):
            result.setdefault(child.room_id, []).append(child_id)
        return result

    @cached_property
    def _due(self) -> Mapping[tuple[str, date], tuple[tuple[str, datetime], ...]]:
        first: dict[tuple[str, date], Booking] = {}
        for row in self.bookings:
            if row.status == "booked" and row.expected_in is not None:
                known = first.get((row.child_id, row.day))
                if known is None or known.expected_in is None or row.expected_in < known.expected_in:
                    first[(row.child_id, row.day)] = row
        result: dict[tuple[str, date], list[tuple[str, datetime]]] = {}
        for (child_id, day), row in first.items():
            if row.expected_in is not None:
                at = local_instant(day, row.expected_in, self.tz)
                result.setdefault((row.room_id, day), []).append((child_id, at))
        return {key: tuple(sorted(rows, key=lambda each: each[1])) for key, rows in result.items()}

    def shift_at(self, staff_id: str, now: datetime) -> Shift | None:
        """The scheduled shift that holds `now`, else the one that ended last within SHIFT_REMEMBERED."""
        ended: Shift | None = None
        for shift in self.shifts_by_staff.get(staff_id, ()):
            if shift.status != "scheduled":
                continue
            if shift.start <= now < shift.end:
                return shift
            if shift.end <= now < shift.end + SHIFT_REMEMBERED:
                ended = shift
        return ended

    def segment_at(self, staff_id: str, now: datetime) -> Segment | None:
        """Where the plan wants this member of staff now; never a statement of where they are."""
        shift = self.shift_at(staff_id, now)
        if shift is None:
            return None
        return next((part for part in shift.segments if part.start <= now < part.end), None)

    def display(self, staff_id: str) -> str:
        """A member of staff in a sentence: their stored name, else their id."""
        member = self.staff.get(staff_id)
        return (member.display_name if member else None) or staff_id

    def room_name(self, room_id: str) -> str:
        room = self.rooms.get(room_id)
        return room.name if room else room_id

    def child_here(self, child_id: str, day: date) -> ChildHere:
        """The child as the rulebook sees it that day; an unknown child or birth date has no age."""
        key = (child_id, day)
        found = self._child_here.get(key)
        if found is None:
            child = self.children.get(child_id)
            born = child.birth_date if child else None
            age = None if born is None or born > day else age_in_months(born, day)
            found = self._child_here[key] = ChildHere(age if age is None or age < 216 else None, child_id)
        return found

    def adult_here(self, staff_id: str, day: date) -> AdultHere:
        """The adult, in the room, as the rulebook sees them that day; somebody unknown has no role and counts not."""
        key = (staff_id, day)
        found = self._adult_here.get(key)
        if found is None:
            member = self.staff.get(staff_id)
            if member is None:
                found = AdultHere(staff_id, "unknown")
            else:
                born = member.birth_date
                age = None if born is None or born > day else age_in_months(born, day) // 12
                codes = frozenset(each.code for each in member.credentials if each.valid_on(day))
                found = AdultHere(staff_id, member.role, age, codes)
            self._adult_here[key] = found
        return found

    @cached_property
    def planned_by_room(self) -> Mapping[str, tuple[tuple[Segment, str], ...]]:
        """Planned segments of scheduled shifts by room: (segment, staff_id), by start."""
        return self._planned(frozenset({"scheduled"}))

    @cached_property
    def all_planned_by_room(self) -> Mapping[str, tuple[tuple[Segment, str], ...]]:
        """As `planned_by_room`, with the shifts that were called out."""
        return self._planned(frozenset({"scheduled", "called_out"}))

    def _planned(self, statuses: frozenset[str]) -> Mapping[str, tuple[tuple[Segment, str], ...]]:
        result: dict[str, list[tuple[Segment, str]]] = {}
        for staff_id, shifts in self.shifts_by_staff.items():
            for shift in shifts:
                for part in shift.segments:
                    if shift.status in statuses and part.kind == "room" and part.room_id:
                        result.setdefault(part.room_id, []).append((part, staff_id))
        return {room: tuple(sorted(parts, key=lambda each: (each[0].start, each[1]))) for room, parts in result.items()}

    @cached_property
    def instants_of_day(self) -> dict[tuple[object, date], tuple[datetime, ...]]:
        """Room for `evaluator.instants` to remember what it worked out, by rulebook and day."""
        return {}

    @cached_property
    def required_awake(self) -> dict[object, int]:
        """Room for `evaluator.assessment` to remember what rooms need while nobody naps."""
        return {}

    @cached_property
    def _booked_children(self) -> dict[date, frozenset[str]]:
        return {}

    @cached_property
    def _openings(self) -> dict[date, Interval | None]:
        return {}

    @cached_property
    def _days(self) -> dict[datetime, date]:
        return {}

    @cached_property
    def _day_starts(self) -> dict[datetime, datetime]:
        return {}

    @cached_property
    def _child_here(self) -> dict[tuple[str, date], ChildHere]:
        return {}

    @cached_property
    def _adult_here(self) -> dict[tuple[str, date], AdultHere]:
        return {}

    @cached_property
    def _own_rooms(self) -> dict[tuple[str, date], frozenset[str]]:
        return {}

    @cached_property
    def _sessions(self) -> dict[tuple[str, datetime], Session]:
        return {}

    @cached_property
    def _closed_days(self) -> frozenset[date]:
        return frozenset(row.day for row in self.closures if row.room_id is None)


SHIFT_REMEMBERED = timedelta(hours=4)  # how long after its end a shift explains who is still there
FOUR = datetime.min.time().replace(hour=4)
AFTER_A_NIGHT = timedelta(hours=6)  # children who are not collected when a night ends are still there

"""Golden scenarios taken from licensing narratives: short event scripts, and what was true at one instant.

Each is a `Scenario` that can be folded from its events or served by the double (`scenario.world()`). `violation` says
whether the room was against the law of its state at `at` (None: the record alone cannot tell). Rules about water play
and field trips are missing here, because the platform's events do not carry the activity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from domain.events import Event
from domain.people import Child, Credential, StaffMember
from domain.places import Center, NapWindow, Room
from domain.time import local_instant, zone
from sandbox.knobs import Knobs
from sandbox.world import Recorded, World

DAY = date(2026, 3, 4)  # a Wednesday
_ZONES = {"TX": "America/Chicago", "OH": "America/New_York"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """`children` and `adults` are who was truly in each room at `at`; `recorded` the counts a believing fold gives
    where they differ from the truth.
    """

    name: str
    story: str
    center: Center
    rooms: tuple[Room, ...]
    enrolled: tuple[Child, ...]
    staff: tuple[StaffMember, ...]
    events: tuple[Event, ...]
    at: datetime
    room_id: str
    children: dict[str, int]
    adults: dict[str, tuple[str, ...]]
    violation: bool | None
    because: str
    recorded: dict[str, int] = field(default_factory=dict)

    def world(self) -> World:
        """The scenario as a world that does not go on; its history is this day alone."""
        known = local_instant(DAY - timedelta(days=30), time(12), zone(self.center.timezone))
        knobs = Knobs(state=self.center.state, faults=0)
        result = World(knobs, 0, DAY, 1, [], [self.center], list(self.rooms))
        result.children = [Recorded(known, child) for child in self.enrolled]
        result.staff = [Recorded(known, member) for member in self.staff]
        result.events = list(self.events)
        return result


def scenarios() -> list[Scenario]:
    """All golden scenarios, by name."""
    return sorted((write() for write in _SCRIPTS), key=lambda scenario: scenario.name)


class _Script:
    """Writes one day at a small center: rooms A and B next to each other."""

    def __init__(self, state: str, ages_a: tuple[int, int], ages_b: tuple[int, int] = (36, 60)) -> None:
        self.center = Center("g01", "Golden House", state, _ZONES[state], time(6, 30), time(18))
        nap = NapWindow(time(12, 15), time(14, 30))
        self.rooms = (
            Room("A", "g01", "Room A", *ages_a, 60, None, nap, ("B",), {"B": 20}, ("B",)),
            Room("B", "g01", "Room B", *ages_b, 60, None, nap, ("A",), {"A": 20}, ("A",)),
        )
        self.enrolled: list[Child] = []
        self.staff: list[StaffMember] = []
        self.events: list[Event] = []

    def at(self, clock: str) -> datetime:
        return local_instant(DAY, time.fromisoformat(clock), zone(self.center.timezone))

    def adult(self, clock: str, room: str | None, role: str = "Teacher", age: int = 30, *, checked: bool = True) -> str:
        staff_id = f"s{len(self.staff) + 1}"
        codes = (Credential("background_check"), Credential("first_aid_cpr")) if checked else ()
        born = date(DAY.year - age, 1, 15)
        self.staff.append(StaffMember(staff_id, "g01", role, room is None, room, born, codes))
        self.log("clock_in", clock, staff_id=staff_id, room_id=room)
        return staff_id

    def child(self, clock: str, room: str, months: int) -> str:
        child_id = f"k{len(self.enrolled) + 1}"
        year, month = divmod(DAY.year * 12 + DAY.month - 1 - months, 12)
        self.enrolled.append(Child(child_id, "g01", date(year, month + 1, 2), room, date(2025, 9, 1)))
        self.log("check_in", clock, child_id=child_id, room_id=room)
        return child_id

    def children(self, clock: str, room: str, months: int, count: int) -> list[str]:
        return [self.child(clock, room, months) for _ in range(count)]

    def log(self, kind: str, clock: str, **fields: object) -> None:
        at, number = self.at(clock), len(self.events) + 1
        self.events.append(Event(f"g-{number}", number, "g01", kind, at, at, **fields))  # type: ignore[arg-type]

    def told(
        self, name: str, story: str, at: str, room: str, children: dict[str, int], adults: dict[str, tuple[str, ...]],
        because: str, *, violation: bool | None, recorded: dict[str, int] | None = None,
    ) -> Scenario:  # fmt: skip
        return Scenario(
            name, story, self.center, self.rooms, tuple(self.enrolled), tuple(self.staff), tuple(self.events),
            self.at(at), room, children, adults, violation, because, recorded or {},
        )  # fmt: skip


def six_infants_one_adult() -> Scenario:
    script = _Script("TX", (0, 12))
    adult = script.adult("07:00", "A")
    script.children("07:30", "A", 8, 6)
    return script.told(
        "infant room 1:6", "One caregiver is alone with six infants.", "09:00", "A", {"A": 6, "B": 0},
        {"A": (adult,), "B": ()}, "four infants to a caregiver", violation=True,
    )  # fmt: skip


def nap_ratio_for_the_too_young() -> Scenario:
    script = _Script("OH", (12, 24))
    adult = script.adult("07:00", "A")
    others = [script.adult("07:00", None) for _ in range(2)]
    script.children("08:00", "A", 13, 5)
    script.children("08:10", "A", 20, 5)
    script.log("nap_start", "12:20", room_id="A")
    return script.told(
        "nap ratio for children too young for it",
        f"Ten children of 13 to 20 months nap with one adult; {len(others)} more adults are in the building.",
        "13:00", "A", {"A": 10, "B": 0}, {"A": (adult,), "B": ()},
        "the nap ratio is for 18 months and over", violation=True,
    )  # fmt: skip


def nobody_to_spare_at_nap() -> Scenario:
    script = _Script("OH", (18, 30))
    adult = script.adult("07:00", "A")
    second = script.adult("07:00", "B")
    script.children("08:00", "A", 22, 12)
    script.children("08:00", "B", 40, 10)
    script.log("nap_start", "12:20", room_id="A")
    return script.told(
        "no spare adult in the building at nap",
        "Twelve toddlers nap with one adult; the only other adult has ten children of her own.",
        "13:00", "A", {"A": 12, "B": 10}, {"A": (adult,), "B": (second,)},
        "the nap ratio asks for enough staff in the building for the usual ratio", violation=True,
    )  # fmt: skip


def one_adult_for_two_places() -> Scenario:
    script = _Script("TX", (24, 36))
    adult = script.adult("07:00", "A")
    script.children("08:00", "A", 28, 6)
    script.children("08:00", "B", 40, 5)
    return script.told(
        "one caregiver for two groups in two places",
        "The caregiver of room A also looks in on room B, where nobody is.",
        "10:00", "B", {"A": 6, "B": 5}, {"A": (adult,), "B": ()}, "children without an adult", violation=True,
    )  # fmt: skip


def fifty_one_at_opening() -> Scenario:
    script = _Script("TX", (36, 60))
    adult = script.adult("06:30", "A")
    script.children("06:45", "A", 44, 51)
    second = script.adult("07:00", "A")
    script.adult("07:01", "A")
    script.adult("07:01", "A")
    return script.told(
        "fifteen minutes of 1:51 at opening",
        f"Fifty-one children are brought before the second adult ({second}) comes at 07:00.",
        "06:50", "A", {"A": 51, "B": 0}, {"A": (adult,), "B": ()},
        "even the opening exception allows sixteen to a caregiver", violation=True,
    )  # fmt: skip


def a_minor_is_counted() -> Scenario:
    script = _Script("TX", (0, 12))
    adult, minor = script.adult("07:00", "A"), script.adult("07:00", "A", "Aide", 17)
    script.children("07:30", "A", 8, 7)
    return script.told(
        "an adult under 18 is counted", "Of the two caregivers with seven infants one is seventeen.", "09:00", "A",
        {"A": 7, "B": 0}, {"A": (adult, minor), "B": ()}, "caregivers are at least 18", violation=True,
    )  # fmt: skip


def threes_among_fours() -> Scenario:
    script = _Script("OH", (36, 60))
    adult, second = script.adult("07:00", "A"), script.adult("07:00", "B")
    script.children("08:00", "A", 50, 10)
    script.children("08:00", "A", 40, 2)
    script.child("08:00", "B", 40)
    return script.told(
        "two 3-year-olds among ten 4-year-olds",
        "The two youngest change the limit of the room from fourteen to twelve, which is reached.",
        "10:00", "A", {"A": 12, "B": 1}, {"A": (adult,), "B": (second,)},
        "the youngest child's ratio governs: room for none, not for two", violation=False,
    )  # fmt: skip


def nobody_may_step_out() -> Scenario:
    script = _Script("TX", (12, 18))
    first, second = script.adult("07:00", "A"), script.adult("07:00", "A")
    script.children("08:00", "A", 14, 8)
    script.log("step_out", "10:00", staff_id=second, room_id="A")
    script.log("step_in", "10:05", staff_id=second, room_id="A")
    return script.told(
        "eight toddlers at 1:5 and one of two adults steps out",
        "With eight children and two adults nobody may leave the room, not even for five minutes.",
        "10:02", "A", {"A": 8, "B": 0}, {"A": (first,), "B": ()}, "five children to a caregiver", violation=True,
    )  # fmt: skip


def collected_but_not_checked_out() -> Scenario:
    script = _Script("TX", (0, 12))
    adult = script.adult("07:00", "A")
    script.children("07:30", "A", 8, 5)
    script.log("check_out", "15:10", child_id="k1", room_id="A")
    script.child("15:20", "A", 9)  # k2 was fetched at 15:15 without a check-out
    return script.told(
        "a child already collected but not checked out",
        "The record says five infants with one adult; one of them went home at 15:15.",
        "15:40", "A", {"A": 4, "B": 0}, {"A": (adult,), "B": ()},
        "four infants are there: the count must be doubted, not believed", violation=False, recorded={"A": 5},
    )  # fmt: skip


def clocked_in_to_two_rooms() -> Scenario:
    script = _Script("TX", (24, 36))
    first = script.adult("07:00", "A")
    second = script.adult("07:00", "A")
    script.children("08:00", "A", 28, 14)
    script.children("08:00", "B", 40, 8)
    script.log("clock_in", "08:05", staff_id=second, room_id="B")
    return script.told(
        "one adult clocked in to two rooms",
        "The second adult of room A clocked in to room B as well and works there.",
        "10:00", "A", {"A": 14, "B": 8}, {"A": (first,), "B": (second,)},
        "nobody is in two rooms: fourteen two-year-olds are with one caregiver", violation=True,
    )  # fmt: skip


def empty_room_without_staff() -> Scenario:
    script = _Script("TX", (24, 36))
    adult = script.adult("07:00", "A")
    script.children("08:00", "A", 28, 5)
    return script.told(
        "an empty room without staff", "Room B has neither children nor adults.", "10:00", "B", {"A": 5, "B": 0},
        {"A": (adult,), "B": ()}, "no children, no requirement", violation=False,
    )  # fmt: skip


_SCRIPTS: tuple[Callable[[], Scenario], ...] = (
    six_infants_one_adult,
    nap_ratio_for_the_too_young,
    nobody_to_spare_at_nap,
    one_adult_for_two_places,
    fifty_one_at_opening,
    a_minor_is_counted,
    threes_among_fours,
    nobody_may_step_out,
    collected_but_not_checked_out,
    clocked_in_to_two_rooms,
    empty_room_without_staff,
)

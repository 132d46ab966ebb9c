"""Every figure of the simulated centers: one frozen set of knobs, with the sizes and staffing ratios they start from.

Times of day and durations are minutes unless the name says otherwise. The figures are those published for centers of
this kind where a source exists, and chosen where none does; docs/sandbox.md tells which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """A room as built: ages in months (upper bound exclusive) and the enrolment it aims at."""

    name: str
    age_min_months: int
    age_max_months: int
    enrolment: int
    places: int


@dataclass(frozen=True, slots=True)
class Size:
    """A center's layout; `groups` are rooms (by index) that merge early and late, `floats` without substitutes."""

    rooms: tuple[RoomPlan, ...]
    groups: tuple[tuple[int, ...], ...]
    floats: int
    substitutes: int
    office: tuple[str, ...]


SIZES = {
    "small": Size(
        (
            RoomPlan("Infants", 0, 24, 9, 10),
            RoomPlan("Toddlers", 24, 48, 16, 20),
            RoomPlan("Preschool", 48, 72, 17, 21),
        ),
        ((0,), (1, 2)),
        2, 0, ("Director", "Cook"),
    ),
    "medium": Size(
        (
            RoomPlan("Infants", 0, 12, 10, 10),
            RoomPlan("Toddlers A", 12, 24, 11, 13),
            RoomPlan("Toddlers B", 24, 36, 13, 16),
            RoomPlan("Preschool A", 36, 48, 17, 20),
            RoomPlan("Preschool B", 48, 60, 17, 20),
            RoomPlan("Pre-K", 60, 72, 17, 20),
        ),
        ((0, 1), (2, 3), (4, 5)),
        3, 1, ("Director", "Assistant Director", "Cook", "Admin"),
    ),
    "large": Size(
        (
            RoomPlan("Infants A", 0, 12, 8, 9),
            RoomPlan("Infants B", 0, 12, 8, 9),
            RoomPlan("Toddlers A", 12, 24, 9, 10),
            RoomPlan("Toddlers B", 12, 24, 9, 10),
            RoomPlan("Twos A", 24, 36, 10, 12),
            RoomPlan("Twos B", 24, 36, 10, 12),
            RoomPlan("Preschool A", 36, 48, 14, 16),
            RoomPlan("Preschool B", 36, 48, 14, 16),
            RoomPlan("Pre-K A", 48, 60, 12, 15),
            RoomPlan("Pre-K B", 48, 60, 12, 15),
            RoomPlan("Kindergarten", 60, 72, 8, 10),
        ),
        ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9, 10)),
        6, 2, ("Director", "Assistant Director", "Cook", "Admin"),
    ),
}  # fmt: skip

# Children one adult may care for, by age from (months): what a simulated director staffs by. A few states' published
# tables, for realism of the staffing only; whether a room was legal is for the product's rulebook to say.
RATIOS: dict[str, tuple[tuple[int, int], ...]] = {
    "TX": ((0, 4), (12, 5), (18, 9), (24, 11), (36, 15), (48, 18), (60, 22)),
    "CA": ((0, 4), (24, 12)),
    "FL": ((0, 4), (12, 6), (24, 11), (36, 15), (48, 20), (60, 25)),
    "NY": ((0, 4), (18, 5), (36, 7), (48, 8), (60, 9)),
    "GA": ((0, 6), (12, 8), (24, 10), (36, 15), (48, 18), (60, 20)),
    "CO": ((0, 5), (18, 7), (24, 7), (30, 8), (36, 10), (48, 12), (60, 15)),
    "PA": ((0, 4), (12, 5), (24, 6), (36, 10), (72, 12)),
    "OH": ((0, 5), (12, 6), (18, 7), (30, 8), (36, 12), (48, 14), (60, 18)),
    "IL": ((0, 4), (15, 5), (24, 8), (36, 10), (60, 20)),
}
TIMEZONES = {"CA": "America/Los_Angeles", "FL": "America/New_York", "NY": "America/New_York", "GA": "America/New_York",
             "CO": "America/Denver", "PA": "America/New_York", "OH": "America/New_York"}  # fmt: skip
_STRICTEST = ((0, 3), (18, 4), (36, 7), (48, 8), (60, 10))


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a simulated world is made from. Same knobs and seed, same world."""

    # the places
    centers: int = 1
    size: str = "medium"
    state: str = "TX"
    timezone: str | None = None  # None: the state's
    opens: time = time(6, 30)
    closes: time = time(18, 0)
    ratios: tuple[tuple[int, int], ...] | None = None  # (age from in months, children per adult); None: the state's
    # families
    part_time_share: float = 0.30
    sibling_share: float = 0.20  # of families that have a second child here
    withdrawals_per_month: float = 0.015
    joins_per_open_place_and_week: float = 0.30
    notice_of_enrolment_days: int = 21
    # arriving
    arrival_mean: float = 8 * 60 + 5
    arrival_family_sd: float = 35.0
    arrival_center_sd: float = 12.0  # one draw for the whole center and day
    arrival_day_sd: float = 9.0
    arrival_tail_share: float = 0.06  # heavy tail: exponential delay instead of the usual noise
    arrival_tail_mean: float = 40.0
    # staying
    stay_mean: float = 8.6 * 60
    stay_family_sd: float = 45.0
    stay_center_sd: float = 8.0  # with stay_day_sd together 20 minutes
    stay_day_sd: float = 18.3
    early_pickup_rate: float = 0.04
    early_pickup_announced: float = 0.5
    late_pickup_rate: float = 0.015
    late_pickup_mean: float = 10.0
    visit_rate: float = 0.02  # of child-days with an hour's visit to the next room
    # absence
    absence_rate: float = 0.07
    illness_share: float = 0.57
    illness_days: tuple[float, ...] = (0.35, 0.30, 0.20, 0.10, 0.05)  # calendar days of a spell
    illness_newcomer: float = 2.5
    illness_winter: float = 1.6
    illness_summer: float = 0.6
    outbreaks_per_room_and_year: float = 3.0
    outbreak_factor: float = 4.0
    outbreak_days: tuple[int, int] = (3, 7)
    outbreak_gap_days: int = 14
    monday_friday_points: float = 0.02
    holiday_season_drop: float = 0.30  # Thanksgiving to New Year
    holiday_week_drop: float = 0.50
    summer_drop: float = 0.10
    notice_before: float = 0.60  # of absences known before 08:30
    notice_later: float = 0.25
    snow_days_per_winter: float = 1.0
    # staff
    callout_rate: float = 0.04  # 0.12 stressed, 0.25 crisis
    callout_monday_friday: float = 1.3
    callout_outbreak: float = 2.0
    substitute_found: float = 0.5
    late_rate: float = 0.06
    late_median: float = 9.0
    break_minutes: int = 30
    uncovered_break_rate: float = 0.25  # a break taken although nobody covers it
    bathroom_logged: float = 0.15
    rest_logged: float = 0.7
    # the record
    faults: float = 1.0  # multiplier of all rates below: 0, 1, 3
    missed_check_out: float = 0.02
    missed_check_in: float = 0.005
    unlogged_move: float = 0.08  # of children's moves between rooms
    unlogged_move_adults: float = 0.08
    forgotten_clock_out: float = 0.03
    wrong_room: float = 0.05  # of children's check-ins
    wrong_room_adults: float = 0.05  # of clock-ins
    wrong_room_noticed: float = 0.7  # set right within the hour by a correction
    delay_median_seconds: float = 20.0
    delay_long_share: float = 0.01  # later than ten minutes
    corrected_next_day: float = 0.30

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise BadInput(f"the size '{self.size}' is unknown; choose one of {', '.join(SIZES)}")
        if self.centers < 1:
            raise BadInput("a world needs at least one center")
        if not 0 <= self.faults <= 10:
            raise BadInput("the fault multiplier must lie between 0 and 10")
        if self.open_minute + 240 > self.close_minute:
            raise BadInput("a simulated center must be open for at least four hours of one day")

    @property
    def layout(self) -> Size:
        return SIZES[self.size]

    @property
    def zone_name(self) -> str:
        return self.timezone or TIMEZONES.get(self.state, "America/Chicago")

    @property
    def open_minute(self) -> int:
        return self.opens.hour * 60 + self.opens.minute

    @property
    def close_minute(self) -> int:
        return self.closes.hour * 60 + self.closes.minute

    @property
    def last_arrival_minute(self) -> int:
        """Nobody is brought later than this; a family later than that stays within the cut."""
        return self.close_minute - 120

    def children_per_adult(self, age_months: int) -> int:
        table = self.ratios or RATIOS.get(self.state, _STRICTEST)
        return max((start, ratio) for start, ratio in table if start <= max(age_months, 0))[1]

    def fault(self, rate: float) -> float:
        return min(1.0, rate * self.faults)

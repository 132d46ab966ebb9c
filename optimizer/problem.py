"""The coverage problem: what the planner is told. Numbers only; it knows neither licensing rules nor forecasts.

All times are slot indexes into `Problem.slots`, the explicit list of UTC slot starts; spans are half-open
`[start, end)`. Days partition the slots; hours in which nobody is there may be left out. JSON: docs/formats.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from domain.errors import BadInput, NotFound
from domain.time import as_utc, zone

Name = Annotated[str, Field(min_length=1, max_length=64)]
Slot = Annotated[int, Field(ge=0, le=20_000)]
Headcount = Annotated[int, Field(ge=0, le=1_000)]
Hours = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


Model = TypeVar("Model", bound=BaseModel)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(Part):
    """Slots [start, end)."""

    start: Slot
    end: Slot

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"'end' ({self.end}) must be greater than 'start' ({self.start})")
        return self


class Day(Span):
    """A working day: its slots are planned together; the days partition the slots in order."""

    day: date


class Room(Part):
    room_id: Name
    name: str = ""
    severity: float = Field(
        default=1.0, gt=0, le=1000, description="Weight of one missing adult for one slot in this room."
    )
    wing: str = Field("", description="Rooms of one wing lie side by side; changing wing takes time.")
    closed: tuple[Span, ...] = ()
    rule: str = Field(default="", description="What decides how many adults the room requires, in words; only shown.")


class Scenario(Part):
    """One joint course of demand over all rooms and slots."""

    name: str = ""
    weight: float = Field(gt=0, le=1)
    required: dict[str, tuple[Headcount, ...]] = Field(description="Adults required: room_id -> one number per slot.")


class Shift(Span):
    """The scheduled shift, and by how many slots it may be moved at either end."""

    may_start_earlier: Slot = 0
    may_start_later: Slot = 0
    may_end_earlier: Slot = 0
    may_end_later: Slot = 0


class Break(Span):
    """A break of `slots` slots that lies inside the window [start, end)."""

    break_id: Name
    slots: int = Field(ge=1, le=96)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.end - self.start < self.slots:
            raise ValueError(f"the window holds {self.end - self.start} slots, the break takes {self.slots}")
        return self


class Adult(Part):
    """A member of staff. Floats and movable adults are assigned; the others stay in their home room but for breaks."""

    staff_id: Name
    name: str = ""
    is_float: bool = False
    home_room_id: Name | None = None
    movable: bool = Field(default=False, description="May be assigned away from the home room; floats always may.")
    on_call: bool = Field(
        default=False, description="A substitute: not scheduled, may be called in within `available`."
    )
    rooms: tuple[Name, ...] | None = Field(default=None, description="Rooms in which this adult counts; null: all.")
    shifts: tuple[Shift, ...] = ()
    available: tuple[Span, ...] = Field(
        default=(), description="When the adult could work beyond the scheduled shifts."
    )
    absences: tuple[Span, ...] = Field(default=(), description="Call-outs and late starts: not there after all.")
    breaks: tuple[Break, ...] = ()
    max_hours_day: Hours = 24.0
    max_hours_week: Hours = 168.0
    hours_before: Hours = Field(default=0.0, description="Hours already worked this week before the first slot.")
    rest_hours: Hours = Field(default=0.0, description="Least time between the end of a day's work and the next start.")
    last_end: datetime | None = Field(default=None, description="End of the last shift before the first slot.")
    hourly_cost: float = Field(default=20.0, ge=0, le=10_000, allow_inf_nan=False)
    overtime_after_hours: Hours = Field(default=40.0, description="Weekly hours from which overtime is paid.")
    overtime_factor: float = Field(default=1.5, ge=1, le=10)
    familiar: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="room_id -> 0 stranger, 1 at home."
    )
    duty_before: Hours = Field(default=0.0, description="Hours of float duty over the last weeks.")

    @field_validator("last_end")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        return value and _utc(value)

    @property
    def can_move(self) -> bool:
        return self.is_float or self.movable or self.home_room_id is None

    def counts_in(self, room_id: str) -> bool:
        return self.rooms is None or room_id in self.rooms


class Combination(Span):
    """Rooms that may be one within the window, and what the joined room requires there."""

    rooms: tuple[Name, ...] = Field(min_length=2)
    required: dict[str, tuple[Headcount, ...]] = Field(
        description="Scenario index as text ('0', '1', ...) -> adults required per slot of the window."
    )
    min_slots: int = Field(default=2, ge=1)


class Walk(Part):
    from_wing: str
    to_wing: str
    seconds: int = Field(ge=0, le=7200)


class Lock(Span):
    """The director's word: this adult is (or is not) in this room in these slots. room_id null: in no room at all."""

    staff_id: Name
    room_id: Name | None = None


class Assignment(Span):
    """An adult's place over a span. room: counts there; break; idle: at work, in no room."""

    staff_id: Name
    state: Literal["room", "break", "idle"]
    room_id: Name | None = None
    break_id: Name | None = None
    reason: str = ""


class House(Part):
    """The rules of assignment and the prices within the third goal (points)."""

    min_stay_slots: int = Field(default=2, ge=1, le=16)
    change_window_slots: int = Field(default=4, ge=1, le=16, description="At most one change of room in so many slots.")
    walk_free_seconds: int = Field(default=180, ge=0, description="A walk up to this long costs no slot.")
    other_wing_seconds: int = Field(
        default=120, ge=0, le=7200, description="Walk between wings for which no walk is given."
    )
    move_points: int = Field(default=10, ge=0, le=1000)
    unfamiliar_points: int = Field(default=10, ge=0, le=1000, description="Entering a room of familiarity 0.")
    changed_slot_points: int = Field(default=4, ge=0, le=1000, description="A slot that differs from the current plan.")
    combine_points: int = Field(default=15, ge=0, le=1000, description="One combining of rooms.")
    shift_change_points: int = Field(default=8, ge=0, le=1000, description="One shift end moved.")


class Problem(Part):
    """One coverage problem of one center, usually a week of days."""

    format: Literal["ratiocast-problem-1"] = "ratiocast-problem-1"
    center_id: Name
    label: Name = Field(description="The week ('2026-W48') or the day planned.")
    timezone: str = "UTC"
    slot_minutes: Literal[5, 10, 15, 20, 30, 60] = 15
    slots: tuple[datetime, ...] = Field(min_length=1, max_length=20_000)
    days: tuple[Day, ...] = Field(min_length=1)
    rooms: tuple[Room, ...] = Field(max_length=500)
    scenarios: tuple[Scenario, ...] = Field(min_length=1, max_length=500)
    staff: tuple[Adult, ...] = Field(default=(), max_length=2000)
    combinations: tuple[Combination, ...] = ()
    walks: tuple[Walk, ...] = ()
    house: House = House()
    locks: tuple[Lock, ...] = ()
    forbids: tuple[Lock, ...] = ()
    current: tuple[Assignment, ...] = Field(default=(), description="The plan in force; changes to it are priced.")
    frozen_until: Slot = Field(
        default=0, description="Slots before this one are facts: taken from `current`, never changed."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @classmethod
    def read(cls, text: str | bytes, source: str = "the problem") -> Problem:
        """A problem from JSON; BadInput names the field that is wrong."""
        return read(cls, text, source)

    @property
    def input_hash(self) -> str:
        """SHA-256 of the canonical JSON: two problems with one hash ask the same question."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()

    @property
    def slot_hours(self) -> float:
        return self.slot_minutes / 60

    def adult(self, staff_id: str) -> Adult:
        found = next((adult for adult in self.staff if adult.staff_id == staff_id), None)
        if found is None:
            raise NotFound(f"there is nobody with the id '{staff_id}' in this problem")
        return found

    def joined(self, slot: int) -> bool:
        """True when the slot follows its predecessor without a gap."""
        return slot > 0 and self.slots[slot] - self.slots[slot - 1] == timedelta(minutes=self.slot_minutes)

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            zone(value)
        except BadInput as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("slots")
    @classmethod
    def _slots_are_utc_and_ascend(cls, value: tuple[datetime, ...]) -> tuple[datetime, ...]:
        value = tuple(_utc(slot) for slot in value)
        if any(later <= earlier for earlier, later in pairwise(value)):
            raise ValueError("the slot starts must ascend")
        return value

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        from optimizer.consistency import require_consistency

        require_consistency(self)
        return self


def read(kind: type[Model], text: str | bytes, source: str) -> Model:
    """Validate JSON; BadInput says which field is wrong and why."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise BadInput(f"{source}: {sentence(error)}") from error


def sentence(error: ValidationError) -> str:
    """The first fault of a pydantic error: field path and reason, and how many more there are."""
    faults = error.errors(include_url=False, include_input=False)
    first = faults[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    path = _path(first["loc"])
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    if first["type"] == "missing":
        return f"field '{path}' is missing{more}"
    return f"field '{path}': {message}{more}" if path else f"{message}{more}"


def _utc(instant: datetime) -> datetime:
    try:
        return as_utc(instant)
    except BadInput as error:
        raise ValueError(str(error)) from error


def _path(location: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")

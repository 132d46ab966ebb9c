"""The answer: a versioned document with its proof, or the lack of one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from optimizer.problem import Assignment, Name, Part, Slot, Span, read

GoalName = Literal["obligations", "shortage", "haste", "cost", "disruption", "fairness"]
GOALS: tuple[GoalName, ...] = ("obligations", "shortage", "haste", "cost", "disruption", "fairness")


class Goal(Part):
    """One goal in strict order: what the plan reaches and what no plan can beat.

    obligations: missed breaks and locks (points); shortage: expected person-slots x severity; haste: changes of room
    within the hour and slots of lateness of breaks; cost: money for extra and overtime hours; disruption: points of
    `House`; fairness: sum over floats of squared duty hours (duty_before included).
    """

    name: GoalName
    value: float
    bound: float | None = Field(
        default=None, description="No plan that does as well on the goals before, day by day, does better on this one."
    )

    @property
    def gap(self) -> float | None:
        """Relative distance to the bound; 0 is proven best; None without a bound."""
        if self.bound is None:
            return None
        return 0.0 if self.value - self.bound <= 1e-6 else (self.value - self.bound) / abs(self.value)


class ShiftChange(Part):
    """A shift moved: slots before and after, and what the extra hours cost."""

    staff_id: Name
    was: Span
    becomes: Span
    cost: float


class Combined(Span):
    rooms: tuple[Name, ...]


class Shortage(Part):
    """Where adults may be missing: expected number, chance, the worst scenario, why, and the cheapest way out."""

    room_id: Name
    slot: Slot
    expected: float
    chance: float
    worst: int
    reason: str = ""


class Issue(Part):
    """What could not be honoured, in words."""

    kind: Literal["missed_break", "late_break", "lock", "hours_cut", "rest_cut"]
    staff_id: Name
    slot: Slot
    text: str


class Plan(Part):
    format: Literal["ratiocast-plan-1"] = "ratiocast-plan-1"
    center_id: Name
    label: Name
    version: int = Field(default=1, ge=1)
    problem_hash: str
    status: Literal["optimal", "feasible", "fallback"] = Field(
        description="optimal: proven on every goal; feasible: bounds as given; fallback: the greedy plan."
    )
    method: str = Field(description="flow-highs, cp-sat, greedy, ...")
    seed: int = 0
    seconds: float = Field(ge=0)
    goals: tuple[Goal, ...]
    assignments: tuple[Assignment, ...]
    shift_changes: tuple[ShiftChange, ...] = ()
    combined: tuple[Combined, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    issues: tuple[Issue, ...] = ()

    @classmethod
    def read(cls, text: str | bytes, source: str = "the plan") -> Plan:
        """A plan from JSON; BadInput names the field that is wrong."""
        return read(cls, text, source)

    def goal(self, name: str) -> Goal:
        return next(goal for goal in self.goals if goal.name == name)

    @property
    def gap(self) -> float | None:
        """Of the first goal that is not proven best; 0 when all are."""
        return next((goal.gap for goal in self.goals if goal.gap != 0), 0.0)

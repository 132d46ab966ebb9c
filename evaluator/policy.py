"""How a center wants to be told: severities, who hears of them over which class of outlet, and with what patience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from domain.errors import BadInput
from domain.time import Interval, local_instant, zone
from evaluator import codec

SEVERITIES = ("approaching", "soft", "violation", "critical")  # weakest first
AUDIENCES = ("room_lead", "floats", "director", "assistant_director")
OUTLETS = ("task", "in_app", "chat", "sms")  # classes; the service maps them to configured outlets


@dataclass(frozen=True, slots=True)
class Target:
    """One audience over one class of outlet."""

    audience: str
    outlet: str


@dataclass(frozen=True, slots=True)
class Rung:
    """Told in addition when nobody has acknowledged `after_seconds` after the first message of the severity."""

    after_seconds: int
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """What a severity sets off."""

    targets: tuple[Target, ...]
    ladder: tuple[Rung, ...] = ()
    repeat_seconds: int | None = None  # again to `targets` while open and not acknowledged; None: never


def _targets(*pairs: str) -> tuple[Target, ...]:
    return tuple(Target(*pair.split("/")) for pair in pairs)


DEFAULT_ROUTES: Mapping[str, Route] = {
    "approaching": Route(_targets("room_lead/task", "room_lead/in_app")),
    "soft": Route(_targets("room_lead/in_app"), (Rung(300, _targets("floats/in_app")),)),
    "violation": Route(
        _targets("director/chat", "director/in_app", "floats/chat", "floats/in_app"),
        (
            Rung(300, _targets("assistant_director/chat", "assistant_director/in_app")),
            Rung(900, _targets("director/sms")),
        ),
        repeat_seconds=1800,
    ),
    "critical": Route(
        _targets(
            "director/chat", "director/in_app", "floats/chat", "floats/in_app",
            "director/sms", "assistant_director/sms",
        ),
        (Rung(300, _targets("room_lead/in_app")),),
        repeat_seconds=600,
    ),
    "please_count": Route(
        _targets("room_lead/in_app", "room_lead/chat"),
        (
            Rung(90, _targets("director/chat", "director/in_app", "floats/in_app")),
            Rung(240, _targets("assistant_director/chat", "assistant_director/in_app")),
        ),
        repeat_seconds=240,
    ),
}  # fmt: skip

# How long a condition must hold before anybody is told, by cause; an incident is on record from its first second.
DEFAULT_GRACE_SECONDS: Mapping[str, int] = {
    "nobody": 45,  # children and no adult at all
    "ratio": 45,
    "group_size": 120,
    "soft": 60,  # a short absence: until the room lead gets a note
    "step_out": 300,  # a short absence: until it is a violation
    "headroom": 600,  # full, not over
    "outlook": 0,  # the odds themselves are smoothed
    "count": 120,
    "please_count": 5,  # a violation that rests on a doubtful count: until somebody is asked to count
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The routing policy of a center. The one in force when an incident opens stays with that incident."""

    version: str = "default"
    routes: Mapping[str, Route] = field(default_factory=lambda: dict(DEFAULT_ROUTES))
    grace_seconds: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_GRACE_SECONDS))
    clear_seconds: int = 60  # a condition must be gone this long before its incident resolves
    critical_after_seconds: int = 900  # a violation that lasts this long is critical
    infant_months: int = 12  # a shortage with children younger than this is critical
    risk_threshold: float = 0.5  # odds of a gap from which one warning goes out
    risk_clear: float = 0.3  # odds below which a warning is withdrawn, ...
    risk_clear_seconds: int = 600  # ... when they have stayed below for this long
    count_patience_seconds: int = 480  # how long a doubtful violation may last before it is treated as true uncounted
    count_again_seconds: int = 5400  # a room is not asked for a headcount again within this time
    tell_headroom: bool = False  # whether a full room that expects nobody is worth a note
    quiet_from: time | None = None  # local; messages below `quiet_severity` wait while it is quiet
    quiet_to: time | None = None
    quiet_severity: str = "violation"
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        unknown = set(self.routes) - {*SEVERITIES, "please_count"}
        if unknown:
            raise BadInput(
                f"the policy routes the unknown severity '{min(unknown)}'; known are {', '.join(SEVERITIES)}"
            )
        for severity, route in self.routes.items():
            for target in (*route.targets, *(each for rung in route.ladder for each in rung.targets)):
                if target.audience not in AUDIENCES or target.outlet not in OUTLETS:
                    raise BadInput(
                        f"the policy routes '{severity}' to {target.audience} by {target.outlet}; "
                        f"audiences are {', '.join(AUDIENCES)}, outlets {', '.join(OUTLETS)}"
                    )
        if not 0 <= self.risk_clear <= self.risk_threshold <= 1:
            raise BadInput("the policy's risk_clear must not be above its risk_threshold, and both lie between 0 and 1")
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise BadInput("the policy's quiet hours need both quiet_from and quiet_to")

    def route(self, severity: str) -> Route:
        return self.routes.get(severity, Route(()))

    def grace(self, cause: str) -> timedelta:
        return timedelta(seconds=self.grace_seconds.get(cause, 0))

    def quiet_until(self, now: datetime, severity: str) -> datetime | None:
        """The end of the quiet hours that hold a message of this severity back now; None if it may go."""
        if self.quiet_from is None or self.quiet_to is None or rank(severity) >= rank(self.quiet_severity):
            return None
        tz = zone(self.timezone)
        today = now.astimezone(tz).date()
        for day in (today - timedelta(days=1), today):
            ends = day if self.quiet_to > self.quiet_from else day + timedelta(days=1)
            quiet = Interval(local_instant(day, self.quiet_from, tz), local_instant(ends, self.quiet_to, tz))
            if now in quiet:
                return quiet.end
        return None


def rank(severity: str) -> int:
    """Order of severities; 'please_count' ranks with a violation, because one may stand behind it."""
    return SEVERITIES.index("violation" if severity == "please_count" else severity)


def policy_to_json(policy: Policy) -> dict[str, Any]:
    return dict(codec.to_json(policy))


def policy_from_json(data: object) -> Policy:
    """BadInput names the field that is wrong."""
    return codec.from_json(Policy, data)

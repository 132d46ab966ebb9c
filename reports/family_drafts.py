"""Drafts of messages to families, from templates with the facts, for a person to read, change and send.

Nothing here sends. A draft names no child and gives no number of staff.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from string import Template

from domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class Draft:
    """Plain text, ready to be copied into whatever the center writes with."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is planned. `room` is a room's name, `other_room` where its children will be; times are local."""

    center: str
    day: date
    room: str = ""
    other_room: str = ""
    start: time | None = None
    end: time | None = None
    reason: str = ""
    signed: str = ""


KINDS: Mapping[str, str] = {
    "room_closed": "A room is closed for a day",
    "rooms_combined": "Two rooms are together for some hours",
    "center_closed": "The center is closed for a day",
    "hours_changed": "Opening hours change for a day",
    "new_adult": "A different teacher is in the room",
}
_SUBJECTS = {
    "room_closed": "$room is closed on $day",
    "rooms_combined": "$room and $other_room are together on $day",
    "center_closed": "We are closed on $day",
    "hours_changed": "Different hours on $day",
    "new_adult": "A change in $room on $day",
}
_TEXTS = {
    "room_closed": (
        "Dear families,\n\non $day $room will be closed$because. Your children will spend the day in $other_room, "
        "with enough adults for everybody there. Drop-off and pick-up times stay as they are."
    ),
    "rooms_combined": (
        "Dear families,\n\non $day$span $room and $other_room will be together in $other_room$because. "
        "The group stays within the size and the number of adults that licensing asks for."
    ),
    "center_closed": (
        "Dear families,\n\nwe will be closed on $day$because. If you need help to bridge the day, please tell us soon."
    ),
    "hours_changed": (
        "Dear families,\n\non $day we will be open$span$because. Please plan drop-off and pick-up accordingly."
    ),
    "new_adult": (
        "Dear families,\n\non $day$span a colleague whom your children may know less well will be in $room$because. "
        "We introduce everybody in the morning; please say hello."
    ),
}
_NEEDED = {
    "room_closed": ("room", "other_room"), "rooms_combined": ("room", "other_room"), "center_closed": (),
    "hours_changed": ("start", "end"), "new_adult": ("room",),
}  # fmt: skip


def draft(kind: str, occasion: Occasion) -> Draft:
    """The draft; BadInput names what is missing."""
    if kind not in KINDS:
        raise BadInput(f"'{kind}' is no kind of message; use one of {', '.join(KINDS)}")
    missing = [name for name in _NEEDED[kind] if not getattr(occasion, name)]
    if missing:
        raise BadInput(f"for this message please also give: {', '.join(missing).replace('_', ' ')}")
    if occasion.room and occasion.room == occasion.other_room:
        raise BadInput("the two rooms must be different ones")
    facts = {
        "day": f"{occasion.day:%A}, {occasion.day.day} {occasion.day:%B}",
        "room": occasion.room,
        "other_room": occasion.other_room,
        "span": _span(occasion),
        "because": f", because {occasion.reason.strip().rstrip('.')}" if occasion.reason.strip() else "",
    }
    text = Template(_TEXTS[kind]).substitute(facts)
    closing = f"\n\nThank you for your trust,\n{occasion.signed or occasion.center}"
    return Draft(kind, Template(_SUBJECTS[kind]).substitute(facts), text + closing)


def _span(occasion: Occasion) -> str:
    if occasion.start and occasion.end:
        return f" from {occasion.start:%H:%M} to {occasion.end:%H:%M}"
    return ""

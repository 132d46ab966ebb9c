"""What people tell the product themselves: events of its own, in a stream beside the platform's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import BadInput
from evaluator import codec


@dataclass(frozen=True, slots=True)
class Observation:
    """A headcount of one room, taken by a person (roll-call page, Slack, SMS).

    `staff_ids`, when given, names the adults who were seen in the room; they count as present there until an event
    of theirs says otherwise, because a person saw them: that is never done for somebody who is merely scheduled.
    While rooms are combined the headcount is of the whole combined group and `room_id` is the target room.
    """

    observation_id: str
    center_id: str
    room_id: str
    happened_at: datetime
    recorded_at: datetime
    children: int
    adults: int | None = None
    staff_ids: tuple[str, ...] | None = None
    actor: str = ""
    source: str = "roll_call"
    kind: str = "headcount"


def observation_to_json(observation: Observation) -> dict[str, Any]:
    return dict(codec.to_json(observation))


def observation_from_json(data: object) -> Observation:
    """BadInput names the field that is wrong."""
    observation = codec.from_json(Observation, data)
    if observation.kind != "headcount":
        raise BadInput(f"an observation's kind must be 'headcount', not '{observation.kind}'")
    if isinstance(observation.children, bool) or not 0 <= observation.children <= 500:
        raise BadInput("a headcount's 'children' must be a whole number from 0 to 500")
    if observation.adults is not None and (isinstance(observation.adults, bool) or not 0 <= observation.adults <= 100):
        raise BadInput("a headcount's 'adults' must be a whole number from 0 to 100")
    return observation

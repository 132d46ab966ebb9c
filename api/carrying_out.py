"""An approved alternative carried out: shift by shift on the platform where that is allowed, else told for people."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from api.center import LiveCenter
from api.moved_now import helps, moved_now
from api.suggestions import changed_segments
from domain.errors import Conflict, PlatformUnavailable, RatiocastError
from domain.people import Shift
from domain.time import parse_instant
from storage.ledger.proposals import ProposalRow

if TYPE_CHECKING:
    from api.service import Service

log = logging.getLogger("ratiocast.proposals")
_BY_HAND = {
    "combine": "rooms are combined by those who are in them",
    "stay_longer": "only a person can ask somebody to stay longer",
    "substitute": "only a person can call somebody in",
}
_CHANGED = "the shift was changed meanwhile"


@dataclass(frozen=True, slots=True)
class Outcome:
    """again: ask anew, nothing more was changed; waits: the platform did not answer. `shifts`: before and after."""

    status: Literal["applied", "by_hand", "again", "waits"]
    why: str = ""
    shifts: Sequence[tuple[Shift, Shift]] = ()


async def carry_out(service: Service, center: LiveCenter, row: ProposalRow) -> Outcome:
    """What was begun before a crash is finished: a shift that is as it should be is left alone."""
    chosen: dict[str, Any] = row.body["alternatives"][row.body["chosen"]]
    reason = _by_hand_because(service, center, chosen)
    if reason or service.platform is None:
        return Outcome("by_hand", reason or "no platform is set up")
    done: list[tuple[Shift, Shift]] = []
    for staff_id in dict.fromkeys(step["staff_id"] for step in chosen["steps"]):
        steps = [step for step in chosen["steps"] if step["staff_id"] == staff_id]
        shift = next((each for each in center.facts.shifts if each.shift_id == steps[0]["shift_id"]), None)
        if shift is None:
            return Outcome("again", _CHANGED)
        segments = changed_segments(shift, _spans(steps, row.body["approved_at"]))
        if segments == list(shift.segments):
            continue
        if shift.version != steps[0]["shift_version"]:
            return Outcome("again", _CHANGED)
        key = f"{row.proposal_id}-{row.body['asked']}-{shift.version}"[:64]
        try:
            after = await asyncio.to_thread(
                service.platform.patch_shift, shift.shift_id, shift.version, segments, chosen["sentence"], key
            )
        except Conflict:
            return Outcome("again", _CHANGED)
        except PlatformUnavailable as error:
            log.warning("the approved change waits for the platform: %s", error)
            return Outcome("waits")
        except RatiocastError as error:
            return Outcome("by_hand", str(error), done)
        shifts = tuple(after if each.shift_id == after.shift_id else each for each in center.facts.shifts)
        center.facts = replace(center.facts, shifts=shifts)
        done.append((shift, after))
    return Outcome("applied", shifts=done)


def still_possible(center: LiveCenter, chosen: dict[str, Any], now: datetime) -> bool:
    """Whether moves that begin at once would still help the room and leave no other room short."""
    begun = [step for step in chosen["steps"] if step["kind"] == "room" and parse_instant(step["start"]) <= now]
    if chosen["kind"] not in ("move_float", "move_spare", "chain") or not begun:
        return True
    return helps(moved_now(center, {step["staff_id"]: step["room_id"] for step in begun}, now), chosen["to_room_id"])


def _by_hand_because(service: Service, center: LiveCenter, chosen: dict[str, Any]) -> str:
    if center.mode not in ("suggestions", "automatic"):
        return f"the center is in mode {center.mode}"
    if service.platform is None:
        return "no platform is set up"
    if not service.settings.platform_write_token.get_secret_value():
        return "no write token is set (RATIOCAST_PLATFORM_WRITE_TOKEN)"
    if chosen["kind"] in _BY_HAND:
        return _BY_HAND[chosen["kind"]]
    without = any(step["shift_id"] is None for step in chosen["steps"])
    return f"{chosen['name']} has no shift that could be changed" if without else ""


def _spans(steps: Sequence[dict[str, Any]], approved_at: str) -> list[tuple[str, str | None, datetime, datetime]]:
    begins = parse_instant(approved_at)
    return [
        (step["kind"], step["room_id"], max(parse_instant(step["start"]), begins), parse_instant(step["end"]))
        for step in steps
    ]

"""The double's own paths: its clock, its webhook target, what it received, and its faults. The platform has none."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from domain.errors import BadInput
from domain.events import event_from_json, event_to_json
from domain.time import format_instant, parse_instant
from sandbox.lists import At
from sandbox.mischief import Faults
from sandbox.rows import Row
from sandbox.webhooks import MAX_BATCH, Target, Webhooks, check_secret

router = APIRouter(prefix="/control")
Json = Annotated[dict[str, Any], Body()]


@router.get("/clock")
async def clock(platform: At) -> Row:
    return {"now": format_instant(platform.now), "speed": platform.clock.speed}


@router.post("/clock")
async def move_clock(request: Request, platform: At, wanted: Json) -> Row:
    """`{"set": time}`, `{"step": seconds}`, `{"speed": x}`, alone or together, in this order."""
    if not wanted or set(wanted) - {"set", "step", "speed"}:
        raise BadInput('move the clock by {"set": time}, {"step": seconds} or {"speed": x}')
    try:
        if "set" in wanted:
            platform.set_clock(parse_instant(wanted["set"]))
        if "step" in wanted:
            platform.clock.step(float(wanted["step"]))
        if "speed" in wanted:
            platform.clock.run(float(wanted["speed"]))
    except (TypeError, ValueError) as error:
        raise BadInput(f"the clock takes numbers for step and speed: {error}") from error
    webhooks: Webhooks = request.app.state.webhooks
    webhooks.send(platform.advance())
    return await clock(platform)


@router.get("/webhook")
async def webhook(request: Request) -> Row:
    """The target, how many deliveries wait, how many went which way, and the last attempts."""
    webhooks: Webhooks = request.app.state.webhooks
    target = webhooks.target
    return {
        "url": target.url if target else None, "pending": webhooks.pending, "counts": webhooks.counts,
        "trail": webhooks.trail[-200:],
    }  # fmt: skip


@router.post("/webhook")
async def set_webhook(request: Request, wanted: Json) -> Row:
    """`{"url": ..., "secret": "whsec_..."}`; `next_secret` as well while keys are rotated, `batch` (up to 100) events
    per delivery, `timestamps` by the "double" clock (default) or the "system" clock. Url null: no more deliveries.
    """
    webhooks: Webhooks = request.app.state.webhooks
    if wanted.get("url") is None:
        webhooks.target = None
        return {"url": None}
    url, batch = str(wanted["url"]), wanted.get("batch", MAX_BATCH)
    if not url.startswith(("http://", "https://")):
        raise BadInput("the webhook's url must begin with http:// or https://")
    if not isinstance(batch, int) or not 1 <= batch <= MAX_BATCH:
        raise BadInput(f"the batch must be a whole number from 1 to {MAX_BATCH}")
    if wanted.get("timestamps", "double") not in ("double", "system"):
        raise BadInput('timestamps are those of the "double" or of the "system"')
    secret = wanted.get("secret") or "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    given = [str(secret)] + ([str(wanted["next_secret"])] if wanted.get("next_secret") else [])
    kept = tuple(check_secret(each) for each in given)
    webhooks.target = Target(url, kept, batch, wanted.get("timestamps", "double"))
    return {"url": url, "secret": secret}


@router.get("/received")
async def received(platform: At) -> Row:
    """What clients sent, by kind, in order."""
    kinds = ("tasks", "notifications", "drafts", "schedule_changes")
    return {kind: [row for row in platform.received if row["kind"] == kind] for kind in kinds}


@router.get("/faults")
async def faults(request: Request) -> Row:
    in_force: Faults = request.app.state.faults
    return in_force.rows()


@router.post("/faults")
async def set_faults(request: Request, wanted: Json) -> Row:
    """`{"html": {"next": 1}, "duplicate": 0.1}`; `{"clear": true}` ends all of them first."""
    in_force: Faults = request.app.state.faults
    changes = dict(wanted)
    if changes.pop("clear", False):
        in_force.clear()
    in_force.set(changes)
    return in_force.rows()


@router.post("/events")
async def add_events(request: Request, platform: At, events: Annotated[list[dict[str, Any]], Body()]) -> list[Row]:
    """Let something happen now: events without id, sequence and recorded_at; timestamp is now unless given."""
    now = format_instant(platform.now)
    fresh = [
        event_from_json({"timestamp": now, **event, "event_id": "new", "sequence": 1, "recorded_at": now})
        for event in events
    ]
    for event in fresh:
        if event.center_id not in platform.centers:
            raise BadInput(f"there is no center '{event.center_id}'")
    for event in fresh:
        platform.log.add_now(event)
    written = platform.advance()
    request.app.state.webhooks.send(written)
    return [event_to_json(event) for event in written]

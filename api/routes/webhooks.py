"""Deliveries: attendance events of the platform, buttons pressed in Slack, replies to text messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api.answers import Answerer, by_slack, by_sms
from api.dependencies import TheService
from api.errors import answer_to, responses
from api.routing import base_url
from api.service import Service
from connectors import webhooks
from connectors.outlets import slack, sms
from domain.errors import BadInput, RatiocastError, TooLarge, Unauthenticated

log = logging.getLogger("ratiocast.webhooks")
router = APIRouter(tags=["deliveries"])
_FORM_BYTES = 256 * 1024
_ATTENDANCE = "/v1/webhooks/attendance"

_DELIVERY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [{"type": "object"}, {"type": "array", "maxItems": 100, "items": {"type": "object"}}]
                }
            }
        },
    },
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ],
}


@router.post(_ATTENDANCE, responses=responses(400, 401, 413, 503), openapi_extra=_DELIVERY)
async def attendance(request: Request, service: TheService) -> Response:
    """Take a signed delivery. 200 means that its events are on disk; a double changes nothing."""
    body = await read_body(request, webhooks.MAX_BODY_BYTES)
    if not service.webhook_keys:
        raise Unauthenticated("no webhook secret is set; set RATIOCAST_WEBHOOK_SECRETS")
    webhooks.verify(service.webhook_keys, request.headers, body, service.clock.now())
    events = webhooks.parse_events(body)
    if events:
        await service.intake.take(events)
    return JSONResponse({"taken": len(events)})


def is_delivery(scope: Scope) -> bool:
    return scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", _ATTENDANCE)


async def take_delivery(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """`attendance` for a server that leads deliveries here itself."""
    try:
        answer = await attendance(Request(scope, receive), service)
    except RatiocastError as error:
        answer = answer_to(error)
    await answer(scope, receive, send)


@router.post("/v1/slack/interactions", responses=responses(400, 401, 413), include_in_schema=False)
async def slack_interaction(request: Request, service: TheService) -> Response:
    """Answered at once; what became of it is told through the response_url."""
    body = await read_body(request, _FORM_BYTES)
    secret = service.settings.slack_signing_secret.get_secret_value()
    slack.verify_request(secret, request.headers, body, service.clock.now())
    pressed = slack.parse_pressed(body)

    async def answer() -> None:
        text = await _in_words(lambda: by_slack(Answerer(service), pressed))
        if pressed.response_url:
            await asyncio.to_thread(slack.respond, pressed.response_url, text)

    _in_background(service, answer)
    return Response(status_code=200)


@router.post("/v1/sms/replies", responses=responses(400, 401, 413), include_in_schema=False)
async def sms_reply(request: Request, service: TheService) -> Response:
    """A reply "1" or "2" to a text message; the answer goes back as TwiML."""
    body = await read_body(request, _FORM_BYTES)
    form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    token = service.settings.twilio_auth_token.get_secret_value()
    sms.verify_inbound(token, f"{base_url(service.settings)}/v1/sms/replies", form, request.headers)
    fields = dict(form)
    text = await _in_words(lambda: by_sms(Answerer(service), fields.get("From", ""), fields.get("Body", "")))
    return Response(sms.reply_twiml(text), media_type="application/xml")


async def read_body(request: Request, limit: int) -> bytes:
    """The body, refused with TooLarge as soon as it is known to be above the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"a delivery may have at most {limit // 1024} KiB")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise TooLarge(f"a delivery may have at most {limit // 1024} KiB")
    except ClientDisconnect as error:
        raise BadInput("the delivery broke off") from error
    return bytes(body)


async def _in_words(act: Callable[[], Awaitable[str]]) -> str:
    try:
        return await act()
    except RatiocastError as error:
        return str(error)


def _in_background(service: TheService, work: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        try:
            await work()
        except RatiocastError as error:
            log.warning("an answer could not be told: %s", error)

    task = asyncio.ensure_future(guarded())
    service.background.add(task)
    task.add_done_callback(service.background.discard)

"""What the platform can be told: shift changes, tasks, notifications, drafts; each once per Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from domain.errors import BadInput, Forbidden, RatiocastError
from domain.people import Segment
from domain.time import as_utc, format_instant
from sandbox.lists import As, At, check_center
from sandbox.platform import Platform, Token
from sandbox.rows import Row, shift_row

router = APIRouter(prefix="/api/v1")
Shape = TypeVar("Shape", bound=BaseModel)
Key = Annotated[str | None, Header(alias="Idempotency-Key")]
_KINDS = ("room", "float", "break", "admin")


class Refused(RatiocastError):
    """An answer that is no success and no error of ours."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.http_status = status


class SegmentBody(BaseModel):
    start: AwareDatetime
    end: AwareDatetime
    kind: str
    room_id: str | None = None


class ShiftBody(BaseModel):
    segments: list[SegmentBody] = Field(max_length=200)
    reason: str
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class TaskBody(BaseModel):
    center_id: str
    title: str = Field(max_length=120)
    body: str = Field(max_length=2000)
    room_id: str | None = None
    assignee_id: str | None = None
    due_at: AwareDatetime | None = None


class NotificationBody(BaseModel):
    center_id: str
    severity: str = Field(pattern="^(info|warning|critical)$")
    title: str
    body: str
    room_id: str | None = None
    to_roles: list[str] = []
    to_staff_ids: list[str] = []
    link: str | None = None


class DraftBody(BaseModel):
    center_id: str
    room_id: str
    subject: str
    body: str
    child_ids: list[str] = []


async def body_of(request: Request) -> bytes:
    return await request.body()


Raw = Annotated[bytes, Depends(body_of)]


@router.patch("/schedules/{shift_id}")
async def change_shift(
    platform: At, token: As, request: Request, raw: Raw, shift_id: str, idempotency_key: Key = None,
    if_match: Annotated[str | None, Header(alias="If-Match")] = None,
) -> Response:  # fmt: skip
    if not token.write:
        raise Forbidden("this token is read-only; a shift is changed with a write token")
    check_center(platform, token, platform.shift(shift_id).center_id)

    def change() -> tuple[int, Row]:
        asked, shift = _parsed(ShiftBody, raw), platform.shift(shift_id)
        if if_match is None:
            raise BadInput("give the shift's version in If-Match")
        if if_match.removeprefix("W/").strip('"') not in (shift.version, "*"):
            raise Refused(412, f"the shift is at version {shift.version} now; read it again")
        start, end = as_utc(asked.start or shift.start), as_utc(asked.end or shift.end)
        segments = _segments(platform, shift.center_id, asked.segments, start, end)
        return 200, shift_row(platform.change_shift(replace(shift, start=start, end=end, segments=segments)))

    return _once(platform, token, request, raw, idempotency_key, "schedule_changes", change)


@router.post("/tasks")
async def make_task(platform: At, token: As, request: Request, raw: Raw, idempotency_key: Key = None) -> Response:
    return _made(platform, token, request, raw, idempotency_key, "tasks", TaskBody)


@router.post("/notifications")
async def notify(platform: At, token: As, request: Request, raw: Raw, idempotency_key: Key = None) -> Response:
    return _made(platform, token, request, raw, idempotency_key, "notifications", NotificationBody)


@router.post("/messages/drafts")
async def make_draft(platform: At, token: As, request: Request, raw: Raw, idempotency_key: Key = None) -> Response:
    return _made(platform, token, request, raw, idempotency_key, "drafts", DraftBody)


def _made(
    platform: Platform, token: Token, request: Request, raw: bytes, key: str | None, kind: str,
    shape: type[TaskBody] | type[NotificationBody] | type[DraftBody],
) -> Response:  # fmt: skip
    def make() -> tuple[int, Row]:
        check_center(platform, token, _parsed(shape, raw).center_id)
        number = sum(1 for row in platform.received if row["kind"] == kind) + 1
        name = kind.removesuffix("s")
        return 201, {f"{name}_id": f"{name}-{number:06d}"}

    return _once(platform, token, request, raw, key, kind, make)


def _once(
    platform: Platform, token: Token, request: Request, raw: bytes, key: str | None, kind: str,
    act: Callable[[], tuple[int, Row]],
) -> Response:  # fmt: skip
    """Act unless the key was used: with the same body the first answer comes again, with another 422."""
    if not key:
        raise BadInput("give an Idempotency-Key")
    slot, digest = (id(token), request.url.path, key), hashlib.sha256(raw).hexdigest()
    if slot in platform.answers:
        first, status, row = platform.answers[slot]
        if first != digest:
            raise Refused(422, "this Idempotency-Key was used with another body")
        return JSONResponse(row, status_code=status, headers={"idempotent-replayed": "true"})
    status, row = act()
    platform.answers[slot] = (digest, status, row)
    platform.received.append(
        {
            "kind": kind, "at": format_instant(platform.now), "path": request.url.path, "idempotency_key": key,
            "body": json.loads(raw), "answer": row,
        }
    )  # fmt: skip
    return JSONResponse(row, status_code=status)


def _parsed(shape: type[Shape], raw: bytes) -> Shape:
    try:
        return shape.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(422, f"{where or 'body'}: {first['msg']}") from error


def _segments(
    platform: Platform, center_id: str, asked: list[SegmentBody], start: datetime, end: datetime
) -> tuple[Segment, ...]:
    if start >= end:
        raise Refused(422, "the shift ends before it starts")
    result: list[Segment] = []
    for body in sorted(asked, key=lambda segment: segment.start):
        segment = Segment(as_utc(body.start), as_utc(body.end), body.kind, body.room_id)
        room: Any = platform.rooms.get(segment.room_id) if segment.room_id else None
        if segment.kind not in _KINDS:
            raise Refused(422, f"a segment's kind is one of {', '.join(_KINDS)}, not '{segment.kind}'")
        if (segment.kind == "room") != (room is not None) or (room is not None and room.center_id != center_id):
            raise Refused(422, "a segment of kind room names a room of the center, and no other kind does")
        before = result[-1].end if result else start
        if segment.start >= segment.end or segment.start < before or segment.end > end:
            raise Refused(422, "segments must lie inside the shift and must not overlap")
        result.append(segment)
    return tuple(result)

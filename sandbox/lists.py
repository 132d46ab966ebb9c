"""What the platform can be asked: its lists, the event log, and who is in a room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from domain.errors import BadInput, Forbidden, NotFound, Unauthenticated
from domain.events import event_to_json
from domain.time import as_utc, local_date, parse_instant, zone
from sandbox.platform import Platform, Token
from sandbox.rows import (
    Key,
    Row,
    availability_row,
    booking_row,
    center_row,
    child_row,
    closure_row,
    overlaps,
    page,
    read_cursor,
    room_row,
    shift_row,
    staff_row,
    write_cursor,
)

router = APIRouter(prefix="/api/v1")
Limit = Annotated[int, Query(ge=1, le=1000)]
Instant = Annotated[str | None, Query()]


def platform_of(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    request.app.state.webhooks.send(platform.advance())
    return platform


def token_of(request: Request, authorization: Annotated[str, Header()] = "") -> Token:
    kind, _, secret = authorization.partition(" ")
    token = request.app.state.platform.tokens.get(secret.strip())
    if kind.lower() != "bearer" or token is None:
        raise Unauthenticated("give a valid bearer token")
    return token  # type: ignore[no-any-return]


At = Annotated[Platform, Depends(platform_of)]
As = Annotated[Token, Depends(token_of)]


def check_center(platform: Platform, token: Token, center_id: str) -> None:
    if token.centers is not None and center_id not in token.centers:
        raise Forbidden(f"this token may not read the center '{center_id}'")
    if center_id not in platform.centers:
        raise NotFound(f"there is no center '{center_id}'")


@router.get("/centers")
async def centers(platform: At, token: As) -> Response:
    allowed = [c for c in platform.world.centers if token.centers is None or c.center_id in token.centers]
    return JSONResponse({"data": [center_row(center) for center in allowed], "next_cursor": None})


@router.get("/rooms")
async def rooms(platform: At, token: As, center_id: str, cursor: str | None = None, limit: Limit = 200) -> Response:
    check_center(platform, token, center_id)
    after = read_cursor(cursor)
    keyed = {(room.room_id,): room_row(room) for room in platform.world.rooms if room.center_id == center_id}
    return JSONResponse(page(((key, keyed[key]) for key in sorted(keyed) if after is None or key > after), limit))


@router.get("/rooms/{room_id}/children")
async def room_children(platform: At, token: As, room_id: str) -> Response:
    _check_room(platform, token, room_id)
    return JSONResponse(platform.children_in(room_id))


@router.get("/rooms/{room_id}/staff")
async def room_staff(platform: At, token: As, room_id: str) -> Response:
    _check_room(platform, token, room_id)
    return JSONResponse(platform.staff_in(room_id))


@router.get("/children")
async def children(platform: At, token: As, center_id: str, cursor: str | None = None, limit: Limit = 200) -> Response:
    return _list(platform, token, "children", center_id, cursor, limit, child_row)


@router.get("/staff")
async def staff(platform: At, token: As, center_id: str, cursor: str | None = None, limit: Limit = 200) -> Response:
    return _list(platform, token, "staff", center_id, cursor, limit, staff_row)


@router.get("/staff/availability")
async def availability(
    platform: At, token: As, center_id: str, start: Annotated[Instant, Query(alias="from")] = None,
    to: Instant = None, cursor: str | None = None, limit: Limit = 200,
) -> Response:  # fmt: skip
    window = _window(start, to)
    return _list(
        platform, token, "availability", center_id, cursor, limit, availability_row,
        lambda row: overlaps(row.start, row.end, window),
    )  # fmt: skip


@router.get("/schedules")
async def schedules(
    platform: At, token: As, center_id: str, start: Annotated[Instant, Query(alias="from")] = None,
    to: Instant = None, cursor: str | None = None, limit: Limit = 200,
) -> Response:  # fmt: skip
    window = _window(start, to)
    return _list(
        platform, token, "shifts", center_id, cursor, limit, shift_row,
        lambda shift: overlaps(shift.start, shift.end, window),
    )  # fmt: skip


@router.get("/bookings")
async def bookings(
    platform: At, token: As, center_id: str, start: Annotated[Instant, Query(alias="from")] = None,
    to: Instant = None, cursor: str | None = None, limit: Limit = 200,
) -> Response:  # fmt: skip
    check_center(platform, token, center_id)
    first, last = _days(platform, center_id, _window(start, to))
    return _list(
        platform, token, "bookings", center_id, cursor, limit, booking_row,
        lambda booking: first <= booking.day.isoformat() <= last, (first,),
    )  # fmt: skip


@router.get("/closures")
async def closures(
    platform: At, token: As, center_id: str, start: Annotated[Instant, Query(alias="from")] = None, to: Instant = None
) -> Response:
    check_center(platform, token, center_id)
    first, last = _days(platform, center_id, _window(start, to))
    found = platform.scan("closures", center_id)
    rows = [closure_row(closure) for _, closure in found if first <= closure.day.isoformat() <= last]
    return JSONResponse(rows)


@router.get("/attendance/checkins")
async def checkins(
    platform: At, token: As, center_id: str, after_sequence: Annotated[int, Query(ge=0)] = 0,
    start: Annotated[Instant, Query(alias="from")] = None, to: Instant = None, cursor: str | None = None,
    limit: Limit = 200,
) -> Response:  # fmt: skip
    """The log by sequence; `from` and `to` bound the time at which events happened."""
    check_center(platform, token, center_id)
    window, log = _window(start, to), platform.events(center_id)
    key = read_cursor(cursor)
    try:
        first = max(after_sequence, int(key[0]) if key else 0)
    except ValueError as error:
        raise BadInput("the cursor is none of ours; start again without one") from error
    data: list[Row] = []
    for event in log[first:]:
        if len(data) == limit:
            break
        first = event.sequence
        if overlaps(event.happened_at, event.happened_at + timedelta(microseconds=1), window):
            data.append(event_to_json(event))
    more = write_cursor((str(first),)) if first < len(log) else None
    return JSONResponse({"data": data, "next_cursor": more, "last_sequence": len(log)})


def _list(
    platform: Platform, token: Token, name: str, center_id: str, cursor: str | None, limit: int,
    render: Callable[[Any], Row], keep: Callable[[Any], bool] = lambda _: True, begin: Key | None = None,
) -> Response:  # fmt: skip
    check_center(platform, token, center_id)
    after = read_cursor(cursor) or begin

    def chosen() -> Iterator[tuple[Key, Row]]:
        for key, value in platform.scan(name, center_id, after):
            if keep(value):
                yield key, render(value)

    return JSONResponse(page(chosen(), limit))


def _check_room(platform: Platform, token: Token, room_id: str) -> None:
    if room_id not in platform.rooms:
        raise NotFound(f"there is no room '{room_id}'")
    check_center(platform, token, platform.rooms[room_id].center_id)


def _window(start: str | None, to: str | None) -> tuple[datetime | None, datetime | None]:
    return _instant("from", start), _instant("to", to)


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return as_utc(parse_instant(text.replace(" ", "+")))  # a plus sign that was not escaped
    except BadInput as error:
        raise BadInput(f"'{name}': {error}") from error


def _days(platform: Platform, center_id: str, window: tuple[datetime | None, datetime | None]) -> tuple[str, str]:
    """First and last local day that the window meets, as ISO texts."""
    tz = zone(platform.centers[center_id].timezone)
    first = local_date(window[0], tz).isoformat() if window[0] else ""
    last = local_date(window[1] - timedelta(microseconds=1), tz).isoformat() if window[1] else "9999"
    return first, last

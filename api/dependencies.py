"""What endpoints and pages are given: the service, the caller, a correlation id."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from api.center import LiveCenter
from api.service import Service
from domain.errors import NotFound


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


async def correlation_of(request: Request) -> str:
    """The caller's own id of what it is doing (X-Request-ID), or a new one: it stands in the audit log."""
    given = request.headers.get("x-request-id", "")
    return given if given and len(given) <= 64 and given.isprintable() and given.isascii() else uuid.uuid4().hex


def center_of(service: Service, center_id: str) -> LiveCenter:
    found = service.live.centers.get(center_id)
    if found is None:
        raise NotFound(f"there is no center {center_id}")
    return found


async def _service(request: Request) -> Service:
    """`service_of` as a dependency: one that is not a coroutine would be run in a thread, at each request."""
    return service_of(request)


TheService = Annotated[Service, Depends(_service)]
Correlation = Annotated[str, Depends(correlation_of)]
CenterId = Annotated[str, Path(max_length=64)]
RoomId = Annotated[str, Path(max_length=64)]
CenterQuery = Annotated[str, Query(max_length=64, description="The center asked about.")]

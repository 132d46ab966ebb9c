"""Errors as answers: the one place where an exception becomes a status. 422 is for the shape of a request alone."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from domain.errors import RatiocastError, TooManyFailures, Unauthenticated

log = logging.getLogger("ratiocast.api")


class Problem(BaseModel):
    """What went wrong, in one sentence for a person."""

    detail: str


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """The documented errors of a route, for OpenAPI."""
    return {status: {"model": Problem, "description": _WORDS[status]} for status in sorted({401, 403, 429, *statuses})}


_WORDS = {
    400: "something in the request is wrong",
    401: "no key, a bad key or a bad signature",
    403: "the role or the center does not allow it",
    404: "no such thing",
    409: "somebody else changed it meanwhile",
    413: "the body is too large",
    429: "too many failures from this address",
    502: "the childcare platform did not do its part",
    503: "a store cannot be read or written, or has nothing yet",
}


def answer_to(error: RatiocastError) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = "60"
    if error.http_status >= 500:
        log.warning("%s: %s", type(error).__name__, error)
    return JSONResponse({"detail": str(error)}, error.http_status, headers)


def add_handlers(app: FastAPI) -> None:
    @app.exception_handler(RatiocastError)
    async def on_purpose(_: Request, error: RatiocastError) -> JSONResponse:
        return answer_to(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("unforeseen error at %s %s", request.method, request.url.path, exc_info=error)
        return JSONResponse({"detail": "the service failed; its log says why"}, 500)

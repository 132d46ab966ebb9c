"""Misbehaviour on request: what the double does wrong over HTTP and in its webhooks, set at /control/faults.

Each kind takes a rate between 0 and 1, or `{"next": n}` for the next n occasions, or both with `"rate"`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import BadInput
from sandbox.rows import write_cursor

HTTP_FAULTS = {
    "rate_limit": "429 with Retry-After",
    "server_error": "503 with a JSON error",
    "drop": "the connection is cut in the middle of the answer",
    "html": "200 with an HTML page instead of JSON",
    "truncate": "200 with half of a JSON text",
    "empty_page": "an empty page of a list that nevertheless goes on",
    "slow": "the answer takes `seconds` (2)",
}
WEBHOOK_FAULTS = {
    "duplicate": "a delivery is sent twice",
    "reorder": "a delivery is overtaken by later ones",
    "lose": "a delivery is never sent; its events stand in the log alone",
    "late": "a delivery is held back for `seconds` (30) real seconds",
    "bad_signature": "a delivery comes first with a forged signature",
    "stale": "a delivery comes first with a timestamp an hour old",
    "unknown_type": "an event of a type nobody knows is added",
}
_PAGED = {"rooms", "children", "staff", "staff/availability", "schedules", "bookings", "attendance/checkins"}
_EXTRA = {"rate", "next", "seconds", "retry_after"}


@dataclass(slots=True)
class Fault:
    rate: float = 0.0
    remaining: int = 0
    seconds: float = 0.0
    retry_after: float = 1.0


class Faults:
    """The kinds in force; `happens` draws one occasion."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self.kinds = {name: Fault() for name in (*HTTP_FAULTS, *WEBHOOK_FAULTS)}
        self.kinds["slow"].seconds, self.kinds["late"].seconds = 2.0, 30.0

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Change the kinds named; BadInput names a wrong one and changes nothing."""
        changed = {name: self._parsed(name, value) for name, value in wanted.items()}
        self.kinds.update(changed)

    def clear(self) -> None:
        self.kinds = Faults().kinds

    def happens(self, name: str) -> Fault | None:
        fault = self.kinds[name]
        if fault.remaining > 0:
            fault.remaining -= 1
            return fault
        return fault if fault.rate and self._random.random() < fault.rate else None

    def rows(self) -> dict[str, Any]:
        meanings = HTTP_FAULTS | WEBHOOK_FAULTS
        return {
            name: {"rate": fault.rate, "next": fault.remaining, "meaning": meanings[name]}
            for name, fault in self.kinds.items()
        }

    def _parsed(self, name: str, value: object) -> Fault:
        if name not in self.kinds:
            raise BadInput(f"there is no fault '{name}'; choose from {', '.join(self.kinds)}")
        given: Mapping[str, Any] = value if isinstance(value, Mapping) else {"rate": value}
        if set(given) - _EXTRA:
            raise BadInput(f"the fault '{name}' takes {', '.join(sorted(_EXTRA))}, not {', '.join(given)}")
        try:
            fault = Fault(
                float(given.get("rate", 0)),
                int(given.get("next", 0)),
                float(given.get("seconds", self.kinds[name].seconds)),
                float(given.get("retry_after", 1)),
            )
        except (TypeError, ValueError) as error:
            raise BadInput(f"the fault '{name}' takes numbers: {error}") from error
        if not 0 <= fault.rate <= 1:
            raise BadInput(f"the rate of the fault '{name}' must lie between 0 and 1")
        return fault


class MischiefMiddleware:
    """Spoils answers of the API (never of /control) as the faults in force say."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app, self.faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        if (slow := self.faults.happens("slow")) is not None:
            await asyncio.sleep(slow.seconds)
        if (limited := self.faults.happens("rate_limit")) is not None:
            after = f"{limited.retry_after:g}"
            await _answer(send, 429, "application/json", b'{"error": "too many requests"}', [("retry-after", after)])
        elif self.faults.happens("server_error") is not None:
            await _answer(send, 503, "application/json", b'{"error": "the platform is unwell"}')
        elif self.faults.happens("html") is not None:
            await _answer(send, 200, "text/html", b"<!doctype html><title>Sign in</title><h1>Please sign in</h1>")
        elif self.faults.happens("drop") is not None:
            await _answer(send, 200, "application/json", b'{"data": [', [("content-length", "4096")], whole=False)
        elif self.faults.happens("truncate") is not None:
            await _answer(send, 200, "application/json", b'{"data": [{"center_id": "c0')
        elif scope["method"] == "GET" and _is_paged(scope["path"]) and self.faults.happens("empty_page") is not None:
            await _empty_page(scope, send)
        else:
            await self.app(scope, receive, send)


def _is_paged(path: str) -> bool:
    return path.removeprefix("/api/v1/") in _PAGED


async def _empty_page(scope: Scope, send: Send) -> None:
    """No rows, and a cursor that goes on where this page should have begun."""
    asked = parse_qs(scope["query_string"].decode()).get("cursor", [""])[0]
    body: dict[str, Any] = {"data": [], "next_cursor": asked or write_cursor(())}
    await _answer(send, 200, "application/json", json.dumps(body).encode())


async def _answer(
    send: Send, status: int, kind: str, body: bytes, headers: list[tuple[str, str]] | None = None, *, whole: bool = True
) -> None:
    given = [("content-type", kind), *(headers or [])]
    if whole:
        given.append(("content-length", str(len(body))))
    raw = [(name.encode(), value.encode()) for name, value in given]
    start: Message = {"type": "http.response.start", "status": status, "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": not whole})
